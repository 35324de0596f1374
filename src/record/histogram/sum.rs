//! Many stored histograms added up without unfolding any of them.
//!
//! A histogram unfolded takes 0.1 MiB, most of it zeros. Merging the seconds of a hundred
//! hour-long records takes a million of them, so here only the buckets that hold something are
//! looked at. Knows the V2 encoding; its header is checked as everywhere.

use std::collections::BTreeMap;

use super::{
    COUNT_MAX, DecodeError, EncodedHistogram, LOWEST_DISCERNIBLE, LatencyHistogram,
    SIGNIFICANT_DIGITS, V2_HEADER_BYTES, check_header,
};

/// What the V2 encoding, uncompressed, begins with.
const V2_COOKIE: u32 = 0x1c84_9313;

/// Buckets from one power of two to the next: the smallest power of two above 10^digits.
const HALF_BITS: u32 = (10_u32.pow(SIGNIFICANT_DIGITS as u32)).ilog2() + 1;
const HALF: u64 = 1 << HALF_BITS;

/// Neighbouring buckets are kept together: where one holds something, most of them do.
const CHUNK_BITS: u32 = 5;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Bits of a count that are kept in its bucket.
const LOWER_BITS: u32 = u16::BITS;

/// The sum of histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramSum {
    /// Those that hold something, in order.
    chunks: Vec<Chunk>,
    /// The higher bits of counts, by bucket, where they are not zero: the lower ones are nearly
    /// always the whole of it, in a fourth of the memory.
    upper: BTreeMap<u16, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Chunk {
    /// The number of its first bucket ÷ [`CHUNK`].
    number: u16,
    /// The lowest 16 bits of the count of each bucket.
    counts: [u16; CHUNK],
}

impl HistogramSum {
    /// Adds what `encoded` counts.
    ///
    /// # Errors
    /// When it was not written by [`LatencyHistogram::encode`]; what could be read of it may have
    /// been added.
    pub fn add(&mut self, encoded: &EncodedHistogram) -> Result<(), DecodeError> {
        if self.chunks.is_empty() {
            // In one piece: grown step by step, thousands of sums would leave memory behind that
            // is too small for anything.
            self.chunks.reserve_exact(chunks_of(encoded)?);
        }
        let (mut at, mut current) = (0, None);
        each_number(encoded, |bucket, number| {
            let of_bucket = bucket >> CHUNK_BITS;
            if current != Some(of_bucket) {
                if number <= 0 {
                    return;
                }
                at = self.chunk(at, of_bucket);
                current = Some(of_bucket);
            }
            // Empty buckets are added as nothing: whether one is empty cannot be foreseen, and a
            // wrong guess takes longer than the addition.
            let count = number.max(0).cast_unsigned();
            let sum = &mut self.chunks[at].counts[usize::from(bucket) % CHUNK];
            #[expect(clippy::cast_possible_truncation, reason = "what is cut off follows")]
            let (added, overflows) = sum.overflowing_add(count as u16);
            *sum = added;
            if overflows || count >> LOWER_BITS > 0 {
                let upper = (count >> LOWER_BITS) + u64::from(overflows);
                let sum = self.upper.entry(bucket).or_default();
                *sum = sum.saturating_add(upper);
            }
        })
        .map(|_| ())
    }

