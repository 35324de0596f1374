//! Partitions under steady flows, see [`capacity::flow`](crate::capacity::flow).

use super::{KeyHash, Partition, Partitions};
use crate::units::{CapacityUnits, Direction, Timestamp};

/// Keys that stand for what a hot partition is asked for in one second.
const FLOW_KEYS: u32 = 16;

impl Partitions {
    /// The parts of steady flows of `demand` units, one for each partition, that these serve
    /// within the second from `now`.
    pub(in crate::capacity) fn flow(
        &mut self,
        direction: Direction,
        demand: &[f64],
        now: Timestamp,
    ) -> Vec<f64> {
        let part = |(partition, demand): (&mut Partition, &f64)| {
            let bucket = &mut partition.buckets[direction];
            if !partition.strained[direction] && *demand <= bucket.rate().as_f64() {
                return 1.0;
            }
            let most = bucket.within_second(now);
            if *demand <= most { 1.0 } else { most / demand }
        };
        self.all.iter_mut().zip(demand).map(part).collect()
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
        let hot = self.rule.split.trigger_fraction * self.ceilings[direction].as_f64();
        for (index, (served, refused)) in flows.enumerate() {
            let partition = &mut self.all[index];
            let bucket = &mut partition.buckets[direction];
            if partition.strained[direction] || served > bucket.rate().as_f64() {
                partition.strained[direction] = !bucket.spend_within_second(served, now);
            }
            let traffic = partition.rest[direction].traffic(served, refused);
            partition.traffic[direction].served += traffic.served;
            partition.traffic[direction].refused += traffic.refused;
            if served < hot {
                continue;
            }
            for number in 0..FLOW_KEYS {
                let share = CapacityUnits::from_halves(
                    (traffic.served.halves() + i64::from(number)) / i64::from(FLOW_KEYS),
                );
                self.heat(index, keys(index, number), direction, share, now);
            }
        }
    }
}
