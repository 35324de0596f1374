//! The smallest capacity that meets a target, over several seeds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    analysis::replay::{
        Tally,
        throttled::{sum, throttled},
    },
    units::float,
};

/// How much may be throttled, as parts of the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

    /// Whether the first of `of` seeds throttled so much that it is missed even if nothing were
    /// throttled with the others: twice what all of them may, for seeds differ in length.
    #[must_use]
    pub fn is_out_of_reach(&self, first: &[Vec<Tally>], of: usize, operations: &[usize]) -> bool {
        let all = |tallies: &[Tally]| sum(tallies, operations);
        let most = first.iter().map(|seed| all(seed).arrivals).max();
        let throttled: u64 = first.iter().map(|seed| all(seed).throttled).sum();
        let due = float(most.unwrap_or(0)) * float(of as u64);
        float(throttled) > 2.0 * self.overall * due
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Seeds as they differ in practice: arrivals by a fifth, throttles by all there is.
        #[test]
        fn what_is_out_of_reach_is_missed(
            shares in prop::collection::vec((800_u64..1000, prop_oneof![Just(0_u64), 0..20_u64, 0..800_u64]), 2..14),
            overall in prop_oneof![Just(0.0), 0.0..0.2],
        ) {
            let tally = |(arrivals, throttled)| vec![Tally { arrivals, throttled, by_partition: 0 }];
            let seeds: Vec<_> = shares.iter().copied().map(tally).collect();
            let target = Target { overall, operations: BTreeMap::new() };
            if target.is_out_of_reach(&seeds[..2], seeds.len(), &[0]) {
                prop_assert!(!target.is_met(&seeds, &[0]));
            }
        }
    }

    #[test]
    fn a_first_seed_that_is_throttled_throughout_is_enough() {
        let tally = |throttled| {
            vec![Tally {
                arrivals: 1000,
                throttled,
                by_partition: 0,
            }]
        };
        let target = Target {
            overall: 0.001,
            operations: BTreeMap::new(),
        };
        assert!(target.is_out_of_reach(&[tally(500)], 10, &[0]));
        assert!(!target.is_out_of_reach(&[tally(15)], 10, &[0]));
    }

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
