//! One simulated table: its buckets, and the items that say what a request costs.

mod rules;
mod several;

use crate::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        cost::{self, Images, ReadMode, WriteMode},
        limits::ITEM_BYTES_MAX,
        throttle::Resource,
    },
    engine::Answer,
    record::{
        Declared, IntervalTable,
        heat::{ResourceHeat, watch::HeatWatch},
    },
    scenario::{Action, ModelParameters, OperationKind, OperationSpec, Presence},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
    workload::{Pick, Workload},
};

use super::{
    SimulationError,
    content::Setting,
    items::{Effect, StoredItems},
    range::Reading,
};
pub(super) use rules::Reply;
use rules::{carried, failed, global_numbers, holds, table_bytes};

/// An item that a request is about, and what it does to it.
pub(super) type Member = (u64, Option<Action>);

/// A table in virtual time.
pub(super) struct SimulatedTable {
    /// `None`: whatever is asked for is served.
    capacity: Option<TableCapacity>,
    watch: HeatWatch,
    items: StoredItems,
    /// By position among the table's indexes: the number among the global ones.
    global: Vec<Option<usize>>,
}

/// Why an attempt ends before it is complete.
type Ended = Answer;

impl SimulatedTable {
    /// Table number `index` of the scenario, with `loaded` items in it and its buckets as they
    /// are when a run starts.
    pub(super) fn new(
        workload: &Workload,
        index: usize,
        loaded: u64,
    ) -> Result<Self, SimulationError> {
        let mut table = Self::unlimited(workload, index, loaded)?;
        let scenario = workload.scenario();
        let spec = &scenario.tables[index];
        let bytes = table_bytes(&mut table.items, loaded);
        let now = Timestamp::ZERO;
        let mut capacity = TableCapacity::new(&spec.billing, bytes, &scenario.model, now);
        for (_, _, billing) in spec.global_indexes() {
            capacity.add_index(billing, Bytes(0), now);
        }
        if spec.has_local_index() {
            capacity.bind_collections();
        }
        table.capacity = Some(capacity);
        Ok(table)
    }

    /// The same table without bounds on its capacity.
    pub(super) fn unlimited(
        workload: &Workload,
        index: usize,
        loaded: u64,
    ) -> Result<Self, SimulationError> {
        Ok(Self {
            capacity: None,
            watch: HeatWatch::new(Timestamp::ZERO),
            items: StoredItems::new(workload, index, loaded)?,
            global: global_numbers(&workload.scenario().tables[index]),
        })
    }

    /// The size of the table as it is loaded with `loaded` items.
    pub(super) fn bytes(&mut self, loaded: u64) -> Bytes {
        table_bytes(&mut self.items, loaded)
    }

    /// What request number `sequence` of `workload` asks of the table and its indexes when
    /// nothing is refused; changes the items if it writes.
    pub(super) fn arms(&mut self, workload: &Workload, sequence: u64, pick: Pick) -> Vec<Arm> {
        let mut attempt = Attempt::new(self, workload, sequence, pick, Timestamp::ZERO);
        // One that fails by its own condition is charged all the same.
        let _ = attempt.execute(None);
        attempt.spent
    }

    /// The answer to request number `sequence` of `workload`, which arrives at `now`; spends what
    /// it takes, and changes the items if it writes. `again` are the members of a batch that were
    /// left before.
    pub(super) fn answer(
        &mut self,
        workload: &Workload,
        sequence: u64,
        pick: Pick,
        again: Option<Vec<Member>>,
        now: Timestamp,
    ) -> Reply {
        let mut attempt = Attempt::new(self, workload, sequence, pick, now);
        let ended = attempt.execute(again);
        Reply {
            answer: ended.map_or_else(|answer| answer, |()| Answer::Completed),
            declared: attempt.declared,
            steps: attempt.steps,
            left: attempt.left,
            spent: attempt.spent,
        }
    }

    /// Its buckets.
    pub(super) const fn capacity_mut(&mut self) -> Option<&mut TableCapacity> {
        self.capacity.as_mut()
    }

