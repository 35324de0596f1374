//! What a person sees: the binary on a pseudo-terminal, its output read by a terminal's parser.

use std::{
    fs::File,
    io::Read as _,
    num::NonZero,
    os::fd::OwnedFd,
    process::{Child, Stdio},
    thread,
};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::cli::{self, Run};

/// Enough for all that a run writes, so that nothing scrolls out of sight.
const ROWS: u16 = 80;
/// What only the last line of the progress says.
const LAST_LINE: &str = "errors 0   dropped 0";

/// A run that has a terminal as stdout and stderr.
struct Watched {
    control: OwnedFd,
    child: Child,
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// Both ends of a terminal: a person's, and a program's.
pub fn pair() -> (OwnedFd, File) {
    let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
    let control = control.unwrap();
    grantpt(&control).unwrap();
    unlockpt(&control).unwrap();
    let name = ptsname(&control, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    (
        control,
        File::from(open(name, flags, Mode::empty()).unwrap()),
    )
}

impl Watched {
    fn start(place: &Run, duration: &str, columns: u16, variables: &[(&str, &str)]) -> Self {
        let (control, terminal) = pair();
        resize(&control, columns);
        // Our ends of the terminal go with the command: reading ends when the child does.
        let child = place
            .command(&["run", &place.short(duration, "0.1 %")])
            .env_remove("CI")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .envs(variables.iter().copied())
            .stdout(Stdio::from(terminal.try_clone().unwrap()))
            .stderr(Stdio::from(terminal))
            .spawn()
            .unwrap();
        Self {
            control,
            child,
            parser: vt100::Parser::new(cells(ROWS), cells(columns), 0),
            bytes: Vec::new(),
        }
    }

    /// Reads on until `until` holds of the screen, or the end; returns whether it held.
    fn read(&mut self, until: impl Fn(&vt100::Screen) -> bool) -> bool {
        let mut control = File::from(self.control.try_clone().unwrap());
        let mut piece = [0; 4096];
        loop {
            // A terminal that nobody else holds any more is an error on Linux.
            let Ok(length @ 1..) = control.read(&mut piece) else {
                return false;
            };
            self.bytes.extend_from_slice(&piece[..length]);
            self.parser.process(&piece[..length]);
            if until(self.parser.screen()) {
                return true;
            }
        }
    }

    fn resize(&mut self, columns: u16) {
        resize(&self.control, columns);
        self.parser
            .screen_mut()
            .set_size(cells(ROWS), cells(columns));
    }

    /// Reads to the end; what was on the screen then, and all that was ever written.
    fn end(mut self) -> (String, String) {
        self.read(|_| false);
        self.child.wait().unwrap();
        let screen = self.parser.screen().contents();
        (screen, String::from_utf8(self.bytes).unwrap())
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn resize(control: &OwnedFd, columns: u16) {
    let size = Winsize {
        ws_row: ROWS,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(control, size).unwrap();
}

fn blocks(screen: &vt100::Screen) -> usize {
    screen.contents().matches(LAST_LINE).count()
}

fn is_drawn(screen: &vt100::Screen) -> bool {
    blocks(screen) > 0
}

#[test]
fn progress_is_redrawn_in_place_through_a_resize_and_then_gone() {
    let check = |columns, then| {
        let place = Run::new();
        let mut watched = Watched::start(&place, "2s", columns, &[]);
        assert!(watched.read(is_drawn), "{columns} columns");
        watched.resize(then);
        for _ in 0..5 {
            assert!(watched.read(is_drawn), "{columns} columns, then {then}");
            let screen = watched.parser.screen();
            assert_eq!(blocks(screen), 1, "{}", screen.contents());
        }
        let (screen, written) = watched.end();
        assert!(!screen.contains(LAST_LINE), "{screen}");
        assert!(screen.contains("PASS"), "{screen}");
        assert!(written.contains('█'), "{written}");
    };
    thread::scope(|scope| {
        scope.spawn(|| check(100, 50));
        check(50, 100);
    });
}

#[test]
fn a_terminal_that_cannot_or_shall_not_gets_plain_lines() {
    for variables in [
        &[("TERM", "dumb")][..],
        &[("CI", "true"), ("NO_COLOR", "1")],
    ] {
        let place = Run::new();
        let (screen, written) = Watched::start(&place, "1s", 100, variables).end();
        assert!(!written.contains('\u{1b}'), "{written:?}");
        assert!(written.contains("00:00 / 00:01"), "{written}");
        assert!(screen.contains("PASS"), "{screen}");
    }
}

#[test]
fn only_the_verdict_has_colours_and_only_where_they_are_wanted() {
    let colours = "\u{1b}[3";
    let run =
        |variables: &[(&str, &str)]| Watched::start(&Run::new(), "1s", 100, variables).end().1;
    assert!(run(&[]).contains(colours));
    assert!(!run(&[("NO_COLOR", "1")]).contains(colours));
}

#[test]
fn a_terminal_whose_locale_is_not_utf_8_gets_ascii() {
    let (_, written) = Watched::start(&Run::new(), "1s", 100, &[("LC_ALL", "C")]).end();
    let told: String = written.chars().filter(|c| !c.is_ascii()).collect();
    assert!(written.contains("PASS"), "{written}");
    // Files may be called as they like; here they are not.
    assert_eq!(told, "", "{written}");
    assert!(written.contains('#'), "{written}");
}

/// stdout and stderr of a run through pipes.
fn piped(duration: &str, options: &[&str], variables: &[(&str, &str)]) -> (String, String) {
    let place = Run::new();
    let scenario = place.short(duration, "0.1 %");
    let output = place
        .command(&[&["run", &scenario][..], options].concat())
        .env_remove("CI")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env("LC_ALL", "C.UTF-8")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert_eq!(cli::code(&output), 0, "{output:?}");
    (cli::stdout(&output), cli::stderr(&output))
}

#[test]
fn through_pipes_results_are_on_stdout_and_progress_on_stderr_as_it_was_asked_for() {
    thread::scope(|scope| {
        scope.spawn(|| {
            let (results, progress) = piped("1s", &[], &[]);
            assert!(
                results.contains("PASS") && !results.contains('\u{1b}'),
                "{results:?}"
            );
            assert!(progress.contains("00:00 / 00:01") && !progress.contains('\u{1b}'));
            assert!(progress.lines().all(|line| line.len() < 400), "{progress}");
        });
        scope.spawn(|| {
            let (results, _) = piped("1s", &[], &[("CLICOLOR_FORCE", "1")]);
            assert!(results.contains("\u{1b}[3"), "{results:?}");
        });
        scope.spawn(|| {
            let (results, progress) = piped("3s", &["--progress", "json"], &[]);
            assert!(results.contains("PASS"), "{results}");
            let lines = progress
                .lines()
                .map(serde_json::from_str::<serde_json::Value>);
            let lines: Vec<_> = lines.map(Result::unwrap).collect();
            let of = |kind| lines.iter().filter(move |line| line["kind"] == kind);
            assert!(
                of("loading").count() == 1 && of("event").count() >= 1,
                "{progress}"
            );
            // By then the server was asked how its tables stand.
            let last = of("progress").next_back().unwrap();
            assert!(last["burst_share"]["read"].as_f64().is_some(), "{last}");
            assert!(last["hottest_partition"]["partition"].is_u64(), "{last}");
        });
        for option in [&["--progress", "off"][..], &["--quiet"], &["-q"]] {
            scope.spawn(move || {
                let (results, progress) = piped("1s", option, &[]);
                assert!(results.contains("PASS"), "{option:?}: {results}");
                assert_eq!(progress, "", "{option:?}");
            });
        }
    });
}
