//! Scenario files: each mistake with its exact message, and laws of the parser.

mod arrivals;

use std::{collections::BTreeSet, fmt::Write as _};

use dynamometer::{
    scenario::{
        ArrivalSpec, Metric, Scenario,
        diagnostic::{Diagnostics, Severity},
        language::{self, Form, Section},
        parse::parse,
        schema::json_schema,
    },
    units::{Quantile, Rate},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The shipped scenarios that name no files.
const SHIPPED: [(&str, &str); 6] = [
    ("users", include_str!("../../scenarios/users.toml")),
    (
        "user-games",
        include_str!("../../scenarios/user-games.toml"),
    ),
    ("movies", include_str!("../../scenarios/movies.toml")),
    ("diurnal", include_str!("../../scenarios/diurnal.toml")),
    ("launch", include_str!("../../scenarios/launch.toml")),
    ("orders", include_str!("../../scenarios/orders.toml")),
];

/// A small scenario with a bit of everything, which the mistakes below are made in.
const ORDERS: &str = r#"name = "orders"
seed = 42

[[table]]
name = "Orders"
partition_key = "customer"
sort_key = "order"
billing = { mode = "provisioned", read = "500 RCU", write = "100 WCU" }
items = 1000
[table.attributes]
customer = { type = "S", value = "group", prefix = "c-", size = 10 }
order = { type = "N", value = "cycle", size = 10 }
state = { type = "S", value = "categorical", choices = { open = 3, paid = 7 } }
note = { type = "S", value = "text", length = { uniform = ["20 B", "1 KiB"] }, present = "60 %" }
total = { type = "N", value = "number", range = { normal = { mean = 50, std_dev = 10, min = 0, max = 100 } }, decimals = 2 }

[keys.customers]
kind = "zipfian"
exponent = 0.99

[[operation]]
name = "open"
kind = "get"
keys = "customers"
weight = "80 %"

[[operation]]
kind = "update"
keys = "uniform"
weight = "20 %"
set = ["state"]

[[phase]]
kind = "load"

[[phase]]
kind = "measured"
duration = "60s"
arrivals = { kind = "constant", rate = "100/s" }

[[threshold]]
metric = "throttled"
max = "1 %"
"#;

/// What a reader of `source` is told: problems, or the warnings of a valid scenario.
fn told(source: &str) -> String {
    match parse(source, "orders.toml") {
        Ok(parsed) => Diagnostics::new(source, "orders.toml", parsed.warnings).to_string(),
        Err(problems) => problems.to_string(),
    }
}

/// What is told about each `(mistake, from, to)` made in [`ORDERS`], under its heading.
fn check(mistakes: &[(&str, &str, &str)]) -> String {
    let mut out = String::new();
    for (mistake, from, to) in mistakes {
        assert!(
            ORDERS.contains(from),
            "{mistake}: `{from}` is not in the base"
        );
        let told = told(&ORDERS.replacen(from, to, 1));
        assert!(!told.is_empty(), "{mistake}: nothing was told");
        writeln!(out, "# {mistake}\n{told}").unwrap();
    }
    out
}

fn parsed(source: &str) -> Scenario {
    parse(source, "orders.toml")
        .unwrap_or_else(|problems| panic!("{problems}"))
        .scenario
}

#[test]
fn the_shipped_scenarios_are_valid_and_free_of_warnings() {
    for (name, source) in SHIPPED {
        let parsed = parse(source, name).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(parsed.warnings, [], "{name}");
        assert_eq!(parsed.scenario.name, name);
        let asks = source.strip_prefix("#:schema ./scenario.schema.json\n# ");
        assert!(
            asks.is_some(),
            "{name} names its schema and says what it asks"
        );
    }
    assert_eq!(told(ORDERS), "");
}

#[test]
fn the_users_scenario_is_the_only_one_that_exceeds_its_capacity() {
    let users = SHIPPED[0].1.replace("expect_throttling = true", "");
    insta::assert_snapshot!("users_without_expect_throttling", told(&users));
}

#[test]
#[rustfmt::skip]
fn toml_that_is_none_is_refused_with_its_position() {
    let told = check(&[
        ("a text without its end", r#"name = "orders""#, r#"name = "orders"#),
        ("a key twice", "seed = 42", "seed = 42\nseed = 43"),
        ("an unclosed header", "[keys.customers]", "[keys.customers"),
        ("a bare word", r#"kind = "zipfian""#, "kind = zipfian"),
        ("a value missing", "seed = 42", "seed ="),
        ("brackets without end", "seed = 42", "seed = [[[[[[[[[[[[[[[[[["),
        ("a long dotted key", "seed = 42", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 42"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn unknown_missing_and_foreign_keys_are_refused_with_what_is_known() {
    let told = check(&[
        ("a typo at the top", "seed = 42", "sede = 42"),
        ("a key from nowhere", "exponent = 0.99", "exponent = 0.99\ncolour = 1"),
        ("a typo in an attribute", "decimals = 2", "decimal = 2"),
        ("no name", r#"name = "orders""#, ""),
        ("no unit of writes", r#", write = "100 WCU""#, ""),
        ("no kind", "kind = \"zipfian\"\n", ""),
        ("no exponent", "exponent = 0.99\n", ""),
        ("limit on get", r#"kind = "get""#, "kind = \"get\"\nlimit = 3"),
        ("set on put", r#"kind = "update""#, r#"kind = "put""#),
        ("consistency on a write", r#"kind = "update""#, "kind = \"update\"\nconsistency = \"strong\""),
        ("duration on load", r#"kind = "load""#, "kind = \"load\"\nduration = \"5s\""),
        ("exponent of uniform", r#"kind = "zipfian""#, r#"kind = "uniform""#),
        ("prefix of a number", r#"value = "cycle""#, r#"value = "cycle", prefix = "o-""#),
        ("an empty list of attributes", r#"set = ["state"]"#, "set = []"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn values_of_the_wrong_kind_are_refused() {
    let told = check(&[
        ("a name that is a number", r#"name = "orders""#, "name = 7"),
        ("items as text", "items = 1000", r#"items = "1000""#),
        ("items with a fraction", "items = 1000", "items = 10.5"),
        ("a seed as a date", "seed = 42", "seed = 2026-11-23"),
        ("scrambled as text", "exponent = 0.99", "exponent = 0.99\nscrambled = \"yes\""),
        ("billing as text", r#"billing = { mode = "provisioned", read = "500 RCU", write = "100 WCU" }"#, r#"billing = "provisioned""#),
        ("one table for a list", "[[phase]]\nkind = \"load\"\n\n[[phase]]\nkind = \"measured\"", "[phase]\nkind = \"measured\""),
        ("set as text", r#"set = ["state"]"#, r#"set = "state""#),
        ("a kind that is none", r#"kind = "get""#, r#"kind = "gett""#),
        ("a mode that is none", r#"mode = "provisioned""#, r#"mode = "on-demand""#),
        ("three bounds", r#"["20 B", "1 KiB"]"#, r#"["20 B", "1 KiB", "2 KiB"]"#),
        ("two distributions", r#"{ uniform = ["20 B", "1 KiB"] }"#, r#"{ uniform = ["20 B", "1 KiB"], normal = { mean = "1 B", std_dev = "1 B", min = "0 B", max = "2 B" } }"#),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn quantities_need_a_unit_and_sensible_numbers() {
    let told = check(&[
        ("a rate without unit", r#"rate = "100/s""#, "rate = 500"),
        ("a rate without unit in quotes", r#"rate = "100/s""#, r#"rate = "500""#),
        ("a duration without unit", r#"duration = "60s""#, "duration = 60"),
        ("a share without unit", r#"max = "1 %""#, "max = 0.01"),
        ("capacity without unit", r#"read = "500 RCU""#, "read = 500"),
        ("a length without unit", r#""20 B", "#, "20, "),
        ("minutes or milliseconds", r#"duration = "60s""#, r#"duration = "60m""#),
        ("KB", r#""1 KiB""#, r#""1 KB""#),
        ("a unit that is none", r#"rate = "100/s""#, r#"rate = "100 rps""#),
        ("writes in RCU", r#"write = "100 WCU""#, r#"write = "100 RCU""#),
        ("no number", r#"rate = "100/s""#, r#"rate = "fast""#),
        ("a negative rate", r#"rate = "100/s""#, r#"rate = "-1/s""#),
        ("no rate", r#"rate = "100/s""#, r#"rate = "0/s""#),
        ("an absurd rate", r#"rate = "100/s""#, r#"rate = "2_000M/s""#),
        ("an absurd duration", r#"duration = "60s""#, r#"duration = "721h""#),
        ("half a unit", r#"read = "500 RCU""#, r#"read = "2.5 RCU""#),
        ("more than the whole", r#"present = "60 %""#, r#"present = "101 %""#),
        ("no items", "items = 1000", "items = 0"),
        ("absurd items", "items = 1000", "items = 1_000_000_000_001"),
        ("a negative seed", "seed = 42", "seed = -1"),
        ("a number that is none", "exponent = 0.99", "exponent = nan"),
        ("infinity", "exponent = 0.99", "exponent = inf"),
        ("a negative exponent", "exponent = 0.99", "exponent = -0.1"),
        ("bounds the wrong way round", r#"["20 B", "1 KiB"]"#, r#"["1 KiB", "20 B"]"#),
        ("a choice without weight", "open = 3", "open = 0"),
        ("a ramp of nothing", r#"kind = "constant", rate = "100/s""#, r#"kind = "ramp", from = "0/s", to = "0/s""#),
        ("back-off above its cap", "[[threshold]]", "[client]\nretry = { base = \"30s\" }\n[[threshold]]"),
        ("half a second of burst", "[[threshold]]", "[model]\nburst_seconds = \"1.5s\"\n[[threshold]]"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn names_must_be_defined_distinct_and_printable() {
    let told = check(&[
        ("an undefined key distribution", r#"keys = "customers""#, r#"keys = "customer""#),
        ("an undefined table", r#"kind = "get""#, "kind = \"get\"\ntable = \"Order\""),
        ("an undefined partition key", r#"partition_key = "customer""#, r#"partition_key = "costumer""#),
        ("an undefined attribute", r#"set = ["state"]"#, r#"set = ["status", "total"]"#),
        ("an undefined operation", r#"metric = "throttled""#, "metric = \"throttled\"\noperation = \"close\""),
        ("two operations of one name", r#"name = "open""#, r#"name = "update""#),
        ("two phases of one name", r#"kind = "load""#, "kind = \"load\"\nname = \"measured\""),
        ("two tables of one name", "[keys.customers]", "[[table]]\nname = \"Orders\"\npartition_key = \"id\"\nitems = 1\nbilling = { mode = \"provisioned\", read = \"1 RCU\", write = \"1 WCU\" }\nattributes = { id = { type = \"S\", value = \"unique\" } }\n[keys.customers]"),
        ("the same limit twice", "[[threshold]]", "[[threshold]]\nmetric = \"throttled\"\nmax = \"2 %\"\n[[threshold]]"),
        ("an empty name", r#"name = "orders""#, r#"name = " ""#),
        ("a name that steers the terminal", r#"name = "open""#, r#"name = "\u001b[31mopen""#),
        ("a name that hides its order", r#"name = "open""#, "name = \"o\u{202e}pen\""),
        ("a table name DynamoDB refuses", r#"name = "Orders""#, r#"name = "My Orders""#),
        ("keys that nobody uses", r#"keys = "customers""#, r#"keys = "uniform""#),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn tables_that_dynamodb_would_refuse_are_refused() {
    let told = check(&[
        ("a boolean key", r#"{ type = "N", value = "cycle", size = 10 }"#, r#"{ type = "BOOL", value = "boolean", true_share = "50 %" }"#),
        ("a key drawn at random", r#"sort_key = "order""#, r#"sort_key = "note""#),
        ("a key that some items lack", "value = \"cycle\", size = 10", "value = \"cycle\", size = 10, present = \"99 %\""),
        ("the same key twice", r#"sort_key = "order""#, r#"sort_key = "customer""#),
        ("setting a key", r#"set = ["state"]"#, r#"set = ["order"]"#),
        ("text in a number", r#"note = { type = "S""#, r#"note = { type = "N""#),
        ("an item of more than 400 KiB", r#""1 KiB""#, r#""400 KiB""#),
        ("a value of more than 400 KiB", r#""1 KiB""#, r#""1 MiB""#),
        ("a choice as sort key", "sort_key = \"order\"", "sort_key = \"state\""),
        ("no sort key to a group", "sort_key = \"order\"\n", ""),
        ("a cycle shorter than its group", r#"value = "cycle", size = 10"#, r#"value = "cycle", size = 4"#),
        ("a key among two choices", "partition_key = \"customer\"\nsort_key = \"order\"", "partition_key = \"state\""),
    ]);
    insta::assert_snapshot!(told);
    let long = "p".repeat(2_040);
    let keys = ORDERS.replace("prefix = \"c-\"", &format!("prefix = \"{long}\""));
    insta::assert_snapshot!("a_key_that_is_too_long", self::told(&keys));
}

#[test]
#[rustfmt::skip]
fn values_that_cannot_be_made_are_refused() {
    let note = r#"{ type = "S", value = "text", length = { uniform = ["20 B", "1 KiB"] }, present = "60 %" }"#;
    let told = [
        ("a list without elements", r#"{ type = "L", value = "list" }"#),
        ("a list of numbered elements", r#"{ type = "L", value = "list", elements = 3, element = { type = "S", value = "unique" } }"#),
        ("a share of elements", r#"{ type = "L", value = "list", elements = 3, element = { type = "S", value = "text", length = "3 B", present = "10 %" } }"#),
        ("a map in a list from a column", r#"{ type = "L", value = "list", elements = 3, element = { type = "M", value = "map", fields = { a = { type = "S", value = "column" } } } }"#),
        ("a negative number of elements", r#"{ type = "L", value = "list", elements = -1, element = { type = "NULL", value = "null" } }"#),
        ("a set of another type", r#"{ type = "SS", value = "set", elements = 3, element = { type = "N", value = "number", range = { uniform = [1, 9] } } }"#),
        ("an empty set", r#"{ type = "SS", value = "set", elements = { uniform = [0, 3] }, element = { type = "S", value = "text", length = "3 B" } }"#),
        ("more members than values", r#"{ type = "NS", value = "set", elements = 10, element = { type = "N", value = "number", range = { uniform = [1, 9] } } }"#),
        ("a set as a list", r#"{ type = "L", value = "set", elements = 3, element = { type = "S", value = "text", length = "3 B" } }"#),
        ("a list that is too large", r#"{ type = "L", value = "list", elements = { pareto = { min = 1, shape = 1.5, max = 1000 } }, element = { type = "S", value = "text", length = "500 B" } }"#),
        ("a map without fields", r#"{ type = "M", value = "map", fields = {} }"#),
        ("a mistake deep in a map", r#"{ type = "M", value = "map", fields = { a = { type = "M", value = "map", fields = { b = { type = "N", value = "number", rang = 1 } } } } }"#),
        ("a time that is none", r#"{ type = "S", value = "timestamp", from = "31.1.2026", spacing = "1s" }"#),
        ("a time without zone", r#"{ type = "S", value = "timestamp", from = "2026-01-31T18:00:00", spacing = "1s" }"#),
        ("a time both ways", r#"{ type = "S", value = "timestamp", from = "2026-01-31T18:00:00Z", spacing = "1s", window = "1h" }"#),
        ("a time with no way on", r#"{ type = "N", value = "timestamp", from = "2026-01-31T18:00:00Z" }"#),
        ("half a step", r#"{ type = "N", value = "sequence", step = 0.5 }"#),
        ("a choice that is no number", r#"{ type = "N", value = "categorical", choices = { one = 1 } }"#),
        ("a choice that is no truth", r#"{ type = "BOOL", value = "categorical", choices = { yes = 1 } }"#),
        ("pareto from zero", r#"{ type = "N", value = "number", range = { pareto = { min = 0, shape = 1, max = 9 } } }"#),
        ("a histogram of nothing", r#"{ type = "N", value = "number", range = { histogram = [] } }"#),
        ("a range the wrong way round", r#"{ type = "N", value = "number", range = { histogram = [{ from = 2, to = 1, weight = 1 }] } }"#),
        ("zipfian between halves", r#"{ type = "N", value = "number", range = { zipfian = { min = 0.5, max = 3, exponent = 1 } } }"#),
        ("a mean of nothing", r#"{ type = "N", value = "number", range = { exponential = { mean = 0, min = 0, max = 3 } } }"#),
    ].map(|(mistake, to)| check(&[(mistake, note, to)]));
    insta::assert_snapshot!(told.join(""));
}

#[test]
fn maps_lists_and_sets_are_no_keys() {
    let told = ["M\", value = \"map\", fields = { a = { type = \"NULL\", value = \"null\" } }",
        "SS\", value = \"set\", elements = 1, element = { type = \"S\", value = \"text\", length = \"1 B\" }"]
    .map(|value| {
        let to = format!("order = {{ type = \"{value} }}");
        check(&[("a key", r#"order = { type = "N", value = "cycle", size = 10 }"#, &to)])
    });
    insta::assert_snapshot!(told.join(""));
}

#[test]
#[rustfmt::skip]
fn mixes_phases_and_thresholds_must_make_sense() {
    let told = check(&[
        ("more than 100 %", r#"weight = "80 %""#, r#"weight = "90 %""#),
        ("less than 100 %", r#"weight = "20 %""#, r#"weight = "19.5 %""#),
        ("new items for an update", r#"keys = "uniform""#, r#"keys = "new""#),
        ("load last", "[[threshold]]", "[[phase]]\nname = \"again\"\nkind = \"load\"\n[[threshold]]"),
        ("nothing measured", r#"kind = "measured""#, r#"kind = "warm-up""#),
        ("nothing loaded", "[[phase]]\nkind = \"load\"\n", ""),
        ("a metric that is none", r#"metric = "throttled""#, r#"metric = "throtled""#),
        ("a percentile beyond 100", r#"metric = "throttled""#, r#"metric = "response_time_p100""#),
        ("a share for a time", r#"metric = "throttled""#, r#"metric = "service_time_p99""#),
        ("at most of a rate", r#"metric = "throttled""#, r#"metric = "completed_rate""#),
        ("a threshold without limit", "max = \"1 %\"\n", ""),
        ("too little capacity", r#"read = "500 RCU""#, r#"read = "20 RCU""#),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn ten_mistakes_are_reported_in_one_go() {
    let source = ORDERS
        .replace("seed = 42", "sede = 42")
        .replace("items = 1000", "items = 0")
        .replace("read = \"500 RCU\"", "read = 500")
        .replace("present = \"60 %\"", "present = \"160 %\"")
        .replace("decimals = 2", "decimals = 11")
        .replace("exponent = 0.99", "exponent = -1")
        .replace("keys = \"uniform\"", "keys = \"costumers\"")
        .replace("set = [\"state\"]", "set = [\"status\"]")
        .replace("kind = \"load\"", "kind = \"loading\"")
        .replace("max = \"1 %\"", "max = \"1s\"");
    let problems = parse(&source, "orders.toml").unwrap_err();
    assert_eq!(problems.error_count(), 10, "{problems}");
    let lines: BTreeSet<_> = problems
        .list()
        .iter()
        .map(|d| problems.position(d.span.start).line)
        .collect();
    assert_eq!(lines.len(), 10);
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn programs_get_the_same_problems_as_json() {
    let source = ORDERS.replace("rate = \"100/s\"", "rate = 500");
    let problems = parse(&source, "orders.toml").unwrap_err();
    assert_eq!(
        serde_json::to_value(&problems).unwrap(),
        json!({"file": "orders.toml", "diagnostics": [{
            "code": "S007", "severity": "error", "message": "`rate` needs a unit",
            "line": 39, "column": 40, "end_line": 39, "end_column": 43,
            "label": "write \"500/s\" or \"30k/min\"", "notes": [], "help": [],
        }]})
    );
}

#[test]
fn underlines_stay_below_their_text_behind_tabs_and_wide_characters() {
    let source = "name = \"x\"\n\tquestion = \"注文?\"; seed = \"\u{7}\"\n";
    insta::assert_snapshot!(told(source));
    let source = "name\t=\t\"注\u{7f}文\"\r\n\t\"é注\" = 1\r\n";
    insta::assert_snapshot!("a_tab_and_a_wide_key", told(&source.replace('\u{7f}', "")));
}

#[test]
fn values_arrive_as_written_and_defaults_fill_the_rest() {
    let source = ORDERS
        .replace("seed = 42\n", "")
        .replace("rate = \"100/s\"", "rate = \"6k/min\"")
        .replace(
            "metric = \"throttled\"\nmax = \"1 %\"",
            "metric = \"service_time_p99.9\"\nmax = \"1_500us\"",
        );
    let scenario = parsed(&source);
    assert_eq!(scenario.seed.0, 1);
    assert_eq!(
        scenario.phases[1].arrivals,
        ArrivalSpec::Constant {
            rate: Rate::per_second(100.0).unwrap()
        }
    );
    assert_eq!(
        scenario.thresholds[0].metric,
        Metric::ServiceTime {
            quantile: Quantile::P99_9,
            max: std::time::Duration::from_micros(1500)
        }
    );
    assert_eq!(
        scenario.client,
        dynamometer::scenario::ClientSettings::default()
    );
    assert_eq!(
        scenario.model,
        dynamometer::scenario::ModelParameters::default()
    );
    assert_eq!(
        scenario.validity,
        dynamometer::scenario::Validity::default()
    );
    let names: Vec<_> = scenario
        .operations
        .iter()
        .map(|operation| operation.name.as_str())
        .collect();
    assert_eq!(names, ["open", "update"]);
    let names: Vec<_> = scenario.tables[0]
        .attributes
        .iter()
        .map(|a| a.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["customer", "order", "state", "note", "total"],
        "in the order of the file"
    );
}

/// Valid edits of [`ORDERS`], each of which means something else.
#[rustfmt::skip]
const OTHER_MEANINGS: &[(&str, &str)] = &[
    ("name = \"orders\"", "name = \"order\""),
    ("seed = 42", "seed = 43"),
    ("seed = 42", "seed = 42\nquestion = \"?\""),
    ("name = \"Orders\"", "name = \"Order\""),
    ("500 RCU", "501 RCU"),
    ("100 WCU", "101 WCU"),
    ("items = 1000", "items = 1001"),
    ("prefix = \"c-\", size = 10", "prefix = \"d-\", size = 10"),
    ("prefix = \"c-\", size = 10", "prefix = \"c-\", size = 9"),
    ("open = 3", "open = 4"),
    ("open = 3", "opened = 3"),
    ("\"20 B\"", "\"21 B\""),
    ("\"1 KiB\"", "\"1025 B\""),
    ("present = \"60 %\"", "present = \"61 %\""),
    ("mean = 50", "mean = 51"),
    ("std_dev = 10", "std_dev = 11"),
    ("min = 0", "min = 1"),
    ("max = 100 ", "max = 101 "),
    ("decimals = 2", "decimals = 3"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"NULL\", value = \"null\" }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"N\", value = \"sequence\" }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"N\", value = \"sequence\", start = 1 }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"N\", value = \"sequence\", step = 2 }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"S\", value = \"timestamp\", from = \"2026-01-31T18:00:00Z\", spacing = \"1s\" }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"S\", value = \"timestamp\", from = \"2026-01-31T19:00:00Z\", window = \"1s\", precision = \"ms\" }"),
    ("decimals = 2 }", "decimals = 2 }\n[table.attributes.x]\ntype = \"M\"\nvalue = \"map\"\n[table.attributes.x.fields]\ny = { type = \"S\", value = \"text\", length = \"3 B\", present = \"50 %\" }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"BS\", value = \"set\", elements = 2, element = { type = \"B\", value = \"bytes\", length = { exponential = { mean = \"3 B\", min = \"2 B\", max = \"9 B\" } } } }"),
    ("decimals = 2 }", "decimals = 2 }\nx = { type = \"L\", value = \"list\", elements = { histogram = [{ from = 0, to = 2, weight = 1 }] }, element = { type = \"N\", value = \"number\", range = { zipfian = { min = 1, max = 9, exponent = 1 } } } }"),
    ("{ normal = { mean = 50, std_dev = 10, min = 0, max = 100 } }", "{ pareto = { min = 1, shape = 1, max = 100 } }"),
    ("kind = \"zipfian\"", "kind = \"latest\""),
    ("exponent = 0.99", "exponent = 0.98"),
    ("exponent = 0.99", "exponent = 0.99\nscrambled = true"),
    ("name = \"open\"", "name = \"opening\""),
    ("kind = \"get\"", "kind = \"query\""),
    ("kind = \"get\"", "kind = \"get\"\nconsistency = \"strong\""),
    ("kind = \"get\"", "kind = \"query\"\nlimit = 3"),
    ("keys = \"uniform\"", "keys = \"sequential\""),
    ("set = [\"state\"]", "set = [\"total\"]"),
    ("kind = \"load\"", "kind = \"load\"\nname = \"fill\""),
    ("duration = \"60s\"", "duration = \"61s\""),
    ("kind = \"constant\"", "kind = \"poisson\""),
    ("rate = \"100/s\"", "rate = \"101/s\""),
    ("rate = \"100/s\" }", "rate = \"100/s\" }\nmix = { open = \"70 %\", update = \"30 %\" }"),
    ("kind = \"constant\", rate = \"100/s\"", "kind = \"closed\", clients = 3"),
    ("kind = \"constant\", rate = \"100/s\"", "kind = \"closed\", clients = 3, think_time = \"1ms\""),
    ("kind = \"constant\", rate = \"100/s\"", "kind = \"ramp\", from = \"1/s\", to = \"2/s\", spacing = \"poisson\""),
    ("kind = \"constant\", rate = \"100/s\"", "kind = \"sine\", mean = \"2/s\", amplitude = \"1/s\", period = \"9s\""),
    ("metric = \"throttled\"", "metric = \"errors\""),
    ("metric = \"throttled\"", "metric = \"throttled\"\noperation = \"open\""),
    ("max = \"1 %\"", "max = \"2 %\""),
    ("[[threshold]]", "[client]\nmax_in_flight = 1\n[[threshold]]"),
    ("[[threshold]]", "[client]\nmax_queued = 0\n[[threshold]]"),
    ("[[threshold]]", "[client]\nattempt_timeout = \"1s\"\n[[threshold]]"),
    ("[[threshold]]", "[client.retry]\nmax_attempts = 2\n[[threshold]]"),
    ("[[threshold]]", "[client.retry]\nbase = \"1ms\"\n[[threshold]]"),
    ("[[threshold]]", "[client.retry]\ncap = \"1s\"\n[[threshold]]"),
    ("[[threshold]]", "[validity]\ndispatch_delay_p99 = \"1s\"\n[[threshold]]"),
    ("[[threshold]]", "[validity]\ndropped = \"1 %\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\nburst_seconds = \"5min\"\ninitial_burst_fraction = \"1 %\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\nburst_seconds = \"240s\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\nadmission_rule = \"strict\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\npartition_count_rule = \"sum\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\npartition_bucket_seconds = \"2s\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\npartition_share_mode = \"legacy_even_share\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\npartition_read_cap = \"1000 RCU\"\n[[threshold]]"),
    ("[[threshold]]", "[model]\npartition_write_cap = \"500 WCU\"\n[[threshold]]"),
];

#[test]
fn how_it_is_watched_at_night_moves_no_fingerprint() {
    let watched = parsed(&format!("{ORDERS}\n[nightly]\nrepeats = 7\n"));
    assert_eq!(watched.fingerprint(), parsed(ORDERS).fingerprint());
    assert_eq!(watched.nightly.map(|nightly| nightly.repeats), Some(7));
    assert_eq!(parsed(ORDERS).nightly, None);
    let plain = parsed(&format!("{ORDERS}\n[nightly]\n"));
    assert_eq!(
        plain.nightly,
        Some(dynamometer::scenario::Nightly::default())
    );
}

#[test]
fn every_value_moves_the_fingerprint() {
    let mut fingerprints = BTreeSet::from([parsed(ORDERS).fingerprint()]);
    for (from, to) in OTHER_MEANINGS {
        assert!(ORDERS.contains(from), "{from}");
        let fingerprint = parsed(&ORDERS.replacen(from, to, 1)).fingerprint();
        assert!(fingerprints.insert(fingerprint), "{from} → {to}");
    }
}

/// The sections of the language, each once.
fn sections(section: &'static Section, seen: &mut Vec<&'static Section>) {
    if seen.iter().any(|known| known.id == section.id) {
        return;
    }
    seen.push(section);
    for key in section.keys {
        match key.form {
            Form::One(inner) | Form::Many(inner) | Form::Named(inner) => sections(inner, seen),
            Form::Length | Form::Range => sections(&language::SPREAD, seen),
            Form::Think => sections(&language::THINK_TIME, seen),
            _ => {}
        }
    }
}

#[test]
fn the_schema_has_exactly_the_keys_that_the_parser_knows() {
    let schema = json_schema();
    let mut known = Vec::new();
    sections(&language::SCENARIO, &mut known);
    let definitions = schema["$defs"].as_object().unwrap();
    assert_eq!(definitions.len() + 1, known.len());
    for section in known {
        let definition = definitions.get(section.id).unwrap_or(&schema);
        let in_schema: BTreeSet<_> = definition["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let in_parser: BTreeSet<_> = section.keys.iter().map(|key| key.name).collect();
        assert_eq!(in_schema, in_parser, "{}", section.title);
        assert_eq!(
            definition["additionalProperties"],
            json!(false),
            "{}",
            section.title
        );
    }
}

fn as_json(source: &str) -> Value {
    toml::from_str(source).unwrap()
}

#[test]
fn the_schema_accepts_what_the_parser_accepts() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let others = OTHER_MEANINGS
        .iter()
        .map(|(from, to)| ORDERS.replacen(from, to, 1));
    let shipped = SHIPPED.iter().map(|(_, source)| (*source).to_owned());
    for source in shipped.chain([ORDERS.to_owned()]).chain(others) {
        let errors: Vec<_> = validator
            .iter_errors(&as_json(&source))
            .map(|e| e.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{source}");
    }
}

#[test]
fn the_schema_refuses_mistakes_of_form() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for (from, to) in [
        ("seed = 42", "sede = 42"),
        ("seed = 42", "seed = -1"),
        ("name = \"orders\"", ""),
        ("rate = \"100/s\"", "rate = 500"),
        ("rate = \"100/s\"", "rate = \"500\""),
        ("rate = \"100/s\"", "rate = \"-5/s\""),
        ("\"1 KiB\"", "\"1 KB\""),
        ("kind = \"get\"", "kind = \"gett\""),
        ("kind = \"get\"", "kind = \"get\"\nlimit = 3"),
        ("set = [\"state\"]", ""),
        ("exponent = 0.99\n", ""),
        ("kind = \"load\"", "kind = \"load\"\nduration = \"5s\""),
        ("max = \"1 %\"", "min = \"1/s\""),
        ("metric = \"throttled\"", "metric = \"response_time_p99\""),
        ("metric = \"throttled\"", "metric = \"response_time\""),
        (
            "{ uniform = [\"20 B\", \"1 KiB\"] }",
            "{ uniform = [\"20 B\"] }",
        ),
    ] {
        let source = ORDERS.replacen(from, to, 1);
        assert_ne!(source, ORDERS, "{from}");
        assert!(parse(&source, "").is_err(), "{from} → {to}");
        assert!(!validator.is_valid(&as_json(&source)), "{from} → {to}");
    }
}

#[test]
fn files_made_to_overflow_the_stack_are_refused() {
    let dotted = vec!["a"; 79].join(".");
    let deep = format!(
        "[{dotted}]\n{}x=1{}\n",
        format!("{dotted}={{").repeat(79),
        "}".repeat(79)
    );
    let hidden = format!("x = \"\"\"\"a\"\"\"\"\"; y = {}", "[".repeat(100_000));
    for source in [
        deep,
        hidden,
        "[".repeat(500_000),
        "a.".repeat(500_000),
        "{a=".repeat(200_000),
    ] {
        let problems = parse(&source, "deep.toml").unwrap_err();
        assert_eq!(problems.list()[0].code, "S002");
    }
}

#[test]
fn huge_files_give_short_answers() {
    let large = "#".repeat(1 << 20) + "\n";
    assert_eq!(
        parse(&large, "large.toml").unwrap_err().list()[0].code,
        "S002"
    );
    let mut many = String::new();
    for number in 0..60_000 {
        writeln!(many, "key_{number} = 1").unwrap();
    }
    let wide = format!("x = {{ {} }}\n{}", "a".repeat(10), "b".repeat(900_000));
    for source in [many, wide] {
        let told = parse(&source, "many.toml").unwrap_err().to_string();
        assert!(told.len() < 300_000, "{} bytes", told.len());
    }
}

/// Reads `source` and everything that can be made of the answer.
fn survives(source: &str) -> Result<(), TestCaseError> {
    match parse(source, "any\u{1b}.toml") {
        Ok(parsed) => {
            prop_assert_eq!(parsed.scenario.fingerprint().len(), 64);
            prop_assert!(
                parsed
                    .warnings
                    .iter()
                    .all(|w| w.severity == Severity::Warning)
            );
        }
        Err(problems) => {
            prop_assert!(problems.error_count() > 0);
            let told = problems.to_string();
            prop_assert!(
                told.chars().all(|c| c == '\n' || !c.is_control()),
                "{}",
                told
            );
            prop_assert!(problems.to_json()["diagnostics"][0]["line"].as_u64() >= Some(1));
        }
    }
    Ok(())
}

/// A text put in place of a few characters of a shipped scenario.
fn mutated() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just(String::new()),
        "[\\[\\]{}.,='\"#\n]{1,4}",
        "\\PC{0,6}",
        Just("\u{0}".to_owned()),
        Just("nan".to_owned()),
        Just("-1e400".to_owned()),
        Just("0x7fff_ffff_ffff_ffff_ffff".to_owned()),
        Just("\"1e999 %\"".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("99999999999999999999999999".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
    ];
    let edit = (any::<prop::sample::Index>(), 0..12_usize, token);
    let edits = prop::collection::vec(edit, 1..5);
    (0..SHIPPED.len(), edits).prop_map(|(which, edits)| {
        let mut characters: Vec<char> = SHIPPED[which].1.chars().collect();
        for (at, removed, token) in edits {
            let at = at.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, token.chars());
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(source in any::<String>()) {
        survives(&source)?;
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn no_mutation_of_a_scenario_makes_the_parser_panic(source in mutated()) {
        survives(&source)?;
    }

    #[test]
    fn comments_and_blanks_do_not_move_the_fingerprint(
        which in 0..SHIPPED.len(),
        blanks in prop::collection::vec("[ \t]{0,3}(# [a-z\\]\"= ]{0,9})?\n{1,3}", 1..20),
    ) {
        let source = SHIPPED[which].1;
        let mut spaced = String::new();
        for (line, blank) in source.lines().zip(blanks.iter().cycle()) {
            spaced.extend(["  ", &line.replace(" = ", "\t =  "), blank]);
        }
        prop_assert_eq!(parsed(&spaced).fingerprint(), parsed(source).fingerprint());
    }
}