    /// The sum, unfolded.
    ///
    /// # Panics
    /// Never: the sum holds buckets within the bounds of a histogram.
    #[must_use]
    pub fn unfold(&self) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for (bucket, count) in self.buckets() {
            histogram
                .counts_mut()
                .record_n(lowest_value(u64::from(bucket)), count);
        }
        histogram
    }

    /// The sum as text.
    #[must_use]
    pub fn encode(&self) -> EncodedHistogram {
        encoded(self.buckets())
    }

    /// Each bucket that holds something, with its count, in order.
    fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.chunks.iter().flat_map(move |chunk| {
            let first = chunk.number << CHUNK_BITS;
            let buckets = (first..).zip(&chunk.counts);
            let whole = buckets.map(move |(bucket, lower)| {
                let upper = self.upper.get(&bucket).copied().unwrap_or_default();
                let upper = upper.saturating_mul(1 << LOWER_BITS);
                (bucket, upper.saturating_add(u64::from(*lower)))
            });
            whole.filter(|(_, count)| *count > 0)
        })
    }

    /// Where chunk `number` is, which is made if need be: at `from` or behind it.
    fn chunk(&mut self, from: usize, number: u16) -> usize {
        let behind = self.chunks[from..].iter();
        let at = from + behind.take_while(|chunk| chunk.number < number).count();
        if self
            .chunks
            .get(at)
            .is_none_or(|chunk| chunk.number != number)
        {
            if self.chunks.len() == self.chunks.capacity() {
                // Sums are many and grow seldom: half of their memory would be spare otherwise.
                self.chunks.reserve_exact(self.chunks.len() / 8 + 4);
            }
            let counts = [0; CHUNK];
            self.chunks.insert(at, Chunk { number, counts });
        }
        at
    }
}

/// The shortest duration, in nanoseconds, that is counted in bucket number `bucket`.
const fn lowest_value(bucket: u64) -> u64 {
    match bucket >> HALF_BITS {
        0 => bucket,
        power => ((bucket & (HALF - 1)) + HALF) << (power - 1),
    }
}

/// The number of the bucket that counts durations of `nanos`.
const fn bucket_of(nanos: u64) -> u64 {
    let shift = (nanos | 1).ilog2().saturating_sub(HALF_BITS);
    ((shift as u64) << HALF_BITS) + (nanos >> shift)
}

/// As text: what hdrhistogram's serializer makes of the smallest histogram that has these buckets,
/// in a tenth of the time. They are in order, and none is empty.
fn encoded(buckets: impl Iterator<Item = (u16, u64)>) -> EncodedHistogram {
    let mut payload = Vec::new();
    let mut next = 0;
    for (bucket, count) in buckets {
        match i64::from(bucket - next) {
            0 => {}
            // As hdrhistogram has it: a zero stands for itself, a run of them for its length.
            1 => push_zig_zag(&mut payload, 0),
            empty => push_zig_zag(&mut payload, -empty),
        }
        push_zig_zag(&mut payload, i64::try_from(count).unwrap_or(i64::MAX));
        next = bucket + 1;
    }
    if payload.is_empty() {
        return EncodedHistogram::default();
    }
    let highest = lowest_value(next.into()) - 1;
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(V2_HEADER_BYTES + payload.len());
    for word in [V2_COOKIE, length, 0, u32::from(SIGNIFICANT_DIGITS)] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(LOWEST_DISCERNIBLE.to_be_bytes());
    bytes.extend(highest.max(2).to_be_bytes());
    // Of values to those that are meant; ours are the same.
    bytes.extend(1_f64.to_be_bytes());
    bytes.append(&mut payload);
    EncodedHistogram::of(&bytes)
}

impl LatencyHistogram {
    /// The histogram as text.
    #[must_use]
    pub fn encode(&self) -> EncodedHistogram {
        let number = |nanos| u16::try_from(bucket_of(nanos)).ok();
        let buckets = self.buckets().into_iter();
        encoded(buckets.filter_map(|(nanos, count)| Some((number(nanos)?, count))))
    }
}

impl EncodedHistogram {
    /// How much it counts, if it can be decoded, found out without unfolding it.
    ///
    /// # Errors
    /// When [`EncodedHistogram::decode`] has one.
    pub fn check(&self) -> Result<u64, DecodeError> {
        each_number(self, |_, _| {})
    }
}

/// How many buckets there are up to the one of `highest`, and to the end of its power of two.
const fn buckets_to(highest: u64) -> u64 {
    let power = highest.ilog2().saturating_sub(HALF_BITS) as u64;
    (power + 2) * HALF
}

/// How many chunks of buckets hold something.
fn chunks_of(encoded: &EncodedHistogram) -> Result<usize, DecodeError> {
    let (mut chunks, mut last) = (0, None);
    each_number(encoded, |bucket, number| {
        let chunk = Some(bucket >> CHUNK_BITS);
        if number > 0 && chunk != last {
            chunks += 1;
            last = chunk;
        }
    })?;
    Ok(chunks)
}

