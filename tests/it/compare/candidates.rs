//! `[[candidate]]` tables: what they mean, and what is said of mistakes in them.

use dynamometer::scenario::{
    Scenario,
    candidate::{Candidate, Suffix},
    parse::parse,
};
use serde_json::Value;

use super::{CATALOGUE, scenario};
use crate::cli::{Run, code, stderr, stdout};

const CANDIDATES: &str = r#"
[[candidate]]
partition_key = "id"
[[candidate]]
partition_key = "kind"
sort_key = "id"
[[candidate]]
partition_key = ["kind", "maker"]
[[candidate]]
partition_key = "kind"
suffix = { kind = "calculated", shards = 8 }
[[candidate]]
name = "anywhere"
table = "Things"
partition_key = ["kind", "maker"]
suffix = { kind = "random", shards = 4 }
sort_key = "twin"
"#;

fn with(candidates: &str) -> String {
    format!("{CATALOGUE}{candidates}")
}

fn named(scenario: &Scenario) -> Vec<Candidate> {
    let named = scenario.candidates.iter();
    named.map(|named| named.candidate.clone()).collect()
}

#[test]
fn a_table_means_what_the_option_means() {
    let scenario = scenario(&with(CANDIDATES));
    let mut expected: Vec<Candidate> = [
        "id",
        "kind+id",
        "kind#maker",
        "kind/8",
        "kind#maker/random4+twin",
    ]
    .iter()
    .map(|text| Candidate::parse(text, &scenario.tables[0]).unwrap())
    .collect();
    expected[4].name = "anywhere".to_owned();
    assert_eq!(named(&scenario), expected);
    for candidate in &expected {
        let sort_key = candidate.sort_key.as_deref();
        let text = Candidate::notation(&candidate.partition_key, candidate.suffix, sort_key);
        let again = Candidate::parse(&text, &scenario.tables[0]).unwrap();
        assert_eq!(
            Candidate {
                name: candidate.name.clone(),
                ..again
            },
            *candidate
        );
    }
    assert_eq!(expected[4].suffix, Suffix::Random(4));
}

#[test]
fn candidates_change_nothing_of_a_run() {
    let (with, without) = (scenario(&with(CANDIDATES)), scenario(CATALOGUE));
    assert_eq!(with.fingerprint(), without.fingerprint());
}

#[test]
fn mistakes_in_candidates_are_told_with_line_and_column() {
    let first = CATALOGUE.lines().count() + 1;
    let check = |candidates: &str, line: usize, column: usize, said: &str| {
        let problems = match parse(&with(candidates), "test.toml") {
            Ok(_) => panic!("{candidates} is taken"),
            Err(problems) => problems.to_string(),
        };
        let place = format!("test.toml:{}:{column}", first + line);
        assert!(problems.contains(&place), "{place}: {problems}");
        assert!(problems.contains(said), "{problems}");
    };
    let of = |text: &str| format!("[[candidate]]\n{text}\n");
    check("[[candidate]]\n", 0, 1, "`partition_key` is missing");
    check(
        &of("partition_key = \"maler\""),
        1,
        17,
        "did you mean `maker`?",
    );
    check(
        &of("partition_key = [\"kind\", \"note\"]"),
        1,
        26,
        "some items do not have it",
    );
    check(
        &of("partition_key = 7"),
        1,
        17,
        "must be the name of an attribute",
    );
    check(
        &of("partition_key = []"),
        1,
        17,
        "must be the name of an attribute",
    );
    check(
        &of("partition_key = \"id\"\nsort_key = \"note\""),
        2,
        12,
        "cannot be in the `sort_key`",
    );
    check(
        &of("partition_key = \"id\"\ntable = \"Thing\""),
        2,
        9,
        "no table named",
    );
    check(
        &of("partition_key = \"id\"\nsuffix = { kind = \"calculated\", shards = 1 }"),
        2,
        42,
        "2 to 10",
    );
    check(
        &of("partition_key = \"id\"\nsuffix = { kind = \"hashed\", shards = 4 }"),
        2,
        19,
        "calculated, random",
    );
    check(
        &of("partition_key = \"id\"\nsufix = 4"),
        2,
        1,
        "did you mean `suffix`?",
    );
    check(
        &(of("partition_key = \"id\"") + &of("partition_key = \"id\"")),
        3,
        17,
        "two candidates are named",
    );
}

