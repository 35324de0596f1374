//! A recommendation that was fired, beside what was predicted of it.

use super::wrapped;
use crate::{
    analysis::sizing::{
        Sizing,
        verify::{Finding, Verification, VerifiedShare, VerifiedUnits},
    },
    report::{
        direction_label,
        format::{count, duration, length, number, percent},
        sentence::invalid_reason,
        sizing::cut,
    },
};

/// One thing that was predicted and measured.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) target: String,
    pub(super) predicted: String,
    pub(super) measured: String,
    /// Absent where there is no target.
    pub(super) met: Option<bool>,
}

/// Throttled shares first, then units.
pub(super) fn rows(verification: &Verification) -> Vec<Row> {
    let shares = verification.shares.iter().map(share);
    shares
        .chain(verification.consumed.iter().map(units))
        .collect()
}

fn share(share: &VerifiedShare) -> Row {
    let what = share.direction.map_or("", direction_label);
    Row {
        what: format!("{} {what} throttled", cut(&share.name, 24)).replace("  ", " "),
        target: format!("≤ {}", percent(share.target)),
        predicted: percent(share.predicted),
        measured: percent(share.measured),
        met: Some(share.measured <= share.target),
    }
}

fn units(units: &VerifiedUnits) -> Row {
    let unit = units.direction.unit();
    Row {
        what: format!("{} {unit}/s", cut(&units.name, 24)),
        target: String::new(),
        predicted: number(units.predicted),
        measured: number(units.measured),
        met: None,
    }
}

/// What was found, in a sentence.
pub(super) fn headline(sizing: &Sizing, verification: &Verification) -> String {
    let is_shorter = verification.seconds < 0.999 * sizing.seconds;
    let shortened = if is_shorter {
        format!(" in place of {}", length(sizing.seconds))
    } else {
        String::new()
    };
    let without_burst = if verification.mode.is_without_burst() {
        " without burst credit"
    } else {
        ""
    };
    let fired = format!(
        "{}, fired{without_burst} at the embedded emulator for {}{shortened}, {} requests",
        verification.mode.name(),
        length(verification.seconds),
        count(verification.requests)
    );
    let found = match &verification.finding {
        Finding::Met => "the target was met".to_owned(),
        Finding::Missed => "the target was missed".to_owned(),
        Finding::Invalid { reasons } => {
            let reasons: Vec<String> = reasons.iter().map(invalid_reason).collect();
            format!(
                "invalid, it says nothing of the table: {}",
                reasons.join("; ")
            )
        }
        Finding::Interrupted => "it was interrupted, and says nothing".to_owned(),
    };
    format!("Verified: {fired}: {found}.")
}

/// How long answers took, and what got none.
pub(super) fn below(verification: &Verification) -> String {
    let mut text = verification.service_time.map_or_else(
        || "No request was completed".to_owned(),
        |time| {
            format!(
                "Service time of the emulator on this machine: p50 {}, p99 {}",
                duration(time.p50_nanos),
                duration(time.p99_nanos)
            )
        },
    );
    if verification.lost > 0 {
        let lost = count(verification.lost);
        text = format!("{text}; {lost} requests failed or were never sent");
    }
    format!("{text}. Retries are off: a request counts as throttled at its first refusal.")
}

/// As text of at most 80 columns.
pub(super) fn lines(sizing: &Sizing, verification: &Verification) -> Vec<String> {
    let line = |mark: &str, what: &str, cells: [&str; 3]| {
        let [target, predicted, measured] = cells;
        format!("{mark:<2}{what:<41}{target:>11}{predicted:>12}{measured:>12}")
    };
    let mut lines = wrapped(&headline(sizing, verification), "");
    lines.push(line("", "", ["target", "predicted", "measured"]));
    for row in rows(verification) {
        let mark = match row.met {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "",
        };
        lines.push(line(
            mark,
            &row.what,
            [&row.target, &row.predicted, &row.measured],
        ));
    }
    lines.extend(wrapped(&below(verification), "  "));
    lines
}
