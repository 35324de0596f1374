//! What a scenario asks of its tables, request by request, before anybody refuses.
//!
//! Recorded once for a seed, so that many capacities can be tried on the same requests. Items
//! are those of a run in which nothing is throttled; there are no retries and no queue.

use std::collections::BTreeMap;

use crate::{
    capacity::{Arm, partition::KeyHash, throttle::Resource},
    scenario::PhaseKind,
    schedule::Schedule,
    units::{Bytes, CapacityUnits, Direction, Timestamp},
    workload::Workload,
};

use super::{SimulationError, items_at_start, table::SimulatedTable};

/// Requests of one trace, at most: several traces are in memory at once.
pub const REQUESTS_MAX: usize = 2_000_000;

/// Why a scenario cannot be traced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// A table is too large for what has to be known of its keys.
    #[error(transparent)]
    Items(#[from] SimulationError),
    /// Clients that wait for answers ask for less where they are refused.
    #[error(
        "phase {phase} has clients that wait for answers: how much they ask for depends on the \
         capacity, so that none is enough by itself; write its load as a rate"
    )]
    Closed {
        /// Name of the phase.
        phase: String,
    },
    /// The phases are too long, or the load too high, to keep every request in memory.
    #[error(
        "the scenario has more than {max} requests, and every one is kept in memory for each \
         seed; shorten its phases: how much capacity a load needs shows in minutes"
    )]
    TooManyRequests {
        /// [`REQUESTS_MAX`].
        max: usize,
    },
}

