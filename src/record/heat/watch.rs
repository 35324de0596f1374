//! Heat in the making: told what is served and refused, asked to close each second.

use std::collections::BTreeMap;

use super::{
    COLUMNS_MAX, Cells, DirectionHeat, PARTITIONS_MAX, PartitionHeat, ResourceHeat, Split,
    keys::KeySketch,
};
use crate::{
    capacity::{
        Arm, TableCapacity,
        partition::{self, KeyHash},
        throttle::{Resource, ThrottleReason},
        traffic::{PartitionTraffic, Traffic},
    },
    scenario::ModelParameters,
    units::{ByDirection, CapacityUnits, Direction, Timestamp},
};

/// Splits that are told of a resource.
const SPLITS_MAX: usize = 1000;
/// A look sooner than this after the last one does not make a rate of its own.
const SHORTEST_SECONDS: f64 = 0.5;

/// The resources of one table. Memory grows with its partitions, not with requests or time.
#[derive(Debug, Default)]
pub struct HeatWatch {
    /// By [number](number).
    resources: Vec<Option<Live>>,
    looked_at: Timestamp,
}

/// One resource.
#[derive(Debug)]
struct Live {
    column_seconds: u64,
    columns: usize,
    rows: BTreeMap<KeyHash, ByDirection<LiveRow>>,
    starts: Vec<KeyHash>,
    splits: Vec<Split>,
    keys: ByDirection<KeySketch>,
    /// In the last second: where the partition that served most begins, units per second.
    last: ByDirection<Option<(KeyHash, f64)>>,
}

/// One direction of a partition.
#[derive(Debug, Default)]
struct LiveRow {
    total: Traffic,
    cells: Vec<Cell>,
}

/// The hottest second of a column, units per second.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    served: f64,
    refused: f64,
}

impl Cell {
    fn asked(self) -> f64 {
        self.served + self.refused
    }

    fn hotter(self, other: Self) -> Self {
        if other.asked() > self.asked() {
            other
        } else {
            self
        }
    }
}

impl HeatWatch {
    /// Nothing seen yet, from `now` on.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            resources: Vec::new(),
            looked_at: now,
        }
    }

    /// What an arm asked for was spent.
    #[inline]
    pub fn served(&mut self, arm: &Arm) {
        self.live(arm.resource).keys[arm.direction].serve(arm.key, arm.units);
    }

    /// A request was throttled: for `reasons`, some of its arms.
    pub fn throttled(&mut self, arms: &[Arm], reasons: &[ThrottleReason]) {
        for arm in arms {
            let names = |reason: &ThrottleReason| {
                reason.resource == arm.resource && reason.direction == arm.direction
            };
            if reasons.iter().any(names) {
                self.live(arm.resource).keys[arm.direction].throttle(arm.key);
            }
        }
    }

    /// Counts the throttles that a trial of the same table met.
    pub fn absorb(&mut self, trial: Self) {
        let trial = trial.resources.into_iter().enumerate();
        for (number, live) in trial.filter_map(|(number, live)| Some((number, live?))) {
            let own = self.numbered(number);
            let ByDirection { read, write } = live.keys;
            own.keys.read.absorb(read);
            own.keys.write.absorb(write);
        }
    }

    /// Second number `second` is over, or the run within it: takes what the partitions had.
    pub fn close_second(
        &mut self,
        second: u64,
        capacity: &mut TableCapacity,
        resources: impl IntoIterator<Item = Resource>,
        now: Timestamp,
    ) {
        let elapsed = now
            .since(self.looked_at)
            .as_secs_f64()
            .max(SHORTEST_SECONDS);
        self.looked_at = now;
        for resource in resources {
            let traffic = capacity.take_traffic(resource);
            let partitions = capacity.status(resource, now).partitions;
            let live = self.live(resource);
            if live.starts.len() != partitions {
                let starts = capacity.partition_starts(resource);
                self.live(resource).note_splits(second, starts);
            }
            self.live(resource).add(second, elapsed, &traffic);
        }
    }

    /// What was seen of `resource`; `None` when nobody looked.
    #[must_use]
    pub fn heat(
        &self,
        resource: Resource,
        (table, index): (usize, Option<usize>),
        parameters: &ModelParameters,
    ) -> Option<ResourceHeat> {
        let live = self.resources.get(number(resource))?.as_ref()?;
        let ceilings = ByDirection::from_fn(|d| partition::ceiling(d, parameters));
        Some(live.finish((table, index), ceilings))
    }

    /// The partition of `resource` that came closest to its ceiling in the last second: its
    /// number, the direction, the share. `None` when nobody looked, or nothing was served.
    #[must_use]
    pub fn hottest(
        &self,
        resource: Resource,
        parameters: &ModelParameters,
    ) -> Option<(usize, Direction, f64)> {
        let live = self.resources.get(number(resource))?.as_ref()?;
        let each = Direction::ALL.into_iter().filter_map(|direction| {
            let (from, rate) = live.last[direction]?;
            let ceiling = partition::ceiling(direction, parameters).as_f64();
            let number = live.starts.binary_search(&from).ok()?;
            Some((number, direction, rate / ceiling.max(1.0)))
        });
        each.filter(|(.., share)| *share > 0.0)
            .max_by(|a, b| a.2.total_cmp(&b.2))
    }

    fn live(&mut self, resource: Resource) -> &mut Live {
        self.numbered(number(resource))
    }

    #[inline]
    fn numbered(&mut self, number: usize) -> &mut Live {
        if self.resources.len() <= number {
            self.resources.resize_with(number + 1, || None);
        }
        self.resources[number].get_or_insert_with(|| Live {
            column_seconds: 1,
            columns: 0,
            rows: BTreeMap::new(),
            starts: Vec::new(),
            splits: Vec::new(),
            keys: ByDirection::default(),
            last: ByDirection::default(),
        })
    }
}

