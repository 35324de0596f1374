//! The numbers of one run that are laid beside another's: the whole run's value, and what it
//! is made of second by second.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Summary, collect, expectation::REGION, measured_phases, nanos, seeds::FigureUnit},
    Better, Run,
    resample::{Series, Values},
};
use crate::{
    price::{self, PriceTable, Unit, UnknownPrice},
    record::{Interval, OutcomeCounts, RunRecord, histogram::LatencyHistogram, model::TableTotals},
    scenario::TableClass,
    units::{ByDirection, CapacityUnits, Direction, Quantile, float},
};

/// A number of one run.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) name: String,
    pub(super) unit: FigureUnit,
    pub(super) better: Better,
    /// Of the whole run; `None` where there is nothing to say.
    pub(super) value: Option<f64>,
    pub(super) series: Series,
}

/// Why attempts of any of `runs` were throttled.
pub(super) fn reasons(runs: &[Run<'_>]) -> BTreeSet<String> {
    let tables = runs.iter().flat_map(|run| TableTotals::of(run.record));
    tables
        .flat_map(|table| table.throttles_by_reason.into_keys())
        .collect()
}

/// All numbers of `run`, in the order of reports; throttles by each of `reasons`.
pub(super) fn observe(
    run: &Run<'_>,
    summary: &Summary,
    reasons: &BTreeSet<String>,
) -> Result<Vec<Observed>, UnknownPrice> {
    let observer = Observer {
        run,
        summary,
        seconds: seconds(run.record),
    };
    let mut all = observer.outcomes();
    all.extend(observer.response_times());
    all.push(observer.cost()?);
    all.extend(observer.units());
    all.extend(reasons.iter().map(|reason| observer.throttles(reason)));
    Ok(all)
}

struct Observer<'a> {
    run: &'a Run<'a>,
    summary: &'a Summary,
    /// The measured seconds; `None` where nothing happened.
    seconds: Vec<Option<&'a Interval>>,
}

/// Seconds that overlap a measured phase, in order of time.
fn seconds(record: &RunRecord) -> Vec<Option<&Interval>> {
    const SECOND: u64 = 1_000_000_000;
    let known: BTreeMap<u64, &Interval> = record.intervals.iter().map(|i| (i.second, i)).collect();
    let mut next = 0;
    let mut all = Vec::new();
    for phase in measured_phases(record) {
        let first = (phase.starts.as_nanos() / SECOND).max(next);
        next = phase.ends.as_nanos().div_ceil(SECOND).max(first);
        // A record may claim to be endless: seconds after the last event are not looked at.
        let end = next.min(
            known
                .keys()
                .last()
                .map_or(first, |last| last + 1)
                .max(first),
        );
        all.extend((first..end).map(|second| known.get(&second).copied()));
    }
    all
}

