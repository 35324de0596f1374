//! Many stored histograms added up without unfolding any of them.
//!
//! A histogram unfolded takes 0.1 MiB, most of it zeros. Merging the seconds of a hundred
//! hour-long records takes a million of them, so here only the buckets that hold something are
//! looked at. Knows the V2 encoding's payload; its header is checked as everywhere.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    DecodeError, EncodedHistogram, LatencyHistogram, SIGNIFICANT_DIGITS, V2_HEADER_BYTES,
    check_header,
};

/// Buckets from one power of two to the next: the smallest power of two above 10^digits.
const HALF_BITS: u32 = (10_u32.pow(SIGNIFICANT_DIGITS as u32)).ilog2() + 1;
const HALF: u64 = 1 << HALF_BITS;

/// Bits of a count that are kept beside its bucket.
const LOWER_BITS: u32 = u16::BITS;

/// The sum of histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramSum {
    /// Number of the bucket and the lowest 16 bits of its count, in order of the buckets: nearly
    /// always the whole of it, in a third of the memory.
    buckets: Vec<(u16, u16)>,
    /// The higher bits that are not zero, as numbers of their own.
    upper: BTreeMap<u16, u64>,
}

impl HistogramSum {
    /// Adds what `encoded` counts.
    ///
    /// # Errors
    /// When it was not written by [`LatencyHistogram::encode`]; the sum is as it was.
    pub fn add(&mut self, encoded: &EncodedHistogram) -> Result<(), DecodeError> {
        let more = counts(encoded)?;
        for (bucket, count) in &more.upper {
            self.add_upper(*bucket, *count);
        }
        self.merge(&more.buckets);
        Ok(())
    }

    /// The sum, unfolded.
    ///
    /// # Panics
    /// Never: the sum holds buckets within the bounds of a histogram.
    #[must_use]
    pub fn unfold(&self) -> LatencyHistogram {
        let lower = self
            .buckets
            .iter()
            .map(|(b, count)| (*b, u64::from(*count)));
        let upper = self
            .upper
            .iter()
            .map(|(b, count)| (*b, *count << LOWER_BITS));
        let mut histogram = LatencyHistogram::default();
        for (bucket, count) in lower.chain(upper) {
            histogram
                .counts_mut()
                .record_n(lowest_value(u64::from(bucket)), count);
        }
        histogram
    }

    fn add_upper(&mut self, bucket: u16, count: u64) {
        let sum = self.upper.entry(bucket).or_default();
        *sum = sum.saturating_add(count);
    }

    fn merge(&mut self, more: &[(u16, u16)]) {
        let mut new = Vec::new();
        let mut at = 0;
        for &(bucket, count) in more {
            while self.buckets.get(at).is_some_and(|here| here.0 < bucket) {
                at += 1;
            }
            match self.buckets.get_mut(at).filter(|here| here.0 == bucket) {
                None => new.push((bucket, count)),
                Some((_, sum)) => {
                    let (added, overflows) = sum.overflowing_add(count);
                    *sum = added;
                    if overflows {
                        self.add_upper(bucket, 1);
                    }
                }
            }
        }
        // Seldom after the first few: most shards have the same buckets.
        if !new.is_empty() {
            self.buckets.reserve_exact(new.len());
            self.buckets.append(&mut new);
            self.buckets.sort_by_key(|(bucket, _)| *bucket);
        }
    }
}

/// The shortest duration, in nanoseconds, that is counted in bucket number `bucket`.
const fn lowest_value(bucket: u64) -> u64 {
    match bucket >> HALF_BITS {
        0 => bucket,
        power => ((bucket & (HALF - 1)) + HALF) << (power - 1),
    }
}

impl EncodedHistogram {
    /// Whether this can be decoded, found out without unfolding it.
    ///
    /// # Errors
    /// When [`EncodedHistogram::decode`] has one.
    pub fn check(&self) -> Result<(), DecodeError> {
        each_count(self, |_, _| {})
    }
}

/// How many buckets there are up to the one of `highest`, and to the end of its power of two.
const fn buckets_to(highest: u64) -> u64 {
    let power = highest.ilog2().saturating_sub(HALF_BITS) as u64;
    (power + 2) * HALF
}

