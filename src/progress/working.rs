//! Computations that take longer than a second say what they are at.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Style, Term, lines, next_line};

/// What takes less is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two drawings on a terminal.
const REDRAWN: Duration = Duration::from_millis(200);

/// Says what is computed until it is dropped, then takes away what was redrawn.
#[derive(Debug)]
pub struct Working {
    shared: Arc<Shared>,
    shower: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Clone, Debug, Default)]
struct State {
    what: String,
    done: usize,
    of: usize,
    is_over: bool,
}

impl Working {
    /// Begins to work for `title`: `size movies`.
    #[must_use]
    pub fn start(title: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let style = Style::detect();
        let title = lines::printable(title);
        let shower = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || show(style, &title, &shared))
        };
        Self {
            shared,
            shower: Some(shower),
        }
    }

    /// What comes next.
    pub fn at(&self, what: &str) {
        let mut state = self.shared.state();
        state.what = lines::printable(what);
        (state.done, state.of) = (0, 0);
    }

    /// Another `of` pieces of it come next.
    pub fn pieces(&self, of: usize) {
        let mut state = self.shared.state();
        (state.done, state.of) = (0, of);
    }

    /// One of them is done.
    pub fn piece_done(&self) {
        self.shared.state().done += 1;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.over.notify_all();
        // Progress that failed is no reason to fail.
        let _ = self.shower.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn show(style: Style, title: &str, shared: &Shared) {
    let term = Term::buffered_stderr();
    let start = Instant::now();
    let mut due = PATIENCE;
    let mut drawn = false;
    let mut state = shared.state();
    while !state.is_over {
        let elapsed = start.elapsed();
        if elapsed < due {
            let waited = shared.over.wait_timeout(state, due.saturating_sub(elapsed));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        let said = state.clone();
        drop(state);
        let mut text = line(title, &said, elapsed);
        if style == Style::Terminal {
            text = lines::cut(&text, usize::from(term.size().1).saturating_sub(1));
            if drawn {
                let _ = term.clear_last_lines(1);
            }
            drawn = true;
            due = elapsed + REDRAWN;
        } else {
            due = next_line(due);
        }
        if style != Style::Off {
            let _ = term.write_line(&text);
            let _ = term.flush();
        }
        state = shared.state();
    }
    if drawn {
        let _ = term.clear_last_lines(1);
        let _ = term.flush();
    }
}

fn line(title: &str, state: &State, elapsed: Duration) -> String {
    let pieces = if state.of > 1 {
        format!(", {} of {}", state.done, state.of)
    } else {
        String::new()
    };
    let what = if state.what.is_empty() {
        String::new()
    } else {
        format!(": {}", state.what)
    };
    format!("{title}{what}{pieces}   {} s", elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_how_far_and_since_when() {
        let state = State {
            what: "curve of Movies".to_owned(),
            done: 3,
            of: 10,
            is_over: false,
        };
        assert_eq!(
            line("size movies", &state, Duration::from_millis(2_700)),
            "size movies: curve of Movies, 3 of 10   2 s"
        );
    }
}
