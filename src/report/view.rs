//! Filling a [`ReportView`].

use super::{
    AssertionRow, CapacityRow, ErrorRow, Fact, Mark, OperationRow, PercentileRow, ReportView,
    ThrottleRow, Tile, VerdictView, direction_label, format, model, partitions, sentence, shards,
};
use crate::{
    analysis::{
        Analysis, CapacitySummary, OperationSummary, Percentiles, Summary, ThrottleCause,
        threshold::{Assertion, Bound, Quantity, Verdict},
    },
    record::RunRecord,
    scenario::Scenario,
    units::Direction,
};

impl ReportView {
    /// What every report shows of `record`, analysed as `analysis`.
    #[must_use]
    pub fn of(record: &RunRecord, scenario: &Scenario, analysis: &Analysis) -> Self {
        let Analysis {
            summary,
            judgement,
            cause,
            ..
        } = analysis;
        let mut assertions: Vec<AssertionRow> =
            judgement.assertions.iter().map(assertion_row).collect();
        assertions.sort_by_key(|row| row.mark == Mark::Good);
        let duration = format::length(summary.seconds);
        Self {
            scenario: scenario.name.clone(),
            question: scenario.question.clone(),
            facts: facts(record, scenario, &duration),
            target: record.provenance.target.clone(),
            seed: record.provenance.seed.to_string(),
            duration,
            verdict: verdict_view(&judgement.verdict, &judgement.assertions),
            sentence: {
                let answer = sentence::sentence(cause, &judgement.verdict);
                match sentence::model_note(scenario) {
                    Some(note) => format!("{answer} {note}"),
                    None => answer,
                }
            },
            tiles: tiles(record, summary, record.provenance.interrupted),
            assertions,
            operations: summary
                .operations
                .iter()
                .map(|one| operation_row(one, summary))
                .collect(),
            capacity: each_direction(record, summary)
                .map(|(table, direction, capacity)| {
                    capacity_row(table, direction, capacity, summary)
                })
                .collect(),
            throttles: throttles(record, summary),
            partitions: partitions::facts(record),
            errors: errors(summary),
            validity: validity(scenario, summary),
            shards: shards::rows(record),
            model: model::rows(record),
            definitions: definitions(),
        }
    }
}

fn facts(record: &RunRecord, scenario: &Scenario, duration: &str) -> Vec<Fact> {
    let from = &record.provenance;
    let mut facts = vec![
        fact("scenario", &scenario.name),
        fact("fingerprint", &from.fingerprint),
        fact("target", &from.target),
    ];
    if let Some(client) = &from.client {
        facts.push(fact("client", client));
    }
    facts.extend([
        fact("seed", &from.seed.to_string()),
        fact("started", &from.started_at),
        fact("measured", duration),
        fact(
            "loaded",
            &format!(
                "{} items in {}",
                format::count(from.items_loaded),
                format::length(from.load_seconds)
            ),
        ),
        fact("version", &format!("dynamometer {}", from.tool_version)),
    ]);
    if sentence::model_note(scenario).is_some() {
        facts.push(fact(
            "arrivals",
            "closed model: response times under-represent stalls",
        ));
    }
    facts.extend(shards::facts(record));
    for name_and_value in &from.model_overrides {
        facts.push(fact("model", name_and_value));
    }
    facts
}

pub(super) fn fact(term: &str, value: &str) -> Fact {
    Fact {
        term: term.to_owned(),
        value: value.to_owned(),
    }
}

fn verdict_view(verdict: &Verdict, assertions: &[Assertion]) -> VerdictView {
    let (word, mark, detail) = match verdict {
        Verdict::Pass if assertions.is_empty() => {
            ("PASS", Mark::Good, "no thresholds were set".to_owned())
        }
        Verdict::Pass => (
            "PASS",
            Mark::Good,
            format!("{0} of {0} met", assertions.len()),
        ),
        Verdict::Fail => (
            "FAIL",
            Mark::Bad,
            format!(
                "{} of {} missed",
                assertions.iter().filter(|one| !one.met).count(),
                assertions.len()
            ),
        ),
        Verdict::Invalid { .. } => ("INVALID", Mark::Caution, String::new()),
        Verdict::Interrupted => ("INTERRUPTED", Mark::Caution, String::new()),
        Verdict::Incomplete(_) => ("INCOMPLETE", Mark::Caution, String::new()),
        Verdict::Part => ("PART", Mark::Neutral, String::new()),
    };
    VerdictView {
        word,
        mark,
        detail,
        exit_code: verdict.exit_code(),
    }
}

