//! The words for what explains a run: was it enough, and if not, why?

mod shortfall;

use super::{direction_label, format};
use crate::analysis::{
    cause::{Cause, Used},
    threshold::{Assertion, Bound, InvalidReason, Quantity, Verdict},
};
use crate::{
    record::RunRecord,
    scenario::{ArrivalSpec, PhaseKind, Scenario},
    units::Direction,
};

/// Of more missing shards than this only the number is told.
const SHARDS_TOLD: usize = 5;

/// The answer in a sentence or two. Names are as the scenario wrote them.
#[must_use]
pub fn sentence(cause: &Cause, verdict: &Verdict) -> String {
    let answer = match cause {
        Cause::Invalid { reasons } => invalid(reasons),
        Cause::Part { shard } => format!(
            "Shard {} of {} did its part. What the run says of the table shows when all shards \
             are merged (dyno merge).",
            shard.number(),
            shard.count()
        ),
        Cause::NothingMeasured => "Nothing was measured.".into(),
        Cause::Errors {
            share,
            most_common,
            most_common_share,
        } => errors(*share, most_common.as_deref(), *most_common_share),
        Cause::Throttled {
            shortfalls,
            burst_only,
        } => shortfall::throttled(shortfalls, verdict) + &also_on_burst(burst_only),
        Cause::Missed { assertion, used } => format!(
            "Capacity was enough ({}), but {}.",
            usage(used),
            missed(assertion)
        ),
        Cause::BurstOnly { used } => burst_only(used),
        Cause::NotEnforced {
            used,
            burst_seconds,
        } => not_enforced(used, *burst_seconds),
        Cause::Enough { used } if used.is_empty() => "Nothing was throttled.".into(),
        Cause::Enough { used } => format!("Capacity was enough: {}.", usage(used)),
    };
    match verdict {
        Verdict::Interrupted => {
            format!("The run was interrupted; what follows holds only so far. {answer}")
        }
        Verdict::Incomplete(incomplete) => format!(
            "The run goes on, or its process was killed: what follows holds for its first {}, and \
             {} of its requests had not ended by then. {answer}",
            format::length(incomplete.until.as_secs_f64()),
            format::count(incomplete.under_way),
        ),
        _ => answer,
    }
}

/// What a reader of response times has to know when measured phases of `scenario` are closed.
#[must_use]
pub fn model_note(scenario: &Scenario) -> Option<String> {
    let measured = scenario
        .phases
        .iter()
        .filter(|p| p.kind == PhaseKind::Measured);
    let clients = measured.filter_map(|phase| match phase.arrivals {
        ArrivalSpec::Closed { clients, .. } => Some(clients),
        _ => None,
    });
    let most = clients.max()?;
    let noun = if most == 1 { "client" } else { "clients" };
    Some(format!(
        "Closed model, {} {noun}: while the table stalls the clients wait instead of sending, so \
         response times under-represent stalls (coordinated omission, by design).",
        format::count(u64::from(most))
    ))
}

/// What a reader of times and rates has to know when the run's time was not the machine's.
#[must_use]
pub fn scale_note(record: &RunRecord) -> Option<String> {
    let scale = record.provenance.time_scale;
    (!scale.is_real()).then(|| {
        format!(
            "Time × {scale}: {scale} seconds of the run passed in each second. Rates, units and \
             times are the run's, so that what the server and this machine took counts {scale}-fold: \
             response times say nothing of it."
        )
    })
}

/// What was fired at, and how fast its time passed, where that was not real.
#[must_use]
pub fn target(record: &RunRecord) -> String {
    let from = &record.provenance;
    if from.time_scale.is_real() {
        return from.target.clone();
    }
    format!("{}, time × {}", from.target, from.time_scale)
}

/// Why the run is invalid, as a clause.
#[must_use]
pub fn invalid_reason(reason: &InvalidReason) -> String {
    match reason {
        InvalidReason::Unbalanced {
            phase,
            arrivals,
            outcomes,
        } => format!(
            "the accounting of phase {phase} does not add up: {} requests due, {} accounted for",
            format::count(*arrivals),
            format::count(*outcomes)
        ),
        InvalidReason::NothingDue => "no request was due in a measured phase".into(),
        InvalidReason::NothingSent => "none of the requests was sent".into(),
        InvalidReason::DispatchDelay {
            p99_nanos,
            allowed_nanos,
        } => format!(
            "p99 of dispatch delay {}, allowed {}",
            format::duration(*p99_nanos),
            format::duration(*allowed_nanos)
        ),
        InvalidReason::Dropped { share, allowed } => format!(
            "{} of the requests dropped, allowed {}",
            format::percent(*share),
            format::percent(*allowed)
        ),
        InvalidReason::StartedLate {
            shard,
            late_nanos,
            allowed_nanos,
        } => format!(
            "shard {shard} was ready {} after the start, allowed {}",
            format::duration(*late_nanos),
            format::duration(*allowed_nanos)
        ),
        InvalidReason::ShardsMissing {
            missing,
            count,
            offered_per_second,
        } => shards_missing(missing, *count, *offered_per_second),
    }
}

