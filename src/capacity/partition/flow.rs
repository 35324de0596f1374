//! Partitions under steady flows, see [`capacity::flow`](crate::capacity::flow).

use super::{KeyHash, Partitions, Traffic};
use crate::units::{CapacityUnits, Direction, Timestamp};

/// Keys that stand for what a hot partition is asked for in one second.
const FLOW_KEYS: u32 = 16;

/// One direction of a partition, as far as flows go.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowTraffic {
    /// Units since somebody looked last.
    served: f64,
    refused: f64,
    /// Whether its bucket may be less than full.
    is_strained: bool,
}

impl FlowTraffic {
    /// Nothing yet, and nothing known of its bucket.
    pub(super) const NONE: Self = Self {
        served: 0.0,
        refused: 0.0,
        is_strained: true,
    };

    /// Something happened to its bucket.
    pub(super) const fn strain(&mut self) {
        self.is_strained = true;
    }

    /// What there was, in half units; what is less than that is kept until it adds up to more.
    pub(super) fn take(&mut self) -> Traffic {
        let whole = |units: &mut f64| {
            let whole = CapacityUnits::from((*units * 2.0).floor() / 2.0);
            *units -= whole.as_f64();
            whole
        };
        Traffic {
            served: whole(&mut self.served),
            refused: whole(&mut self.refused),
        }
    }
}

impl Partitions {
    /// The parts of steady flows of `demand` units, one for each partition, that these serve
    /// within the second from `now`.
    pub(in crate::capacity) fn flow(
        &mut self,
        direction: Direction,
        demand: &[f64],
        now: Timestamp,
    ) -> Vec<f64> {
        let rate = self.rate(direction);
        let flows = self.flows[direction].iter().zip(demand);
        let part = |(number, (flow, demand)): (usize, (&FlowTraffic, &f64))| {
            if !flow.is_strained && *demand <= rate {
                return 1.0;
            }
            let most = self.all[number].buckets[direction].within_second(now);
            if *demand <= most { 1.0 } else { most / demand }
        };
        flows.enumerate().map(part).collect()
    }

    /// Debits steady flows, of each partition units served and refused, within the second from
    /// `now`. `keys` gives some of the keys that a partition is asked for, by their frequency.
    pub(in crate::capacity) fn serve_flow(
        &mut self,
        direction: Direction,
        flows: impl Iterator<Item = (f64, f64)>,
        mut keys: impl FnMut(usize, u32) -> KeyHash,
        now: Timestamp,
    ) {
        let rate = self.rate(direction);
        let hot = self.rule.split.trigger_fraction * self.ceilings[direction].as_f64();
        for (index, (served, refused)) in flows.enumerate() {
            let flow = &mut self.flows[direction][index];
            flow.served += served;
            flow.refused += refused;
            if flow.is_strained || served > rate {
                let bucket = &mut self.all[index].buckets[direction];
                flow.is_strained = !bucket.spend_within_second(served, now);
            }
            if served < hot {
                continue;
            }
            let served = CapacityUnits::from(served).halves();
            for number in 0..FLOW_KEYS {
                let share = (served + i64::from(number)) / i64::from(FLOW_KEYS);
                let share = CapacityUnits::from_halves(share);
                self.heat(index, keys(index, number), direction, share, now);
            }
        }
    }

    /// What each of them gets per second: it is the same for all.
    fn rate(&self, direction: Direction) -> f64 {
        let first = self.all.first();
        first.map_or(0.0, |partition| {
            partition.buckets[direction].rate().as_f64()
        })
    }
}
