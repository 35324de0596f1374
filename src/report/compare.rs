//! A comparison of keys as text of at most 80 columns, and as a page.

mod figures;
pub mod page;

use super::{
    direction_label,
    format::{NO_DATA, count, duration, joined, number, percent},
    sentence::invalid_reason,
    sizing::{cut, wrapped},
};
use crate::{
    analysis::{
        Percentiles,
        compare::{
            Comparison, Ranked,
            fired::{Fired, Measured},
        },
    },
    scenario::candidate::Suffix,
    units::Direction,
};

/// Keys fewer than this spread over few partitions, whatever is bought.
const FEW_KEYS: u64 = 100;

/// Characters of a name in a table.
const NAMED: usize = 28;
/// Candidates of a chart; the others stand in the tables.
const DRAWN: usize = 12;

fn drawn(comparison: &Comparison) -> impl Iterator<Item = &Ranked> {
    comparison.candidates.iter().take(DRAWN)
}

/// The text, each line ended by a newline.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let mut lines = wrapped(&headline(comparison), "");
    lines.push(String::new());
    lines.push(format!(
        "{}   table {}   {} requests/s   {} seeds from {}",
        cut(&comparison.scenario, 18),
        cut(&comparison.table, 18),
        number(comparison.requests_per_second),
        comparison.seeds,
        comparison.seed
    ));
    lines.push(String::new());
    lines.push(row(
        "   partition key",
        &[
            "keys",
            "hottest",
            "top 1 %",
            "Gini",
            "throttled",
            "headroom",
        ],
    ));
    for ranked in &comparison.candidates {
        lines.push(line(ranked));
    }
    lines.push(String::new());
    for ranked in &comparison.candidates {
        lines.extend(wrapped(
            &format!(
                "{} {}: {}",
                ranked.rank,
                cut(&ranked.candidate.name, 36),
                reason(ranked)
            ),
            "  ",
        ));
    }
    lines.extend(fired_lines(comparison));
    lines.push(String::new());
    for note in notes(comparison) {
        lines.extend(wrapped(&note, "  "));
    }
    joined(lines)
}

/// The answer in one sentence.
#[must_use]
pub fn headline(comparison: &Comparison) -> String {
    let Some(best) = comparison.candidates.first() else {
        return "Nothing was compared.".to_owned();
    };
    let name = |ranked: &Ranked| format!("`{}`", cut(&ranked.candidate.name, 36));
    let tied: Vec<&Ranked> = comparison
        .candidates
        .iter()
        .filter(|ranked| ranked.rank == best.rank)
        .collect();
    let next = comparison
        .candidates
        .iter()
        .find(|ranked| ranked.rank != best.rank);
    let after = next.map_or_else(String::new, |next| {
        format!("; next is {} with {}", name(next), times(next.headroom))
    });
    if tied.len() > 1 {
        let names: Vec<String> = tied.iter().map(|ranked| name(ranked)).collect();
        return format!(
            "A tie: {} serve about {} this load before a key is too hot for a partition{after}.",
            names.join(" and "),
            times(best.headroom)
        );
    }
    format!(
        "Use {}: it serves {} this load before a key is too hot for a partition{after}.",
        name(best),
        times(best.headroom)
    )
}

/// Why a candidate stands where it does.
#[must_use]
pub fn reason(ranked: &Ranked) -> String {
    let mut parts = Vec::new();
    let direction = if ranked.utilisation.write > ranked.utilisation.read {
        Direction::Write
    } else {
        Direction::Read
    };
    let hottest = if ranked.partitions == 1 {
        "the only partition".to_owned()
    } else {
        format!(
            "the hottest of {} partitions takes {} and",
            count(ranked.partitions),
            percent(ranked.partition_share)
        )
    };
    parts.push(format!(
        "the key `{}` takes {} of the {}; {hottest} is used to {} of the {} that one gives",
        cut(&ranked.hottest_key, 30),
        percent(ranked.hottest_units[direction]),
        direction_label(direction),
        percent(ranked.utilisation[direction]),
        direction.unit(),
    ));
    if ranked.keys < FEW_KEYS {
        parts.push(format!(
            "only {} different keys, so that at most as many partitions share the load",
            count(ranked.keys)
        ));
    }
    if ranked.overwritten > 0 {
        let remedy = match &ranked.proposed_sort_key {
            Some(sort) => format!("needs the sort key `{sort}`"),
            None => "needs a sort key that none of the attributes is".to_owned(),
        };
        parts.push(format!(
            "not unique: {} of {} items would overwrite others; {remedy}",
            count(ranked.overwritten),
            count(ranked.items)
        ));
    }
    if ranked.exceeds_collection_limit {
        parts.push("one key holds more than the 10 GB that a local secondary index allows".into());
    }
    if ranked.candidate.suffix != Suffix::None {
        parts.push(format!(
            "reads cost {} as much as without shards",
            times(ranked.read_cost)
        ));
    }
    format!("{}.", parts.join("; "))
}

