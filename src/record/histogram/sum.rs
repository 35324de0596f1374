//! Many stored histograms added up without unfolding any of them.
//!
//! A histogram unfolded takes 0.1 MiB, most of it zeros. Merging the seconds of a hundred
//! hour-long records takes a million of them, so here only the buckets that hold something are
//! looked at. Knows the V2 encoding's payload; its header is checked as everywhere.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    DecodeError, EncodedHistogram, LatencyHistogram, SIGNIFICANT_DIGITS, V2_HEADER_BYTES,
    check_header,
};

/// Buckets from one power of two to the next: the smallest power of two above 10^digits.
const HALF_BITS: u32 = (10_u32.pow(SIGNIFICANT_DIGITS as u32)).ilog2() + 1;
const HALF: u64 = 1 << HALF_BITS;
/// No bucket is beyond this: its value would not fit into 64 bits.
const BUCKETS_MAX: u64 = HALF * (64 - HALF_BITS as u64);

/// The sum of histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramSum {
    /// Number of the bucket and its count, in order; counts are positive.
    buckets: Vec<(u32, u64)>,
}

impl HistogramSum {
    /// Adds what `encoded` counts.
    ///
    /// # Errors
    /// When it was not written by [`LatencyHistogram::encode`]; the sum is as it was.
    pub fn add(&mut self, encoded: &EncodedHistogram) -> Result<(), DecodeError> {
        let more = counts(encoded)?;
        if self.buckets.is_empty() {
            self.buckets = more;
        } else if !more.is_empty() {
            self.buckets = merged(&self.buckets, &more);
        }
        Ok(())
    }

    /// The sum, unfolded.
    ///
    /// # Panics
    /// Never: the sum holds buckets within the bounds of a histogram.
    #[must_use]
    pub fn unfold(&self) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for (bucket, count) in &self.buckets {
            histogram
                .counts_mut()
                .record_n(lowest_value(u64::from(*bucket)), *count)
                .expect("it resizes itself up to the bound that was checked");
        }
        histogram
    }
}

/// The shortest duration, in nanoseconds, that is counted in bucket number `bucket`.
const fn lowest_value(bucket: u64) -> u64 {
    match bucket >> HALF_BITS {
        0 => bucket,
        power => ((bucket & (HALF - 1)) + HALF) << (power - 1),
    }
}

fn merged(a: &[(u32, u64)], b: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut all = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (None, None) => return all,
            (Some(x), Some(y)) if x.0 == y.0 => {
                let sum = (x.0, x.1.saturating_add(y.1));
                a.next();
                b.next();
                Some(sum)
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => a.next(),
            _ => b.next(),
        };
        all.extend(next);
    }
}

/// The buckets that hold something.
fn counts(encoded: &EncodedHistogram) -> Result<Vec<(u32, u64)>, DecodeError> {
    if encoded.0.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = STANDARD.decode(&encoded.0)?;
    let highest = check_header(&bytes)?;
    let length = bytes.len();
    let cut = || DecodeError::Length { length };
    let mut payload = bytes[V2_HEADER_BYTES..].iter().copied();
    let mut counts = Vec::new();
    let mut bucket: u64 = 0;
    while payload.len() > 0 {
        // A positive number is a count, a negative one so many empty buckets.
        match zig_zag(&mut payload).ok_or_else(cut)? {
            count @ 1.. => {
                if bucket >= BUCKETS_MAX || lowest_value(bucket) > highest {
                    return Err(cut());
                }
                let number = u32::try_from(bucket).map_err(|_| cut())?;
                counts.push((number, count.unsigned_abs()));
                bucket += 1;
            }
            0 => bucket += 1,
            empty => bucket = bucket.saturating_add(empty.unsigned_abs()),
        }
    }
    Ok(counts)
}

/// A number of one to nine bytes: seven bits each and whether more follow, but for the ninth,
/// which is eight bits.
fn zig_zag(bytes: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let mut number: u64 = 0;
    for place in 0..9 {
        let byte = bytes.next()?;
        let (bits, last) = match place {
            8 => (byte, true),
            _ => (byte & 0x7f, byte < 0x80),
        };
        number |= u64::from(bits) << (7 * place);
        if last {
            break;
        }
    }
    let magnitude = (number >> 1).cast_signed();
    Some(magnitude ^ -((number & 1).cast_signed()))
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
        fn no_text_can_break_the_sum(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut whole = STANDARD
                .decode(LatencyHistogram::from_iter([Duration::from_secs(1)]).encode().0)
                .unwrap();
            whole.truncate(V2_HEADER_BYTES);
            let length = u32::try_from(bytes.len()).unwrap();
            whole[4..8].copy_from_slice(&length.to_be_bytes());
            whole.append(&mut bytes);
            let mut sum = HistogramSum::default();
            if sum.add(&EncodedHistogram(STANDARD.encode(whole))).is_ok() {
                prop_assert!(sum.unfold().count() > 0 || sum.buckets.is_empty());
            }
        }
    }
}
