//! Latency histograms. Only this module and its parts know hdrhistogram.
//!
//! Values are nanoseconds, stored with three significant digits (relative error ≤ 0.1 %)
//! between 1 µs and 1 hour; what is outside is clamped and counted, never lost.

mod counts;
pub mod distribution;
mod encoded;
pub mod interval_log;
pub mod sum;

use std::{borrow::Cow, io, time::Duration};

use hdrhistogram::{Histogram, serialization::Deserializer};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer as SerdeDeserializer, Serialize, Serializer};

use counts::Counts;
pub use encoded::{Elsewhere, EncodedHistogram};

use crate::units::{Quantile, nanos_of};

/// Shortest value told apart, in nanoseconds; shorter ones read as this.
const MIN_NANOS: u64 = 1_000;
/// Longest value told apart, in nanoseconds; longer ones read as this.
const MAX_NANOS: u64 = 3_600_000_000_000;
// Clamped values are kept in two buckets of their own beyond either end of the range, so that
// their counts add up and travel with the encoding like any other.
const BELOW: u64 = MIN_NANOS - 1;
const ABOVE: u64 = MAX_NANOS + (1 << 33);

const SIGNIFICANT_DIGITS: u8 = 3;
const LOWEST_DISCERNIBLE: u64 = 1;
/// More than a run can count; so no sum over the buckets of a histogram that was read overflows.
const COUNT_MAX: u64 = 1 << 53;
const V2_HEADER_BYTES: usize = 40;

/// Durations, mergeable: adding up histograms in any order gives the same histogram.
///
/// Holds no memory while empty, and grows with the largest value (at most 0.3 MiB), not with
/// the number of values.
#[derive(Clone, Default)]
pub struct LatencyHistogram(Option<Box<Counts>>);

impl LatencyHistogram {
    /// Counts one duration. Outside 1 µs to 1 h it is clamped, see [`Self::clamped_below`].
    ///
    /// # Panics
    /// Never: the histogram grows as far as values are clamped to.
    pub fn record(&mut self, duration: Duration) {
        self.record_nanos(nanos_of(duration));
    }

    /// The same of a duration in nanoseconds.
    ///
    /// # Panics
    /// Never, as above.
    #[inline]
    pub fn record_nanos(&mut self, nanos: u64) {
        let nanos = match nanos {
            ..MIN_NANOS => BELOW,
            MIN_NANOS..=MAX_NANOS => nanos,
            _ => ABOVE,
        };
        match &mut self.0 {
            Some(counts) => counts.record(nanos),
            None => self.counts_mut().record(nanos),
        }
    }

    /// Adds all that `other` has counted.
    ///
    /// # Panics
    /// Never: every histogram has the same bounds and precision.
    pub fn merge(&mut self, other: &Self) {
        let Some(other) = other.0.as_deref().filter(|other| other.len() > 0) else {
            return;
        };
        match &mut self.0 {
            Some(counts) => counts.add(other),
            // Sooner done than growing and adding.
            None => self.0 = Some(Box::new(other.clone())),
        }
    }

    /// The same without its counts; it keeps its memory for the next ones.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        if let Some(counts) = &mut self.0 {
            counts.reset();
        }
        self
    }

    /// How many durations were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |counts| counts.len())
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The smallest recorded duration that at least this share of all is not above, with an
    /// error of at most 0.1 %; `None` when empty.
    #[must_use]
    pub fn quantile(&self, quantile: Quantile) -> Option<Duration> {
        self.filled()
            .map(|counts| in_range(counts.value_at_quantile(quantile.as_fraction())))
    }

    /// The longest; `None` when empty.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.filled().map(|counts| in_range(counts.max()))
    }

    /// The shortest; `None` when empty.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.filled().map(|counts| in_range(counts.min()))
    }

    /// The arithmetic mean; `None` when empty.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of values between 0 and 2^43"
    )]
    pub fn mean(&self) -> Option<Duration> {
        self.filled()
            .map(|counts| in_range(counts.mean().round() as u64))
    }

    /// How many were shorter than 1 µs, and read as that.
    #[must_use]
    pub fn clamped_below(&self) -> u64 {
        (self.filled()).map_or(0, |counts| counts.count_at(BELOW))
    }

    /// How many were longer than 1 h, and read as that.
    #[must_use]
    pub fn clamped_above(&self) -> u64 {
        self.filled()
            .filter(|counts| counts.max() >= ABOVE)
            .map_or(0, |counts| counts.count_at(ABOVE))
    }

    /// Each distinct duration with the number of recorded ones up to and including it, from
    /// the shortest to the longest.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.buckets().into_iter().scan(0, |sum, (nanos, count)| {
            *sum += count;
            Some((in_range(nanos), *sum))
        })
    }

    fn canonical(&self) -> Option<Histogram<u64>> {
        let counts = self.filled()?;
        // The encoding carries the upper bound, which depends on the order in which values
        // came. Copied into the smallest histogram that holds them, equal ones read the same.
        let mut canonical =
            Histogram::new_with_bounds(LOWEST_DISCERNIBLE, counts.max().max(2), SIGNIFICANT_DIGITS)
                .expect("the bounds are constants that it accepts");
        for (nanos, count) in self.buckets() {
            canonical
                .record_n(nanos, count)
                .expect("its upper bound is the largest value");
        }
        Some(canonical)
    }

    fn buckets(&self) -> Vec<(u64, u64)> {
        self.filled().map_or_else(Vec::new, |counts| {
            let buckets = counts.iter_recorded();
            buckets
                .map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()))
                .collect()
        })
    }

    fn filled(&self) -> Option<Cow<'_, Histogram<u64>>> {
        let counts = self.0.as_deref().map(Counts::settled);
        counts.filter(|counts| !counts.is_empty())
    }

    fn counts_mut(&mut self) -> &mut Counts {
        self.0.get_or_insert_with(|| Box::new(Counts::empty()))
    }
}