fn assertion_row(assertion: &Assertion) -> AssertionRow {
    let side = match assertion.bound {
        Bound::AtMost => '≤',
        Bound::AtLeast => '≥',
    };
    let show = |value| sentence::quantity(value, assertion.quantity);
    AssertionRow {
        name: assertion.name.clone(),
        observed: assertion.observed.map_or_else(|| "no data".into(), show),
        limit: format!("{side}{}{}", format::NO_BREAK, show(assertion.limit)),
        margin: optional(assertion.margin, show),
        mark: if assertion.met { Mark::Good } else { Mark::Bad },
    }
}

fn validity(scenario: &Scenario, summary: &Summary) -> Vec<AssertionRow> {
    let bound = |name: &str, quantity, limit: f64, observed: Option<f64>| {
        let show = |value| sentence::quantity(value, quantity);
        AssertionRow {
            name: name.into(),
            observed: observed.map_or_else(|| "no data".into(), show),
            limit: format!("≤{}{}", format::NO_BREAK, show(limit)),
            margin: optional(observed.map(|observed| limit - observed), show),
            mark: if observed.is_some_and(|observed| observed <= limit) {
                Mark::Good
            } else {
                Mark::Bad
            },
        }
    };
    vec![
        bound(
            "dispatch delay p99",
            Quantity::Nanoseconds,
            scenario.validity.dispatch_delay_p99.as_secs_f64() * 1e9,
            summary.dispatch_delay.map(|delay| float(delay.p99_nanos)),
        ),
        bound(
            "dropped",
            Quantity::Share,
            scenario.validity.dropped.as_fraction(),
            summary.dropped_share,
        ),
    ]
}

fn tiles(record: &RunRecord, summary: &Summary, interrupted: bool) -> Vec<Tile> {
    let bad_if = |share: Option<f64>| match share {
        Some(share) if share > 0.0 => Mark::Bad,
        Some(_) => Mark::Good,
        None => Mark::Neutral,
    };
    let latency = summary.response_time;
    let mut tiles = vec![
        Tile {
            label: "completed".into(),
            value: format!("{}/s", format::number(summary.completed_per_second)),
            note: format!(
                "of {}/s offered",
                format::number(summary.offered_per_second)
            ),
            mark: if interrupted || summary.arrivals == 0 {
                Mark::Neutral
            } else if summary.outcomes.completed == summary.arrivals {
                Mark::Good
            } else {
                Mark::Bad
            },
        },
        Tile {
            label: "throttled".into(),
            value: optional(summary.throttled_share, format::percent),
            note: format!("{} requests", format::count(summary.outcomes.throttled)),
            mark: bad_if(summary.throttled_share),
        },
        Tile {
            label: "response time p99".into(),
            value: optional(latency, |it| format::duration(it.p99_nanos)),
            note: latency.map_or_else(String::new, |it| {
                format!(
                    "p50 {}, p99.9 {}",
                    format::duration(it.p50_nanos),
                    format::duration(it.p99_9_nanos)
                )
            }),
            mark: Mark::Neutral,
        },
    ];
    for (table, direction, capacity) in each_direction(record, summary) {
        let label = direction_label(direction);
        tiles.push(Tile {
            label: if record.tables.len() > 1 {
                format!("{label} of {table}")
            } else {
                format!("{label} used")
            },
            value: optional(capacity.utilisation, format::percent),
            note: format!(
                "{} of {}",
                format::number(capacity.mean_per_second),
                provisioned(capacity, direction)
            ),
            mark: bad_if(capacity.throttled_share),
        });
    }
    tiles.push(Tile {
        label: "errors".into(),
        value: optional(summary.error_share, format::percent),
        note: format!(
            "{} requests",
            format::count(summary.outcomes.failed + summary.outcomes.timed_out)
        ),
        mark: bad_if(summary.error_share),
    });
    tiles
}

