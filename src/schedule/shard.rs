//! Which of a run's arrivals are whose, when several processes make the run together.
//!
//! Owns the rule and its numbering; must not know where the processes run.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// The most shards that a run may have.
pub const SHARDS_MAX: u32 = 10_000;

/// One of the processes that make a run together.
///
/// Shards are counted from 1: `3/10` is the third of ten, and `10/10` the last. Shard *i* of *n*
/// takes what has a number that is *i* − 1 modulo *n*, so that the shards together take
/// everything once, and the shares of any two differ by one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// From 0.
    index: u32,
    count: u32,
}

/// What is no shard.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShardError {
    /// Not two whole numbers.
    #[error("{0:?} is no shard: write its number and how many there are, like 3/10")]
    Form(String),
    /// More shards than a run may have, or none.
    #[error("a run has 1 to {SHARDS_MAX} shards, not {0}")]
    Count(u32),
    /// Not one of them.
    #[error("shard {number} of {count} does not exist: they are numbered from 1 to {count}")]
    Number {
        /// What was asked for.
        number: u32,
        /// How many there are.
        count: u32,
    },
}

impl Shard {
    /// The only one.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Shard `number`, from 1, of `count`.
    ///
    /// # Errors
    /// When there is no such shard, or `count` is not from 1 to [`SHARDS_MAX`].
    pub const fn new(number: u32, count: u32) -> Result<Self, ShardError> {
        if count == 0 || count > SHARDS_MAX {
            return Err(ShardError::Count(count));
        }
        match number.checked_sub(1) {
            Some(index) if index < count => Ok(Self { index, count }),
            _ => Err(ShardError::Number { number, count }),
        }
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.index + 1
    }

    /// How many shards there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether it is the first, which does what has to be done once.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.index == 0
    }

    /// `count` equal parts of the whole, at least one.
    pub fn parts(count: u32) -> impl Iterator<Item = Self> {
        let count = count.max(1);
        (0..count).map(move |index| Self { index, count })
    }

    /// All shards of the run, in order.
    pub fn all(self) -> impl Iterator<Item = Self> {
        Self::parts(self.count)
    }

    /// This shard of what is `whole`'s: of the numbers that `whole` takes, every so manyth.
    #[must_use]
    pub const fn within(self, whole: Self) -> Self {
        Self {
            index: whole.index + whole.count * self.index,
            count: whole.count * self.count,
        }
    }

    /// Whether what has this number, from 0, is this shard's.
    #[must_use]
    pub fn takes(self, number: u64) -> bool {
        number % u64::from(self.count) == u64::from(self.index)
    }

    /// How many of the numbers below `all` are this shard's.
    #[must_use]
    pub fn share_of(self, all: u64) -> u64 {
        all.saturating_sub(u64::from(self.index))
            .div_ceil(u64::from(self.count))
    }

    /// The number that comes after `before` others among this shard's.
    #[must_use]
    pub fn nth(self, before: u64) -> u64 {
        before * u64::from(self.count) + u64::from(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number(), self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(n, of)| Some((n.parse().ok()?, of.parse().ok()?)));
        let (number, count) = parts.ok_or_else(|| ShardError::Form(text.to_owned()))?;
        Self::new(number, count)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Shard {
    fn schema_name() -> Cow<'static, str> {
        "Shard".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+/[0-9]+$",
            "description": "Number of the shard, from 1, and how many there are: `3/10`."
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shards_take_everything_once_and_in_equal_shares(count in 1_u32..40, all in 0_u64..400) {
            let shards: Vec<_> = (1..=count).map(|n| Shard::new(n, count).unwrap()).collect();
            for number in 0..all {
                prop_assert_eq!(shards.iter().filter(|shard| shard.takes(number)).count(), 1);
            }
            for shard in shards {
                let own: Vec<_> = (0..all).filter(|number| shard.takes(*number)).collect();
                let listed: Vec<_> = (0..shard.share_of(all)).map(|k| shard.nth(k)).collect();
                prop_assert_eq!(own, listed);
                prop_assert_eq!(shard.to_string().parse::<Shard>(), Ok(shard));
            }
        }
    }

    proptest! {
        #[test]
        fn shards_of_a_shard_take_what_it_takes_in_turn(of in 1_u32..9, parts in 1_u32..9) {
            let shards = (1..=of).map(|n| Shard::new(n, of).unwrap());
            for shard in shards {
                let parts: Vec<_> = Shard::parts(parts).map(|part| (part, part.within(shard))).collect();
                for turn in 0..100 {
                    let number = shard.nth(turn);
                    for (part, within) in &parts {
                        prop_assert_eq!(within.takes(number), part.takes(turn));
                    }
                }
                let whole: u64 = parts.iter().map(|(_, within)| within.share_of(1000)).sum();
                prop_assert_eq!(whole, shard.share_of(1000));
            }
        }
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in [
            "", "3", "3/", "/3", "-1/3", "0/3", "4/3", "1/0", "1/10001", "1/2/3", "1.5/3",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
