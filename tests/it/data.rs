//! Data files: rows as items, weights of rows, and everything that can be wrong with a file.

use std::{collections::BTreeMap, fmt::Write as _, fs, sync::Arc};

use dynamometer::{
    scenario::{Scenario, diagnostic::Diagnostics, files::NotedFiles, parse::parse_with, schema},
    simulation::{SimulationOptions, header, simulate},
    store::files::FolderOf,
    workload::{
        Workload,
        item::{self, AttributeValue},
    },
};

const FILMS: &str = "id,title,year,seen,poster,popularity\n\
    a,\"The \"\"Quiet\"\" Harbour, Again\",1931,true,aGk=,3\n\
    b,\"Two\nlines\",,FALSE,,1\n\
    c,Ekström,-1.50,,eA==,0\n";

const SCENARIO: &str = r#"name = "films"

[[table]]
name = "Films"
partition_key = "id"
billing = { mode = "provisioned", read = "500 RCU", write = "100 WCU" }
data = { file = "films.csv" }
[table.attributes]
id = { type = "S", value = "column" }
name = { type = "S", value = "column", column = "title" }
year = { type = "N", value = "column" }
seen = { type = "BOOL", value = "column" }
poster = { type = "B", value = "column" }

[keys.popular]
kind = "weights"
column = "popularity"

[[operation]]
kind = "get"
keys = "popular"
weight = "90 %"

[[operation]]
kind = "put"
keys = "uniform"
weight = "10 %"

[[phase]]
kind = "load"

[[phase]]
kind = "measured"
duration = "20s"
arrivals = { kind = "constant", rate = "100/s" }
"#;

type Folder = BTreeMap<String, Vec<u8>>;

fn folder(path: &str, content: impl AsRef<[u8]>) -> Folder {
    Folder::from([(path.to_owned(), content.as_ref().to_vec())])
}

fn told(source: &str, files: &Folder) -> String {
    match parse_with(source, "films.toml", files) {
        Ok(parsed) => Diagnostics::new(source, "films.toml", parsed.warnings).to_string(),
        Err(problems) => problems.to_string(),
    }
}

fn parsed(source: &str, files: &Folder) -> Scenario {
    parse_with(source, "films.toml", files)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .scenario
}

