//! The only place that draws while a run goes on. On stderr: stdout carries results only.
//!
//! On a terminal a few lines are redrawn in place; elsewhere a line appears now and then, and
//! one per event, so that an eight-hour soak stays small in a log. Knows no results.

mod json;
mod lines;
mod working;

use std::time::{Duration, Instant};

use console::Term;
use tokio::sync::watch;

use crate::driver::Progress;
use lines::{Events, Glyphs};
pub use working::Working;

/// How to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Lines redrawn in place.
    Terminal,
    /// A line now and then.
    Plain,
    /// A line of JSON each second, for programs.
    Json,
    /// Nothing.
    Off,
}

impl Style {
    /// In place on a terminal that can, plain elsewhere. Also where continuous integration
    /// says that it is one: it may have a terminal, and keeps a log.
    #[must_use]
    pub fn detect() -> Self {
        let variable = |name| std::env::var(name).ok();
        Self::for_terminal(Term::stderr().is_term(), variable("TERM"), variable("CI"))
    }

    fn for_terminal(is_terminal: bool, term: Option<String>, ci: Option<String>) -> Self {
        let is_dumb = term.is_some_and(|term| term == "dumb");
        let is_ci = ci.is_some_and(|ci| !ci.is_empty() && ci != "false" && ci != "0");
        if is_terminal && !is_dumb && !is_ci {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

/// Whether the locale can show more than ASCII.
#[must_use]
pub fn unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|locale| {
            locale
                .to_ascii_lowercase()
                .replace('-', "")
                .contains("utf8")
        })
}

/// Whether stdout wants colours: a terminal, and no `NO_COLOR`, unless `CLICOLOR_FORCE` asks.
#[must_use]
pub fn stdout_colors() -> bool {
    console::colors_enabled()
}

/// Says how far a table is loaded.
#[derive(Debug)]
pub struct Loading {
    style: Style,
    term: Term,
    table: String,
    items: u64,
    loaded: u64,
    drawn: bool,
}

impl Loading {
    /// Before the first of `items` is written.
    #[must_use]
    pub fn start(style: Style, table: &str, items: u64) -> Self {
        let loading = Self {
            style,
            term: Term::buffered_stderr(),
            table: lines::printable(table),
            items,
            loaded: 0,
            drawn: false,
        };
        match style {
            Style::Plain => loading.line(&format!("loading {}: {items} items", loading.table)),
            Style::Json => loading.line(&json::loading(table, items)),
            Style::Terminal | Style::Off => {}
        }
        loading
    }

    /// `more` items were written.
    pub fn advance(&mut self, more: u64) {
        // Redrawn every hundredth of the way: that is often enough to be seen moving.
        let hundredth = |loaded: u64| loaded * 100 / self.items.max(1);
        let moved = hundredth(self.loaded) != hundredth(self.loaded + more);
        self.loaded += more;
        if self.style == Style::Terminal && (moved || !self.drawn) {
            self.clear();
            let (table, loaded, items) = (&self.table, self.loaded, self.items);
            self.line(&format!("loading {table}: {loaded} of {items} items"));
            self.drawn = true;
        }
    }

    fn line(&self, text: &str) {
        // Progress that cannot be shown is no reason to stop.
        let _ = self.term.write_line(text);
        let _ = self.term.flush();
    }

    fn clear(&self) {
        if self.drawn {
            let _ = self.term.clear_last_lines(1);
        }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.clear();
        let _ = self.term.flush();
    }
}

/// Shows a run until its sender is gone, then takes away what was redrawn.
pub async fn show(style: Style, scenario: &str, progress: watch::Receiver<Progress>) {
    match style {
        Style::Terminal => in_place(&lines::printable(scenario), progress).await,
        Style::Plain => now_and_then(&lines::printable(scenario), progress).await,
        Style::Json => each_second(scenario, progress).await,
        Style::Off => {}
    }
}

async fn in_place(scenario: &str, mut progress: watch::Receiver<Progress>) {
    let term = Term::buffered_stderr();
    let glyphs = if unicode() {
        Glyphs::UNICODE
    } else {
        Glyphs::ASCII
    };
    let columns = || usize::from(term.size().1).max(1);
    let mut drawn = Vec::new();
    let mut due = Instant::now();
    while progress.changed().await.is_ok() {
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + lines::stays(&progress.borrow());
        // Asked anew each time: the window may have been resized.
        let width = columns();
        let block = lines::block(scenario, &progress.borrow_and_update(), glyphs);
        let _ = term.clear_last_lines(lines::rows(&drawn, width));
        // One column stays free: a full line would wrap on some terminals.
        drawn = (block.iter())
            .map(|line| lines::cut(line, width.saturating_sub(1)))
            .collect();
        for line in &drawn {
            let _ = term.write_line(line);
        }
        let _ = term.flush();
    }
    let _ = term.clear_last_lines(lines::rows(&drawn, columns()));
    let _ = term.flush();
}

async fn each_second(scenario: &str, mut progress: watch::Receiver<Progress>) {
    let term = Term::stderr();
    let mut due = Duration::ZERO;
    let mut events = Events::default();
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        for event in events.since_last(&now) {
            let _ = term.write_line(&json::event(scenario, now.elapsed, &event));
        }
        if now.elapsed >= due {
            due = Duration::from_secs(now.elapsed.as_secs() + 1);
            let _ = term.write_line(&json::line(scenario, &now));
        }
    }
}

/// Every 10 s in the first minute, every minute from then on.
fn next_line(after: Duration) -> Duration {
    let step = if after < Duration::from_mins(1) {
        10
    } else {
        60
    };
    Duration::from_secs((after.as_secs() / step + 1) * step)
}

async fn now_and_then(scenario: &str, mut progress: watch::Receiver<Progress>) {
    let term = Term::stderr();
    let mut due = Duration::ZERO;
    let mut events = Events::default();
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        for event in events.since_last(&now) {
            let _ = term.write_line(&lines::event_line(scenario, &now, &event));
        }
        if now.elapsed >= due {
            due = next_line(now.elapsed);
            let _ = term.write_line(&lines::line(scenario, &now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_can_is_drawn_on_in_place() {
        let check = |is_terminal, term: &str, ci: Option<&str>, expected| {
            let found = Style::for_terminal(is_terminal, Some(term.into()), ci.map(Into::into));
            assert_eq!(found, expected, "{is_terminal} {term} {ci:?}");
        };
        check(true, "xterm", None, Style::Terminal);
        check(true, "xterm", Some("false"), Style::Terminal);
        check(true, "xterm", Some("true"), Style::Plain);
        check(true, "dumb", None, Style::Plain);
        check(false, "xterm", None, Style::Plain);
    }

    #[test]
    fn a_soak_of_eight_hours_stays_small_in_a_log() {
        let end = Duration::from_hours(8);
        let mut lines = 0;
        let mut due = Duration::ZERO;
        while due < end {
            due = next_line(due);
            lines += 1;
        }
        // Room for the events of twenty phases, limits and the like.
        let bytes = (lines + 20) * (lines::LOG_COLUMNS + 1);
        assert!(bytes <= 64 * 1024, "{bytes} bytes in {lines} lines");
    }
}
