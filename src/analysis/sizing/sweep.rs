//! The pieces of a search that do not know of each other, so that several processes can make
//! them, and what all of them need first.

mod checked;

use serde::{Deserialize, Serialize};

use super::{
    CurvePoint, Demand, SizingOptions, Workers,
    fit::{self, Bench, Fit, Fits},
    obstacle::{self, Obstacle},
    scaling::{self, Scaling},
    storage,
};
use crate::{
    analysis::{
        replay::{self, Burst, Part, Rates, Slot, Tally},
        seeds::{StudyError, StudyPart, once_each},
    },
    scenario::Scenario,
    simulation::trace::Trace,
    units::{ByDirection, Direction},
};

/// What is known before the pieces: every process finds it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// Name of the scenario.
    pub scenario: String,
    /// Its fingerprint with the first seed.
    pub fingerprint: String,
    /// The first seed.
    pub seed: u64,
    /// How many seeds.
    pub seeds: usize,
    /// Length of the measured phases, seconds.
    pub seconds: f64,
    /// Requests due per second, mean over the measured phases.
    pub requests_per_second: f64,
    /// Hours of a month.
    pub month: f64,
    /// Targets of single operations by name.
    pub operation_targets: Vec<(String, f64)>,
    /// Tables, each followed by its indexes.
    pub slots: Vec<SlotBasis>,
    /// Why no capacity is enough, where none is.
    pub obstacles: Vec<Obstacle>,
    /// What else has to be known.
    pub notes: Vec<String>,
}

/// Of a table or an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotBasis {
    /// `Orders` or `Orders/by-date`.
    pub name: String,
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// GB.
    pub storage_gb: f64,
    /// Units per second in force in the scenario.
    pub in_force: Option<ByDirection<f64>>,
    /// What is asked of it.
    pub demand: ByDirection<Demand>,
    /// The operations that ask it, into `Scenario::operations`.
    pub operations: ByDirection<Vec<usize>>,
    /// The smallest capacity that meets the target without burst credit.
    pub provision: ByDirection<Option<Fit>>,
}

/// A piece of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Piece {
    /// Auto scaling of a table and its indexes.
    Scaled(usize),
    /// The smallest capacity of a table and its indexes that meets the target on burst credit.
    OnBurst(usize),
    /// A table, on demand.
    OnDemand(usize),
    /// A table with the capacity of the basis.
    Fixed(usize),
    /// One point of the curve of a slot and direction.
    Point(usize, Direction, u64),
}

/// What a piece comes to. Tallies are of the whole table, by seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Found {
    /// Policies and what they cost, by slot of the table.
    Scaled(Scaling, Vec<Vec<Tally>>),
    /// Capacity by slot of the table; no tallies where there is none for one of them.
    OnBurst(Fits, Option<Vec<Vec<Tally>>>),
    /// On demand, or with fixed capacity.
    Tallied(Vec<Vec<Tally>>),
    /// Throttled shares.
    Point(CurvePoint),
}

/// A search, or what one of several processes made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// What was wanted.
    pub options: SizingOptions,
    /// The same in all parts.
    pub basis: Basis,
    /// Its pieces, in their order.
    pub found: Vec<(Piece, Found)>,
}

/// A part of a search, made by one of several processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizingPart {
    /// Whose part, and of what.
    pub of: StudyPart,
    /// What it made.
    pub search: Search,
}

/// Why parts are no search together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Not each part of one study once.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// Other targets, prices or seeds.
    #[error(
        "shard {0} was asked for something else than the first: target, prices or Region differ"
    )]
    Differs(crate::schedule::shard::Shard),
    /// Pieces that nobody made, or that are none of the search.
    #[error("the parts have not each piece of the search once")]
    Pieces,
    /// Numbers that no search comes to.
    #[error("its numbers do not fit: {0}")]
    Misfit(&'static str),
}

/// What several processes found, as one would have found it.
///
/// # Errors
/// When `parts` are not all the parts of one search, each once.
pub fn merged(parts: Vec<SizingPart>) -> Result<Search, PartError> {
    let whose: Vec<_> = parts
        .iter()
        .map(|part| (&part.of, part.of.shard.share_of(part.of.study.seeds)))
        .collect();
    once_each(&whose)?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().ok_or(StudyError::Whole)?.search;
    for SizingPart { of, search } in parts {
        if search.options != all.options || search.basis != all.basis {
            return Err(PartError::Differs(of.shard));
        }
        all.found.extend(search.found);
    }
    checked::check(&all)?;
    all.found.sort_by_key(|(piece, _)| *piece);
    let mut due = pieces(&all.basis);
    due.sort_unstable();
    if !all.found.iter().map(|(piece, _)| piece).eq(&due) {
        return Err(PartError::Pieces);
    }
    Ok(all)
}

