//! Progress as text. Pure: numbers in, lines out.

use std::time::Duration;

use crate::{
    driver::{Crossed, HottestProgress, Limited, Progress},
    scenario::diagnostic::width_of,
    units::{ByDirection, Direction, Share},
};

/// Share of its ceiling from which a partition is worth a line.
const WARM: f64 = 0.5;

/// What bars are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyphs {
    full: char,
    empty: char,
}

impl Glyphs {
    pub(super) const UNICODE: Self = Self {
        full: '█',
        empty: '░',
    };
    pub(super) const ASCII: Self = Self {
        full: '#',
        empty: '.',
    };

    fn bar(self, share: f64, width: u32) -> String {
        (0..width)
            .map(|cell| {
                let filled = f64::from(cell) + 0.5 < share * f64::from(width);
                if filled { self.full } else { self.empty }
            })
            .collect()
    }
}

/// A few lines for a terminal.
pub(super) fn block(scenario: &str, progress: &Progress, glyphs: Glyphs) -> Vec<String> {
    let done = ratio(progress.elapsed.as_secs_f64(), progress.total.as_secs_f64()).min(1.0);
    let left = progress.total.saturating_sub(progress.elapsed);
    let mut lines = vec![
        format!(
            "{scenario}  {}  {} / {}  {}  {:.0} %  {} left",
            printable(&progress.phase),
            clock(progress.elapsed),
            clock(progress.total),
            glyphs.bar(done, 17),
            done * 100.0,
            clock(left),
        ),
        operations(progress),
        capacity(progress, glyphs),
        totals(progress),
    ];
    lines.extend(progress.hottest.as_ref().and_then(hottest));
    lines
}

/// Columns of a line in a log: eight hours of them stay below 64 KB.
pub(super) const LOG_COLUMNS: usize = 128;
/// Columns of the scenario's name in a log, and of a phase's.
const NAME_COLUMNS: usize = 24;
const PHASE_COLUMNS: usize = 16;

/// One line for a log: all operations together (of p99 the slowest one's), what is wrong before
/// what is used. What finds no
/// room is left out as a whole: half a number would be another one.
pub(super) fn line(scenario: &str, progress: &Progress) -> String {
    let operations = || progress.operations.iter();
    let rate: u64 = operations().map(|one| one.completed).sum();
    let slowest = operations().filter_map(|one| one.response_time_p99).max();
    let outcomes = progress.outcomes;
    let head = format!(
        "{}  {} / {}  {}  {rate}/s",
        cut(scenario, NAME_COLUMNS),
        clock(progress.elapsed),
        clock(progress.total),
        cut(&printable(&progress.phase), PHASE_COLUMNS),
    );
    let throttled = progress.throttled_share.as_fraction() * 100.0;
    let mut parts = vec![
        format!("throttled {throttled:.1} %"),
        format!("errors {}", outcomes.failed + outcomes.timed_out),
    ];
    if outcomes.dropped > 0 {
        parts.push(format!("dropped {}", outcomes.dropped));
    }
    parts.extend(slowest.map(|p99| format!("max p99 {}", milliseconds(p99))));
    parts.extend(Direction::ALL.map(|direction| {
        let consumed = progress.consumed[direction].as_f64();
        let unit = direction.unit();
        let provisioned = progress.provisioned[direction].as_f64();
        if provisioned > 0.0 {
            format!("{unit} {consumed:.0}/{provisioned:.0}")
        } else {
            format!("{unit} {consumed:.0}")
        }
    }));
    let hottest = progress.hottest.as_ref().and_then(hottest);
    parts.extend(hottest.map(|words| words.replace("hottest: ", "")));
    parts.push(format!("lag {}", lag(progress)));
    parts.iter().fold(head, |line, part| {
        let longer = format!("{line}  {part}");
        if cut(&longer, LOG_COLUMNS) == longer {
            longer
        } else {
            line
        }
    })
}

/// What happened once, as a line for a log.
pub(super) fn event_line(scenario: &str, progress: &Progress, event: &str) -> String {
    let name = cut(scenario, NAME_COLUMNS);
    cut(
        &format!("{name}  {}  {event}", clock(progress.elapsed)),
        LOG_COLUMNS,
    )
}

fn operations(progress: &Progress) -> String {
    let each = progress.operations.iter().map(|operation| {
        let p99 = operation
            .response_time_p99
            .map_or_else(String::new, |p99| format!(" p99 {}", milliseconds(p99)));
        format!(
            "{} {}/s{p99}",
            printable(&operation.name),
            operation.completed
        )
    });
    each.collect::<Vec<_>>().join("   ")
}