    /// Second number `second` is over at `now`: how the table stands. Heat is noted where
    /// `look` says so.
    pub(super) fn close_second(
        &mut self,
        second: u64,
        now: Timestamp,
        look: bool,
    ) -> IntervalTable {
        let globals = self.global.iter().flatten().count();
        let Some(capacity) = &mut self.capacity else {
            return IntervalTable::default();
        };
        let resources = std::iter::once(Resource::Table).chain((0..globals).map(Resource::Index));
        if look {
            self.watch.close_second(second, capacity, resources, now);
        }
        let mut status = |resource| IntervalTable::from(capacity.status(resource, now));
        IntervalTable {
            indexes: (0..globals).map(|g| status(Resource::Index(g))).collect(),
            ..status(Resource::Table)
        }
    }
}

impl SimulatedTable {
    /// What became hot, as of table number `table`: its own, then that of its indexes.
    pub(super) fn heat(&self, table: usize, parameters: &ModelParameters) -> Vec<ResourceHeat> {
        let globals = 0..self.global.iter().flatten().count();
        let indexes = globals.map(|index| (Resource::Index(index), Some(index)));
        std::iter::once((Resource::Table, None))
            .chain(indexes)
            .filter_map(|(resource, index)| self.watch.heat(resource, (table, index), parameters))
            .collect()
    }
}

/// One request that is being executed.
struct Attempt<'a> {
    table: &'a mut SimulatedTable,
    workload: &'a Workload,
    spec: &'a OperationSpec,
    pick: Pick,
    sequence: u64,
    now: Timestamp,
    declared: Declared,
    steps: u32,
    left: Vec<Member>,
    /// What was spent on a table without bounds.
    spent: Vec<Arm>,
}

impl<'a> Attempt<'a> {
    fn new(
        table: &'a mut SimulatedTable,
        workload: &'a Workload,
        sequence: u64,
        pick: Pick,
        now: Timestamp,
    ) -> Self {
        Self {
            table,
            workload,
            spec: &workload.scenario().operations[pick.spec],
            pick,
            sequence,
            now,
            declared: Declared::default(),
            steps: 1,
            left: Vec::new(),
            spent: Vec::new(),
        }
    }

    fn execute(&mut self, again: Option<Vec<Member>>) -> Result<(), Ended> {
        let number = self.pick.item;
        let mode = ReadMode::from(self.spec.consistency);
        match self.spec.kind {
            OperationKind::Get | OperationKind::StatementSelect => self.read(number, mode),
            OperationKind::Put => self.write(Action::Put, number),
            OperationKind::Update => self.write(Action::Update, number),
            OperationKind::Delete | OperationKind::StatementDelete => {
                self.write(Action::Delete, number)
            }
            OperationKind::StatementInsert => {
                self.statement(Action::Put, Presence::Absent, "DuplicateItemException")
            }
            OperationKind::StatementUpdate => self.statement(
                Action::Update,
                Presence::Exists,
                "ConditionalCheckFailedException",
            ),
            OperationKind::ReadModifyWrite => {
                self.read(number, mode)?;
                self.steps += 1;
                self.write(Action::Update, number)
            }
            OperationKind::Query | OperationKind::Scan => self.range(mode),
            OperationKind::BatchGet | OperationKind::BatchWrite => self.batch(mode, again),
            OperationKind::TransactGet => self.transact_get(),
            OperationKind::TransactWrite => self.transact_write(),
        }
    }

    fn read(&mut self, number: u64, mode: ReadMode) -> Result<(), Ended> {
        let stored = self.table.items.stored(number);
        let arm = Arm {
            resource: Resource::Table,
            direction: Direction::Read,
            key: self.table.items.place(number),
            eventual: mode == ReadMode::Eventual,
            units: cost::read_as(stored.unwrap_or_default(), mode),
        };
        self.take(&[arm])
    }

    fn write(&mut self, action: Action, number: u64) -> Result<(), Ended> {
        let effect = self.plan(action, number);
        let condition = self
            .spec
            .condition
            .and_then(|_| self.workload.condition(self.sequence, self.pick.spec));
        if condition.is_some_and(|wanted| !holds(wanted, effect.sizes)) {
            self.refused_write(&effect, action, number)?;
            self.declared.conditions_failed += 1;
            return Ok(());
        }
        self.check_size(&effect, action)?;
        self.apply(effect, action, number)
    }

