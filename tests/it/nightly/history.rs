//! Histories: good ones, and those from hell.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use dynamometer::{
    analysis::trend::{
        Acceptance, Filter, History, Host, Metric, MetricUnit, NightRecord, Trend, Word,
        history::{self, HistoryError, parse},
        outcome::ChangeKind,
        replay::suspects,
    },
    report::trend::view::view,
};

/// Night `index` with one noisy metric and one exact one.
pub fn night(index: usize, latency: f64, units: f64) -> NightRecord {
    let metric = |unit, exact, value: f64| Metric {
        unit,
        exact,
        values: vec![value; if exact { 1 } else { 5 }],
        rerun: Vec::new(),
        merged: None,
    };
    let minutes = index % 1440;
    NightRecord {
        night: format!("n{index}"),
        part: 1,
        of: 1,
        at: format!(
            "{}-{:02}-{:02}T{:02}:{:02}:00.000Z",
            2026 + index / (1440 * 300),
            1 + index / 1440 / 28 % 12,
            1 + index / 1440 % 28,
            minutes / 60,
            minutes % 60
        ),
        scenario: "users".to_owned(),
        fingerprint: "f".repeat(64),
        tool_version: "0.1.0".to_owned(),
        commit: Some(format!("c{index:06}")),
        branch: Some("main".to_owned()),
        target: "emulator".to_owned(),
        host: Host {
            cores: 2,
            cpu: "Some CPU".to_owned(),
            kernel: "Linux 6.8.0-41".to_owned(),
        },
        runs: 5,
        invalid: Vec::new(),
        missed: Vec::new(),
        exact_tolerance: 0.0,
        metrics: BTreeMap::from([
            (
                "get.response_time_p50".to_owned(),
                metric(MetricUnit::Nanoseconds, false, latency),
            ),
            (
                "get.units".to_owned(),
                metric(MetricUnit::ReadUnits, true, units),
            ),
        ]),
    }
}

pub fn text(nights: &[NightRecord]) -> String {
    nights
        .iter()
        .map(|night| history::line(Some(night.clone()), None))
        .collect()
}

fn nights(latencies: impl IntoIterator<Item = f64>) -> Vec<NightRecord> {
    latencies
        .into_iter()
        .enumerate()
        .map(|(index, value)| night(index, value, 1.0))
        .collect()
}

fn refused(text: &str) -> Vec<(usize, String)> {
    let HistoryError { problems, .. } = parse(text, "h.jsonl").unwrap_err();
    problems
}

fn trend(history: &History) -> Trend {
    Trend::of(history, &Filter::default())
}

/// The words of one metric, latest last.
fn words(trend: &Trend, metric: &str) -> Vec<Word> {
    let found = trend.groups[0]
        .metrics
        .iter()
        .find(|found| found.name == metric)
        .unwrap();
    found.cells.iter().map(|cell| cell.word).collect()
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let written = nights([1e6, 2e6, 3e6]);
    let read = parse(&text(&written), "h.jsonl").unwrap();
    assert_eq!(read.nights, written);
    assert_eq!(read.remarks, Vec::<String>::new());
}

#[test]
fn an_empty_history_is_one() {
    for empty in ["", "\n", "\n\n  \n"] {
        assert_eq!(parse(empty, "h.jsonl").unwrap(), History::default());
    }
}

#[test]
fn wrong_lines_are_all_named_with_what_is_wrong() {
    let good = text(&nights([1e6]));
    let wrong = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (line, expected) in [
        ("{".to_owned(), "EOF while parsing"),
        ("[]\n".to_owned(), "(column 2)"),
        ("\u{0}\u{0}\u{0}\n".to_owned(), "expected value"),
        ("{}\n".to_owned(), "missing field `version`"),
        (
            "{\"version\":1}\n".to_owned(),
            "either `night` or `accepted`",
        ),
        (
            wrong("\"version\":1", "\"version\":2"),
            "written by a newer dyno",
        ),
        (
            wrong("\"version\":1", "\"version\":0"),
            "version 0; this dyno reads version 1",
        ),
        (
            wrong("\"version\":1", "\"version\":\"1\""),
            "invalid type: string",
        ),
        (
            wrong("\"runs\":5", "\"runs\":\"five\""),
            "invalid type: string",
        ),
        (wrong("\"runs\":5", "\"runs\":-5"), "invalid value"),
        (
            wrong("\"runs\":5", "\"runs\":5,\"extra\":1"),
            "unknown field `extra`",
        ),
        (wrong("\"part\":1", "\"part\":2"), "part 2 of 1"),
        (wrong("1000000.0", "-1.0"), "from 0 to 1e100"),
        (wrong("1000000.0", "1e300"), "from 0 to 1e100"),
        (wrong("1000000.0", "null"), "invalid type: null"),
        (wrong("[1.0]", "[]"), "no values"),
        (wrong("2026-01-01T00", "yesterday"), "write a time such as"),
    ] {
        let problems = refused(&format!("{good}\n{line}"));
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
        assert_eq!(problems[0].0, 3, "{line}");
        assert!(
            problems[0].1.contains(expected),
            "{line}: {}",
            problems[0].1
        );
    }
    let error = parse("{\n}\n", "h.jsonl").unwrap_err().to_string();
    assert!(
        error.contains("h.jsonl:1:") && error.contains("h.jsonl:2:"),
        "{error}"
    );
}

