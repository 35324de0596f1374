//! What seeds say of candidates, before it is ranked: by one process, or by several that looked
//! at some of the seeds each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    curves::{Curves, curves},
    heat::Stage,
    proposed_sort_key,
    spread::{self, Items, Requests},
    tallies,
};
use crate::{
    analysis::{
        rekey::rekeyed,
        replay::Tally,
        seeds::{StudyError, StudyPart, once_each},
        workers::Workers,
    },
    scenario::candidate::Candidate,
    simulation::trace::Trace,
    units::float,
};

/// All that a comparison is concluded from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Name of the scenario.
    pub scenario: String,
    /// Its fingerprint with the first seed.
    pub fingerprint: String,
    /// The first seed.
    pub seed: u64,
    /// The table.
    pub table: String,
    /// Largest throttled share.
    pub target: f64,
    /// What the heat of partitions is looked at on.
    pub stage: Stage,
    /// Measured requests and seconds of each seed.
    pub due: Vec<(u64, f64)>,
    /// In the order in which they were asked for.
    pub candidates: Vec<Finding>,
}

/// Of one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What the first seed says, which every process looks at.
    pub basis: Basis,
    /// What each seed says.
    pub looks: Vec<Look>,
}

/// What does not need several seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// The key.
    pub candidate: Candidate,
    /// What it makes of the items.
    pub items: Items,
    /// An attribute that would tell items apart that it does not.
    pub proposed_sort_key: Option<String>,
    /// What charts draw.
    pub curves: Curves,
    /// By partition and stretch of time.
    pub heat: Vec<Vec<f64>>,
}

/// What one seed says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// How it spreads the requests.
    pub requests: Requests,
    /// Requests of each operation against the scenario's own capacity.
    pub tallies: Vec<Tally>,
}

/// Looks at `candidates` as keys of table `table` with the seeds of `traces`; `first` is that of
/// the scenario's first seed.
#[must_use]
pub fn findings(
    first: &Trace,
    traces: &[&Trace],
    table: usize,
    candidates: &[Candidate],
    target: f64,
    workers: &impl Workers,
) -> Findings {
    let scenario = first.workload().scenario();
    workers.at("items under each key");
    let found: Vec<Items> = workers.map(candidates.len(), |number| {
        spread::items(first, table, &candidates[number])
    });
    workers.at("requests under each key, with each seed");
    let mut looks = workers
        .map(candidates.len() * traces.len(), |pair| {
            let (number, trace) = (pair / traces.len(), traces[pair % traces.len()]);
            let candidate = &candidates[number];
            let keyed = rekeyed(trace, table, candidate);
            let keys = found[number].keys;
            Look {
                requests: spread::requests(&keyed, trace, table, candidate, keys, target),
                tallies: tallies(&keyed, table),
            }
        })
        .into_iter();
    let stage = Stage::of(first, table);
    workers.at("charts of each key");
    let bases = workers.map(candidates.len(), |number| {
        let (candidate, items) = (&candidates[number], &found[number]);
        let keyed = rekeyed(first, table, candidate);
        let proposed = || proposed_sort_key(first, table, candidate);
        Basis {
            candidate: candidate.clone(),
            items: *items,
            proposed_sort_key: (items.overwritten > 0).then(proposed).flatten(),
            curves: curves(&keyed, table, items.keys),
            heat: stage.heat(&keyed, table),
        }
    });
    let measured = |trace: &Trace| trace.requests().iter().filter(|r| r.measured).count() as u64;
    Findings {
        scenario: scenario.name.clone(),
        fingerprint: scenario.fingerprint(),
        seed: scenario.seed.0,
        table: scenario.tables[table].name.clone(),
        target,
        stage,
        due: traces
            .iter()
            .map(|trace| (measured(trace), trace.measured_seconds()))
            .collect(),
        candidates: bases
            .into_iter()
            .map(|basis| Finding {
                basis,
                looks: looks.by_ref().take(traces.len()).collect(),
            })
            .collect(),
    }
}

impl Findings {
    /// Requests per second, mean over the measured phases of all seeds.
    #[must_use]
    pub fn requests_per_second(&self) -> f64 {
        let requests = self.due.iter().map(|(requests, _)| *requests).sum();
        float(requests) / self.due.iter().map(|(_, seconds)| seconds).sum::<f64>()
    }

    /// What `parts` found together: the same as one process would have found.
    ///
    /// # Errors
    /// When they are not all the parts of one comparison, each once.
    pub fn merged(parts: &[(&StudyPart, &Self)]) -> Result<Self, StudyError> {
        let lengths = parts
            .iter()
            .map(|(part, found)| (*part, found.due.len() as u64));
        once_each(&lengths.collect::<Vec<_>>())?;
        let (_, first) = parts.first().ok_or(StudyError::Whole)?;
        let mut due = BTreeMap::new();
        let mut looks = vec![BTreeMap::new(); first.candidates.len()];
        for (part, found) in parts {
            if !found.is_beside(first) {
                return Err(StudyError::Differs(part.shard));
            }
            for (own, before) in found.due.iter().zip(0..) {
                due.insert(part.shard.nth(before), *own);
            }
            for (looks, candidate) in looks.iter_mut().zip(&found.candidates) {
                if candidate.looks.len() != found.due.len() {
                    return Err(StudyError::Incomplete(part.shard));
                }
                let numbered = candidate.looks.iter().zip(0..);
                looks.extend(numbered.map(|(look, before)| (part.shard.nth(before), look)));
            }
        }
        let candidates = first.candidates.iter().zip(looks);
        let candidates = candidates.map(|(candidate, looks)| Finding {
            basis: candidate.basis.clone(),
            looks: looks.into_values().cloned().collect(),
        });
        Ok(Self {
            due: due.into_values().collect(),
            candidates: candidates.collect(),
            ..(*first).clone()
        })
    }

    /// Whether all is the same but the seeds.
    fn is_beside(&self, other: &Self) -> bool {
        let frame = |found: &Self| Self {
            due: Vec::new(),
            candidates: Vec::new(),
            ..found.clone()
        };
        let bases = |found: &Self| -> Vec<Basis> {
            let candidates = found.candidates.iter();
            candidates
                .map(|candidate| candidate.basis.clone())
                .collect()
        };
        frame(self) == frame(other) && bases(self) == bases(other)
    }
}