/// Looks at what every piece needs.
pub(super) fn basis(bench: &Bench<'_>, options: &SizingOptions, workers: &impl Workers) -> Basis {
    let first = &bench.traces[0];
    let scenario = first.workload().scenario();
    let tables = 0..scenario.tables.len();
    let fits: Fits = tables
        .flat_map(|table| bench.fit(table, Burst::Spent, workers))
        .collect();
    workers.at("keys that are too hot");
    let obstacles = obstacle::find(bench.traces, bench.slots, &fits, workers);
    let targets = options.target.operations.iter();
    let operation_targets = targets
        .map(|(operation, share)| (scenario.operations[*operation].name.clone(), *share))
        .collect();
    let slot = |number: usize| SlotBasis {
        name: bench.slots[number].name(scenario),
        table: bench.slots[number].table,
        storage_gb: storage::gigabytes(first, &bench.slots[number]),
        in_force: in_force(scenario, &bench.slots[number]),
        demand: bench.demands[number],
        operations: bench.operations[number].clone(),
        provision: fits[number],
    };
    Basis {
        scenario: scenario.name.clone(),
        fingerprint: scenario.fingerprint(),
        seed: scenario.seed.0,
        seeds: bench.traces.len(),
        seconds: first.measured_seconds(),
        requests_per_second: replay::requests_per_second(bench.traces),
        month: scenario.model.month(),
        operation_targets,
        slots: (0..bench.slots.len()).map(slot).collect(),
        obstacles,
        notes: super::notes(scenario, &fits),
    }
}

fn in_force(scenario: &Scenario, slot: &Slot) -> Option<ByDirection<f64>> {
    let rates = slot.billing(scenario).capacity()?;
    Some(ByDirection::from_fn(|direction| rates[direction].as_f64()))
}

impl Basis {
    /// What is to be provisioned without burst credit, by slot.
    #[must_use]
    pub fn fits(&self) -> Fits {
        self.slots.iter().map(|slot| slot.provision).collect()
    }

    fn tables(&self) -> usize {
        self.slots.last().map_or(0, |slot| slot.table + 1)
    }
}

/// What there is to do, the longest pieces first.
#[must_use]
pub fn pieces(basis: &Basis) -> Vec<Piece> {
    let tables = || 0..basis.tables();
    let mut pieces: Vec<Piece> = tables().map(Piece::Scaled).collect();
    pieces.extend(tables().map(Piece::OnBurst));
    pieces.extend(tables().map(Piece::OnDemand));
    if fit::units_of(&basis.fits()).is_some() {
        pieces.extend(tables().map(Piece::Fixed));
    }
    let points = fit::points(basis.requests_per_second * basis.seconds, basis.seeds);
    for (number, slot) in basis.slots.iter().enumerate() {
        for direction in Direction::ALL {
            if !slot.operations[direction].is_empty() {
                let demand = slot.demand[direction];
                let units = fit::curve(slot.provision[direction], demand, points);
                pieces.extend(units.map(|units| Piece::Point(number, direction, units)));
            }
        }
    }
    pieces
}

/// Makes one piece.
pub(super) fn make(
    piece: Piece,
    bench: &Bench<'_>,
    options: &SizingOptions,
    basis: &Basis,
    workers: &impl Workers,
) -> Found {
    let name = |table| {
        let mut slots = basis.slots.iter().filter(|slot| slot.table == table);
        slots.next().map_or("", |slot| slot.name.as_str())
    };
    let fits = basis.fits();
    match piece {
        Piece::Scaled(table) => {
            workers.at(&format!("auto scaling of {}", name(table)));
            let (scaling, tallies) =
                scaling::scaling(bench, &fits, table, options.utilisation, workers);
            Found::Scaled(scaling, tallies)
        }
        Piece::OnBurst(table) => {
            let on_burst = bench.fit(table, Burst::Modelled, workers);
            // Capacity of other tables makes no difference.
            let rates = fit::units_of(&on_burst).map(|own| within(bench, table, &own));
            let tallies = rates.map(|rates| fixed(bench, table, &rates, Burst::Modelled, workers));
            Found::OnBurst(on_burst, tallies)
        }
        Piece::OnDemand(table) => {
            workers.at(&format!("{} on demand", name(table)));
            let maximum = options.on_demand_maximum;
            Found::Tallied(whole(bench, table, workers, |trace, part| {
                replay::on_demand(trace, bench.slots, maximum, part)
            }))
        }
        Piece::Fixed(table) => {
            let rates = fit::units_of(&fits).unwrap_or_default();
            Found::Tallied(fixed(bench, table, &rates, Burst::Spent, workers))
        }
        Piece::Point(slot, direction, units) => {
            let name = &basis.slots[slot].name;
            workers.at(&format!("curve of {name}, {}", direction.unit()));
            Found::Point(bench.point(slot, direction, units, &fits, workers))
        }
    }
}

/// Rates of all slots, of which those of `table` are `own`.
fn within(bench: &Bench<'_>, table: usize, own: &Rates) -> Rates {
    let mut own = own.iter();
    let rates = |slot: &Slot| {
        let own = (slot.table == table).then(|| own.next().copied());
        own.flatten().unwrap_or_default()
    };
    bench.slots.iter().map(rates).collect()
}

fn fixed(
    bench: &Bench<'_>,
    table: usize,
    rates: &Rates,
    burst: Burst,
    workers: &impl Workers,
) -> Vec<Vec<Tally>> {
    whole(bench, table, workers, |trace, part| {
        replay::fixed(trace, bench.slots, rates, burst, part)
    })
}

/// What `run` makes of a table, both directions at once, by seed.
pub(super) fn whole<T: Send>(
    bench: &Bench<'_>,
    table: usize,
    workers: &impl Workers,
    run: impl Fn(&Trace, Part) -> T + Sync,
) -> Vec<T> {
    let part = Part {
        table,
        direction: None,
    };
    workers.map(bench.traces.len(), |seed| run(&bench.traces[seed], part))
}