impl Observer<'_> {
    fn ratio(&self, part: impl Fn(&Interval) -> (f64, f64)) -> Series {
        let nothing = (0.0, 0.0);
        let of = |second: Option<&Interval>| second.map_or(nothing, &part);
        Series::Ratio(self.seconds.iter().copied().map(of).collect())
    }

    /// A mean per second: seconds in which nothing happened count.
    fn mean(&self, part: impl Fn(&Interval) -> f64) -> Series {
        let of = |second: Option<&Interval>| (second.map_or(0.0, &part), 1.0);
        Series::Ratio(self.seconds.iter().copied().map(of).collect())
    }

    fn outcomes(&self) -> Vec<Observed> {
        let summary = self.summary;
        let all = |interval: &Interval| {
            let mut sum = OutcomeCounts::default();
            for operation in &interval.operations {
                sum += operation.outcomes;
            }
            sum
        };
        let of = |part: fn(OutcomeCounts) -> u64| {
            self.ratio(move |second| {
                let outcomes = all(second);
                (float(part(outcomes)), float(outcomes.total()))
            })
        };
        let share = |name: &str, value, series| Observed {
            name: name.to_owned(),
            unit: FigureUnit::Share,
            better: Better::Less,
            value,
            series,
        };
        let mut found = vec![
            share("throttled", summary.throttled_share, of(|o| o.throttled)),
            share(
                "errors",
                summary.error_share,
                of(|o| o.failed + o.timed_out),
            ),
            Observed {
                name: "completed".to_owned(),
                unit: FigureUnit::RequestsPerSecond,
                better: Better::More,
                value: Some(summary.completed_per_second),
                series: self.mean(|second| float(all(second).completed)),
            },
        ];
        for (number, operation) in summary.operations.iter().enumerate() {
            let series = self.ratio(|second| {
                let of = second.operations.get(number).map(|one| one.outcomes);
                let of = of.unwrap_or_default();
                (float(of.throttled), float(of.total()))
            });
            let name = format!("throttled {}", operation.name);
            found.push(share(&name, operation.throttled_share, series));
        }
        found
    }

    fn response_times(&self) -> Vec<Observed> {
        let mut all = LatencyHistogram::default();
        let totals: Vec<_> = (0..self.summary.operations.len())
            .map(|number| collect::operation_totals(self.run.record, number).response_time)
            .collect();
        for times in &totals {
            all.merge(times);
        }
        let together = self.times(None);
        let quantiles = [Quantile::P50, Quantile::P99, Quantile::P99_9];
        let mut found: Vec<Observed> = quantiles
            .into_iter()
            .map(|quantile| time("response time", &all, together.clone(), quantile))
            .collect();
        for (number, operation) in self.summary.operations.iter().enumerate() {
            let name = format!("response time {}", operation.name);
            let values = self.times(Some(number));
            found.push(time(&name, &totals[number], values, Quantile::P99));
        }
        found
    }

    /// Response times of each second, of one operation or of all.
    fn times(&self, operation: Option<usize>) -> Values {
        let seconds: Vec<Vec<(u64, u64)>> = self
            .seconds
            .iter()
            .map(|second| {
                let mut counts = BTreeMap::<u64, u64>::new();
                let all = second.iter().flat_map(|second| second.operations.iter());
                let wanted = all
                    .enumerate()
                    .filter(|(number, _)| operation.is_none_or(|only| only == *number));
                for encoded in wanted.filter_map(|(_, one)| one.response_time.as_ref()) {
                    // What a stored run holds was checked when it was read.
                    let mut before = 0;
                    for (time, sum) in encoded.decode().unwrap_or_default().cumulative() {
                        *counts.entry(nanos(time)).or_default() += sum - before;
                        before = sum;
                    }
                }
                counts.into_iter().collect()
            })
            .collect();
        Values::new(&seconds)
    }

    /// Dollars a month for capacity: what is in force, or on demand what was consumed.
    fn cost(&self) -> Result<Observed, UnknownPrice> {
        let record = self.run.record;
        let month = self.run.scenario.model.month();
        let mut rates = Vec::new();
        for (number, table) in record.tables.iter().enumerate() {
            let class = self
                .run
                .scenario
                .tables
                .get(number)
                .map(|table| table.class);
            let factor = match class {
                Some(TableClass::StandardInfrequentAccess) => price::infrequent_access(0.0, 1.0),
                _ => 1.0,
            };
            for direction in Direction::ALL {
                let (prices, unit) = (PriceTable::embedded(), Unit::of(direction));
                let usd = if table.on_demand {
                    prices.on_demand(REGION, unit, month * 3600.0)?
                } else {
                    prices.provisioned(REGION, unit, 1.0, month)?
                };
                rates.push((number, direction, usd * factor));
            }
        }
        let of_second = |second: Option<&Interval>| -> f64 {
            let each = rates.iter().map(|(table, direction, usd)| {
                let known = &record.tables[*table];
                let units = if known.on_demand {
                    second.map_or(CapacityUnits::ZERO, |second| {
                        taken(record, second, *table, *direction)
                    })
                } else {
                    in_force(record, second, *table, *direction)
                };
                units.as_f64() * usd
            });
            each.sum()
        };
        let seconds: Vec<(f64, f64)> = self.seconds.iter().map(|s| (of_second(*s), 1.0)).collect();
        let sum: f64 = seconds.iter().map(|(usd, _)| usd).sum();
        Ok(Observed {
            name: "capacity a month".to_owned(),
            unit: FigureUnit::UsdPerMonth,
            better: Better::Less,
            value: (!seconds.is_empty()).then(|| sum / float(seconds.len() as u64)),
            series: Series::Ratio(seconds),
        })
    }

    fn units(&self) -> Vec<Observed> {
        let record = self.run.record;
        let totals = TableTotals::of(record);
        let mut found = Vec::new();
        let mut add = |name: String, direction, units: CapacityUnits, series| {
            found.push(Observed {
                name,
                unit: ByDirection {
                    read: FigureUnit::ReadUnitsPerSecond,
                    write: FigureUnit::WriteUnitsPerSecond,
                }[direction],
                better: Better::Neither,
                value: Some(units.as_f64() / self.summary.seconds),
                series,
            });
        };
        for (number, (table, total)) in record.tables.iter().zip(&totals).enumerate() {
            for direction in Direction::ALL {
                let series = self.mean(|second| {
                    let of = operations_of(record, second, number);
                    of.map(|one| one.consumed[direction].as_f64()).sum()
                });
                let name = format!("{} consumed", table.name);
                add(name, direction, total.consumed[direction], series);
                for (index, units) in total.indexes.iter().enumerate() {
                    let series = self.mean(|second| {
                        let of = operations_of(record, second, number);
                        of.filter_map(|one| one.index_consumed.get(index))
                            .map(|units| units[direction].as_f64())
                            .sum()
                    });
                    let name = format!("{}/{} consumed", table.name, table.indexes[index].name);
                    add(name, direction, units[direction], series);
                }
            }
        }
        // Reads and writes of one table have one name and different units.
        for one in &mut found {
            let what = match one.unit {
                FigureUnit::ReadUnitsPerSecond => "reads",
                _ => "writes",
            };
            one.name = format!("{}, {what}", one.name);
        }
        found
    }

    /// Throttled attempts per second that were given this reason.
    fn throttles(&self, reason: &str) -> Observed {
        let tables = TableTotals::of(self.run.record);
        let counts = tables
            .iter()
            .filter_map(|table| table.throttles_by_reason.get(reason));
        Observed {
            name: reason.to_owned(),
            unit: FigureUnit::RequestsPerSecond,
            better: Better::Less,
            value: Some(float(counts.sum()) / self.summary.seconds),
            series: self.mean(|second| {
                let of = second.operations.iter();
                let counts = of.filter_map(|one| one.throttle_reasons.get(reason));
                float(counts.sum())
            }),
        }
    }
}

