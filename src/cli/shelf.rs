//! Seconds of a run that are over, in a file: an hour of them, with their histograms, is more than
//! all else that a run holds.

use std::collections::BTreeMap;

use crate::{
    record::{
        Interval,
        recorder::{LostSecond, Shelf},
    },
    store::{
        RunFolder, StoreError,
        scratch::{Place, ScratchFile},
    },
};

#[derive(Debug)]
pub(super) struct FileShelf {
    file: ScratchFile,
    places: BTreeMap<u64, Place>,
}

impl FileShelf {
    /// On the disk of `folder`.
    pub(super) fn new(folder: &RunFolder) -> Result<Self, StoreError> {
        Ok(Self {
            file: folder.scratch()?,
            places: BTreeMap::new(),
        })
    }
}

impl Shelf for FileShelf {
    /// A disk that is full costs memory, and no second.
    fn lay(&mut self, interval: &Interval) -> bool {
        let line = serde_json::to_vec(interval).expect("every map of it has string keys");
        let place = self.file.push(&line);
        place.is_ok_and(|place| {
            self.places.insert(interval.second, place);
            true
        })
    }

    fn take(&mut self, second: u64) -> Result<Interval, LostSecond> {
        let place = self.places.remove(&second).expect("it was laid there");
        let lost = |cause| LostSecond { second, cause };
        let line = self.file.read(place);
        let line = line.map_err(|error| lost(error.to_string()))?;
        serde_json::from_slice(&line).map_err(|error| lost(error.to_string()))
    }
}