fn in_range(nanos: u64) -> Duration {
    Duration::from_nanos(nanos.clamp(MIN_NANOS, MAX_NANOS))
}

impl PartialEq for LatencyHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && self.buckets() == other.buckets()
    }
}

impl std::fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatencyHistogram")
            .field("count", &self.count())
            .field("min", &self.min())
            .field("p50", &self.quantile(Quantile::P50))
            .field("p99", &self.quantile(Quantile::P99))
            .field("max", &self.max())
            .finish()
    }
}

impl FromIterator<Duration> for LatencyHistogram {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut histogram = Self::default();
        for duration in durations {
            histogram.record(duration);
        }
        histogram
    }
}

impl Serialize for LatencyHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.encode().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: SerdeDeserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        EncodedHistogram::deserialize(deserializer)?
            .decode()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for LatencyHistogram {
    fn schema_name() -> Cow<'static, str> {
        EncodedHistogram::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        EncodedHistogram::json_schema(generator)
    }
}

/// Text that is not a histogram of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// It was put elsewhere, and cannot be had any more.
    #[error("histogram cannot be read again: {0}")]
    Elsewhere(#[from] io::Error),
    /// Too short for the header, or its lengths disagree.
    #[error("histogram of {length} bytes is cut or has bytes too many")]
    Length {
        /// Bytes after base64.
        length: usize,
    },
    /// Other bounds or another precision than this module writes.
    #[error(
        "histogram has {digits} significant digits from {low} to {high} ns, \
         expected {SIGNIFICANT_DIGITS} from {LOWEST_DISCERNIBLE} to at most {ABOVE}"
    )]
    Bounds {
        /// Significant digits.
        digits: u32,
        /// Lowest discernible value.
        low: u64,
        /// Highest trackable value.
        high: u64,
    },
    /// More than [`COUNT_MAX`].
    #[error("histogram counts more than any run can")]
    Counts,
    /// Not hdrhistogram's V2 encoding.
    #[error("histogram is not in V2 encoding: {0}")]
    Encoding(#[from] hdrhistogram::serialization::DeserializeError),
}

impl EncodedHistogram {
    /// The histogram.
    ///
    /// # Errors
    /// When the text was not written by [`LatencyHistogram::encode`], or cannot be had any more.
    /// Allocates no more than the largest histogram takes, whatever the text claims.
    pub fn decode(&self) -> Result<LatencyHistogram, DecodeError> {
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Ok(LatencyHistogram::default());
        }
        check_header(&bytes)?;
        let mut counts: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice())?;
        if counts.len() > COUNT_MAX {
            return Err(DecodeError::Counts);
        }
        counts.auto(true);
        Ok(LatencyHistogram(Some(Box::new(counts.into()))))
    }
}

