//! The pieces of a search, put together.

use super::{
    CurvePoint,
    fit::Fits,
    scaling::Scaling,
    search::Target,
    sweep::{Basis, Found, Piece},
};
use crate::{
    analysis::replay::{
        Tally,
        throttled::{Throttled, throttled},
    },
    units::Direction,
};

/// Tallies of each table, by seed.
type Tables<'a> = Vec<&'a Vec<Vec<Tally>>>;

/// All pieces, in their order: those of a kind by table.
pub(super) struct Swept<'a>(&'a [(Piece, Found)]);

impl<'a> Swept<'a> {
    pub(super) const fn of(found: &'a [(Piece, Found)]) -> Self {
        Self(found)
    }

    /// By slot.
    pub(super) fn on_burst(&self) -> Fits {
        let fits = self.0.iter().filter_map(|(_, found)| match found {
            Found::OnBurst(fits, _) => Some(fits.clone()),
            _ => None,
        });
        fits.flatten().collect()
    }

    /// Of all requests, on burst credit; `None` where that is not possible.
    pub(super) fn throttled_on_burst(&self) -> Option<Throttled> {
        let tables = self.0.iter().filter_map(|(_, found)| match found {
            Found::OnBurst(_, tallies) => Some(tallies.as_ref()),
            _ => None,
        });
        Some(joined(&tables.collect::<Option<Tables<'_>>>()?))
    }

    /// Of all requests, with the capacity of the basis; `None` where there is none.
    pub(super) fn throttled(&self) -> Option<Throttled> {
        let tables = self.tallied(|piece| matches!(piece, Piece::Fixed(_)));
        (!tables.is_empty()).then(|| joined(&tables))
    }

    /// Of all requests, on demand, and whether every slot meets its target.
    pub(super) fn on_demand(&self, basis: &Basis, target: &Target) -> (Throttled, bool) {
        let tables = self.tallied(|piece| matches!(piece, Piece::OnDemand(_)));
        (joined(&tables), meet(basis, target, &tables))
    }

    /// Of all tables, the same with auto scaling.
    pub(super) fn scaled(&self, basis: &Basis, target: &Target) -> (Scaling, Throttled, bool) {
        let scaled = || {
            self.0.iter().filter_map(|(_, found)| match found {
                Found::Scaled(scaling, tallies) => Some((scaling, tallies)),
                _ => None,
            })
        };
        let tables: Tables<'_> = scaled().map(|(_, tallies)| tallies).collect();
        let scaling = Scaling {
            policies: scaled().flat_map(|(one, _)| one.policies.clone()).collect(),
            billed: scaled().flat_map(|(one, _)| one.billed.clone()).collect(),
        };
        (scaling, joined(&tables), meet(basis, target, &tables))
    }

    /// Of one slot, by units.
    pub(super) fn curve(&self, slot: usize, direction: Direction) -> Vec<CurvePoint> {
        let points = self.0.iter().filter_map(|found| match found {
            (Piece::Point(of, way, _), Found::Point(point)) => {
                (*of == slot && *way == direction).then_some(*point)
            }
            _ => None,
        });
        points.collect()
    }

    fn tallied(&self, wanted: impl Fn(&Piece) -> bool) -> Tables<'a> {
        let found = self.0.iter().filter(|(piece, _)| wanted(piece));
        let tallies = found.filter_map(|(_, found)| match found {
            Found::Tallied(tallies) => Some(tallies),
            _ => None,
        });
        tallies.collect()
    }
}

/// Whether the requests meet the target in every slot.
fn meet(basis: &Basis, target: &Target, tables: &Tables<'_>) -> bool {
    basis.slots.iter().all(|slot| {
        Direction::ALL.into_iter().all(|direction| {
            let operations = &slot.operations[direction];
            operations.is_empty() || target.is_met(tables[slot.table], operations)
        })
    })
}

/// The throttled share of the requests of all tables.
fn joined(tables: &Tables<'_>) -> Throttled {
    let seeds = tables.first().map_or(0, |table| table.len());
    let all: Vec<Vec<Tally>> = (0..seeds)
        .map(|seed| (tables.iter().flat_map(|table| table[seed].clone())).collect())
        .collect();
    let operations: Vec<usize> = (0..all.first().map_or(0, Vec::len)).collect();
    throttled(&all, &operations)
}