fn shards_missing(missing: &[u32], count: u32, offered_per_second: f64) -> String {
    let numbers: Vec<_> = missing
        .iter()
        .take(SHARDS_TOLD)
        .map(u32::to_string)
        .collect();
    let more = match missing.len().saturating_sub(SHARDS_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (noun, verb) = if missing.len() == 1 {
        ("shard", "is")
    } else {
        ("shards", "are")
    };
    format!(
        "{noun} {}{more} of {count} {verb} missing; the others offered {}/s in all",
        numbers.join(", "),
        format::number(offered_per_second)
    )
}

/// A value of an assertion with its unit.
#[must_use]
pub fn quantity(value: f64, quantity: Quantity) -> String {
    match quantity {
        // A margin may be negative, and must not read as nothing then.
        Quantity::Share if value < 0.0 => format!("−{}", format::percent(-value)),
        Quantity::Share => format::percent(value),
        Quantity::Nanoseconds => format::duration_difference(value),
        Quantity::PerSecond => format!("{}/s", format::number(value)),
    }
}

fn invalid(reasons: &[InvalidReason]) -> String {
    let why = reasons
        .iter()
        .map(invalid_reason)
        .collect::<Vec<_>>()
        .join("; ");
    if reasons
        .iter()
        .any(|reason| matches!(reason, InvalidReason::Unbalanced { .. }))
    {
        return format!(
            "The record contradicts itself ({why}), so this run says nothing about the table."
        );
    }
    if reasons.contains(&InvalidReason::NothingDue) {
        return format!("Nothing was measured ({why}), so this run says nothing about the table.");
    }
    let incomplete = |reason: &InvalidReason| matches!(reason, InvalidReason::ShardsMissing { .. });
    if reasons.iter().any(incomplete) {
        return format!("The run is not whole ({why}), so it says nothing about the table.");
    }
    let late = reasons.iter().any(|reason| {
        use InvalidReason::{DispatchDelay, StartedLate};
        matches!(reason, DispatchDelay { .. } | StartedLate { .. })
    });
    let what = if late {
        "was late"
    } else {
        "could not keep up"
    };
    format!("The generator {what} ({why}), so this run says nothing about the table.")
}

fn errors(share: f64, most_common: Option<&str>, most_common_share: f64) -> String {
    let because = most_common.map_or_else(String::new, |cause| {
        if most_common_share >= 1.0 {
            format!(": {cause}")
        } else {
            format!(": {} of them {cause}", format::percent(most_common_share))
        }
    });
    format!(
        "{} of the requests failed{because}. That is no lack of capacity; mend it before \
         you judge the table.",
        format::percent(share)
    )
}

fn amount(units: f64, direction: Direction) -> String {
    format!(
        "{}{}{}",
        format::units(units),
        format::NO_BREAK,
        direction.unit()
    )
}

/// `at most 42 % of 500 RCU and 10 % of 400 WCU were used`; where the busiest second took more
/// than is provisioned, the mean and that.
fn usage(used: &[Used]) -> String {
    if used.is_empty() {
        return "nothing was throttled".into();
    }
    let one_table = used.iter().all(|one| one.table == used[0].table);
    let provision = |one: &Used| {
        let provisioned = amount(one.provisioned, one.direction);
        if one_table {
            provisioned
        } else {
            format!("{provisioned} of `{}`", one.table)
        }
    };
    let (within, beyond): (Vec<&Used>, Vec<&Used>) = used.iter().partition(|one| one.peak <= 1.0);
    let parts: Vec<String> = within
        .iter()
        .map(|one| format!("{} of {}", format::percent(one.peak), provision(one)))
        .collect();
    let mut clauses = Vec::new();
    if !parts.is_empty() {
        let were = if parts.len() == 1 { "was" } else { "were" };
        clauses.push(format!("at most {} {were} used", joined(&parts)));
    }
    clauses.extend(beyond.iter().map(|one| {
        format!(
            "{} of {} was used on average and {} in the busiest second, out of burst credit",
            format::percent(one.mean),
            provision(one),
            format::percent(one.peak)
        )
    }));
    clauses.join("; ")
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn missed(assertion: &Assertion) -> String {
    let limit = quantity(assertion.limit, assertion.quantity);
    let side = match assertion.bound {
        Bound::AtMost => "more",
        Bound::AtLeast => "less",
    };
    match assertion.observed {
        Some(observed) => format!(
            "{} was {}, {side} than {limit}",
            assertion.name,
            quantity(observed, assertion.quantity)
        ),
        None => format!("there was no data for {}", assertion.name),
    }
}

fn also_on_burst(used: &[Used]) -> String {
    let mut sentences = vec![String::new()];
    for one in used {
        let unit = one.direction.unit();
        sentences.push(format!(
            "The {} of `{}` used {}{}{unit}/s of {}{}{unit} and lived on burst credit.",
            direction_label(one.direction),
            one.table,
            format::number(one.mean * one.provisioned),
            format::NO_BREAK,
            format::units(one.provisioned),
            format::NO_BREAK,
        ));
    }
    sentences.join(" ")
}

/// `the reads of T used 24 RCU/s where 2 RCU are provisioned`.
fn beyond_provision(used: &Used) -> String {
    let unit = used.direction.unit();
    format!(
        "the {} of `{}` used {}{}{unit}/s where {}{}{unit} are provisioned",
        direction_label(used.direction),
        used.table,
        format::number(used.mean * used.provisioned),
        format::NO_BREAK,
        format::units(used.provisioned),
        format::NO_BREAK,
    )
}

fn not_enforced(used: &[Used], burst_seconds: u32) -> String {
    let beyond: Vec<_> = used.iter().map(beyond_provision).collect();
    format!(
        "This server did not enforce capacity: {}. DynamoDB keeps at most {burst_seconds}{}s of \
         unused capacity for that, and throttles once it is spent.",
        beyond.join(", and "),
        format::NO_BREAK,
    )
}

fn burst_only(used: &[Used]) -> String {
    let Some(worst) = used.first() else {
        return String::new();
    };
    let left = worst.burst_left.map_or_else(String::new, |left| {
        format!(", of which {} was left", format::percent(left))
    });
    format!(
        "Enough for now only: {}, and lived on burst credit{left}. A longer run would be throttled.",
        beyond_provision(worst)
    )
}