#[test]
fn the_command_takes_the_scenarios_candidates_unless_it_is_given_keys() {
    let run = Run::new();
    let file = run.scenario(&with(CANDIDATES));
    let compared = |more: &[&str]| {
        let all = [
            &["compare", &file, "--json", "--no-files", "--seeds", "2"],
            more,
        ]
        .concat();
        let output = run.dyno(&all);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let candidates = document["candidates"].as_array().unwrap();
        let names = candidates
            .iter()
            .map(|c| c["name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    assert_eq!(
        compared(&[]),
        ["anywhere", "id", "kind#maker", "kind+id", "kind/8"]
    );
    assert_eq!(compared(&["--keys", "maker,id"]), ["id", "maker"]);

    let refused = run.dyno(&["compare", &file, "--keys", "id/0,maker,nobody"]);
    assert_eq!(code(&refused), 2);
    for mistake in ["`id/0` is no key", "no attribute `nobody`"] {
        assert!(stderr(&refused).contains(mistake), "{}", stderr(&refused));
    }
}

#[test]
fn what_takes_longer_than_a_second_says_what_it_is_at() {
    let run = Run::new();
    let movies = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/movies.toml");
    // Seconds on any machine: 40 times 9,000 requests under seven keys.
    let compared = run.dyno(&["compare", movies, "--seeds", "40", "--no-files"]);
    assert_eq!(code(&compared), 0, "{}", stderr(&compared));
    let told = stderr(&compared);
    let line = told
        .lines()
        .find(|line| line.starts_with("compare movies: "));
    assert!(line.is_some_and(|line| line.ends_with(" s")), "{told}");
    assert!(!stdout(&compared).contains("compare movies: "));
}

/// The shipped catalogue's rows as JSON Lines; empty fields are left out, numbers are numbers.
fn json_lines(csv: &str) -> String {
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let line = |row: csv::StringRecord| {
        let fields = headers.iter().zip(row.iter());
        let fields = fields.filter(|(_, field)| !field.is_empty());
        let value = |(name, field): (&str, &str)| {
            let number = ["year", "popularity"].contains(&name);
            let number = number.then(|| serde_json::from_str(field).unwrap());
            let value = number.unwrap_or_else(|| Value::from(field));
            (name.to_owned(), value)
        };
        let object: serde_json::Map<_, _> = fields.map(value).collect();
        Value::from(object).to_string() + "\n"
    };
    rows.records().map(|row| line(row.unwrap())).collect()
}

#[test]
fn a_catalogue_of_json_lines_is_compared_like_one_of_comma_separated_values() {
    let scenario = include_str!("../../../scenarios/catalogue.toml");
    let rows = include_str!("../../../scenarios/catalogue.csv");
    let run = Run::new();
    let folder = run.folder.path();
    std::fs::write(folder.join("catalogue.csv"), rows).unwrap();
    std::fs::write(folder.join("catalogue.jsonl"), json_lines(rows)).unwrap();
    let compared = |source: &str| -> Vec<Value> {
        let path = run.scenario(source);
        let keys = "movie_id,title,language,language+movie_id";
        let output = run.dyno(&["compare", &path, "--keys", keys, "--json", "--no-files"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
        document["candidates"].as_array().unwrap().clone()
    };
    let lines = compared(&scenario.replace("catalogue.csv", "catalogue.jsonl"));
    assert_eq!(lines, compared(scenario));
    assert_eq!(lines[0]["name"], "movie_id");
    let language = lines.iter().find(|key| key["name"] == "language").unwrap();
    assert_eq!(language["hottest_key"], "English");
}
