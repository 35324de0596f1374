//! The smallest capacity that meets a target, over several seeds.

use std::collections::BTreeMap;

use crate::analysis::replay::{Tally, throttled::throttled};

/// How much may be throttled, as parts of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Of the requests of one direction of one table or index.
    pub overall: f64,
    /// Of single operations, by index into `Scenario::operations`.
    pub operations: BTreeMap<usize, f64>,
}

impl Target {
    /// Whether `operations` meet it with their upper bounds, together and each one that has a
    /// target of its own.
    #[must_use]
    pub fn is_met(&self, seeds: &[Vec<Tally>], operations: &[usize]) -> bool {
        let single = operations
            .iter()
            .filter_map(|operation| Some((*operation, *self.operations.get(operation)?)));
        throttled(seeds, operations).upper <= self.overall
            && single
                .into_iter()
                .all(|(operation, limit)| throttled(seeds, &[operation]).upper <= limit)
    }
}

/// The smallest value from 1 that `is_enough`, looked for upwards from `start`; `None` when not
/// even `most` is. Where enough does not stay enough, one of the places where it begins to be.
pub fn smallest(start: u64, most: u64, mut is_enough: impl FnMut(u64) -> bool) -> Option<u64> {
    let (mut short, mut enough) = (0, start.clamp(1, most));
    while !is_enough(enough) {
        if enough >= most {
            return None;
        }
        short = enough;
        enough = enough.saturating_mul(2).min(most);
    }
    while enough - short > 1 {
        let middle = u64::midpoint(short, enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            short = middle;
        }
    }
    Some(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_that_is_enough_is_found_from_any_start() {
        for wanted in [1, 2, 7, 100, 4096, 5000] {
            for start in [1, 3, 50, 5000] {
                assert_eq!(smallest(start, 5000, |value| value >= wanted), Some(wanted));
            }
        }
        assert_eq!(smallest(1, 5000, |_| false), None);
    }
}
