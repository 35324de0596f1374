//! What charts draw of a candidate: its throttles as the load grows, and how few keys take most
//! of it. Of one seed.

use serde::{Deserialize, Serialize};

use super::spread::{Load, share, throttled};
use crate::{simulation::trace::Trace, units::float};

/// Steps of the load for each factor of ten.
const STEPS: i32 = 5;
/// From this power of ten of the load to that one.
const POWERS: (i32, i32) = (-2, 4);

/// Two lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Multiple of the load, and the throttled share of it, from a hundredth to ten thousand
    /// times the load.
    pub throttled: Vec<[f64; 2]>,
    /// Share of the keys, the hottest first, and the share of the requests that they take.
    pub skew: Vec<[f64; 2]>,
}

/// Of `keyed`, whose items have `keys` keys.
#[must_use]
pub fn curves(keyed: &Trace, table: usize, keys: u64) -> Curves {
    let load = Load::of(keyed, table);
    let model = &keyed.workload().scenario().model;
    let multiples = (POWERS.0 * STEPS..=POWERS.1 * STEPS)
        .map(|step| 10_f64.powf(f64::from(step) / f64::from(STEPS)));
    Curves {
        throttled: multiples
            .map(|multiple| [multiple, throttled(&load, multiple, model)])
            .collect(),
        skew: skew(&load.requests(), keys),
    }
}

/// Of `counts`, descending, at 1, 2, 5, 10, … keys and at the last one.
fn skew(counts: &[u64], keys: u64) -> Vec<[f64; 2]> {
    let all = float(counts.iter().sum());
    let keys = keys.max(counts.len() as u64);
    let steps = (0..12).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)));
    let ends = steps.take_while(|step| *step < counts.len());
    ends.chain([counts.len()])
        .map(|count| {
            let taken = float(counts[..count].iter().sum());
            [share(float(count as u64), float(keys)), share(taken, all)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_ends_with_all_requests_and_never_falls() {
        let points = skew(&[60, 20, 10, 5, 3, 2], 12);
        assert_eq!(points.first(), Some(&[1.0 / 12.0, 0.6]));
        assert_eq!(points.last(), Some(&[0.5, 1.0]));
        assert!(points.is_sorted_by(|one, next| one[0] < next[0] && one[1] <= next[1]));
    }
}