/// Calls `found` with each number of the encoding and the bucket that it begins at, in order: what
/// is positive is the bucket's count, what is negative so many empty buckets. Returns the sum of the
/// counts.
fn each_number(
    encoded: &EncodedHistogram,
    mut found: impl FnMut(u16, i64),
) -> Result<u64, DecodeError> {
    let bytes = encoded.bytes()?;
    if bytes.is_empty() {
        return Ok(0);
    }
    let buckets = buckets_to(check_header(&bytes)?);
    let length = bytes.len();
    let cut = || DecodeError::Length { length };
    let mut at = V2_HEADER_BYTES;
    let mut bucket: u64 = 0;
    let mut sum: u64 = 0;
    while let Some(byte) = bytes.get(at) {
        // Nearly all are of one byte.
        let number = if *byte < 0x80 {
            at += 1;
            unfolded(u64::from(*byte))
        } else {
            let (number, length) = zig_zag(&bytes[at..]).ok_or_else(cut)?;
            at += length;
            number
        };
        found(u16::try_from(bucket).map_err(|_| cut())?, number);
        sum = sum.saturating_add(number.max(0).cast_unsigned());
        bucket = bucket.saturating_add(number.min(-1).unsigned_abs());
        if bucket > buckets {
            return Err(cut());
        }
    }
    if sum > COUNT_MAX {
        return Err(DecodeError::Counts);
    }
    Ok(sum)
}

/// The number at the beginning of `bytes`, and in how many of them: seven bits in each byte and
/// whether more follow, but for the ninth, which is eight bits.
fn zig_zag(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut number: u64 = 0;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        let last = *byte < 0x80 || place == 8;
        let bits = if place == 8 { *byte } else { byte & 0x7f };
        number |= u64::from(bits) << (7 * place);
        if last {
            return Some((unfolded(number), place + 1));
        }
    }
    None
}

/// The number that zig-zag coding makes `number` of: 0, −1, 1, −2, 2, …
const fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Appends what [`zig_zag`] reads.
fn push_zig_zag(bytes: &mut Vec<u8>, number: i64) {
    let mut left = (number << 1 ^ number >> 63).cast_unsigned();
    for _ in 0..8 {
        let [low, ..] = left.to_le_bytes();
        if left < 0x80 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
        left >>= 7;
    }
    let [ninth, ..] = left.to_le_bytes();
    bytes.push(ninth);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::serialization::{Serializer as _, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    /// What hdrhistogram makes of it.
    fn serialized(histogram: &LatencyHistogram) -> EncodedHistogram {
        let Some(canonical) = histogram.canonical() else {
            return EncodedHistogram::default();
        };
        let mut bytes = Vec::new();
        let mut serializer = V2Serializer::new();
        serializer.serialize(&canonical, &mut bytes).unwrap();
        EncodedHistogram::of(&bytes)
    }

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
            prop_assert_eq!(sum.encode(), serialized(&merged));
            prop_assert_eq!(sum.encode(), merged.encode());
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
            prop_assert_eq!(sum.encode(), serialized(&sum.unfold()));
        }

        #[test]
        fn no_text_can_break_the_sum(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let second = LatencyHistogram::from_iter([Duration::from_secs(1)]);
            let mut whole = second.encode().bytes().unwrap();
            whole.truncate(V2_HEADER_BYTES);
            let length = u32::try_from(bytes.len()).unwrap();
            whole[4..8].copy_from_slice(&length.to_be_bytes());
            whole.append(&mut bytes);
            let encoded = EncodedHistogram::of(&whole);
            let mut sum = HistogramSum::default();
            prop_assert_eq!(encoded.check().is_ok(), sum.add(&encoded).is_ok());
            if encoded.check().is_ok() {
                prop_assert_eq!(&encoded.decode().unwrap(), &sum.unfold());
                prop_assert_eq!(sum.encode(), sum.unfold().encode());
            }
        }
    }
}
