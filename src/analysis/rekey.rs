//! Recorded requests with the items of one table keyed otherwise: which partitions they would
//! ask, and for how much.

use std::collections::BTreeMap;

use crate::{
    capacity::{Arm, cost, partition::KeyHash, throttle::Resource},
    scenario::{OperationKind, candidate::Candidate},
    simulation::trace::{Trace, TracedRequest},
    units::{Bytes, CapacityUnits, Direction},
    workload::keyed::own_key,
};

/// The requests of `trace` with the items keyed as `candidate` says. Scans and queries of
/// indexes stay what they are.
#[must_use]
pub fn rekeyed(trace: &Trace, table: usize, candidate: &Candidate) -> Trace {
    let mut keyed = Keyed {
        trace,
        table,
        candidate,
        known: BTreeMap::new(),
    };
    trace.rekeyed(table, |request, arms| keyed.rekey(request, arms))
}

/// Where a candidate puts items, remembered.
struct Keyed<'a> {
    trace: &'a Trace,
    table: usize,
    candidate: &'a Candidate,
    /// Partition key without suffix, and shard, by item.
    known: BTreeMap<u64, (Vec<u8>, u32)>,
}

impl Keyed<'_> {
    fn item(&mut self, number: u64) -> &(Vec<u8>, u32) {
        self.known.entry(number).or_insert_with(|| {
            let workload = self.trace.workload();
            let item = workload.item(self.table, number);
            let own = own_key(&workload.scenario().tables[self.table], &item);
            let shard = self.candidate.shard(&own, number);
            (self.candidate.base(&item), shard)
        })
    }

    fn rekey(&mut self, request: &TracedRequest, arms: &mut Vec<Arm>) {
        let workload = self.trace.workload();
        let spec = &workload.scenario().operations[usize::from(request.spec)];
        if spec.kind == OperationKind::Scan {
            return;
        }
        let members: Vec<u64> = if spec.kind.has_members() {
            let pick = workload.pick(request.sequence);
            let members = workload.members(request.sequence, pick);
            members.into_iter().map(|(number, _)| number).collect()
        } else {
            vec![request.item]
        };
        let mut others = Vec::new();
        let own = arms
            .iter_mut()
            .filter(|arm| arm.resource == Resource::Table);
        // As many arms as members, or several for one: a read and a write, or pages.
        for (position, arm) in own.enumerate() {
            let number = members[position.min(members.len() - 1)];
            let candidate = self.candidate;
            let (base, shard) = self.item(number);
            arm.key = place(candidate, base, *shard);
            if arm.direction != Direction::Read || !candidate.fans_out(spec.kind) {
                continue;
            }
            let nothing = cost::read(Bytes(0), spec.consistency);
            let shards = candidate.suffix.shards();
            let mut elsewhere = nothing;
            // A query finds a part of the items in each shard; a get finds its item in one.
            if spec.kind == OperationKind::Query {
                let even = (arm.units.halves() + i64::from(shards) - 1) / i64::from(shards);
                elsewhere = CapacityUnits::from_halves(even).max(nothing);
                arm.units = elsewhere;
            }
            let further = (0..shards).filter(|other| other != shard);
            others.extend(further.map(|other| Arm {
                key: place(candidate, base, other),
                units: elsewhere,
                ..*arm
            }));
        }
        arms.extend(others);
    }
}

/// Where the partition key with this value and shard lies.
pub(super) fn place(candidate: &Candidate, base: &[u8], shard: u32) -> KeyHash {
    KeyHash::of(b'S', &candidate.value(base.to_vec(), shard))
}