/// What real requests found, where candidates were fired.
fn fired_lines(comparison: &Comparison) -> Vec<String> {
    let fired = comparison.candidates.iter();
    let fired = fired.filter_map(|ranked| Some((ranked, ranked.fired.as_ref()?)));
    let mut lines: Vec<String> = fired
        .flat_map(|(ranked, fired)| fired_line(ranked, fired))
        .collect();
    if !lines.is_empty() {
        let head = fired_row(
            "   with real requests",
            ["requests", "throttled", "p50", "p99"],
        );
        lines.splice(0..0, [String::new(), head]);
    }
    lines
}

fn fired_line(ranked: &Ranked, fired: &Fired) -> Vec<String> {
    let name = format!("{:>2} {}", ranked.rank, cut(&ranked.candidate.name, 24));
    let measured = match fired {
        Fired::Measured(measured) => measured,
        Fired::Not { reason } => return wrapped(&format!("{name}: not fired: {reason}"), ""),
    };
    let time = |of: fn(&Percentiles) -> u64| {
        let time = measured.service_time.as_ref();
        time.map_or_else(|| NO_DATA.to_owned(), |time| duration(of(time)))
    };
    let mut lines = vec![fired_row(
        &name,
        [
            &count(measured.requests),
            &percent(measured.throttled),
            &time(|time| time.p50_nanos),
            &time(|time| time.p99_nanos),
        ],
    )];
    lines.extend(
        fired_notes(ranked, measured)
            .iter()
            .flat_map(|note| wrapped(note, "     ")),
    );
    lines
}

/// What a reader of the measurements has to know.
pub(crate) fn fired_notes(ranked: &Ranked, measured: &Measured) -> Vec<String> {
    let mut notes: Vec<String> = measured
        .invalid
        .iter()
        .map(|reason| format!("invalid: {}", invalid_reason(reason)))
        .collect();
    if measured.lost > 0 {
        let lost = count(measured.lost);
        notes.push(format!("{lost} requests failed or were never sent"));
    }
    if let (None, Some(sort)) = (&ranked.candidate.sort_key, &measured.sort_key) {
        notes.push(format!("with the sort key `{}`", cut(sort, 40)));
    }
    notes
}

fn fired_row(name: &str, cells: [&str; 4]) -> String {
    let [requests, throttled, p50, p99] = cells;
    format!("{name:<27}{requests:>14}{throttled:>13}{p50:>13}{p99:>13}")
}

fn line(ranked: &Ranked) -> String {
    row(
        &format!("{:>2} {}", ranked.rank, cut(&ranked.candidate.name, 24)),
        &[
            &count(ranked.keys),
            &percent(ranked.hottest_share),
            &percent(ranked.top_percent_share),
            &format!("{:.2}", ranked.gini),
            &percent(ranked.throttled.share),
            &times(ranked.headroom),
        ],
    )
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let intervals: Vec<String> = comparison
        .candidates
        .iter()
        .map(|ranked| {
            let [low, high] = ranked.headroom_interval;
            format!(
                "{} {}–{}",
                cut(&ranked.candidate.name, 24),
                number(low),
                number(high)
            )
        })
        .collect();
    vec![
        format!(
            "headroom: the largest multiple of this load at which at most {} is throttled, when \
             the table has capacity for all of it and hot partitions have split until one key is \
             the heat. 95 % intervals: {}.",
            percent(comparison.target),
            intervals.join(", ")
        ),
        "Candidates share a rank when their paired differences over the seeds may be none \
         (99 %), or are below 1 %. Shares are of requests, Gini: 0 where all keys take alike, 1 \
         where one takes all; throttled: at this load with the scenario's capacity."
            .to_owned(),
    ]
}

fn times(multiple: f64) -> String {
    format!("{} ×", number(multiple))
}

fn row(name: &str, cells: &[&str; 6]) -> String {
    let cells: Vec<String> = (cells.iter().zip([8, 9, 9, 6, 11, 10]))
        .map(|(cell, width)| format!("{cell:>width$}"))
        .collect();
    format!("{name:<27}{}", cells.concat())
}