#[test]
fn nights_count_once_whole_and_in_order_of_time() {
    let all = nights([1e6, 2e6, 3e6]);
    let mut shuffled = text(&all[1..]);
    shuffled += &text(&all[..1]);
    shuffled += &text(&all[1..2]);
    let mut half = night(9, 4e6, 1.0);
    half.of = 2;
    shuffled += &text(&[half]);
    let read = parse(&shuffled, "h.jsonl").unwrap();
    assert_eq!(read.nights, all);
    let remarks = read.remarks.join("\n");
    for expected in [
        "h.jsonl:4: the same as line 1",
        "h.jsonl:5: night n9 is not complete",
        "out of order",
    ] {
        assert!(remarks.contains(expected), "{remarks}");
    }
    let mut other = all[1].clone();
    other.runs = 6;
    let problems = refused(&(text(&all) + &text(&[other])));
    assert!(
        problems[0].1.contains("another part 1 in line 2"),
        "{problems:?}"
    );
}

/// What this thread had of the cores, as far as the system tells: others use them too.
fn cpu_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[test]
fn ten_thousand_nights_take_less_than_a_second() {
    let wave = (0..10_000).map(|night| 4e6 * (1.0 + f64::from(night * 7919 % 100) / 4_000.0));
    let text = text(&nights(wave));
    let (cpu, clock) = (cpu_time(), Instant::now());
    let trend = trend(&parse(&text, "h.jsonl").unwrap());
    let cpu = cpu_time()
        .zip(cpu)
        .map(|(now, then)| now.saturating_sub(then));
    let took = cpu.unwrap_or_else(|| clock.elapsed());
    assert_eq!(trend.groups[0].nights.len(), 10_000);
    assert!(took.as_millis() < 1_000, "{took:?}");
}

#[test]
fn a_slower_night_names_its_commit_and_stays_open() {
    let mut all = nights(vec![4e6; 20]);
    all.extend((20..24).map(|index| night(index, 4.6e6, 1.0)));
    let history = parse(&text(&all), "h").unwrap();
    let trend = trend(&history);
    let group = &trend.groups[0];
    assert_eq!(group.changes.len(), 1, "{:?}", group.changes);
    let change = &group.changes[0];
    assert_eq!((change.since, change.seen), (20, 20));
    assert_eq!(
        group.nights[change.since].commit.as_deref(),
        Some("c000020")
    );
    assert!((change.effect - 0.15).abs() < 1e-6, "{change:?}");
    assert_eq!(
        words(&trend, "get.response_time_p50")[20..],
        [Word::Worse; 4]
    );
    assert_eq!(group.open().count(), 1);
}

#[test]
fn exact_metrics_fail_at_the_smallest_difference() {
    let mut all = nights(vec![4e6; 3]);
    all.push(night(3, 4e6, 1.001));
    all.push(night(4, 4e6, 1.0));
    all.push(night(5, 4e6, 0.5));
    all.push(night(6, 4e6, 1.0));
    let trend = trend(&parse(&text(&all), "h").unwrap());
    let expected = [
        Word::Steady,
        Word::Steady,
        Word::Steady,
        Word::Worse,
        Word::Recovered,
        Word::Better,
        Word::Worse,
    ];
    assert_eq!(words(&trend, "get.units"), expected);
    for night in &mut all {
        night.exact_tolerance = 0.01;
    }
    let tolerant = Trend::of(&parse(&text(&all), "h").unwrap(), &Filter::default());
    assert_eq!(words(&tolerant, "get.units")[3], Word::Steady);
}

