//! Stored runs, drawn again in every format.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dynamometer::{
    record::histogram::interval_log,
    report::{
        csv, hgrm, hlog, json, markdown,
        stored::{self, Parts, StoredError},
    },
    units::Quantile,
};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer,
        interval_log::{IntervalLogIterator, LogEntry},
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixtures::{self, Case};

fn document(case: &Case) -> String {
    json::render(&case.record, &case.analysis())
}

/// What is said of a throttled run after `change` to its document.
fn refused(change: impl FnOnce(&mut Value)) -> StoredError {
    let mut value: Value = serde_json::from_str(&document(&fixtures::throttled())).unwrap();
    change(&mut value);
    stored::read(&value.to_string()).unwrap_err()
}

/// Cells of RFC 4180.
fn cells(csv: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let (mut quoted, mut rest) = (false, csv.chars().peekable());
    while let Some(character) = rest.next() {
        let row = rows.last_mut().unwrap();
        match character {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted && rest.peek() == Some(&'\n') => {
                rest.next();
                rows.push(vec![String::new()]);
            }
            other => row.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(
        rows.pop(),
        Some(vec![String::new()]),
        "ends with a line end"
    );
    rows
}

proptest! {
    #[test]
    fn csv_text_is_never_a_formula_and_reads_back(text in "[=+@,\"'\t\r\na-]{0,8}") {
        let line = format!("{},x\r\n", csv::text(&text));
        let read = cells(&line).remove(0);
        prop_assert_eq!(read.len(), 2);
        prop_assert!(!read[0].starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
        prop_assert_eq!(read[0].strip_prefix('\'').filter(|_| !text.starts_with('\''))
            .unwrap_or(&read[0]), text);
    }

    #[test]
    fn markdown_holds_no_markup_of_others(text in any::<String>()) {
        let shown = markdown::escaped(&text, 100);
        prop_assert!(!shown.contains(['<', '>', '`', '|', '\n', '\r', '*', '[', '\\']), "{}", shown);
    }

    #[test]
    fn different_names_have_different_tags(a in "[a, %\n2C]{0,4}", b in "[a, %\n2C]{0,4}") {
        prop_assert_eq!(interval_log::tag(&a) == interval_log::tag(&b), a == b);
    }
}

#[test]
fn a_stored_run_reads_back_as_it_was() {
    for case in [
        fixtures::throttled(),
        fixtures::empty(),
        fixtures::interrupted(),
    ] {
        let run = stored::read(&document(&case)).unwrap();
        assert_eq!((&run.record, &run.scenario), (&case.record, &case.scenario));
        assert!(run.same_meaning);
    }
}

#[test]
fn csv_rows_add_up_to_the_record() {
    let case = fixtures::throttled();
    let rows = cells(&csv::render(&case.record));
    let column = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
    let sum = |scope: &str, name: &str| -> f64 {
        let column = column(name);
        let of_scope = rows[1..].iter().filter(|row| row[1] == scope);
        of_scope
            .map(|row| row[column].parse::<f64>().unwrap())
            .sum()
    };
    let totals = &case.record.phases[0];
    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
    let of = |count: u64| count as f64;
    let throttled = totals
        .operations
        .iter()
        .map(|it| it.outcomes.throttled)
        .sum();
    assert!(throttled > 0);
    let found = sum("operation", "throttled (requests)");
    assert!((found - of(throttled)).abs() < 1e-9, "{found}");
    let found = sum("run", "offered (requests)");
    assert!((found - of(totals.arrivals)).abs() < 1e-9, "{found}");
    for name in ["consumed reads (RCU)", "consumed writes (WCU)"] {
        let (by_table, by_operation) = (sum("table", name), sum("operation", name));
        assert!(
            by_table > 0.0 && (by_table - by_operation).abs() < 1e-9,
            "{name}"
        );
    }
}

#[test]
fn every_csv_row_has_as_many_cells_as_the_header() {
    for case in [
        fixtures::hostile_names(),
        fixtures::empty(),
        fixtures::throttled(),
    ] {
        let rows = cells(&csv::render(&case.record));
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    }
}

#[test]
fn markdown_reads_well() {
    insta::assert_snapshot!(
        "markdown_throttled",
        markdown::render(&fixtures::throttled().view())
    );
    insta::assert_snapshot!(
        "markdown_empty",
        markdown::render(&fixtures::empty().view())
    );
    let hostile = markdown::render(&fixtures::hostile_names().view());
    insta::assert_snapshot!("markdown_hostile_names", hostile);
}

#[test]
fn markdown_keeps_to_its_size_and_says_what_it_left_off() {
    let mut view = fixtures::hostile_names().view();
    view.sentence = "|".repeat(100_000);
    view.scenario = "<".repeat(100_000);
    view.operations[0].name = "`".repeat(1_000);
    view.capacity[0].table = "|".repeat(1_000);
    view.assertions[0].name = "|".repeat(1_000);
    view.operations = vec![view.operations[0].clone(); 1_000];
    view.capacity = vec![view.capacity[0].clone(); 1_000];
    view.assertions = vec![view.assertions[0].clone(); 1_000];
    let page = markdown::render(&view);
    assert!(page.len() <= markdown::BYTES_MAX, "{}", page.len());
    assert_eq!(page.matches(" more\n").count(), 3);
}

#[test]
fn the_crates_own_reader_reads_the_log_with_the_percentiles_of_the_results() {
    for case in [
        fixtures::pass(),
        fixtures::throttled(),
        fixtures::hostile_names(),
    ] {
        let results = json::results(&case.record, &case.analysis());
        let log = hlog::render(&case.record);
        assert!(log.lines().next().unwrap().starts_with('#'));
        assert!(log.contains("values: nanoseconds"));
        let entries: Vec<_> = IntervalLogIterator::new(log.as_bytes())
            .map(|entry| entry.unwrap())
            .collect();
        for (index, operation) in results.record.operations.iter().enumerate() {
            let name = interval_log::tag(&operation.name);
            let mut sum = Histogram::<u64>::new(3).unwrap();
            for entry in &entries {
                let LogEntry::Interval(line) = entry else {
                    continue;
                };
                if line.tag().unwrap().as_str() == name {
                    let bytes = STANDARD.decode(line.encoded_histogram()).unwrap();
                    let part: Histogram<u64> = Deserializer::new()
                        .deserialize(&mut bytes.as_slice())
                        .unwrap();
                    sum.add(&part).unwrap();
                }
            }
            let expected = &results.record.phases[0].operations[index].response_time;
            assert!(expected.count() > 0);
            assert_eq!(sum.len(), expected.count());
            for quantile in [Quantile::P50, Quantile::P99, Quantile::P99_9] {
                let expected = expected.quantile(quantile).unwrap().as_nanos();
                let found = sum.value_at_quantile(quantile.as_fraction());
                assert!(
                    u128::from(found).abs_diff(expected) * 1000 <= expected,
                    "{found} {expected}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_stored_run_is_refused_with_the_reason() {
    let check = |error: &StoredError, part: &str| {
        let text = error.to_string();
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    };
    check(&stored::read("{").unwrap_err(), "not JSON");
    check(&stored::read("[1]").unwrap_err(), "schema_version");
    check(&stored::read("{}").unwrap_err(), "schema_version");
    check(
        &refused(|it| it["schema_version"] = json!(9)),
        "version 9, written by a newer dyno; this dyno reads version 1",
    );
    check(
        &refused(|it| it["schema_version"] = json!(0)),
        "version 0; this dyno reads",
    );
    check(
        &refused(|it| it["record"]["schema_version"] = json!(2)),
        "version 2",
    );
    check(
        &refused(|it| it["record"]["tables"] = json!("x")),
        "schema of results",
    );
    check(
        &refused(|it| it["record"]["scenario_source"] = json!("name = 1")),
        "no longer parses",
    );
    check(
        &refused(|it| it["record"]["operations"] = json!([])),
        "operations of the record and of the scenario",
    );
    check(
        &refused(|it| it["record"]["tables"] = json!([])),
        "tables of the record and of the scenario",
    );
    check(
        &refused(|it| it["record"]["operations"][0]["table"] = json!(7)),
        "on table 7",
    );
    check(
        &refused(|it| it["record"]["phases"][0]["operations"] = json!([])),
        "phase 0",
    );
    check(
        &refused(|it| it["record"]["intervals"][3]["tables"] = json!([])),
        "second 3",
    );
    check(
        &refused(|it| it["record"]["intervals"][3]["second"] = json!(1)),
        "out of order",
    );
    check(
        &refused(|it| it["record"]["intervals"][3]["second"] = json!(u64::MAX)),
        "too late",
    );
    check(
        &refused(|it| it["record"]["phases"][0]["arrivals"] = json!(u64::MAX)),
        "more than any run",
    );
    check(
        &refused(|it| {
            it["record"]["intervals"][0]["operations"][0]["response_time"] = json!("AAAA");
        }),
        "second 0",
    );
}

#[test]
fn a_day_at_a_million_a_second_is_read_and_what_overflows_when_added_up_is_not() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&document(&fixtures::throttled())).unwrap();
        change(&mut value["record"]["phases"][0]["operations"][0]);
        stored::read(&value.to_string())
    };
    // Batches of 16 MB: nothing takes more.
    let requests = 86_400 * 1_000_000_u64;
    let units = requests * 16_384;
    let day = with(&|totals| {
        totals["outcomes"]["completed"] = json!(requests);
        totals["consumed"]["write"] = json!(units);
    });
    let record = day.unwrap().record;
    let totals = &record.phases[0].operations[0];
    assert_eq!(totals.consumed.write.halves().unsigned_abs(), 2 * units);
    assert_eq!(totals.outcomes.completed, requests);

    let errors = |count: u32| {
        with(&|totals| {
            let errors = (0..count).map(|number| (number.to_string(), json!(1_u64 << 53)));
            totals["errors"] = Value::Object(errors.collect());
        })
    };
    let half = errors(128).unwrap();
    errors(257).unwrap_err();
    let mut parts = Parts::default();
    parts.add(&half).unwrap();
    let error = parts
        .add(&half)
        .and_then(|()| parts.add(&half))
        .unwrap_err();
    assert!(
        error.to_string().contains("more than any run can"),
        "{error}"
    );
}

/// A run as the first version that stored one wrote it, without all that records have learnt
/// since. Records of this schema version stay readable; so does this one.
const FIRST: &str = include_str!("stored/v1-first.json");

#[test]
fn a_run_that_the_first_version_stored_is_drawn_in_every_format() {
    let stored = stored::read(FIRST).unwrap();
    let again = Case {
        record: stored.record,
        scenario: stored.scenario,
    };
    let told: Value = serde_json::from_str(FIRST).unwrap();
    let results = json::results(&again.record, &again.analysis());
    assert_eq!(told["summary"]["outcomes"], json!(results.summary.outcomes));
    assert_eq!(told["sentence"], json!(results.sentence));

    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("results.json"), FIRST).unwrap();
    for format in ["html", "text", "json", "markdown", "csv", "hlog"] {
        let drawn = dyno(folder.path(), &["report", ".", "--format", format]);
        assert_eq!(drawn.status.code(), Some(0), "{format}: {drawn:?}");
        // Once the language has grown that is said, and no more.
        let warned = String::from_utf8(drawn.stderr).unwrap();
        let is_known = |line: &str| line.contains("means something else");
        assert!(
            warned.lines().count() < 2 && warned.lines().all(is_known),
            "{warned}"
        );
    }
    for format in ["svg", "png", "hgrm"] {
        let drawn = dyno(
            folder.path(),
            &["report", ".", "--format", format, "-o", format],
        );
        assert_eq!(drawn.status.code(), Some(0), "{format}: {drawn:?}");
        assert!(
            drawn.stdout.split(|byte| *byte == b'\n').count() > 4,
            "{drawn:?}"
        );
    }
}

#[test]
fn what_follows_from_a_record_is_not_read_but_worked_out_anew() {
    let case = fixtures::throttled();
    let mut value: Value = serde_json::from_str(&document(&case)).unwrap();
    for name in [
        "passed",
        "verdict",
        "cause",
        "summary",
        "thresholds",
        "sentence",
    ] {
        value.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(
        stored::read(&value.to_string()).unwrap().record,
        case.record
    );
}

/// The columns of a distribution, and what it says at its end.
fn distribution(text: &str) -> (Vec<[f64; 3]>, &str) {
    let (rows, rest) = text.split_once("#[Mean").unwrap();
    let mut lines = rows.lines();
    assert_eq!(
        lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    );
    assert_eq!(lines.next(), Some(""));
    let rows = lines.map(|line| {
        let cells = line.split_whitespace().take(3);
        let cells: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
        cells.try_into().unwrap()
    });
    (rows.collect(), rest)
}

#[test]
fn percentile_distributions_have_the_percentiles_of_the_results() {
    let case = fixtures::throttled();
    let files = hgrm::files(&case.record);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names[..2],
        ["response-1-read-user.hgrm", "response-2-sign-up.hgrm"]
    );
    assert!(names.contains(&"response.hgrm") && names.contains(&"service.hgrm"));
    for (index, operation) in case.record.operations.iter().enumerate() {
        let name = format!("response-{}-{}.hgrm", index + 1, operation.name);
        let text = &files.iter().find(|(file, _)| *file == name).unwrap().1;
        let (rows, end) = distribution(text);
        let expected = &case.record.phases[0].operations[index].response_time;
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let count = expected.count() as f64;
        assert!(rows.last().unwrap()[1] >= 1.0 && rows.is_sorted_by_key(|row| row[0]));
        assert!((rows.last().unwrap()[2] - count).abs() < 0.5);
        for quantile in [Quantile::P50, Quantile::P99] {
            let fraction = quantile.as_fraction();
            let row = rows.iter().find(|row| row[1] >= fraction).unwrap();
            let nanos = expected.quantile(quantile).unwrap().as_secs_f64() * 1e3;
            assert!(row[0] >= nanos * 0.999, "{row:?} {nanos}");
            let before = rows.iter().rfind(|row| row[1] <= fraction);
            assert!(
                before.is_none_or(|row| row[0] <= nanos * 1.001),
                "{before:?} {nanos}"
            );
        }
        assert!(
            end.contains("milliseconds") && end.contains("Total count"),
            "{end}"
        );
    }
    let empty = hgrm::files(&fixtures::empty().record);
    assert!(empty.iter().all(|(_, text)| text.contains("#[no values]")));
    let hostile = hgrm::files(&fixtures::hostile_names().record);
    for (name, text) in hostile {
        assert!(
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
            "{name}"
        );
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
    }
}

fn dyno(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// A simulated run with another seed than its scenario's, and its folder.
fn simulated() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let source = fixtures::throttled().record.scenario_source;
    fs::write(folder.path().join("shop.toml"), source).unwrap();
    let done = dyno(
        folder.path(),
        &["simulate", "shop.toml", "--seed", "7", "--out", "runs"],
    );
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let run = fs::read_dir(folder.path().join("runs"))
        .unwrap()
        .next()
        .unwrap();
    let run = run.unwrap().path();
    (folder, run)
}

#[test]
fn every_format_is_drawn_again_from_a_run() {
    let (folder, run) = simulated();
    let name = run.to_str().unwrap();
    for (format, begins) in [
        ("html", "<!doctype html>"),
        ("text", "shop"),
        ("json", "{"),
        ("markdown", "## "),
        ("csv", "second (s),"),
        ("hlog", "#"),
    ] {
        let shown = dyno(folder.path(), &["report", name, "--format", format]);
        assert_eq!(shown.status.code(), Some(0), "{format}: {shown:?}");
        assert!(shown.stderr.is_empty(), "{format}: {shown:?}");
        assert!(shown.stdout.starts_with(begins.as_bytes()), "{format}");
        let arguments = ["report", name, "--format", format, "-o", format];
        let written = dyno(folder.path(), &arguments);
        assert!(
            written.status.success() && written.stdout.is_empty(),
            "{written:?}"
        );
        if format != "text" {
            assert_eq!(
                fs::read(folder.path().join(format)).unwrap(),
                shown.stdout,
                "{format}"
            );
        }
        let again = dyno(folder.path(), &arguments);
        assert_eq!(again.status.code(), Some(2), "never overwritten: {again:?}");
    }
    for (format, file) in [("html", "report.html"), ("json", "results.json")] {
        assert!(
            fs::read(folder.path().join(format)).unwrap() == fs::read(run.join(file)).unwrap(),
            "{file} is what the run wrote"
        );
    }
    let file = run.join("results.json");
    let by_file = dyno(folder.path(), &["report", file.to_str().unwrap()]);
    assert_eq!(
        by_file.stdout,
        dyno(folder.path(), &["report", name]).stdout
    );
}

#[test]
fn a_run_over_a_trace_is_drawn_again_without_the_trace() {
    const CONSTANT: &str = r#"{ kind = "constant", rate = "35/s" }"#;
    let users = include_str!("../../scenarios/users.toml");
    let source = users.replace(CONSTANT, r#"{ kind = "trace", file = "day.csv" }"#);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("day.toml"), source).unwrap();
    let trace = folder.path().join("day.csv");
    fs::write(&trace, "time,rate\n0,5\n60,40\n90,5\n").unwrap();
    let done = dyno(folder.path(), &["simulate", "day.toml", "--out", "runs"]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    fs::remove_file(trace).unwrap();
    let mut runs = fs::read_dir(folder.path().join("runs")).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    for (format, file) in [("html", "report.html"), ("json", "results.json")] {
        let again = dyno(
            folder.path(),
            &["report", run.to_str().unwrap(), "--format", format],
        );
        assert_eq!(again.status.code(), Some(0), "{again:?}");
        assert!(again.stdout == fs::read(run.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn input_that_cannot_be_drawn_is_an_error_of_usage() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("text.json"), "hello").unwrap();
    fs::write(folder.path().join("new.json"), r#"{"schema_version": 99}"#).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (input, part) in [
        ("missing.json", "missing.json"),
        ("empty", "results.json"),
        ("text.json", "not JSON"),
        ("new.json", "newer dyno"),
    ] {
        let output = dyno(folder.path(), &["report", input]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(part) && output.stdout.is_empty(), "{error}");
        assert!(!error.contains("panicked"), "{error}");
    }
}

#[test]
fn a_folder_that_holds_no_run_says_which_one_to_name() {
    let folder = TempDir::new().unwrap();
    let told = |folder: &TempDir| {
        let drawn = dyno(folder.path(), &["report", "."]);
        assert_eq!(drawn.status.code(), Some(2));
        String::from_utf8(drawn.stderr).unwrap()
    };
    let none = told(&folder);
    assert!(
        none.contains(". holds no run") && none.contains("results.json"),
        "{none}"
    );
    for run in ["20260101T000000Z-a", "20260102T000000Z-b"] {
        fs::create_dir(folder.path().join(run)).unwrap();
        fs::write(folder.path().join(run).join("results.json"), FIRST).unwrap();
    }
    let some = told(&folder);
    assert!(
        some.contains("20260102T000000Z-b") && !some.contains("Z-a"),
        "{some}"
    );
}
