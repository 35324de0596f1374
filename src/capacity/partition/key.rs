//! Where keys lie.

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Where a partition key lies among the partitions: a uniform 128-bit hash. AWS does not
/// publish its own, so which keys share a partition is an assumption; that they share one at
/// random is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub(super) u128);

impl KeyHash {
    /// Of the value's bytes, seeded with a byte for its type, so that S `1` and N `1` differ.
    /// XXH3: every key is hashed, and nobody profits from choosing keys that collide.
    #[must_use]
    #[inline]
    pub fn of(kind: u8, value: &[u8]) -> Self {
        Self(xxh3_128_with_seed(value, u64::from(kind)))
    }

    /// The place `fraction` (in 2^-64) of the hash space.
    #[must_use]
    pub const fn at(fraction: u64) -> Self {
        Self((fraction as u128) << 64)
    }

    /// How much of the hash space lies before it, in 2^-64: what [`at`](Self::at) was told.
    #[must_use]
    pub const fn fraction(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// The place of an item within its collection: by the first bytes of its sort key, in
    /// their order. Items whose sort keys begin alike share a place.
    #[must_use]
    pub fn sorted(self, sort_key: &[u8]) -> Self {
        let mut first = [0; 16];
        let skipped = 16 - SORT_BYTES;
        let taken = sort_key.len().min(SORT_BYTES);
        first[skipped..skipped + taken].copy_from_slice(&sort_key[..taken]);
        Self(self.collection().0 | u128::from_be_bytes(first))
    }

    /// The same for a fraction of 1, which it saturates at.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates at both ends"
    )]
    pub fn at_fraction(fraction: f64) -> Self {
        Self::at((fraction * TWO_64) as u64)
    }

    /// How much of the hash space lies before it, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits tell partitions apart")]
    pub fn as_fraction(self) -> f64 {
        (self.0 >> 64) as f64 / TWO_64
    }

    /// The last place of all.
    pub const LAST: Self = Self(u128::MAX);

    /// The place before this one; the first has none before it.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// All of it, as 32 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// Where its collection, that is all items with this partition key, begins.
    #[must_use]
    pub const fn collection(self) -> Self {
        Self(self.0 & (u128::MAX << (SORT_BYTES * 8)))
    }
}

/// Eight bytes in the order of the numbers that they stand for: a sort key of type N.
#[must_use]
pub const fn ordered_bytes(number: f64) -> [u8; 8] {
    let bits = number.to_bits();
    let ordered = if number.is_sign_negative() {
        !bits
    } else {
        bits | (1 << 63)
    };
    ordered.to_be_bytes()
}

/// 2^64.
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// Bytes of a sort key that tell places within a collection apart; 40 bits are left to tell
/// the collections apart, of which a partition has far fewer.
const SORT_BYTES: usize = 11;
