//! The words for what was throttled: which limit, and what would help.

use super::{
    super::{direction_label, format},
    amount, joined,
};
use crate::analysis::{
    ThrottleCause,
    cause::{BurstStory, LimitHit, Moved, Shortfall},
    threshold::Verdict,
};

/// Of more shortfalls than this only the number is told.
const SHORTFALLS_TOLD: usize = 2;

pub(super) fn throttled(shortfalls: &[Shortfall], verdict: &Verdict) -> String {
    let mut sentences = Vec::new();
    if *verdict == Verdict::Pass {
        sentences.push("Within the limits, but not without throttles.".to_owned());
    }
    sentences.extend(shortfalls.iter().take(SHORTFALLS_TOLD).map(shortfall));
    match shortfalls.len().saturating_sub(SHORTFALLS_TOLD) {
        0 => {}
        1 => sentences.push("One more table or direction was throttled too.".to_owned()),
        more => sentences.push(format!(
            "{more} more tables or directions were throttled too."
        )),
    }
    sentences.join(" ")
}

fn shortfall(one: &Shortfall) -> String {
    let label = direction_label(one.direction);
    let what = if one.share > 0.0 {
        format!(
            "{} of the {label} of `{}` were throttled",
            format::percent(one.share),
            one.table
        )
    } else {
        let mut label = label.to_owned();
        label[..1].make_ascii_uppercase();
        format!(
            "{label} of `{}` were throttled and got through on retry",
            one.table
        )
    };
    let why = match one.limits.as_slice() {
        [limit] if limit.cause == ThrottleCause::TableProvisioned => one
            .moved
            .map_or_else(|| table_capacity(one), |moved| scaled(one, moved)),
        [limit] => sole_limit(one, limit.cause),
        limits => several_limits(one, limits),
    };
    format!("{what}{why}.")
}

fn table_capacity(one: &Shortfall) -> String {
    let unit = one.direction.unit();
    let provisioned = amount(one.provisioned, one.direction);
    let burst = match one.burst {
        Some(BurstStory::RanDry { after_seconds }) => format!(
            " once the burst credit ran dry after {}{}s",
            format::count(after_seconds),
            format::NO_BREAK
        ),
        Some(BurstStory::NeverThere) => " without burst credit".into(),
        Some(BurstStory::Left) | None => String::new(),
    };
    let unevenly = if one.provision.is_none() {
        " that came unevenly"
    } else {
        ""
    };
    match demand(one) {
        None => format!(
            ": {provisioned} were not enough{burst}; what was asked for is unknown, as some \
             operation never completed: raise {unit} and run again"
        ),
        Some(demand) => format!(
            ": {provisioned} against a demand of {demand}{unevenly}{burst}; {}",
            advice(one, ThrottleCause::TableProvisioned)
        ),
    }
}

/// Auto scaling reacts to what is past: the advice is to be there before.
fn scaled(one: &Shortfall, moved: Moved) -> String {
    let demand = demand(one).map_or_else(String::new, |demand| {
        format!(", against a demand of {demand}")
    });
    format!(
        " while capacity went from {} to {}{demand}: keep a higher minimum, schedule the raise \
         before the load comes, or pay by the request",
        format::number(moved.lowest),
        amount(moved.highest, one.direction)
    )
}

/// `about 15 RCU/s`, with its peak where that is a tenth higher or more.
fn demand(one: &Shortfall) -> Option<String> {
    let rate = |units: f64| {
        format!(
            "{}{}{}/s",
            format::number(units),
            format::NO_BREAK,
            one.direction.unit()
        )
    };
    let mean = one.demand?;
    let peak = one.demand_peak.filter(|peak| *peak >= mean * 1.1);
    Some(match peak {
        Some(peak) => format!(
            "about {} on average and {} at its busiest",
            rate(mean),
            rate(peak)
        ),
        None => format!("about {}", rate(mean)),
    })
}

fn sole_limit(one: &Shortfall, cause: ThrottleCause) -> String {
    let unit = one.direction.unit();
    let advice = advice(one, cause);
    match cause {
        ThrottleCause::KeyRange if one.even_share => format!(
            " because one partition used up its even share of the table's capacity: {advice}, or \
             provision more {unit}"
        ),
        // Growth that is too fast has no reason of its own.
        ThrottleCause::KeyRange if one.on_demand => format!(
            " because more was asked for than an on-demand table serves at once, or than one \
             partition does: warm the table up beforehand, or {advice}"
        ),
        ThrottleCause::KeyRange => format!(
            " because one partition was at its ceiling; more {unit} would not help: {advice}"
        ),
        ThrottleCause::AccountLimit => format!(
            " because the account's quota was reached; more {unit} would not help: {advice}"
        ),
        ThrottleCause::TableProvisioned | ThrottleCause::Index | ThrottleCause::OnDemandMaximum => {
            format!(" because of {}: {advice}", limit_name(cause))
        }
        ThrottleCause::Other => " for a reason that the server did not name".into(),
    }
}

fn several_limits(one: &Shortfall, limits: &[LimitHit]) -> String {
    let reasons: Vec<String> = limits
        .iter()
        .map(|limit| {
            format!(
                "{} ({})",
                limit_name(limit.cause),
                format::percent(limit.part)
            )
        })
        .collect();
    let advice: Vec<String> = limits
        .iter()
        .map(|limit| advice(one, limit.cause))
        .filter(|advice| !advice.is_empty())
        .collect();
    format!(
        "; the reasons given were mostly {}: {}",
        joined(&reasons),
        joined(&advice)
    )
}

const fn limit_name(cause: ThrottleCause) -> &'static str {
    match cause {
        ThrottleCause::TableProvisioned => "the capacity of the table",
        ThrottleCause::KeyRange => "the ceiling of a partition",
        ThrottleCause::Index => "the limit of an index",
        ThrottleCause::AccountLimit => "the quota of the account",
        ThrottleCause::OnDemandMaximum => "the maximum set for on-demand",
        ThrottleCause::Other => "a reason unknown to this version",
    }
}

/// What to do about a limit; empty where nothing is known to help.
fn advice(one: &Shortfall, cause: ThrottleCause) -> String {
    match (cause, one.provision) {
        (ThrottleCause::TableProvisioned, Some(units)) => {
            format!("provision at least {}", amount(units, one.direction))
        }
        (ThrottleCause::TableProvisioned, None) => {
            "provision for the busiest seconds, or spread the load in time".into()
        }
        (ThrottleCause::KeyRange, _) => "spread the load over more partition key values".into(),
        (ThrottleCause::Index, _) => "raise the capacity of the index".into(),
        (ThrottleCause::AccountLimit, _) => "ask for a higher quota".into(),
        (ThrottleCause::OnDemandMaximum, _) => "raise that maximum".into(),
        (ThrottleCause::Other, _) => String::new(),
    }
}
