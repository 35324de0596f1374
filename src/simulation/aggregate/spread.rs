//! Where the requests of an operation go, and what they take: hot keys one by one, the tail by
//! its law.

use std::collections::BTreeMap;

use crate::{
    capacity::{Arm, TableCapacity, partition::KeyHash, throttle::Resource},
    scenario::ValueSpec,
    simulation::{SimulationError, demand::Demand},
    units::{Direction, float},
    workload::Workload,
};

/// Keys that are looked at one by one, at most. The least popular of a zipfian law of 10^12 keys
/// and exponent 0.99 then gets less than a millionth of the requests.
const HEAD_MAX: u64 = 1 << 17;
/// Arrivals that stand for a law that has to be drawn.
const DRAWN: u64 = 1 << 17;
/// Items that stand for the tail of a law.
const TAIL_SAMPLE: u64 = 1 << 14;

/// A bucket: whose, and for what.
pub(super) type Side = (Resource, Direction);

/// The requests of one operation on one side of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    /// By place, ascending: what a request goes there with, and what it then takes, both in the
    /// mean over all requests of the operation.
    cells: Vec<(KeyHash, Part)>,
    /// Evenly over all places.
    tail: Part,
    /// By partition, as they are now.
    pub(super) partitions: Vec<Part>,
    /// Of all partitions.
    pub(super) all: Part,
    /// By cell, the units of all cells until it, its own included.
    cumulative: Vec<f64>,
    /// Where the cells of each partition begin in `cells`.
    first_cells: Vec<usize>,
    starts: Vec<KeyHash>,
}

/// A part of the requests, and of what they take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Of one request.
    pub(super) requests: f64,
    /// Units per request of the operation.
    pub(super) units: f64,
}

impl Part {
    fn add(&mut self, requests: f64, units: f64) {
        self.requests += requests;
        self.units += units;
    }

    /// What another part leaves of it.
    pub(super) fn without(self, other: Self) -> Self {
        Self {
            requests: (self.requests - other.requests).max(0.0),
            units: (self.units - other.units).max(0.0),
        }
    }
}

/// The spreads of operation `spec`, by side; what is sampled changes items of a copy.
pub(super) fn of_operation(
    workload: &Workload,
    spec: usize,
) -> Result<BTreeMap<Side, Spread>, SimulationError> {
    let mut demand = Demand::new(workload)?;
    let scenario = workload.scenario();
    let table = &scenario.tables[scenario.operations[spec].table];
    // Only keys that differ from item to item spread as evenly as items do.
    let spreads = matches!(
        table.attributes[table.partition_key].value,
        ValueSpec::Unique { .. } | ValueSpec::Group { .. } | ValueSpec::Sequence { .. }
    );
    let popular = workload.popular(spec, HEAD_MAX).filter(|_| spreads);
    let mut sides: BTreeMap<Side, (BTreeMap<KeyHash, Part>, Part)> = BTreeMap::new();
    let mut note = |arms: &[Arm], share: f64, is_tail: bool| {
        for arm in arms {
            let side = (arm.resource, arm.direction);
            let (cells, tail) = sides.entry(side).or_default();
            // Where the entries of an index lie is known of those alone that are looked at.
            let part = if is_tail && arm.resource == Resource::Table {
                tail
            } else {
                cells.entry(arm.key).or_default()
            };
            part.add(share, share * arm.units.as_f64());
        }
    };
    match popular {
        Some(popular) => {
            for (sequence, (item, share)) in (0..).zip(popular.items) {
                let mut pick = workload.pick_of(spec, sequence);
                pick.item = item;
                let (_, arms) = demand.taken(workload, sequence, pick);
                note(&arms, share, false);
            }
            if popular.rest > 0.0 {
                let share = popular.rest / float(TAIL_SAMPLE);
                for sequence in 0..TAIL_SAMPLE {
                    let pick = workload.pick_of(spec, sequence);
                    let (_, arms) = demand.taken(workload, sequence, pick);
                    note(&arms, share, true);
                }
            }
        }
        None => {
            for sequence in 0..DRAWN {
                let pick = workload.pick_of(spec, sequence);
                let (_, arms) = demand.taken(workload, sequence, pick);
                note(&arms, 1.0 / float(DRAWN), false);
            }
        }
    }
    let spread =
        |(side, (cells, tail)): (Side, (BTreeMap<_, _>, _))| (side, Spread::of(cells, tail));
    Ok(sides.into_iter().map(spread).collect())
}

impl Spread {
    fn of(cells: BTreeMap<KeyHash, Part>, tail: Part) -> Self {
        let units = cells.values().scan(0.0, |sum, cell| {
            *sum += cell.units;
            Some(*sum)
        });
        Self {
            cumulative: units.collect(),
            cells: cells.into_iter().collect(),
            tail,
            ..Self::default()
        }
    }

    /// Falls anew on the partitions of a resource that has split.
    pub(super) fn fall_on(&mut self, capacity: &mut TableCapacity, resource: Resource) {
        self.starts = capacity.partition_starts(resource);
        self.partitions = Vec::with_capacity(self.starts.len());
        self.first_cells = Vec::with_capacity(self.starts.len() + 1);
        for (index, start) in self.starts.iter().enumerate() {
            let end = self.starts.get(index + 1);
            let first = self.cells.partition_point(|(place, _)| place < start);
            let last = end.map_or(self.cells.len(), |end| {
                self.cells.partition_point(|(place, _)| place < end)
            });
            let width = end.map_or(1.0, |end| end.as_fraction()) - start.as_fraction();
            let mut part = Part {
                requests: self.tail.requests * width,
                units: self.tail.units * width,
            };
            for (_, cell) in &self.cells[first..last] {
                part.add(cell.requests, cell.units);
            }
            self.first_cells.push(first);
            self.partitions.push(part);
        }
        self.first_cells.push(self.cells.len());
        self.all = Part::default();
        for part in &self.partitions {
            self.all.add(part.requests, part.units);
        }
    }

    /// The key at `quantile` (0..1) of what a partition is asked for.
    pub(super) fn key_at(&self, partition: usize, quantile: f64) -> KeyHash {
        let wanted = self.partitions[partition].units * quantile;
        let (first, end) = (self.first_cells[partition], self.first_cells[partition + 1]);
        let before = |cell: usize| {
            cell.checked_sub(1)
                .map_or(0.0, |last| self.cumulative[last])
        };
        let reached = before(first) + wanted;
        let sums = &self.cumulative[first..end];
        let cell = first + sums.partition_point(|sum| *sum <= reached);
        if cell < end {
            return self.cells[cell].0;
        }
        let left = reached - before(end);
        let start = self.starts[partition];
        let end = self
            .starts
            .get(partition + 1)
            .map_or(1.0, |end| end.as_fraction());
        let width = end - start.as_fraction();
        let tail = (self.tail.units * width).max(f64::MIN_POSITIVE);
        KeyHash::at_fraction(start.as_fraction() + width * (left / tail).clamp(0.0, 1.0)).max(start)
    }
}