fn time(name: &str, whole: &LatencyHistogram, seconds: Values, quantile: Quantile) -> Observed {
    let value = whole.quantile(quantile);
    Observed {
        name: format!("{name} {quantile}"),
        unit: FigureUnit::Nanoseconds,
        better: Better::Less,
        value: value.map(|time| float(nanos(time))),
        series: Series::Quantile(seconds, quantile),
    }
}

fn operations_of<'a>(
    record: &'a RunRecord,
    second: &'a Interval,
    table: usize,
) -> impl Iterator<Item = &'a crate::record::IntervalOperation> {
    let all = record.operations.iter().zip(&second.operations);
    all.filter(move |(operation, _)| operation.table == table)
        .map(|(_, one)| one)
}

/// Units that a table and its indexes took.
fn taken(
    record: &RunRecord,
    second: &Interval,
    table: usize,
    direction: Direction,
) -> CapacityUnits {
    operations_of(record, second, table)
        .map(|one| {
            let of_indexes = one.index_consumed.iter().map(|units| units[direction]);
            one.consumed[direction] + of_indexes.sum()
        })
        .sum()
}

/// Units in force for a table and its indexes; those of the start where a second shows none.
fn in_force(
    record: &RunRecord,
    second: Option<&Interval>,
    table: usize,
    direction: Direction,
) -> CapacityUnits {
    let start = &record.tables[table];
    let seen = second.and_then(|second| second.tables.get(table));
    let own = seen.map_or(start.provisioned, |seen| seen.provisioned);
    let indexes = start.indexes.iter().enumerate().map(|(number, index)| {
        let seen = seen.and_then(|seen| seen.indexes.get(number));
        seen.map_or(index.provisioned, |seen| seen.provisioned)[direction]
    });
    own[direction] + indexes.sum()
}