fn capacity(progress: &Progress, glyphs: Glyphs) -> String {
    let each = Direction::ALL.map(|direction| {
        let consumed = progress.consumed[direction].as_f64();
        let provisioned = progress.provisioned[direction].as_f64();
        if provisioned == 0.0 {
            return format!("{} {consumed:.0} on demand", direction.unit());
        }
        let bar = glyphs.bar(ratio(consumed, provisioned), 10);
        let burst = progress.burst_share.map_or_else(String::new, |left| {
            format!(" burst {:.0} %", left[direction] * 100.0)
        });
        format!(
            "{} {consumed:.0}/{provisioned:.0} {bar}{burst}",
            direction.unit()
        )
    });
    each.join("   ")
}

fn totals(progress: &Progress) -> String {
    let outcomes = progress.outcomes;
    format!(
        "throttled {:.1} %   errors {}   dropped {}   lag {}",
        progress.throttled_share.as_fraction() * 100.0,
        outcomes.failed + outcomes.timed_out,
        outcomes.dropped,
        lag(progress),
    )
}

/// How late the generator was in the last second.
fn lag(progress: &Progress) -> String {
    let delay = progress.dispatch_delay_p99;
    delay.map_or_else(|| "-".to_owned(), milliseconds)
}

/// The hottest partition, if it is anywhere near its ceiling.
fn hottest(hottest: &HottestProgress) -> Option<String> {
    if hottest.of_ceiling < WARM {
        return None;
    }
    let of = (hottest.of.as_ref()).map_or_else(String::new, |of| format!(" of {}", printable(of)));
    let what = match hottest.direction {
        Direction::Read => "reads",
        Direction::Write => "writes",
    };
    Some(format!(
        "hottest: partition {}{of} at {:.0} % ({what})",
        hottest.partition,
        hottest.of_ceiling * 100.0
    ))
}

/// Requests per second from which on drawing less often leaves more for the run.
const FAST: u64 = 50_000;

/// How long what was drawn stays: five times a second is what arrives, once is what is shown of a
/// run of more than 50 000 requests a second.
pub(super) fn stays(progress: &Progress) -> Duration {
    let rate: u64 = progress.operations.iter().map(|one| one.completed).sum();
    if rate > FAST {
        Duration::from_secs(1)
    } else {
        Duration::ZERO
    }
}

/// What happens once and is worth a line of its own.
#[derive(Debug, Default)]
pub(super) struct Events {
    phase: String,
    throttled: bool,
    burst_ran_dry: ByDirection<bool>,
    crossed: Vec<(Option<String>, Limited)>,
}

impl Events {
    pub(super) fn since_last(&mut self, progress: &Progress) -> Vec<String> {
        let mut events = Vec::new();
        if progress.phase != self.phase {
            self.phase.clone_from(&progress.phase);
            events.push(format!("phase {}", printable(&progress.phase)));
        }
        if progress.outcomes.throttled > 0 && !self.throttled {
            self.throttled = true;
            events.push("first throttled request".to_owned());
        }
        for direction in Direction::ALL {
            let dry = progress
                .burst_left
                .is_some_and(|left| left[direction] < 0.5);
            let above = progress.consumed[direction] > progress.provisioned[direction];
            if dry && (above || self.throttled) && !self.burst_ran_dry[direction] {
                self.burst_ran_dry[direction] = true;
                events.push(format!("no burst credit left for {}", direction.unit()));
            }
        }
        for crossed in &progress.crossed {
            let limit = (crossed.operation.clone(), crossed.what);
            if !self.crossed.contains(&limit) {
                self.crossed.push(limit);
                events.push(limit_crossed(crossed));
            }
        }
        events
    }
}

fn limit_crossed(crossed: &Crossed) -> String {
    let what = match crossed.what {
        Limited::Throttled => "throttled",
        Limited::Errors => "errors",
    };
    let operation = crossed.operation.as_deref().unwrap_or("all operations");
    let percent = |share: Share| share.as_fraction() * 100.0;
    format!(
        "limit crossed: {what} {:.2} % of {}, at most {} %",
        percent(crossed.share),
        printable(operation),
        percent(crossed.max),
    )
}

/// Hours only when there are any: `02:14`, `1:00:07`.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    let decimals = usize::from(milliseconds < 9.95);
    format!("{milliseconds:.decimals$} ms")
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Without characters that steer a terminal.
pub(super) fn printable(text: &str) -> String {
    crate::scenario::diagnostic::printable(text)
}

/// As much of a line as fits on a terminal of `columns`.
pub(super) fn cut(line: &str, columns: usize) -> String {
    let mut used = 0;
    line.chars()
        .take_while(|character| {
            used += width_of(*character);
            used <= columns
        })
        .collect()
}

