//! A recommendation as text of at most 80 columns, and as a page.

mod curve;
pub mod page;
pub mod verify;

use super::format::{count, joined, length, number, percent};
use crate::{
    analysis::sizing::{
        SizedSlot, Sizing,
        bill::{Mode, Offer},
        obstacle::Obstacle,
        scaling::SHORT_SECONDS,
    },
    scenario::diagnostic::printable,
    units::Direction,
};

/// The text, each line ended by a newline.
#[must_use]
pub fn render(sizing: &Sizing) -> String {
    let mut lines = wrapped(&headline(sizing), "");
    lines.push(String::new());
    lines.push(format!(
        "{}   {} requests/s   {} measured   {} seeds from {}",
        cut(&sizing.scenario, 24),
        number(sizing.requests_per_second),
        length(sizing.seconds),
        sizing.seeds,
        sizing.seed
    ));
    lines.push(format!("target: {}", target(sizing)));
    lines.push(String::new());
    lines.push(slot_row(
        "provisioned",
        &["mean/s", "peak/s", "needed", "throttled", "on burst", "now"],
    ));
    for slot in &sizing.slots {
        for direction in Direction::ALL {
            lines.push(slot_line(slot, direction));
        }
    }
    for line in below(sizing) {
        lines.extend(wrapped(&line, "  "));
    }
    for obstacle in &sizing.obstacles {
        lines.push(String::new());
        lines.extend(wrapped(&obstacle_sentence(obstacle), ""));
    }
    lines.push(String::new());
    lines.push(offer_row(
        "",
        "per month",
        ["$", "$/million", "storage $", "throttled"],
    ));
    for offer in sizing
        .offers
        .iter()
        .filter(|offer| is_worth_a_line(sizing, offer))
    {
        lines.push(offer_line(sizing, offer));
    }
    if let Some(verification) = &sizing.verification {
        lines.push(String::new());
        lines.extend(verify::lines(sizing, verification));
    }
    lines.push(String::new());
    for line in notes(sizing) {
        lines.extend(wrapped(&line, "  "));
    }
    joined(lines)
}

/// The answer in one sentence.
#[must_use]
pub fn headline(sizing: &Sizing) -> String {
    let Some(best) = sizing.recommended() else {
        let what: Vec<String> = sizing
            .obstacles
            .iter()
            .map(|o| format!("{} of {}", direction_name(o.direction), o.table))
            .collect();
        return format!(
            "No capacity is enough: {} cannot be served within the target.",
            what.join(" and ")
        );
    };
    let what = match best.mode {
        Mode::OnDemand => "Use on-demand".to_owned(),
        Mode::AutoScaling => format!("Provision with auto scaling, {}", policies(sizing, best)),
        _ => format!("Provision {}", capacity(sizing, best)),
    };
    let class = if best.infrequent_access {
        " (Standard-IA)"
    } else {
        ""
    };
    format!(
        "{what}{class}; ${} per month; {} throttled (≤ {}).",
        dollars(best.usd_month),
        percent(best.throttled.share),
        percent(sizing.target)
    )
}

/// What stands in the way, and what would help.
#[must_use]
pub fn obstacle_sentence(obstacle: &Obstacle) -> String {
    let unit = obstacle.direction.unit();
    let what = direction_name(obstacle.direction);
    let Obstacle {
        key,
        value,
        shards,
        table,
        ..
    } = obstacle;
    let value = cut(value, 40);
    let asked = format!(
        "`{key}` of {table}: the key `{value}` takes {} of {what} = {} {unit}/s; a partition \
         gives {}",
        percent(obstacle.share),
        number(obstacle.units_per_second),
        number(obstacle.ceiling),
    );
    let other = obstacle.alternative.as_ref().map(|other| {
        format!(
            "`{}` as partition key (its hottest value asks {} of what a partition gives)",
            other.key,
            percent(other.multiple)
        )
    });
    if obstacle.multiple > 1.0 {
        let other = other.unwrap_or_else(|| "another partition key".to_owned());
        format!(
            "Partition key {asked} ({} times as much is asked): buying capacity cannot help; \
             write sharding of `{key}` by {shards} or more, or {other}, would. \
             `dyno compare` tries them.",
            number(obstacle.multiple)
        )
    } else {
        let other = other.map_or_else(String::new, |other| format!(", perhaps {other},"));
        format!(
            "Partition key {asked}. No single key is too hot on average, but peaks, or several \
             keys that share a partition, are: buying capacity cannot help; a partition key \
             that spreads better{other} would. `dyno compare` tries others."
        )
    }
}

