//! The quantities that cross module boundaries, each with its unit in its type.
//!
//! Knows nothing of what is measured. Capacity units are fixed-point, so that half units add
//! up exactly; floats appear only in rates, shares and display.

mod time_scale;

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Index, IndexMut, Mul, Sub, SubAssign},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use time_scale::{NoTimeScale, TimeScale};

/// A count, of requests, items or nanoseconds, in a calculation that floats are good enough for:
/// exact below 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
pub const fn float(count: u64) -> f64 {
    count as f64
}

/// `duration` in nanoseconds; saturates after 584 years.
#[must_use]
pub const fn nanos_of(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos() as u64)
}

/// A point in the run: nanoseconds since the run's start, on the run's own monotonic clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
#[derive(schemars::JsonSchema)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The run's start.
    pub const ZERO: Self = Self(0);

    /// `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `offset` after the start; saturates after 584 years.
    #[must_use]
    pub const fn from_start(offset: Duration) -> Self {
        Self(nanos_of(offset))
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for display.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "display; exact for the first 104 days"
    )]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The whole second that this point lies in, counted from 0.
    #[must_use]
    pub const fn second(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Time since the start.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Nanoseconds from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(rhs)))
    }
}

/// Capacity units (RCU, WCU, RRU or WRU, as the context says), in exact half units.
///
/// Signed because a bucket may be in debt under `admission_rule = "debit_after"`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(from = "f64", into = "f64")]
pub struct CapacityUnits(i64);

impl schemars::JsonSchema for CapacityUnits {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CapacityUnits".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number", "multipleOf": 0.5,
            "description": "capacity units (RCU or WCU), a multiple of 0.5"})
    }
}

impl CapacityUnits {
    /// No units.
    pub const ZERO: Self = Self(0);

    /// `halves` half units.
    #[must_use]
    pub const fn from_halves(halves: i64) -> Self {
        Self(halves)
    }

    /// `units` whole units.
    #[must_use]
    pub const fn whole(units: i64) -> Self {
        Self(units * 2)
    }

    /// The number of half units.
    #[must_use]
    pub const fn halves(self) -> i64 {
        self.0
    }

    /// The number of units, for display and for wire formats, which use doubles.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^52 units")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 2.0
    }

    /// Whole units, rounded down; a debt is none.
    #[must_use]
    pub const fn whole_units(self) -> u64 {
        if self.0 < 0 {
            0
        } else {
            self.0.unsigned_abs() / 2
        }
    }

    /// The larger of two amounts.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Ord::max(self, other)
    }
}

impl From<f64> for CapacityUnits {
    /// Rounds to the nearest half unit; service JSON carries exact halves.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturating is what we want here"
    )]
    fn from(units: f64) -> Self {
        Self((units * 2.0).round() as i64)
    }
}

impl From<CapacityUnits> for f64 {
    fn from(units: CapacityUnits) -> Self {
        units.as_f64()
    }
}

impl Add for CapacityUnits {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}
impl AddAssign for CapacityUnits {
    fn add_assign(&mut self, rhs: Self) {
        self.0 += rhs.0;
    }
}
impl Sub for CapacityUnits {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0 - rhs.0)
    }
}
impl SubAssign for CapacityUnits {
    fn sub_assign(&mut self, rhs: Self) {
        self.0 -= rhs.0;
    }
}
impl Mul<i64> for CapacityUnits {
    type Output = Self;
    fn mul(self, rhs: i64) -> Self {
        Self(self.0 * rhs)
    }
}
impl Sum for CapacityUnits {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// Reads or writes: DynamoDB meters, provisions and throttles them apart.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// RCU or RRU.
    Read,
    /// WCU or WRU.
    Write,
}

impl Direction {
    /// Both directions, reads first.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// The unit provisioned per second: `RCU` or `WCU`.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Read => "RCU",
            Self::Write => "WCU",
        }
    }
}

/// One value for reads and one for writes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct ByDirection<T> {
    /// For reads.
    pub read: T,
    /// For writes.
    pub write: T,
}

impl<T> ByDirection<T> {
    /// Builds both values with `f`.
    pub fn from_fn(mut f: impl FnMut(Direction) -> T) -> Self {
        Self {
            read: f(Direction::Read),
            write: f(Direction::Write),
        }
    }
}

impl<T> Index<Direction> for ByDirection<T> {
    type Output = T;
    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }
}

impl<T> IndexMut<Direction> for ByDirection<T> {
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

impl<T: AddAssign> AddAssign for ByDirection<T> {
    fn add_assign(&mut self, rhs: Self) {
        self.read += rhs.read;
        self.write += rhs.write;
    }
}

/// Bytes as DynamoDB counts them (an item's names and values), or on disk where it says so.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Add for Bytes {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}
impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), Add::add)
    }
}

/// Arrivals per second: finite and not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(f64);

impl Rate {
    /// `None` unless `per_second` is finite and not negative.
    #[must_use]
    pub fn per_second(per_second: f64) -> Option<Self> {
        (per_second.is_finite() && per_second >= 0.0).then_some(Self(per_second))
    }

    /// Arrivals per second.
    #[must_use]
    pub const fn as_per_second(self) -> f64 {
        self.0
    }
}

/// A part of a whole, from 0 to 1. Files and reports write it in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(f64);

impl Share {
    /// The whole.
    pub const ALL: Self = Self(1.0);
    /// Nothing of it.
    pub const NONE: Self = Self(0.0);

    /// Whether it is nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// `None` unless `fraction` lies in 0..=1.
    #[must_use]
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then_some(Self(fraction))
    }

    /// The part, from 0 to 1.
    #[must_use]
    pub const fn as_fraction(self) -> f64 {
        self.0
    }
}

/// A quantile, strictly between 0 and 1: 0.99 is the 99th percentile.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantile(f64);

impl Quantile {
    /// The median.
    pub const P50: Self = Self(0.5);
    /// The 99th percentile.
    pub const P99: Self = Self(0.99);
    /// The 99.9th percentile.
    pub const P99_9: Self = Self(0.999);

    /// `None` unless `fraction` lies strictly between 0 and 1.
    #[must_use]
    pub fn new(fraction: f64) -> Option<Self> {
        (fraction > 0.0 && fraction < 1.0).then_some(Self(fraction))
    }

    /// The quantile, between 0 and 1.
    #[must_use]
    pub const fn as_fraction(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Quantile {
    /// `p50`, `p99`, `p99.9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded to nine digits: 0.999 × 100 is 99.90000000000001 in binary.
        write!(f, "p{}", (self.0 * 1e11).round() / 1e9)
    }
}