/// Every request of a scenario with one seed.
#[derive(Clone, Debug)]
pub struct Trace {
    workload: Workload,
    requests: Vec<TracedRequest>,
    arms: Vec<CompactArm>,
    places: Vec<KeyHash>,
    /// By table, when the timed phases begin.
    table_bytes: Vec<Bytes>,
    measured_seconds: f64,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TracedRequest {
    /// When it is due.
    pub due: Timestamp,
    /// Number of the arrival.
    pub sequence: u64,
    /// Number of the item that it is about, or the first of them.
    pub item: u64,
    /// Index into `Scenario::operations`.
    pub spec: u16,
    /// Whether its phase is measured.
    pub measured: bool,
    arms: u32,
    first_arm: u32,
}

#[derive(Clone, Copy, Debug)]
struct CompactArm {
    /// Index into `places`.
    place: u32,
    halves: u32,
    eventual: bool,
    resource: Resource,
    direction: Direction,
}

impl Trace {
    /// Of the scenario that `workload` was compiled from.
    ///
    /// # Errors
    /// When there are too many requests, or items whose keys have to be known.
    ///
    /// # Panics
    /// Never: a scenario's operations, and what they ask for, are few.
    pub fn record(workload: &Workload) -> Result<Self, TraceError> {
        let scenario = workload.scenario();
        if let Some(phase) = scenario
            .phases
            .iter()
            .find(|phase| phase.arrivals.is_closed())
        {
            return Err(TraceError::Closed {
                phase: phase.name.clone(),
            });
        }
        let schedule = Schedule::new(scenario);
        let mut tables = (0..scenario.tables.len())
            .map(|index| {
                SimulatedTable::unlimited(workload, index, items_at_start(scenario, index))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let is_measured = |phase: usize| scenario.phases[phase].kind == PhaseKind::Measured;
        let mut trace = Self {
            workload: workload.clone(),
            requests: Vec::new(),
            arms: Vec::new(),
            places: Vec::new(),
            table_bytes: (tables.iter_mut().enumerate())
                .map(|(index, table)| table.bytes(items_at_start(scenario, index)))
                .collect(),
            measured_seconds: (0..scenario.phases.len())
                .filter(|phase| is_measured(*phase))
                .map(|phase| scenario.phases[phase].duration.as_secs_f64())
                .sum(),
        };
        let mut numbers = BTreeMap::new();
        for arrival in schedule.arrivals() {
            if trace.requests.len() >= REQUESTS_MAX {
                return Err(TraceError::TooManyRequests { max: REQUESTS_MAX });
            }
            trace
                .workload
                .begin(arrival.phase, arrival.sequence, arrival.intended_start);
            let pick = trace.workload.pick(arrival.sequence);
            let arms = tables[pick.table].arms(&trace.workload, arrival.sequence, pick);
            let first_arm = trace.push(&arms, &mut numbers);
            trace.requests.push(TracedRequest {
                due: arrival.intended_start,
                sequence: arrival.sequence,
                item: pick.item,
                spec: u16::try_from(pick.spec)
                    .expect("a scenario has a thousand operations at most"),
                measured: is_measured(arrival.phase),
                arms: u32::try_from(arms.len()).expect("pages and members of one request"),
                first_arm,
            });
        }
        Ok(trace)
    }

    /// The same requests, each asking for what `arms` makes of it: items keyed otherwise.
    ///
    /// # Panics
    /// When a request asks for more than 2^32 things.
    #[must_use]
    pub fn rekeyed(
        &self,
        table: usize,
        mut arms: impl FnMut(&TracedRequest, &mut Vec<Arm>),
    ) -> Self {
        let mut trace = Self {
            workload: self.workload.clone(),
            requests: Vec::with_capacity(self.requests.len()),
            arms: Vec::with_capacity(self.arms.len()),
            places: Vec::new(),
            table_bytes: self.table_bytes.clone(),
            measured_seconds: self.measured_seconds,
        };
        let mut numbers = BTreeMap::new();
        let mut asked = Vec::new();
        for request in &self.requests {
            asked.clear();
            asked.extend(self.arms(request));
            if self.table(request) == table {
                arms(request, &mut asked);
            }
            let first_arm = trace.push(&asked, &mut numbers);
            trace.requests.push(TracedRequest {
                arms: u32::try_from(asked.len()).expect("as the caller promised"),
                first_arm,
                ..*request
            });
        }
        trace
    }

    /// Adds what a request asks for, and says where.
    fn push(&mut self, arms: &[Arm], numbers: &mut BTreeMap<KeyHash, u32>) -> u32 {
        let first_arm = u32::try_from(self.arms.len()).expect("a few million requests");
        for arm in arms {
            let place = self.place_number(numbers, arm.key);
            self.arms.push(CompactArm {
                place,
                eventual: arm.eventual,
                halves: u32::try_from(arm.units.halves()).unwrap_or(u32::MAX),
                resource: arm.resource,
                direction: arm.direction,
            });
        }
        first_arm
    }

    fn place_number(&mut self, numbers: &mut BTreeMap<KeyHash, u32>, key: KeyHash) -> u32 {
        *numbers.entry(key).or_insert_with(|| {
            self.places.push(key);
            u32::try_from(self.places.len() - 1).expect("two million requests")
        })
    }

    /// What the requests come from.
    #[must_use]
    pub const fn workload(&self) -> &Workload {
        &self.workload
    }

    /// In order of time.
    #[must_use]
    pub fn requests(&self) -> &[TracedRequest] {
        &self.requests
    }

    /// What a request asks of the table and of its indexes.
    pub fn arms(&self, request: &TracedRequest) -> impl Iterator<Item = Arm> + '_ {
        let first = request.first_arm as usize;
        let arms = &self.arms[first..first + request.arms as usize];
        arms.iter().map(|arm| self.arm(arm))
    }

    /// What a request asks for, if that is one thing: most requests are such.
    #[must_use]
    pub fn only_arm(&self, request: &TracedRequest) -> Option<Arm> {
        (request.arms == 1).then(|| self.arm(&self.arms[request.first_arm as usize]))
    }

    fn arm(&self, arm: &CompactArm) -> Arm {
        Arm {
            resource: arm.resource,
            direction: arm.direction,
            key: self.places[arm.place as usize],
            eventual: arm.eventual,
            units: CapacityUnits::from_halves(i64::from(arm.halves)),
        }
    }

    /// Index into `Scenario::tables` of the table that a request goes to.
    #[must_use]
    pub fn table(&self, request: &TracedRequest) -> usize {
        self.workload.scenario().operations[usize::from(request.spec)].table
    }

    /// Size of table `index` when the timed phases begin.
    #[must_use]
    pub fn table_bytes(&self, index: usize) -> Bytes {
        self.table_bytes[index]
    }

    /// Length of the measured phases together.
    #[must_use]
    pub const fn measured_seconds(&self) -> f64 {
        self.measured_seconds
    }
}