/// The table's, then those of its indexes.
const fn number(resource: Resource) -> usize {
    match resource {
        Resource::Table => 0,
        Resource::Index(index) => index + 1,
    }
}

impl Live {
    fn note_splits(&mut self, second: u64, starts: Vec<KeyHash>) {
        let before = std::mem::replace(&mut self.starts, starts);
        if before.is_empty() {
            return;
        }
        let new = self
            .starts
            .iter()
            .filter(|start| before.binary_search(start).is_err());
        let room = SPLITS_MAX.saturating_sub(self.splits.len());
        let new = new.take(room).map(|start| Split {
            second,
            from: start.to_hex(),
        });
        self.splits.extend(new);
    }

    fn add(&mut self, second: u64, elapsed: f64, traffic: &[PartitionTraffic]) {
        let mut column = place(second, self.column_seconds);
        while column >= COLUMNS_MAX {
            self.halve();
            column = place(second, self.column_seconds);
        }
        self.columns = self.columns.max(column + 1);
        self.last = ByDirection::from_fn(|direction| {
            let rates = traffic.iter().map(|part| {
                let served = part.directions[direction].served.as_f64();
                (part.from, served / elapsed)
            });
            rates.max_by(|a, b| a.1.total_cmp(&b.1))
        });
        for part in traffic {
            let row = self.rows.entry(part.from).or_default();
            for direction in Direction::ALL {
                row[direction].add(column, elapsed, part.directions[direction]);
            }
        }
    }

    /// Makes each two columns one.
    fn halve(&mut self) {
        self.column_seconds *= 2;
        self.columns = self.columns.div_ceil(2);
        for row in self.rows.values_mut() {
            for direction in Direction::ALL {
                let cells = &mut row[direction].cells;
                *cells = cells
                    .chunks(2)
                    .map(|pair| pair.iter().copied().fold(Cell::default(), Cell::hotter))
                    .collect();
            }
        }
    }

    fn finish(
        &self,
        (table, index): (usize, Option<usize>),
        ceilings: ByDirection<CapacityUnits>,
    ) -> ResourceHeat {
        let heat = |row: &ByDirection<LiveRow>| {
            let share = |direction: Direction| {
                let Traffic { served, refused } = row[direction].total;
                (served + refused).as_f64() / ceilings[direction].as_f64().max(1.0)
            };
            share(Direction::Read) + share(Direction::Write)
        };
        let mut rows: Vec<_> = self.rows.iter().collect();
        // Stable: equal ones stay in the order of the hash space.
        rows.sort_by(|a, b| heat(b.1).total_cmp(&heat(a.1)));
        let others = rows.split_off(rows.len().min(PARTITIONS_MAX));
        rows.sort_by_key(|(from, _)| **from);
        ResourceHeat {
            table,
            index,
            ceilings,
            column_seconds: self.column_seconds,
            columns: self.columns,
            partitions_at_end: self.starts.len(),
            partitions_used: self.rows.len(),
            partitions: rows
                .iter()
                .map(|(from, row)| PartitionHeat {
                    number: self.starts.binary_search(from).unwrap_or_default(),
                    from: from.to_hex(),
                    directions: ByDirection::from_fn(|d| row[d].finish()),
                })
                .collect(),
            others: (!others.is_empty()).then(|| PartitionHeat {
                number: 0,
                from: String::new(),
                directions: ByDirection::from_fn(|direction| {
                    let rows = others.iter().map(|(_, row)| &row[direction]);
                    together(rows).finish()
                }),
            }),
            splits: self.splits.clone(),
            keys: ByDirection::from_fn(|d| self.keys[d].clone().finish()),
        }
    }
}

impl LiveRow {
    fn add(&mut self, column: usize, elapsed: f64, traffic: Traffic) {
        self.total.served += traffic.served;
        self.total.refused += traffic.refused;
        if traffic == Traffic::default() {
            return;
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Cell::default());
        }
        let rate = Cell {
            served: traffic.served.as_f64() / elapsed,
            refused: traffic.refused.as_f64() / elapsed,
        };
        self.cells[column] = self.cells[column].hotter(rate);
    }

    fn finish(&self) -> DirectionHeat {
        DirectionHeat {
            served: self.total.served,
            refused: self.total.refused,
            served_per_second: Cells::of(self.cells.iter().map(|cell| cell.served)),
            refused_per_second: Cells::of(self.cells.iter().map(|cell| cell.refused)),
        }
    }
}

/// The hottest of each column, and the sum of all.
fn together<'a>(rows: impl Iterator<Item = &'a LiveRow>) -> LiveRow {
    let mut all = LiveRow::default();
    for row in rows {
        all.total.served += row.total.served;
        all.total.refused += row.total.refused;
        if all.cells.len() < row.cells.len() {
            all.cells.resize(row.cells.len(), Cell::default());
        }
        for (hottest, cell) in all.cells.iter_mut().zip(&row.cells) {
            *hottest = hottest.hotter(*cell);
        }
    }
    all
}

fn place(second: u64, column_seconds: u64) -> usize {
    usize::try_from(second / column_seconds).unwrap_or(usize::MAX)
}
