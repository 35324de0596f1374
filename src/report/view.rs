//! Filling a [`ReportView`].

mod capacity;
mod definitions;
mod tiles;

use super::{
    AssertionRow, ErrorRow, Fact, Mark, OperationRow, PercentileRow, ReportView, ThrottleRow,
    VerdictView, cost::CostView, direction_label, format, generator, heat, model, partitions,
    sentence, shards,
};
use crate::{
    analysis::{
        Analysis, OperationSummary, Percentiles, Summary, ThrottleCause,
        generator::Limit,
        threshold::{Assertion, Bound, InvalidReason, Quantity, Verdict},
    },
    record::RunRecord,
    scenario::Scenario,
    units::float,
};
use capacity::each_direction;

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
            target: sentence::target(record),
            seed: record.provenance.seed.to_string(),
            duration,
            verdict: verdict_view(&judgement.verdict, &judgement.assertions),
            sentence: {
                let answer = sentence::sentence(cause, &judgement.verdict);
                let limit = is_late(&judgement.verdict)
                    .then(|| Limit::of(record, scenario).map(generator::limit));
                let notes = [
                    limit.flatten(),
                    sentence::scale_note(record),
                    sentence::model_note(scenario),
                ];
                notes.into_iter().flatten().fold(answer, |mut all, note| {
                    all.push(' ');
                    all + &note
                })
            },
            tiles: tiles::tiles(record, scenario, summary, &assertions),
            assertions,
            operations: summary
                .operations
                .iter()
                .map(|one| operation_row(one, summary))
                .collect(),
            capacity: capacity::rows(record, summary),
            indexes: capacity::index_rows(summary),
            throttles: throttles(record, summary),
            partitions: partitions::facts(record),
            hottest: heat::hottest(record),
            keys: heat::key_tables(record),
            cost: CostView::of(summary, scenario.model.month()),
            errors: errors(summary),
            validity: validity(record, scenario, summary),
            shards: shards::rows(record),
            model: model::rows(record),
            definitions: definitions::definitions(),
        }
    }
}

/// Whether the generator did not do what was asked of it.
fn is_late(verdict: &Verdict) -> bool {
    use InvalidReason::{DispatchDelay, Dropped, NothingSent};
    let Verdict::Invalid { reasons } = verdict else {
        return false;
    };
    let mut reasons = reasons.iter();
    reasons.any(|reason| matches!(reason, DispatchDelay { .. } | Dropped { .. } | NothingSent))
}

fn facts(record: &RunRecord, scenario: &Scenario, duration: &str) -> Vec<Fact> {
    let from = &record.provenance;
    let mut facts = vec![
        fact("scenario", &scenario.name),
        fact("fingerprint", &from.fingerprint),
        fact("target", &from.target),
    ];
    if !from.time_scale.is_real() {
        let scale = format!(
            "{} s of the run in each second of the machine",
            from.time_scale
        );
        facts.push(fact("time scale", &scale));
    }
    if let Some(client) = &from.client {
        facts.push(fact("client", client));
    }
    facts.extend(generator::facts(record));
    facts.extend([fact("seed", &from.seed.to_string())]);
    facts.extend(from.commit.iter().map(|commit| fact("commit", commit)));
    facts.extend([
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

fn validity(record: &RunRecord, scenario: &Scenario, summary: &Summary) -> Vec<AssertionRow> {
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
            record.allowed_delay(scenario).as_secs_f64() * 1e9,
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

pub(super) fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| format::NO_DATA.into(), show)
}
