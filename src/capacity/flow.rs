//! Steady flows instead of single requests: what part of a second's demand passes.
//!
//! The same buckets and partitions as for requests, and the same rules in the mean: a request
//! passes when its resource's own bucket and its partition both admit it. Within a second
//! demand is even; a flow is bounded by what is there and what comes in, exactly as many small
//! requests would be.

use super::{
    TableCapacity,
    partition::KeyHash,
    resource::ResourceCapacity,
    throttle::{Resource, ThrottleCause},
};
use crate::units::{CapacityUnits, Direction, Timestamp};

/// What part of a flow passes in one second.
#[derive(Clone, Debug, PartialEq)]
pub struct Passing {
    /// What the resource's own bucket lets through of what no partition refuses.
    pub own: f64,
    /// Why it refuses the rest.
    pub cause: ThrottleCause,
    /// What passes of the demand on each partition, ≤ `own`.
    pub partitions: Vec<f64>,
    /// The numbers of the partitions that let through less than `own`, ascending.
    pub bounding: Vec<usize>,
}

impl Passing {
    /// Whether nothing is refused.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.own >= 1.0 && self.bounding.is_empty()
    }
}

impl TableCapacity {
    /// What passes of `demand` units on each partition of a resource within the second from
    /// `now`. Nothing is spent.
    pub fn flow(
        &mut self,
        resource: Resource,
        direction: Direction,
        demand: &[f64],
        now: Timestamp,
    ) -> Passing {
        self.advance(now);
        self.resource(resource).0.flow(direction, demand, now)
    }

    /// Debits what passed: of each partition units served and refused. `keys` gives some of the
    /// keys that a partition is asked for, by their frequency: they decide where it splits.
    pub fn serve_flow(
        &mut self,
        resource: Resource,
        direction: Direction,
        flows: impl Iterator<Item = (f64, f64)> + Clone,
        keys: impl FnMut(usize, u32) -> KeyHash,
        now: Timestamp,
    ) {
        let served = self.resource(resource).0;
        served.serve_flow(direction, flows, keys, now);
        self.note_change(resource);
    }
}

impl ResourceCapacity {
    fn flow(&mut self, direction: Direction, demand: &[f64], now: Timestamp) -> Passing {
        let most = self.buckets[direction].within_second(now);
        let mut partitions = self.partitions.flow(direction, demand, now);
        let own = share_of_all(demand, &partitions, most);
        let mut bounding = Vec::new();
        for (number, part) in partitions.iter_mut().enumerate() {
            if *part < own {
                bounding.push(number);
            } else {
                *part = own;
            }
        }
        Passing {
            own,
            cause: self.supplies[direction].cause(),
            partitions,
            bounding,
        }
    }

    fn serve_flow(
        &mut self,
        direction: Direction,
        flows: impl Iterator<Item = (f64, f64)> + Clone,
        keys: impl FnMut(usize, u32) -> KeyHash,
        now: Timestamp,
    ) {
        let served: f64 = flows.clone().map(|(served, _)| served).sum();
        self.supplies[direction].serve(CapacityUnits::from(served));
        self.buckets[direction].spend_within_second(served, now);
        self.partitions.serve_flow(direction, flows, keys, now);
    }
}

/// The share g of every demand such that the sum of what passes, the lesser of g and what its
/// partition lets through, is `most`; 1 where all of that is no more.
fn share_of_all(demand: &[f64], parts: &[f64], most: f64) -> f64 {
    let both = || demand.iter().zip(parts);
    let through: f64 = both().map(|(demand, part)| demand * part).sum();
    if through <= most {
        return 1.0;
    }
    let mut share = most / demand.iter().sum::<f64>();
    loop {
        let (mut free, mut left) = (0.0, most);
        for (demand, part) in both() {
            if *part < share {
                left -= demand * part;
            } else {
                free += demand;
            }
        }
        let next = left / free;
        // It only grows, and each time at least one partition more lies below it.
        if next.is_nan() || next <= share * (1.0 + 1e-12) {
            return share;
        }
        share = next.min(1.0);
    }
}