#[test]
fn an_accepted_change_is_closed_and_only_that_one() {
    let mut all = nights(vec![4e6; 12]);
    all.extend((12..15).map(|index| night(index, 5e6, 2.0)));
    let accept = |metric: &str, commit: &str| Acceptance {
        at: "2026-01-02T00:00:00Z".to_owned(),
        metric: metric.to_owned(),
        scenario: None,
        commit: commit.to_owned(),
        reason: "encryption".to_owned(),
    };
    let open = |accepted: Vec<Acceptance>| {
        let mut history = parse(&text(&all), "h").unwrap();
        history.accepted = accepted;
        let trend = trend(&history);
        let names: Vec<String> = trend.groups[0].open().map(|c| c.metric.clone()).collect();
        names
    };
    assert_eq!(open(vec![]), ["get.response_time_p50", "get.units"]);
    assert_eq!(
        open(vec![accept("get.units", "c000012")]),
        ["get.response_time_p50"]
    );
    assert_eq!(
        open(vec![accept("get.response_time_p50", "c000012")]),
        ["get.units"]
    );
    assert_eq!(open(vec![accept("get.units", "unknown")]).len(), 2);
    // What comes after counts as before.
    let mut later = all.clone();
    let next = later.len();
    later.extend((next..next + 10).map(|mut index| {
        index += 2_000;
        night(index, 5e6, if index > 2_020 { 3.0 } else { 2.0 })
    }));
    let mut history = parse(&text(&later), "h").unwrap();
    history.accepted = vec![
        accept("get.units", "c000012"),
        accept("get.response_time_p50", "c000012"),
    ];
    let trend = trend(&history);
    let kinds: Vec<bool> = trend.groups[0]
        .changes
        .iter()
        .map(|c| c.kind == ChangeKind::Open)
        .collect();
    assert_eq!(kinds, [false, false, true], "{:?}", trend.groups[0].changes);
}

#[test]
fn invalid_nights_a_changed_scenario_and_other_machines_stay_out_of_the_baseline() {
    let mut all = nights(vec![4e6; 12]);
    let mut late = night(12, 9e6, 1.0);
    late.invalid
        .push(dynamometer::analysis::threshold::InvalidReason::NothingSent);
    all.push(late);
    all.push(night(13, 4e6, 1.0));
    let history = parse(&text(&all), "h").unwrap();
    let trend_ = trend(&history);
    let said = words(&trend_, "get.response_time_p50");
    assert_eq!(said[12..], [Word::Invalid, Word::Steady]);

    let mut changed = night(14, 9e6, 3.0);
    changed.fingerprint = "e".repeat(64);
    all.push(changed);
    let trend_ = trend(&parse(&text(&all), "h").unwrap());
    assert_eq!(trend_.groups[0].baselines, [14]);
    assert_eq!(words(&trend_, "get.response_time_p50")[14], Word::Learning);
    assert_eq!(words(&trend_, "get.units")[14], Word::Steady);

    let mut elsewhere = night(15, 9e6, 1.0);
    elsewhere.host.cores = 64;
    let mut branch = night(16, 9e6, 1.0);
    branch.branch = Some("feature".to_owned());
    // Another build of the same kernel is the same class.
    let mut kernel = night(17, 4e6, 1.0);
    kernel.host.kernel = "Linux 6.8.0-99".to_owned();
    all.truncate(14);
    all.extend([elsewhere, branch, kernel]);
    let history = parse(&text(&all), "h").unwrap();
    assert_eq!(trend(&history).groups.len(), 3);
    let only = |branch: Option<&str>, host: Option<&str>| {
        let filter = Filter {
            branch: branch.map(str::to_owned),
            host_class: host.map(str::to_owned),
            scenario: None,
        };
        Trend::of(&history, &filter)
            .groups
            .iter()
            .map(|g| g.nights.len())
            .sum::<usize>()
    };
    assert_eq!(only(Some("feature"), None), 1);
    assert_eq!(only(None, Some("64 ×")), 1);
    assert_eq!(only(Some("main"), Some("2 × some cpu")), 15);
    assert_eq!(only(Some("none"), None), 0);
}

#[test]
fn a_suspect_that_its_rerun_clears_is_steady() {
    let history = parse(&text(&nights(vec![4e6; 20])), "h").unwrap();
    let mut tonight = night(20, 6e6, 1.0);
    assert_eq!(suspects(&history, &tonight), ["get.response_time_p50"]);
    tonight
        .metrics
        .get_mut("get.response_time_p50")
        .unwrap()
        .rerun = vec![4e6; 5];
    assert_eq!(suspects(&history, &tonight), Vec::<String>::new());
    assert_eq!(
        suspects(&history, &night(20, 4.1e6, 1.0)),
        Vec::<String>::new()
    );
    // What is exact needs no second look.
    assert_eq!(
        suspects(&history, &night(20, 4e6, 2.0)),
        Vec::<String>::new()
    );
}

/// Night `index` whose units differ from repeat to repeat: some requests were throttled.
fn uneven(index: usize, units: &[f64]) -> NightRecord {
    let mut night = night(index, 4e6, 1.0);
    let metric = night.metrics.get_mut("get.units").unwrap();
    metric.exact = false;
    metric.values = units.to_vec();
    night
}