/// The header names the sizes to allocate, so it is not believed unread. Returns the highest
/// value that it allows.
fn check_header(bytes: &[u8]) -> Result<u64, DecodeError> {
    let length = bytes.len();
    let word = |at: usize| {
        let word = bytes.get(at..at + 4)?;
        word.try_into().ok().map(u32::from_be_bytes)
    };
    let long = |at: usize| Some((u64::from(word(at)?) << 32) | u64::from(word(at + 4)?));
    let header = || Some((word(4)?, word(12)?, long(16)?, long(24)?));
    let (payload, digits, low, high) = header().ok_or(DecodeError::Length { length })?;
    if length < V2_HEADER_BYTES || payload as usize != length - V2_HEADER_BYTES {
        return Err(DecodeError::Length { length });
    }
    let highest = ABOVE + (1 << 33);
    if digits != u32::from(SIGNIFICANT_DIGITS)
        || low != LOWEST_DISCERNIBLE
        || !(2..=highest).contains(&high)
    {
        return Err(DecodeError::Bounds { digits, low, high });
    }
    Ok(high)
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "ranks among a few hundred values"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn durations() -> impl Strategy<Value = Vec<Duration>> {
        // Logarithmic, so that every magnitude from below to above the range occurs.
        let nanos = (0_u32..44).prop_flat_map(|bits| (1_u64 << bits)..=(1_u64 << (bits + 1)));
        proptest::collection::vec(nanos.prop_map(Duration::from_nanos), 0..200)
    }

    proptest! {
        #[test]
        fn histograms_merge_in_any_order(parts in proptest::collection::vec(durations(), 0..6)) {
            let merged = |parts: &mut dyn Iterator<Item = &Vec<Duration>>| {
                parts.fold(LatencyHistogram::default(), |mut sum, part| {
                    sum.merge(&part.iter().copied().collect());
                    sum
                })
            };
            let forwards = merged(&mut parts.iter());
            let backwards = merged(&mut parts.iter().rev());
            let at_once: LatencyHistogram = parts.iter().flatten().copied().collect();
            prop_assert_eq!(&forwards, &backwards);
            prop_assert_eq!(&forwards, &at_once);
            prop_assert_eq!(forwards.encode(), backwards.encode());
            prop_assert_eq!(forwards.count(), parts.iter().map(Vec::len).sum::<usize>() as u64);
        }

        #[test]
        fn decoding_undoes_encoding(values in durations()) {
            let histogram: LatencyHistogram = values.iter().copied().collect();
            let json = serde_json::to_string(&histogram).unwrap();
            let mut back: LatencyHistogram = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&back, &histogram);
            prop_assert_eq!(back.clamped_below(), histogram.clamped_below());
            prop_assert_eq!(back.clamped_above(), histogram.clamped_above());
            back.record(Duration::from_hours(2));
            prop_assert_eq!(back.count(), histogram.count() + 1);
        }

        #[test]
        fn quantiles_are_exact_to_a_thousandth(mut values in durations(), q in 0.001_f64..0.999) {
            prop_assume!(!values.is_empty());
            let histogram: LatencyHistogram = values.iter().copied().collect();
            values.sort();
            let rank = (q * values.len() as f64).ceil() as usize;
            let exact = in_range(u64::try_from(values[rank - 1].as_nanos()).unwrap());
            let found = histogram.quantile(Quantile::new(q).unwrap()).unwrap();
            let error = found.as_secs_f64() / exact.as_secs_f64() - 1.0;
            prop_assert!((-1e-9..=0.001).contains(&error), "{found:?} for {exact:?}");
        }

        #[test]
        fn no_text_can_break_decoding(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = EncodedHistogram::of(&bytes).decode();
        }
    }

    #[test]
    fn an_empty_histogram_has_no_quantiles_and_no_text() {
        let empty = LatencyHistogram::default();
        assert_eq!(empty.quantile(Quantile::P50), None);
        assert_eq!((empty.min(), empty.max(), empty.mean()), (None, None, None));
        assert_eq!(serde_json::to_string(&empty).unwrap(), "\"\"");
        assert_eq!(empty.cumulative().count(), 0);
    }

    #[test]
    fn values_outside_the_range_are_clamped_and_counted() {
        let histogram: LatencyHistogram = [
            Duration::ZERO,
            Duration::from_nanos(999),
            Duration::from_micros(1),
            Duration::from_hours(1),
            Duration::from_hours(1) + Duration::from_secs(1),
            Duration::MAX,
        ]
        .into_iter()
        .collect();
        assert_eq!(histogram.count(), 6);
        assert_eq!(histogram.clamped_below(), 2);
        assert_eq!(histogram.clamped_above(), 2);
        assert_eq!(histogram.min(), Some(Duration::from_micros(1)));
        assert_eq!(histogram.max(), Some(Duration::from_hours(1)));
    }

    #[test]
    fn the_cumulative_count_ends_at_the_total() {
        let histogram: LatencyHistogram = [5, 5, 7, 900]
            .map(Duration::from_millis)
            .into_iter()
            .collect();
        let counts: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 3, 4]);
    }

    #[test]
    fn a_header_that_claims_a_huge_histogram_is_refused() {
        let second = LatencyHistogram::from_iter([Duration::from_secs(1)]);
        let mut bytes = second.encode().bytes().unwrap();
        bytes[24..32].copy_from_slice(&(u64::MAX / 4).to_be_bytes());
        let decoded = EncodedHistogram::of(&bytes).decode();
        assert!(
            matches!(decoded, Err(DecodeError::Bounds { .. })),
            "{decoded:?}"
        );
    }
}