/// `1 420 RCU / 310 WCU`, by table where there are several.
fn capacity(sizing: &Sizing, offer: &Offer) -> String {
    let Some(units) = &offer.units else {
        return String::new();
    };
    let slots = sizing.slots.iter().zip(units);
    let each: Vec<String> = slots
        .map(|(slot, units)| {
            let units = format!("{} RCU / {} WCU", count(units.read), count(units.write));
            named(sizing, slot, units)
        })
        .collect();
    each.join(", ")
}

fn policies(sizing: &Sizing, offer: &Offer) -> String {
    let slots = sizing.slots.iter().zip(offer.policies.iter().flatten());
    let each: Vec<String> = slots
        .map(|(slot, policy)| {
            let range = |direction: Direction| {
                let policy = policy[direction];
                format!(
                    "{}–{} {}",
                    count(policy.min),
                    count(policy.max),
                    direction.unit()
                )
            };
            let both = format!("{} / {}", range(Direction::Read), range(Direction::Write));
            named(sizing, slot, both)
        })
        .collect();
    let target = offer
        .policies
        .iter()
        .flatten()
        .next()
        .map_or(0.0, |policy| policy.read.target);
    format!("{} at {}", each.join(", "), percent(target))
}

fn named(sizing: &Sizing, slot: &SizedSlot, text: String) -> String {
    if sizing.slots.len() == 1 {
        text
    } else {
        format!("{text} for {}", cut(&slot.name, 24))
    }
}

fn target(sizing: &Sizing) -> String {
    let mut text = format!(
        "at most {} of the requests of each table and direction throttled",
        percent(sizing.target)
    );
    for (operation, share) in &sizing.operation_targets {
        text = format!("{text}, {} {}", cut(operation, 18), percent(*share));
    }
    text
}

fn slot_line(slot: &SizedSlot, direction: Direction) -> String {
    let demand = slot.demand[direction];
    let fit = slot.provision[direction];
    let burst = slot.with_burst[direction];
    let none = || "none".to_owned();
    slot_row(
        &format!("{} {}", cut(&slot.name, 18), direction.unit()),
        &[
            &number(demand.mean),
            &number(demand.peak_second),
            &fit.map_or_else(none, |fit| count(fit.units)),
            &fit.map_or_else(String::new, |fit| percent(fit.throttled.share)),
            &burst.map_or_else(none, |fit| count(fit.units)),
            &slot
                .scenario
                .map_or_else(String::new, |rates| number(rates[direction])),
        ],
    )
}

/// What one unit less would do.
fn below(sizing: &Sizing) -> Vec<String> {
    let mut lines = Vec::new();
    for slot in &sizing.slots {
        for direction in Direction::ALL {
            let Some(fit) = slot.provision[direction] else {
                continue;
            };
            let unit = direction.unit();
            if fit.is_demand && fit.one_less.is_some() {
                lines.push(format!(
                    "{} {unit}: {} used on average; less than is asked for on average would \
                     serve a short run only",
                    cut(&slot.name, 18),
                    percent(fit.utilisation),
                ));
            } else if let Some(less) = fit.one_less {
                lines.push(format!(
                    "{} {unit}: {} used on average; with one less {} throttled (95 % bound {})",
                    cut(&slot.name, 18),
                    percent(fit.utilisation),
                    percent(less.share),
                    percent(less.upper),
                ));
            }
        }
    }
    lines
}