fn operation_row(one: &OperationSummary, summary: &Summary) -> OperationRow {
    let any = |count: u64| if count > 0 { Mark::Bad } else { Mark::Neutral };
    OperationRow {
        name: one.name.clone(),
        api_name: one.kind.api_name(),
        table: summary
            .tables
            .get(one.table)
            .map_or_else(String::new, |table| table.name.clone()),
        arrivals: format::count(one.arrivals),
        completed: format::count(one.outcomes.completed),
        throttled: format::count(one.outcomes.throttled),
        failed: format::count(one.outcomes.failed),
        timed_out: format::count(one.outcomes.timed_out),
        dropped: format::count(one.outcomes.dropped),
        attempts: format::count(one.attempts),
        offered_rate: format::number(one.offered_per_second),
        completed_rate: format::number(one.completed_per_second),
        response_time: percentile_row(one.response_time),
        service_time: percentile_row(one.service_time),
        units_per_request: optional(one.units_per_request, |units| {
            format!(
                "{}{}{}",
                format::number(units),
                format::NO_BREAK,
                one.kind.direction().unit()
            )
        }),
        throttled_share: optional(one.throttled_share, format::percent),
        error_share: optional(one.error_share, format::percent),
        throttled_mark: any(one.outcomes.throttled),
        error_mark: any(one.outcomes.failed + one.outcomes.timed_out),
    }
}

fn percentile_row(percentiles: Option<Percentiles>) -> PercentileRow {
    let show =
        |which: fn(Percentiles) -> u64| optional(percentiles, |it| format::duration(which(it)));
    PercentileRow {
        p50: show(|it| it.p50_nanos),
        p99: show(|it| it.p99_nanos),
        p99_9: show(|it| it.p99_9_nanos),
        max: show(|it| it.max_nanos),
    }
}

/// Nothing is provisioned on demand, and at least 1 otherwise.
fn provisioned(capacity: &CapacitySummary, direction: Direction) -> String {
    if capacity.provisioned > 0.0 {
        amount(capacity.provisioned, direction)
    } else {
        format!("on-demand {}", direction.unit())
    }
}

fn capacity_row(
    table: &str,
    direction: Direction,
    capacity: &CapacitySummary,
    summary: &Summary,
) -> CapacityRow {
    CapacityRow {
        table: table.to_owned(),
        direction,
        label: direction_label(direction),
        consumed: amount(capacity.consumed, direction),
        mean: format::number(capacity.mean_per_second),
        peak: format::number(capacity.peak_per_second),
        provisioned: provisioned(capacity, direction),
        utilisation: capacity.utilisation,
        utilisation_percent: optional(capacity.utilisation, format::percent),
        demand: optional(capacity.demand_estimate_per_second, |mean| {
            let peak = capacity
                .demand_peak_estimate_per_second
                .map(format::number)
                .filter(|peak| *peak != format::number(mean))
                .map_or_else(String::new, |peak| format!(", at its busiest {peak}"));
            format!(
                "about {}{peak}{}{}/s",
                format::number(mean),
                format::NO_BREAK,
                direction.unit()
            )
        }),
        throttled_share: optional(capacity.throttled_share, format::percent),
        throttled_seconds: format!(
            "{} of {}",
            format::count(capacity.seconds_with_throttles),
            format::length(summary.seconds)
        ),
        burst: burst(capacity),
        mark: if capacity.outcomes.throttled > 0 || !capacity.throttles_by_cause.is_empty() {
            Mark::Bad
        } else {
            Mark::Good
        },
    }
}

fn burst(capacity: &CapacitySummary) -> String {
    let Some(burst) = capacity.burst else {
        return String::new();
    };
    if let Some(second) = burst.ran_dry_at_second {
        return format!(
            "burst dry after {}{}s",
            format::count(second + 1),
            format::NO_BREAK
        );
    }
    if !burst.ever_available {
        return "no burst credit".into();
    }
    if burst.lowest >= burst.full {
        "burst credit full".into()
    } else {
        format!(
            "burst ≥ {}",
            format::percent(burst.lowest.max(0.0) / burst.full)
        )
    }
}