/// Rows that lines take on a terminal of `columns`: it may be narrower than when they were
/// written, so that they wrap.
pub(super) fn rows(lines: &[String], columns: usize) -> usize {
    let width = |line: &String| line.chars().map(width_of).sum::<usize>();
    let rows = lines
        .iter()
        .map(|line| width(line).div_ceil(columns.max(1)).max(1));
    rows.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::OperationProgress;

    #[test]
    fn a_limit_is_told_once_when_it_is_crossed() {
        let crossed = |what, operation: Option<&str>| Crossed {
            operation: operation.map(ToOwned::to_owned),
            what,
            share: Share::new(0.014).unwrap(),
            max: Share::new(0.001).unwrap(),
        };
        let mut progress = Progress::default();
        let mut events = Events::default();
        assert!(events.since_last(&progress).is_empty());
        progress.crossed = vec![crossed(Limited::Throttled, None)];
        let told = events.since_last(&progress);
        assert_eq!(
            told,
            ["limit crossed: throttled 1.40 % of all operations, at most 0.1 %"]
        );
        progress.crossed.push(crossed(Limited::Errors, Some("get")));
        let told = events.since_last(&progress);
        assert_eq!(told, ["limit crossed: errors 1.40 % of get, at most 0.1 %"]);
        assert!(events.since_last(&progress).is_empty());
    }

    #[test]
    fn a_fast_run_is_drawn_once_a_second_and_others_whenever_there_is_news() {
        let at = |rates: &[u64]| Progress {
            operations: (rates.iter())
                .map(|rate| OperationProgress {
                    completed: *rate,
                    ..OperationProgress::default()
                })
                .collect(),
            ..Progress::default()
        };
        assert_eq!(stays(&at(&[30_000, 20_000])), Duration::ZERO);
        assert_eq!(stays(&at(&[30_000, 20_001])), Duration::from_secs(1));
        assert_eq!(stays(&at(&[])), Duration::ZERO);
    }

    #[test]
    fn the_hottest_partition_is_told_once_it_is_warm() {
        let mut progress = Progress::default();
        let hottest = |of_ceiling| HottestProgress {
            of: Some("Orders/by-shop".to_owned()),
            partition: 9,
            direction: Direction::Write,
            of_ceiling,
        };
        progress.hottest = Some(hottest(0.49));
        assert_eq!(block("shop", &progress, Glyphs::ASCII).len(), 4);
        progress.hottest = Some(hottest(0.998));
        let words = "hottest: partition 9 of Orders/by-shop at 100 % (writes)";
        assert_eq!(block("shop", &progress, Glyphs::ASCII)[4], words);
        let logged = line("shop", &progress);
        assert!(
            logged.contains(words.trim_start_matches("hottest: ")),
            "{logged}"
        );
    }

    #[test]
    fn a_line_is_cut_by_what_it_takes_on_a_terminal() {
        assert_eq!(cut("reads 12", 5), "reads");
        assert_eq!(cut("名前 12", 5), "名前 ");
        assert_eq!(cut("short", 80), "short");
        assert_eq!(cut("any", 0), "");
    }

    #[test]
    fn lines_written_on_a_wider_window_take_more_rows() {
        let lines = ["x".repeat(79), String::new(), "名前".repeat(10)];
        assert_eq!(rows(&lines, 80), 3);
        assert_eq!(rows(&lines, 40), 4);
        assert_eq!(rows(&lines, 20), 4 + 1 + 2);
    }

    #[test]
    fn a_line_in_a_log_is_short_however_many_operations_and_whatever_their_names() {
        let operation = |number: u64| OperationProgress {
            name: "n".repeat(255),
            completed: 50_000 + number,
            response_time_p99: Some(Duration::from_millis(99_999)),
        };
        let progress = Progress {
            elapsed: Duration::from_hours(7),
            total: Duration::from_hours(8),
            phase: "phase ".repeat(40),
            operations: (0..19).map(operation).collect(),
            throttled_share: Share::new(0.5).unwrap(),
            ..Progress::default()
        };
        let line = line(&"scenario ".repeat(30), &progress);
        assert!(line.len() <= LOG_COLUMNS, "{line}");
        for part in ["7:00:00 / 8:00:00", "throttled 50.0 %", "max p99 99999 ms"] {
            assert!(line.contains(part), "{line}");
        }
        let event = event_line("shop", &progress, &"event ".repeat(40));
        assert_eq!(event.len(), LOG_COLUMNS);
    }

    #[test]
    fn a_block_fits_the_narrowest_window() {
        let progress = Progress::default();
        for line in block("shop", &progress, Glyphs::ASCII) {
            assert!(cut(&line, 19).len() <= 19);
        }
    }
}