fn notes(sizing: &Sizing) -> Vec<String> {
    let mut lines = vec![
        format!(
            "needed: the smallest whose upper 95 % bound over {} seeds meets the target when no \
             burst credit helps; on burst: the same with the credit of the scenario's model, \
             for a run of {} and no longer.",
            sizing.seeds,
            length(sizing.seconds)
        ),
        format!(
            "break-even: provisioned costs less than on-demand from {} (reads) and {} (writes) \
             mean utilisation.",
            percent(sizing.break_even.read),
            percent(sizing.break_even.write)
        ),
        format!(
            "prices: {}, {}; this load all month ({} h){}{}.",
            sizing.prices.region,
            sizing.prices.date,
            sizing.prices.hours_per_month,
            if sizing.prices.free_tier {
                ", less the free tier"
            } else {
                ""
            },
            match &sizing.prices.estimates[..] {
                [] => String::new(),
                estimates => format!(". Estimates: {}", estimates.join("; ")),
            }
        ),
    ];
    if sizing.seconds < SHORT_SECONDS {
        lines.push(format!(
            "auto scaling acts after minutes, which {} do not show: it is priced as settled at \
             the mean load.",
            length(sizing.seconds)
        ));
    }
    let infrequent = |offer: &&Offer| offer.infrequent_access;
    if !sizing
        .offers
        .iter()
        .filter(infrequent)
        .any(|offer| is_worth_a_line(sizing, offer))
    {
        lines.push(
            "Standard-IA costs more for this load: it is for storage that is hardly used."
                .to_owned(),
        );
    }
    lines.extend(sizing.notes.iter().cloned());
    lines
}

/// Standard-IA only where it saves something.
fn is_worth_a_line(sizing: &Sizing, offer: &Offer) -> bool {
    let standard = sizing
        .offers
        .iter()
        .find(|other| other.mode == offer.mode && !other.infrequent_access);
    !offer.infrequent_access || standard.is_none_or(|other| offer.usd_month < other.usd_month)
}

fn offer_line(sizing: &Sizing, offer: &Offer) -> String {
    let first = sizing.offers.first() == Some(offer) && offer.meets_target;
    let mark = match (offer.meets_target, first) {
        (true, true) => "→",
        (true, false) => " ",
        (false, _) => "✗",
    };
    let class = if offer.infrequent_access {
        ", Standard-IA"
    } else {
        ""
    };
    offer_row(
        mark,
        &format!("{}{class}", offer.mode.name()),
        [
            &dollars(offer.usd_month),
            &dollars(offer.usd_per_million),
            &dollars(offer.storage_usd_month),
            &percent(offer.throttled.share),
        ],
    )
}

/// Cents where they matter.
pub(crate) fn dollars(usd: f64) -> String {
    if usd.abs() < 1.0 {
        return format!("{usd:.4}");
    }
    let cents = format!("{usd:.2}");
    let (whole, fraction) = cents.split_once('.').unwrap_or((&cents, "00"));
    whole.parse().map_or(cents.clone(), |whole: u64| {
        format!("{}.{fraction}", count(whole))
    })
}

const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "reads",
        Direction::Write => "writes",
    }
}

fn slot_row(name: &str, cells: &[&str; 6]) -> String {
    let cells: Vec<String> = (cells.iter().zip([9, 9, 9, 11, 10, 8]))
        .map(|(cell, width)| format!("{cell:>width$}"))
        .collect();
    format!("{name:<23}{}", cells.concat())
}

fn offer_row(mark: &str, name: &str, cells: [&str; 4]) -> String {
    let [a, b, c, d] = cells;
    format!("{mark:<2}{name:<35}{a:>12}{b:>11}{c:>10}{d:>10}")
}

/// Lines of at most 80 columns, the later ones behind `indent`.
pub(crate) fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > 80 && line.trim() != "" {
            lines.push(std::mem::replace(&mut line, format!("{indent}  ")));
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

pub(crate) fn cut(name: &str, width: usize) -> String {
    let name = printable(name);
    if name.chars().count() <= width {
        return name;
    }
    name.chars().take(width - 1).chain(['…']).collect()
}