    /// An update fails that would lead to too large an item; how much too large is known of
    /// nothing else, as other items are as large as the scenario has them.
    fn check_size(&self, effect: &Effect, action: Action) -> Result<(), Ended> {
        let slack = Bytes(self.parameters().update_ceiling_slack_bytes.into());
        let ceiling = Bytes(ITEM_BYTES_MAX.0 - slack.0);
        match effect.sizes.new {
            Some(new) if action == Action::Update && new > ceiling => {
                Err(failed("ValidationException"))
            }
            _ => Ok(()),
        }
    }

    /// A statement that has a condition of its own.
    fn statement(
        &mut self,
        action: Action,
        wanted: Presence,
        exception: &str,
    ) -> Result<(), Ended> {
        let number = self.pick.item;
        let effect = self.plan(action, number);
        if holds(wanted, effect.sizes) {
            return self.apply(effect, action, number);
        }
        self.refused_write(&effect, action, number)?;
        Err(failed(exception))
    }

    /// Charges a write whose condition was not met: for the larger of what is stored and what
    /// the request carried. The answer declares nothing.
    fn refused_write(&mut self, effect: &Effect, action: Action, number: u64) -> Result<(), Ended> {
        let images = carried(effect.sizes, action);
        let units = self.refused_units(images, WriteMode::Plain);
        let arm = self.table_arm(number, units);
        self.admit(&[arm])?;
        self.spend(&[arm]);
        Ok(())
    }

    fn refused_units(&self, images: Images, mode: WriteMode) -> CapacityUnits {
        cost::refused_write(images, mode, self.parameters().cond_fail_missing_rule)
    }

