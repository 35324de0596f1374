//! What was read of a search, checked, so that nothing downstream has to doubt it.

use super::{Basis, Fit, Found, Obstacle, PartError, Piece, Search};
use crate::{
    analysis::replay::Tally,
    units::{ByDirection, Direction},
};

/// Tables and indexes, at most.
const SLOTS_MAX: usize = 10_000;
/// Units and requests: what a double tells exactly, and thousands of which can be added up.
const COUNT_MAX: u64 = 1 << 44;
/// Units per second, seconds, gigabytes: far beyond what there is.
const FIGURE_MAX: f64 = 1e15;

/// Whether numbers of pieces, slots and operations are there, and their figures within bounds.
pub(super) fn check(search: &Search) -> Result<(), PartError> {
    basis(&search.basis)?;
    let figures = [search.options.utilisation, search.options.target.overall];
    ensure(figures.into_iter().all(is_figure), "options")?;
    let mut shape = Shape {
        basis: &search.basis,
        operations: None,
    };
    let found = &search.found;
    let mut found = found.iter();
    ensure(
        found.all(|(piece, found)| shape.fits(*piece, found)),
        "pieces",
    )?;
    let operations = shape.operations.unwrap_or(0);
    let mut slots = search.basis.slots.iter();
    let known = |numbers: &Vec<usize>| numbers.iter().all(|number| *number < operations);
    let known = slots.all(|slot| both(&slot.operations, known));
    ensure(known, "operations")
}

fn basis(basis: &Basis) -> Result<(), PartError> {
    let seeds = (1..=10_000).contains(&basis.seeds);
    let figures = [basis.seconds, basis.requests_per_second, basis.month];
    ensure(seeds && figures.into_iter().all(is_figure), "basis")?;
    ensure((1..=SLOTS_MAX).contains(&basis.slots.len()), "slots")?;
    let mut next = 0;
    for slot in &basis.slots {
        // Tables are numbered in a row, and the indexes of each follow it.
        let is_next = slot.table == next || Some(slot.table) == next.checked_sub(1);
        ensure(is_next, "order of tables")?;
        next = slot.table + 1;
        let demand = |demand: &super::Demand| {
            [
                demand.mean,
                demand.peak_second,
                demand.busiest_minute,
                demand.sustained,
                demand.first_minute,
                demand.quietest_minute,
            ]
            .into_iter()
            .all(is_figure)
        };
        let in_force = slot.in_force.as_ref();
        let fits = is_figure(slot.storage_gb)
            && both(&slot.demand, demand)
            && both(&slot.provision, is_fit)
            && in_force.is_none_or(|rates| both(rates, |rate| is_figure(*rate)));
        ensure(fits, "slots")?;
    }
    let mut obstacles = basis.obstacles.iter();
    let fits = obstacles.all(|obstacle| {
        let Obstacle {
            share,
            units_per_second,
            ceiling,
            multiple,
            ..
        } = *obstacle;
        let figures = [share, units_per_second, ceiling, multiple];
        figures.into_iter().all(is_figure)
    });
    ensure(fits, "obstacles")
}

/// What all pieces have in common.
struct Shape<'a> {
    basis: &'a Basis,
    /// As many as the first tallies are of.
    operations: Option<usize>,
}

impl Shape<'_> {
    fn fits(&mut self, piece: Piece, found: &Found) -> bool {
        match (piece, found) {
            (Piece::Scaled(table), Found::Scaled(scaling, tallies)) => {
                let slots = self.slots(table);
                let mut rates = scaling.billed.iter();
                let mut policies = scaling.policies.iter();
                scaling.policies.len() == slots
                    && scaling.billed.len() == slots
                    && rates.all(|rates| both(rates, |rate| is_figure(*rate)))
                    && policies.all(|policies| both(policies, |one| one.max <= COUNT_MAX))
                    && self.are_tallies(tallies)
            }
            (Piece::OnBurst(table), Found::OnBurst(fits, tallies)) => {
                let slots = self.slots(table);
                let is_enough = fits.iter().all(|fit| both(fit, Option::is_some));
                fits.len() == slots
                    && fits.iter().all(|fit| both(fit, is_fit))
                    && is_enough == tallies.is_some()
                    && tallies.iter().all(|tallies| self.are_tallies(tallies))
            }
            (Piece::OnDemand(_) | Piece::Fixed(_), Found::Tallied(tallies)) => {
                self.are_tallies(tallies)
            }
            (Piece::Point(slot, _, units), Found::Point(point)) => {
                let shares = point.without_burst.into_iter().chain(point.with_burst);
                slot < self.basis.slots.len()
                    && units == point.units
                    && units <= COUNT_MAX
                    && shares.into_iter().all(is_figure)
            }
            _ => false,
        }
    }

    fn slots(&self, table: usize) -> usize {
        let slots = self.basis.slots.iter();
        slots.filter(|slot| slot.table == table).count()
    }

    /// Of every seed and operation, none more often than there were any.
    fn are_tallies(&mut self, seeds: &[Vec<Tally>]) -> bool {
        let first = seeds.first().map_or(0, Vec::len);
        let operations = *self.operations.get_or_insert(first);
        let is_tally = |tally: &Tally| {
            tally.by_partition <= tally.throttled
                && tally.throttled <= tally.arrivals
                && tally.arrivals <= COUNT_MAX
        };
        (1..=1000).contains(&operations)
            && seeds.len() == self.basis.seeds
            && seeds
                .iter()
                .all(|seed| seed.len() == operations && seed.iter().all(is_tally))
    }
}

#[expect(clippy::ref_option, reason = "called with parts of a whole")]
fn is_fit(fit: &Option<Fit>) -> bool {
    fit.is_none_or(|fit| {
        let mut throttled = [Some(fit.throttled), fit.one_less].into_iter().flatten();
        (1..=COUNT_MAX).contains(&fit.units)
            && is_figure(fit.utilisation)
            && throttled.all(|one| is_figure(one.share) && is_figure(one.upper))
    })
}

fn is_figure(figure: f64) -> bool {
    (0.0..=FIGURE_MAX).contains(&figure)
}

fn both<T>(of: &ByDirection<T>, is: impl Fn(&T) -> bool) -> bool {
    Direction::ALL
        .into_iter()
        .all(|direction| is(&of[direction]))
}

fn ensure(holds: bool, what: &'static str) -> Result<(), PartError> {
    holds.then_some(()).ok_or(PartError::Misfit(what))
}