/// One histogram as a sum.
fn counts(encoded: &EncodedHistogram) -> Result<HistogramSum, DecodeError> {
    let mut sum = HistogramSum::default();
    // At least a byte for each bucket, and base64 makes four of three.
    sum.buckets.reserve(encoded.0.len() / 4 * 3);
    each_count(encoded, |bucket, count| {
        #[expect(clippy::cast_possible_truncation, reason = "what is cut off follows")]
        sum.buckets.push((bucket, count as u16));
        if count >> LOWER_BITS > 0 {
            sum.add_upper(bucket, count >> LOWER_BITS);
        }
    })?;
    Ok(sum)
}

/// Calls `found` with the number of each bucket that holds something, and its count, in order.
fn each_count(
    encoded: &EncodedHistogram,
    mut found: impl FnMut(u16, u64),
) -> Result<(), DecodeError> {
    if encoded.0.is_empty() {
        return Ok(());
    }
    let bytes = STANDARD.decode(&encoded.0)?;
    let buckets = buckets_to(check_header(&bytes)?);
    let length = bytes.len();
    let cut = || DecodeError::Length { length };
    let mut payload = &bytes[V2_HEADER_BYTES..];
    let mut bucket: u64 = 0;
    while !payload.is_empty() {
        // A positive number is a count, a negative one so many empty buckets.
        let (number, rest) = zig_zag(payload).ok_or_else(cut)?;
        payload = rest;
        if number > 0 {
            found(
                u16::try_from(bucket).map_err(|_| cut())?,
                number.unsigned_abs(),
            );
        }
        bucket = bucket.saturating_add(number.min(-1).unsigned_abs());
        if bucket > buckets {
            return Err(cut());
        }
    }
    Ok(())
}

/// The number at the beginning of `bytes`, and what follows: seven bits in each byte and whether
/// more follow, but for the ninth, which is eight bits.
#[inline]
fn zig_zag(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number: u64 = 0;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        let last = *byte < 0x80 || place == 8;
        let bits = if place == 8 { *byte } else { byte & 0x7f };
        number |= u64::from(bits) << (7 * place);
        if last {
            let magnitude = (number >> 1).cast_signed();
            let number = magnitude ^ -((number & 1).cast_signed());
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sum_of_stored_histograms_is_their_merger(
            parts in proptest::collection::vec(
                proptest::collection::vec((0_u32..44, any::<u64>(), 1_u32..2_000), 0..40),
                0..6,
            ),
        ) {
            let mut sum = HistogramSum::default();
            let mut merged = LatencyHistogram::default();
            for part in parts {
                let mut histogram = LatencyHistogram::default();
                for (bits, low, times) in part {
                    let nanos = (1_u64 << bits) | (low & ((1 << bits) - 1));
                    for _ in 0..times {
                        histogram.record(Duration::from_nanos(nanos));
                    }
                }
                sum.add(&histogram.encode()).unwrap();
                merged.merge(&histogram);
            }
            prop_assert_eq!(&sum.unfold(), &merged);
            prop_assert_eq!(sum.unfold().encode(), merged.encode());
        }

        #[test]
        fn counts_beyond_16_and_32_bits_add_up(counts in proptest::collection::vec(1_u64..1 << 40, 1..9)) {
            let mut sum = HistogramSum::default();
            for count in &counts {
                let mut histogram = LatencyHistogram::default();
                histogram.counts_mut().record_n(5_000, *count);
                sum.add(&histogram.encode()).unwrap();
            }
            prop_assert_eq!(sum.unfold().count(), counts.iter().sum::<u64>());
        }

        #[test]
        fn no_text_can_break_the_sum(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut whole = STANDARD
                .decode(LatencyHistogram::from_iter([Duration::from_secs(1)]).encode().0)
                .unwrap();
            whole.truncate(V2_HEADER_BYTES);
            let length = u32::try_from(bytes.len()).unwrap();
            whole[4..8].copy_from_slice(&length.to_be_bytes());
            whole.append(&mut bytes);
            let encoded = EncodedHistogram(STANDARD.encode(whole));
            let mut sum = HistogramSum::default();
            prop_assert_eq!(encoded.check().is_ok(), sum.add(&encoded).is_ok());
            if encoded.check().is_ok() {
                prop_assert_eq!(encoded.decode().unwrap(), sum.unfold());
            }
        }
    }
}