fn workload(source: &str, files: &Folder) -> Workload {
    Workload::new(Arc::new(parsed(source, files)))
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

#[test]
fn a_row_is_an_item_and_an_empty_field_leaves_its_attribute_out() {
    let check = |content: &str| {
        let workload = workload(SCENARIO, &folder("films.csv", content));
        assert_eq!(workload.scenario().tables[0].items, 3);
        let n = |literal: &str| AttributeValue::N(literal.into());
        let items: Vec<_> = (0..3).map(|number| workload.item(0, number)).collect();
        let expected = [
            vec![
                ("id", s("a")),
                ("name", s("The \"Quiet\" Harbour, Again")),
                ("year", n("1931")),
                ("seen", AttributeValue::Bool(true)),
                ("poster", AttributeValue::B(b"hi".to_vec())),
            ],
            vec![
                ("id", s("b")),
                ("name", s("Two\nlines")),
                ("seen", AttributeValue::Bool(false)),
            ],
            vec![
                ("id", s("c")),
                ("name", s("Ekström")),
                ("year", n("-1.50")),
                ("poster", AttributeValue::B(b"x".to_vec())),
            ],
        ]
        .map(|item| {
            item.into_iter()
                .map(|(n, v)| (n.to_owned(), v))
                .collect::<Vec<_>>()
        });
        assert_eq!(items, expected);
        for (number, item) in (0..).zip(&items) {
            assert_eq!(workload.item_size(0, number), item::size(item));
        }
    };
    check(FILMS);
    check(&format!("\u{feff}{FILMS}"));
    check(FILMS.trim_end());
    check(&FILMS.replace('\n', "\r\n").replace("Two\r\n", "Two\n"));
}

#[test]
fn json_lines_give_nested_values_and_numbers_as_they_are_written() {
    let lines = concat!(
        r#"{"id": "a", "cast": {"lead": "Ada", "ages": [31, 1.50, null]}, "tags": ["x", "y"], "votes": [1, 2.5], "extra": 1}"#,
        "\n\n",
        r#"{"id": 7, "cast": {}, "tags": null, "votes": [12345678901234567890123456789012345678]}"#,
    );
    let source = SCENARIO
        .replace("films.csv", "films.jsonl")
        .replace("name = { type = \"S\", value = \"column\", column = \"title\" }", "cast = { type = \"M\", value = \"column\" }\ntags = { type = \"SS\", value = \"column\" }\nvotes = { type = \"NS\", value = \"column\" }")
        .replace("year = { type = \"N\", value = \"column\" }\nseen = { type = \"BOOL\", value = \"column\" }\nposter = { type = \"B\", value = \"column\" }\n", "")
        .replace("keys = \"popular\"", "keys = \"uniform\"")
        .replace("[keys.popular]\nkind = \"weights\"\ncolumn = \"popularity\"\n", "");
    let workload = workload(&source, &folder("films.jsonl", lines));
    let n = |literal: &str| AttributeValue::N(literal.into());
    let cast = AttributeValue::M(vec![
        (
            "ages".to_owned(),
            AttributeValue::L(vec![n("31"), n("1.50"), AttributeValue::Null]),
        ),
        ("lead".to_owned(), s("Ada")),
    ]);
    let first = workload.item(0, 0);
    assert_eq!(first[1].1, cast);
    assert_eq!(first[2].1, AttributeValue::Ss(vec!["x".into(), "y".into()]));
    assert_eq!(
        first[3].1,
        AttributeValue::Ns(vec!["1".into(), "2.5".into()])
    );
    let second = workload.item(0, 1);
    assert_eq!(second[0].1, s("7"));
    assert_eq!(second.len(), 3, "{second:?}");
    for (number, item) in [(0, first), (1, second)] {
        assert_eq!(workload.item_size(0, number), item::size(&item));
    }
}

#[test]
fn rows_are_asked_for_as_often_as_their_weights_say() {
    let check = |source: &str, files: &Folder, weights: [f64; 3]| {
        let workload = workload(source, files);
        let mut counts = [0_u32; 3];
        for sequence in 0..40_000 {
            let pick = workload.pick(sequence);
            if pick.spec == 0 {
                counts[usize::try_from(pick.item).unwrap()] += 1;
            }
        }
        let total = f64::from(counts.iter().sum::<u32>());
        for (count, weight) in counts.into_iter().zip(weights) {
            let share = f64::from(count) / total;
            assert!((share - weight).abs() < 0.01, "{counts:?}");
            assert!(weight > 0.0 || count == 0, "{counts:?}");
        }
    };
    let films = folder("films.csv", FILMS);
    check(SCENARIO, &films, [0.75, 0.25, 0.0]);
    let own = SCENARIO.replace(
        "column = \"popularity\"",
        "column = \"w\"\nfile = \"w.ndjson\"",
    );
    let mut both = films;
    both.insert(
        "w.ndjson".into(),
        b"{\"w\": 1}\n{\"w\": 1e3}\n{\"w\": 3e3}".to_vec(),
    );
    check(
        &own,
        &both,
        [1.0 / 4001.0, 1000.0 / 4001.0, 3000.0 / 4001.0],
    );
}

#[test]
fn only_the_first_rows_are_used_where_items_says_so() {
    let source = SCENARIO.replace("data =", "items = 2\ndata =");
    let bad_later = format!("{FILMS}d,too,few\n");
    let scenario = parsed(&source, &folder("films.csv", bad_later));
    assert_eq!(scenario.tables[0].items, 2);
    assert_eq!(scenario.weights[0].values.len(), 2);
    assert_eq!(scenario.files[0].rows, 2);
}

#[test]
fn the_content_moves_the_fingerprint_and_the_place_does_not() {
    let fingerprint = |source: &str, path: &str, content: &str| {
        parsed(source, &folder(path, content)).fingerprint()
    };
    let first = fingerprint(SCENARIO, "films.csv", FILMS);
    let moved = SCENARIO.replace("films.csv", "data/Films.CSV");
    assert_eq!(fingerprint(&moved, "data/Films.CSV", FILMS), first);
    let other = FILMS.replace("Ekström", "Ekstrom");
    assert_ne!(fingerprint(SCENARIO, "films.csv", &other), first);
}

#[test]
fn a_stored_scenario_means_the_same_without_its_files() {
    let scenario = parsed(SCENARIO, &folder("films.csv", FILMS));
    let again = parse_with(SCENARIO, "stored", &NotedFiles(&scenario.files)).unwrap();
    assert_eq!(again.scenario.fingerprint(), scenario.fingerprint());
    assert_eq!(again.scenario.files, scenario.files);
}

#[test]
fn a_file_of_rows_runs_in_the_simulator_and_balances() {
    let by_year = SCENARIO
        .replace(
            "partition_key = \"id\"",
            "partition_key = \"shelf\"\nsort_key = \"id\"",
        )
        .replace(
            "[table.attributes]",
            "[table.attributes]\nshelf = { type = \"S\", value = \"column\" }",
        )
        .replace("kind = \"get\"", "kind = \"query\"");
    let mut rows = String::from("shelf,id,title,year,seen,poster,popularity\n");
    for number in 0..500 {
        writeln!(
            rows,
            "s{},i{number},film,19{},true,,{number}",
            number % 7,
            number % 90 + 10
        )
        .unwrap();
    }
    for source in [SCENARIO, &by_year] {
        let scenario = Arc::new(parsed(source, &folder("films.csv", &rows)));
        let options = SimulationOptions::default();
        let about = header(&scenario, source.to_owned(), "test", &options);
        let record = simulate(&scenario, about, &options).unwrap();
        assert_eq!(record.provenance.items_loaded, 500);
        assert_eq!(record.files, scenario.files);
        let phase = &record.phases[0];
        let ended: u64 = phase.operations.iter().map(|o| o.outcomes.total()).sum();
        assert_eq!((ended, phase.arrivals), (2_000, 2_000));
    }
}

#[test]
#[rustfmt::skip]
fn mistakes_of_data_files_are_told_with_file_and_line() {
    let big = format!("id,title,year,seen,poster,popularity\na,{},1,,,1\n", "x".repeat(410_000));
    let long_key = format!("id,title,year,seen,poster,popularity\n{},t,1,,,1\n", "k".repeat(2_049));
    let open_quote = format!("id,title\na,\"{}", "never closed ".repeat(400_000));
    let mistakes: &[(&str, &str, &str, &[u8])] = &[
        ("no such file", "", "", b""),
        ("an empty file", "", "", b"\0empty"),
        ("a header alone", "", "", b"id,title,year,seen,poster,popularity\n"),
        ("a binary file", "", "", b"\x7fELF\x02\x01\x01\0\0\0"),
        ("a column that is none", "column = \"title\"", "column = \"titel\"", FILMS.as_bytes()),
        ("weights that are none", "column = \"popularity\"", "column = \"popularty\"", FILMS.as_bytes()),
        ("no number", "", "", b"id,title,year,seen,poster,popularity\na,t,soon,,,1\n"),
        ("a number that DynamoDB has not", "", "", b"id,title,year,seen,poster,popularity\na,t,1e126,,,1\n"),
        ("no truth", "", "", b"id,title,year,seen,poster,popularity\na,t,1,maybe,,1\n"),
        ("no base64", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,~,1\n"),
        ("a ragged row", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,,1\n\nb,t\n"),
        ("a name twice", "", "", b"id,title,title,year,seen,poster,popularity\na,t,t,1,,,1\n"),
        ("invalid UTF-8", "", "", b"id,title,year,seen,poster,popularity\na,t\xff,1,,,1\n"),
        ("a key that is missing", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,,1\n,t,1,,,1\n"),
        ("a negative weight", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,,-1\n"),
        ("a weight that is none", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,,NaN\n"),
        ("no weight at all", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,,0\nb,t,1,,,\n"),
        ("keys twice", "", "", b"id,title,year,seen,poster,popularity\na,t,1,,,1\na,u,1,,,1\n"),
        ("many bad rows", "", "", b"id,title,year,seen,poster,popularity\na,t,x,,,1\na,t,x,,,1\na,t,x,,,1\na,t,x,,,1\na,t,x,,,1\na,t,x,,,1\n"),
        ("an item that is too large", "", "", big.as_bytes()),
        ("a key that is too long", "", "", long_key.as_bytes()),
        ("a quote that is never closed", "", "", open_quote.as_bytes()),
        ("more items than rows", "data =", "items = 4\ndata =", FILMS.as_bytes()),
        ("an unknown format", "films.csv", "films.parquet", FILMS.as_bytes()),
        ("no data", "data = { file = \"films.csv\" }", "items = 3", FILMS.as_bytes()),
        ("new rows", "keys = \"uniform\"", "keys = \"new\"", FILMS.as_bytes()),
        ("a boolean key", "partition_key = \"id\"", "partition_key = \"seen\"", FILMS.as_bytes()),
        ("a null column", "type = \"BOOL\"", "type = \"NULL\"", FILMS.as_bytes()),
    ];
    let mut out = String::new();
    for (mistake, from, to, content) in mistakes {
        assert!(SCENARIO.contains(from), "{mistake}");
        let source = SCENARIO.replacen(from, to, usize::from(!from.is_empty()));
        let files = match *content {
            b"" => Folder::new(),
            b"\0empty" => folder("films.csv", ""),
            content => folder(if source.contains("parquet") { "films.parquet" } else { "films.csv" }, content),
        };
        let told = told(&source, &files);
        assert!(!told.is_empty(), "{mistake}: nothing was told");
        writeln!(out, "# {mistake}\n{told}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
#[rustfmt::skip]
fn mistakes_of_json_lines_are_told_with_file_and_line() {
    let deep = format!("{{\"id\": \"a\", \"cast\": {}1{}}}", "[".repeat(40), "]".repeat(40));
    let source = SCENARIO
        .replace("films.csv", "films.jsonl")
        .replace("name = { type = \"S\", value = \"column\", column = \"title\" }", "cast = { type = \"L\", value = \"column\" }\ntags = { type = \"SS\", value = \"column\" }")
        .replace("year = { type = \"N\", value = \"column\" }\nseen = { type = \"BOOL\", value = \"column\" }\nposter = { type = \"B\", value = \"column\" }\n", "");
    let mut out = String::new();
    for (mistake, lines) in [
        ("no JSON", "{\"id\": \"a\"}\n{id: 1}\n"),
        ("no object", "[1, 2]\n"),
        ("a map for a list", "{\"id\": \"a\", \"cast\": {}, \"tags\": [\"a\"], \"popularity\": 1}\n"),
        ("an empty set", "{\"id\": \"a\", \"cast\": [], \"tags\": [], \"popularity\": 1}\n"),
        ("a member twice", "{\"id\": \"a\", \"cast\": [], \"tags\": [\"a\", \"a\"], \"popularity\": 1}\n"),
        ("a number among texts", "{\"id\": \"a\", \"cast\": [], \"tags\": [\"a\", 1], \"popularity\": 1}\n"),
        ("a number that DynamoDB has not", "{\"id\": \"a\", \"cast\": [1e999], \"tags\": [\"a\"], \"popularity\": 1}\n"),
        ("a list for a key", "{\"id\": [], \"cast\": [], \"tags\": [\"a\"], \"popularity\": 1}\n"),
        ("nested too deeply", &deep),
    ] {
        let told = told(&source, &folder("films.jsonl", lines));
        assert!(!told.is_empty(), "{mistake}: nothing was told");
        writeln!(out, "# {mistake}\n{told}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[cfg(unix)]
#[test]
fn what_is_no_ordinary_file_is_refused_and_what_lies_outside_is_said() {
    let root = tempfile::TempDir::new().unwrap();
    let inside = root.path().join("scenarios");
    fs::create_dir_all(inside.join("folder.csv")).unwrap();
    fs::write(root.path().join("films.csv"), FILMS).unwrap();
    fs::write(inside.join("films.csv"), FILMS).unwrap();
    let link = |from: &str, to: &str| std::os::unix::fs::symlink(to, inside.join(from)).unwrap();
    link("out.csv", "../films.csv");
    link("in.csv", "films.csv");
    link("zero.csv", "/dev/zero");
    link("gone.csv", "nowhere");
    link("self.csv", "self.csv");
    let pipe = inside.join("pipe.csv");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let files = FolderOf::new(&inside.join("films.toml"));
    let mut out = String::new();
    for path in [
        "films.csv",
        "in.csv",
        "./films.csv",
        "../scenarios/films.csv",
        "../films.csv",
        "out.csv",
        "folder.csv",
        "zero.csv",
        "gone.csv",
        "self.csv",
        "pipe.csv",
        "none/films.csv",
    ] {
        let source = SCENARIO.replace("films.csv", path);
        let told = match parse_with(&source, "films.toml", &files) {
            Ok(parsed) => Diagnostics::new(&source, "films.toml", parsed.warnings).to_string(),
            Err(problems) => problems.to_string(),
        };
        writeln!(out, "# {path}\n{told}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn the_shipped_schema_is_current() {
    let shipped = include_str!("../../scenarios/scenario.schema.json");
    assert!(
        shipped == schema::document(),
        "write it anew: dyno schema scenario > scenarios/scenario.schema.json"
    );
}
