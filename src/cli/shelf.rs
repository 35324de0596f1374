//! Seconds of a run that are over, in a file: an hour of them, with their histograms, is more than
//! all else that a run holds.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    record::{
        Interval,
        histogram::Elsewhere,
        recorder::{LostSecond, Shelf},
    },
    store::{
        RunFolder, StoreError,
        scratch::{Place, ScratchFile},
    },
};

#[derive(Debug)]
pub(super) struct FileShelf {
    file: Arc<Mutex<ScratchFile>>,
    places: BTreeMap<u64, Place>,
}

/// A text in the file.
#[derive(Debug)]
struct InFile {
    file: Arc<Mutex<ScratchFile>>,
    place: Place,
}

impl FileShelf {
    /// On the disk of `folder`.
    pub(super) fn new(folder: &RunFolder) -> Result<Self, StoreError> {
        Ok(Self {
            file: Arc::new(Mutex::new(folder.scratch()?)),
            places: BTreeMap::new(),
        })
    }

    /// The second, with its line and where that is.
    fn line_of(&mut self, second: u64) -> Result<(Interval, String, Place), LostSecond> {
        let place = self.places.remove(&second).expect("it was laid there");
        let lost = |cause: String| LostSecond { second, cause };
        let line = read(&self.file, place).map_err(|error| lost(error.to_string()))?;
        let interval = serde_json::from_str(&line).map_err(|error| lost(error.to_string()))?;
        Ok((interval, line, place))
    }
}

impl Shelf for FileShelf {
    /// A disk that is full costs memory, and no second.
    fn lay(&mut self, interval: &Interval) -> bool {
        let Ok(line) = serde_json::to_vec(interval) else {
            return false;
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let place = file.push(&line);
        place.is_ok_and(|place| {
            self.places.insert(interval.second, place);
            true
        })
    }

    fn take(&mut self, second: u64) -> Result<Interval, LostSecond> {
        self.line_of(second).map(|(interval, ..)| interval)
    }

    fn take_counts(&mut self, second: u64) -> Result<Interval, LostSecond> {
        let (mut interval, line, place) = self.line_of(second)?;
        for histogram in interval.histograms_mut() {
            histogram.lay_elsewhere(|text| {
                let file = Arc::clone(&self.file);
                let place = place.part(line.find(text)?, text.len());
                Some(Arc::new(InFile { file, place }))
            });
        }
        Ok(interval)
    }
}

impl Elsewhere for InFile {
    fn text(&self) -> io::Result<String> {
        read(&self.file, self.place)
    }
}

fn read(file: &Mutex<ScratchFile>, place: Place) -> io::Result<String> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8(file.read(place)?).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::{IntervalOperation, histogram::LatencyHistogram};

    fn interval(second: u64) -> Interval {
        let times = |count: u64| {
            let times: LatencyHistogram = (1..=count).map(Duration::from_millis).collect();
            (count > 0).then(|| times.encode())
        };
        // Also two that are alike, and one that is empty.
        let operations = [second, second, 0, second + 1].map(|count| IntervalOperation {
            response_time: times(count),
            ..IntervalOperation::default()
        });
        Interval {
            second,
            arrivals: 3 * second + 1,
            sent: 0,
            dispatch_delay_p99_nanos: 7,
            dispatch_delay: times(second),
            generator: None,
            operations: operations.into(),
            tables: Vec::new(),
        }
    }

    #[test]
    fn a_second_is_as_it_was_laid_there_wherever_its_histograms_are() {
        let place = tempfile::TempDir::new().unwrap();
        let folder = RunFolder::create(place.path(), "run").unwrap();
        let mut shelf = FileShelf::new(&folder).unwrap();
        for second in [4, 0, 9, 4] {
            assert!(shelf.lay(&interval(second)));
        }
        assert_eq!(shelf.take(9).unwrap(), interval(9));
        let left: Vec<_> = [0, 4]
            .map(|second| shelf.take_counts(second).unwrap())
            .into();
        drop(shelf);
        for (second, mut left) in [0, 4].into_iter().zip(left) {
            let elsewhere = |text: &Interval| format!("{text:?}").matches("InFile").count();
            assert_eq!(elsewhere(&left), if second == 0 { 1 } else { 4 });
            let json = |interval: &Interval| serde_json::to_string(interval).unwrap();
            assert_eq!(json(&left), json(&interval(second)));
            let decoded = |interval: &mut Interval| -> Vec<_> {
                let histograms = interval.histograms_mut();
                histograms.map(|it| it.decode().unwrap()).collect()
            };
            assert_eq!(decoded(&mut left), decoded(&mut interval(second)));
        }
    }

    #[test]
    fn a_histogram_that_cannot_be_read_again_is_an_error_and_not_an_empty_one() {
        #[derive(Debug)]
        struct Nowhere;
        impl Elsewhere for Nowhere {
            fn text(&self) -> io::Result<String> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let mut lost = interval(2);
        for histogram in lost.histograms_mut() {
            histogram.lay_elsewhere(|_| Some(Arc::new(Nowhere)));
            assert!(!histogram.is_empty() && histogram.decode().is_err());
            assert_ne!(histogram.clone(), histogram.clone());
        }
        let error = serde_json::to_string(&lost).unwrap_err().to_string();
        assert!(error.contains("the disk is gone"), "{error}");
    }
}