    fn parameters(&self) -> &'a ModelParameters {
        &self.workload.scenario().model
    }

    fn apply(&mut self, effect: Effect, action: Action, number: u64) -> Result<(), Ended> {
        let units = cost::write_as(effect.sizes, WriteMode::Plain);
        // What an update leads to shows only afterwards.
        let asked = cost::write_as(carried(effect.sizes, action), WriteMode::Plain);
        if effect.indexes.is_empty() {
            let arm = self.table_arm(number, units);
            self.take_asking(asked, &mut [arm])?;
        } else {
            let mut arms = self.write_arms(&effect, number, units);
            self.take_asking(asked, &mut arms)?;
        }
        self.commit(effect);
        Ok(())
    }

    /// Makes an effect so, and lets the partitions grow by it.
    fn commit(&mut self, effect: Effect) {
        if let Some(capacity) = &mut self.table.capacity {
            let mut grow = |resource, key, bytes| {
                if bytes != 0 {
                    capacity.grow(resource, key, bytes, self.now);
                }
            };
            let growth = effect.sizes.growth();
            if growth != 0 {
                let place = self.table.items.place(effect.number);
                grow(Resource::Table, place, growth);
            }
            for index in &effect.indexes {
                // What local indexes hold lies beside the items.
                let global = self.table.global[index.index].map(Resource::Index);
                let resource = global.unwrap_or(Resource::Table);
                grow(resource, index.place, index.growth);
            }
        }
        self.table.items.commit(effect);
    }

    fn range(&mut self, mode: ReadMode) -> Result<(), Ended> {
        let read = &self.spec.read;
        let reading = Reading {
            mode,
            limit: self.workload.limit(self.sequence, self.pick.spec),
            all_pages: read.all_pages,
            page_limit: self.parameters().page_limit_rule,
            rounding: self.parameters().scan_rounding,
        };
        let resource = read.index.and_then(|index| self.table.global[index]);
        let resource = resource.map_or(Resource::Table, Resource::Index);
        let (key, pages) = if self.spec.kind == OperationKind::Query {
            let query = self.workload.query(self.sequence, self.pick);
            self.table.items.query(&query, self.pick, reading)
        } else {
            let segment = self.workload.segment(self.sequence, self.pick.spec);
            let capacity = self.table.capacity.as_mut();
            let starts = capacity.map(|capacity| capacity.partition_starts(resource));
            let (items, starts) = (&mut self.table.items, starts.unwrap_or_default());
            items.scan(segment, read.index, reading, &starts)
        };
        for (number, units) in pages.into_iter().enumerate() {
            self.steps += u32::from(number > 0);
            let arm = Arm {
                resource,
                direction: Direction::Read,
                key,
                eventual: mode == ReadMode::Eventual,
                units,
            };
            // How much there is to read shows only in reading it.
            self.take_asking(cost::read_as(Bytes(0), mode), &mut [arm])?;
        }
        Ok(())
    }

    fn members(&self) -> Vec<Member> {
        self.workload.members(self.sequence, self.pick)
    }

    fn plan(&mut self, action: Action, number: u64) -> Effect {
        let setting = Setting {
            operation: self.pick.spec,
            number,
            sequence: self.sequence,
        };
        self.table.items.plan(action, number, setting)
    }

    fn table_arm(&mut self, number: u64, units: CapacityUnits) -> Arm {
        Arm {
            resource: Resource::Table,
            direction: Direction::Write,
            key: self.table.items.place(number),
            eventual: false,
            units,
        }
    }

    /// The table's arm, which local indexes add to, and one for each global index.
    fn write_arms(&mut self, effect: &Effect, number: u64, units: CapacityUnits) -> Vec<Arm> {
        let mut arms = vec![self.table_arm(number, units)];
        for index in &effect.indexes {
            match self.table.global[index.index] {
                None => arms[0].units += index.units,
                Some(global) => arms.push(Arm {
                    resource: Resource::Index(global),
                    direction: Direction::Write,
                    key: index.place,
                    eventual: false,
                    units: index.units,
                }),
            }
        }
        arms
    }

    /// Admits, spends and declares.
    fn take(&mut self, arms: &[Arm]) -> Result<(), Ended> {
        if let [arm] = arms
            && self.take_at_once(arm.units, arm)
        {
            return Ok(());
        }
        self.admit(arms)?;
        self.serve(arms);
        Ok(())
    }

    /// The same of the whole request in one go, where no more than its own buckets decide and
    /// they let it in.
    fn take_at_once(&mut self, asked: CapacityUnits, arm: &Arm) -> bool {
        let capacity = self.table.capacity.as_mut();
        let taken = capacity.is_some_and(|capacity| capacity.take(asked, arm, self.now));
        if taken {
            self.table.watch.served(arm);
            self.declared.consumed[arm.direction] += arm.units;
        }
        taken
    }

    /// The same, where the first arm is asked for `asked` units before it is known to be more.
    fn take_asking(&mut self, asked: CapacityUnits, arms: &mut [Arm]) -> Result<(), Ended> {
        if let [arm] = &*arms
            && self.take_at_once(asked, arm)
        {
            return Ok(());
        }
        let known = std::mem::replace(&mut arms[0].units, asked);
        self.admit(arms)?;
        arms[0].units = known;
        self.serve(arms);
        Ok(())
    }

    /// Spends and declares.
    fn serve(&mut self, arms: &[Arm]) {
        self.spend(arms);
        for arm in arms {
            let mut units = ByDirection::default();
            units[arm.direction] = arm.units;
            match arm.resource {
                Resource::Table => self.declared.consumed += units,
                Resource::Index(index) => self.declared.add_index(index, units),
            }
        }
    }

    fn admit(&mut self, arms: &[Arm]) -> Result<(), Ended> {
        let Some(capacity) = &mut self.table.capacity else {
            return Ok(());
        };
        match capacity.check(arms, self.now) {
            AdmissionDecision::Admitted => Ok(()),
            AdmissionDecision::Throttled { reasons, .. } => {
                self.table.watch.throttled(arms, &reasons);
                let names = reasons.iter().map(|reason| reason.wire_name().to_owned());
                Err(Answer::Throttled {
                    reasons: names.collect(),
                })
            }
        }
    }

    fn spend(&mut self, arms: &[Arm]) {
        match &mut self.table.capacity {
            Some(capacity) => {
                capacity.spend(arms, self.now);
                for arm in arms {
                    self.table.watch.served(arm);
                }
            }
            None => self.spent.extend_from_slice(arms),
        }
    }
}