fn throttles(record: &RunRecord, summary: &Summary) -> Vec<ThrottleRow> {
    each_direction(record, summary)
        .flat_map(|(table, direction, capacity)| {
            capacity
                .throttles_by_reason
                .iter()
                .map(move |(reason, count)| ThrottleRow {
                    table: table.to_owned(),
                    label: direction_label(direction),
                    cause: ThrottleCause::of(reason).name(),
                    reason: reason.clone(),
                    times: *count,
                    count: format::count(*count),
                })
        })
        .collect()
}

fn errors(summary: &Summary) -> Vec<ErrorRow> {
    summary
        .operations
        .iter()
        .flat_map(|operation| {
            operation.errors.iter().map(|(cause, count)| ErrorRow {
                operation: operation.name.clone(),
                cause: cause.clone(),
                count: format::count(*count),
            })
        })
        .collect()
}

/// Those that an operation uses, or whose units were consumed all the same.
fn each_direction<'a>(
    record: &'a RunRecord,
    summary: &'a Summary,
) -> impl Iterator<Item = (&'a str, Direction, &'a CapacitySummary)> + 'a {
    summary
        .tables
        .iter()
        .enumerate()
        .flat_map(move |(index, table)| {
            Direction::ALL.into_iter().filter_map(move |direction| {
                let capacity = &table.directions[direction];
                let used = record.operations.iter().any(|operation| {
                    operation.table == index && operation.kind.direction() == direction
                });
                (used || capacity.consumed > 0.0).then_some((
                    table.name.as_str(),
                    direction,
                    capacity,
                ))
            })
        })
}

fn amount(units: f64, direction: Direction) -> String {
    format!(
        "{}{}{}",
        format::units(units),
        format::NO_BREAK,
        direction.unit()
    )
}

fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| format::NO_DATA.into(), show)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "three digits are shown of at most twenty"
)]
const fn float(nanos: u64) -> f64 {
    nanos as f64
}

fn definitions() -> Vec<Fact> {
    [
        ("offered", "Requests that were due per second. They are due at times fixed in advance, whatever the answers (an open model)."),
        ("completed", "Requests answered with success per second."),
        ("throttled", "Requests whose final answer was a throttle ÷ requests that were due."),
        ("errors", "Requests that failed otherwise or had no answer by their deadline ÷ requests that were due."),
        ("dropped", "Requests never sent because too many were under way and waiting ÷ requests that were due."),
        ("response time", "From when a request was due to its final answer, completed requests: what a user waits for, delays of the generator included."),
        ("service time", "From the last send to its answer, completed requests: what the server takes."),
        ("dispatch delay", "From when a request was due to its first send: how late the generator was."),
        ("p50, p99, p99.9", "The shortest time that 50 %, 99 %, 99.9 % of the requests did not exceed; from merged histograms, within 0.1 %."),
        ("RCU, WCU", "Read and write capacity units. One RCU is a strongly consistent read of up to 4 KiB or two eventually consistent ones; one WCU is a write of up to 1 KiB."),
        ("consumed", "Units that the answers declare. Mean: over the measured phases. Peak: the busiest second."),
        ("provisioned", "Units per second that the table had, on average."),
        ("demand", "An estimate of the units per second that would have served every request: requests due × mean units of the completed ones of the same operation. At its busiest: in the ten seconds in a row in which most were due."),
        ("throttle reasons", "How often throttled attempts, retries included, gave each reason. One attempt may give several, so the reasons may be more than the attempts."),
        ("burst", "Unused units of the last minutes that DynamoDB lets a table spend later. Dry: less than 1 % of the most that can be saved up."),
        ("key range", "A throttle because one partition was at its own ceiling, whatever the table has left."),
        ("INVALID", "Dispatch delay or drops exceeded what the scenario allows, or the record contradicts itself: the run says nothing about the table."),
    ]
    .into_iter()
    .map(|(term, value)| fact(term, value))
    .collect()
}