#[test]
fn units_that_double_are_worse_even_when_throttles_make_the_repeats_differ() {
    let mut all = nights(vec![4e6; 3]);
    // Others make up the mean: within 3 % that says nothing.
    all.push(uneven(3, &[1.01, 1.05, 1.02]));
    all.push(uneven(4, &[0.9, 0.95, 0.92]));
    all.push(uneven(5, &[2.01, 1.99, 2.0]));
    all.push(night(6, 4e6, 2.0));
    all.push(uneven(7, &[1.02, 1.0, 1.01]));
    let history = parse(&text(&all), "h").unwrap();
    let said = words(&trend(&history), "get.units");
    let expected = [
        Word::Steady,
        Word::Steady,
        Word::Worse,
        Word::Worse,
        Word::Recovered,
    ];
    assert_eq!(said[3..], expected);
    // It is measured again before it fails, since chance may be in it.
    let before = parse(&text(&all[..5]), "h").unwrap();
    assert_eq!(suspects(&before, &all[5]), ["get.units"]);
}

#[test]
fn what_came_after_an_accepted_commit_is_not_accepted_with_it() {
    let mut all = nights(vec![4e6; 12]);
    all.extend([
        night(12, 4e6, 2.0),
        night(13, 4e6, 3.0),
        night(14, 4e6, 3.0),
    ]);
    let mut history = parse(&text(&all), "h").unwrap();
    history.accepted = vec![Acceptance {
        at: "2026-01-02T00:00:00Z".to_owned(),
        metric: "get.units".to_owned(),
        scenario: None,
        commit: "c000012".to_owned(),
        reason: "two reads on purpose".to_owned(),
    }];
    let trend_ = trend(&history);
    let open: Vec<(usize, f64)> = trend_.groups[0]
        .open()
        .map(|change| (change.since, change.before))
        .collect();
    assert_eq!(open, [(13, 2.0)], "{:?}", trend_.groups[0].changes);
    assert_eq!(words(&trend_, "get.units")[14], Word::Worse);
    history.accepted.push(Acceptance {
        commit: "c000013".to_owned(),
        ..history.accepted[0].clone()
    });
    let trend_ = trend(&history);
    assert_eq!(trend_.groups[0].open().count(), 0);
    assert_eq!(words(&trend_, "get.units")[14], Word::Accepted);
}

#[test]
fn an_open_failure_is_held_against_the_level_before_it_and_its_size_gets_better_known() {
    let mut all = nights((0..20).map(|night| 4e6 * (1.0 + f64::from(night % 3) * 0.005)));
    all.extend(
        [4.5, 4.8, 4.8, 4.8, 4.8]
            .iter()
            .enumerate()
            .map(|(after, value)| night(20 + after, value * 1e6, 1.0)),
    );
    let trend = trend(&parse(&text(&all), "h").unwrap());
    let group = &trend.groups[0];
    let change = &group.changes[0];
    assert_eq!((change.since, change.after), (20, 4.8e6), "{change:?}");
    let metric = &group.metrics[0];
    let limits: Vec<Option<f64>> = metric.cells[20..].iter().map(|cell| cell.limit).collect();
    assert!(limits.iter().all(|limit| *limit == limits[0]), "{limits:?}");
    assert!(metric.visible.unwrap() < 0.05, "{:?}", metric.visible);
}

#[test]
fn the_page_says_what_is_missing_and_what_cannot_be_seen() {
    let sentences = |all: &[NightRecord]| {
        let trend = trend(&parse(&text(all), "h").unwrap());
        view(&trend).groups[0].sentences.join("\n")
    };
    let few = sentences(&nights(vec![4e6; 4]));
    let expected = "judge get.response_time_p50: 6 more nights are needed";
    assert!(few.contains(expected), "{few}");
    let ten = sentences(&nights(vec![4e6; 10]));
    assert!(ten.contains("the next one is judged"), "{ten}");
    let jumping = (0..20).map(|night| if night % 2 == 0 { 4e6 } else { 8e6 });
    let noisy = sentences(&nights(jumping));
    let expected = "too noisy to fail: the smallest change that it could show is ";
    let (_, visible) = noisy.split_once(expected).expect(&noisy);
    let percent: String = visible.chars().take_while(char::is_ascii_digit).collect();
    assert!(percent.parse::<f64>().unwrap() > 20.0, "{noisy}");

    let mut changed = nights(vec![4e6; 12]);
    changed[11].fingerprint = "e".repeat(64);
    assert!(sentences(&changed).contains("The scenario was changed: a new baseline begins"));
}
