//! Everything that is handed to us, mutated: nothing panics, hangs or runs away.
//!
//! What may come in is taken from valid input, broken in a seeded way. In the suite each parser
//! gets a moment; `DYNO_FUZZ_SECONDS=600` gives it that long, and `DYNO_FUZZ_SEED` another seed.
//! What was found is in `corpus/`, one folder for each parser, and is tried first.

mod mutate;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    analysis::{
        cloudwatch,
        expectation::expect,
        trend::{Filter, Trend, history},
    },
    emulator::{Emulator, EmulatorConfig},
    price::PriceTable,
    report::{
        ReportView, csv, hlog, html, markdown, stored, text,
        trend::{page, view},
    },
    scenario::{
        files::{FileProblem, Files, Opened},
        parse::parse_with,
    },
    seed::Seed,
    workload::Workload,
};
use mutate::Mutator;

use crate::{
    emulator::raw,
    fixtures,
    nightly::{self, history::night},
    shipped,
};

/// No input of some kilobytes may take longer, even unoptimised and on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);
/// Tried of each parser in the suite.
const TRIES: u64 = 150;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn seed() -> Seed {
    let given = std::env::var("DYNO_FUZZ_SEED").ok();
    Seed(given.map_or(9, |seed| seed.parse().expect("DYNO_FUZZ_SEED is a number")))
}

/// Until when to go on, when that was asked for.
fn until() -> Option<Instant> {
    let seconds = std::env::var("DYNO_FUZZ_SECONDS").ok()?;
    let seconds = seconds.parse().expect("DYNO_FUZZ_SECONDS is a number");
    Some(Instant::now() + Duration::from_secs(seconds))
}

fn corpus(parser: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/it/fuzz/corpus").join(parser);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Feeds `parser` what was found once, what is valid, and mutations of both.
fn fuzz(name: &str, valid: &[Vec<u8>], parser: impl Fn(&[u8])) {
    let known = corpus(name);
    let try_one = |input: &[u8], number: u64| {
        let began = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| parser(input)));
        if ended.is_err() || began.elapsed() > LONGEST {
            let file = std::env::temp_dir().join(format!("dyno-fuzz-{name}-{number}"));
            fs::write(&file, input).unwrap();
            panic!(
                "{name}: input {number} of {:?} (DYNO_FUZZ_SEED) panicked or took {:?}; it is in {}",
                seed(),
                began.elapsed(),
                file.display()
            );
        }
    };
    for (number, input) in (0..).zip(known.iter().chain(valid)) {
        try_one(input, number);
    }
    let mutator = Mutator::new(seed().stream(name), [valid, &known].concat());
    let until = until();
    for number in 0.. {
        if until.map_or(number >= TRIES, |until| Instant::now() >= until) {
            eprintln!("{name}: {number} mutations");
            return;
        }
        try_one(&mutator.input(number), number);
    }
}

fn text_of(input: &[u8], parser: impl Fn(&str)) {
    // What is not UTF-8 is refused where files are read.
    parser(&String::from_utf8_lossy(input));
}

fn scenarios() -> Vec<Vec<u8>> {
    let shipped = shipped::scenarios().into_iter();
    shipped.map(|(_, source, _)| source.into_bytes()).collect()
}

/// One file under every name.
struct OneFile<'a>(&'a [u8]);

impl Files for OneFile<'_> {
    fn open(&self, _: &str) -> Result<Opened<'_>, FileProblem> {
        Ok(Opened::Content {
            reader: Box::new(self.0),
            outside: false,
        })
    }
}

#[test]
fn scenarios_that_are_broken_are_refused_and_those_that_are_not_can_be_explained() {
    let rows = fs::read(root().join("scenarios/catalogue.csv")).unwrap();
    fuzz("scenario", &scenarios(), |input| {
        text_of(input, |text| {
            match parse_with(text, "fuzz.toml", &OneFile(&rows)) {
                Ok(parsed) if parsed.scenario.tables.iter().all(|it| it.items < 10_000) => {
                    let _ = expect(&Workload::new(Arc::new(parsed.scenario)));
                }
                Ok(_) => {}
                Err(problems) => assert!(problems.to_string().len() < 1 << 20),
            }
        });
    });
}

#[test]
fn rows_that_are_broken_are_refused() {
    let scenario = fs::read_to_string(root().join("scenarios/catalogue.toml")).unwrap();
    let csv = fs::read(root().join("scenarios/catalogue.csv")).unwrap();
    fuzz("csv", &[csv[..2_000].to_vec()], |input| {
        let _ = parse_with(&scenario, "fuzz.toml", &OneFile(input));
    });
    let lines = scenario.replace("catalogue.csv", "catalogue.jsonl");
    let row = br#"{"movie_id":"m-1","title":"The Quiet Harbour","language":"en","release_year":1931,"seen":true,"popularity":3.5,"tags":["a","b"]}"#;
    fuzz(
        "jsonl",
        &[[&row[..], b"\n", row, b"\n"].concat()],
        |input| {
            let _ = parse_with(&lines, "fuzz.toml", &OneFile(input));
        },
    );
}

fn draw(run: &stored::StoredRun) {
    let analysis = dynamometer::analysis::Analysis::of(&run.record, &run.scenario);
    let view = ReportView::of(&run.record, &run.scenario, &analysis);
    let options = text::TextOptions {
        color: false,
        ascii: true,
    };
    let drawn = [
        html::render(&view, &run.record, &run.scenario),
        text::render(&view, &options),
        markdown::render(&view),
        csv::render(&run.record),
        hlog::render(&run.record),
    ];
    assert!(drawn.iter().all(|drawn| !drawn.is_empty()));
}

#[test]
fn records_that_are_broken_are_refused_and_those_that_are_not_can_be_drawn() {
    let record = |case: &fixtures::Case| {
        dynamometer::report::json::render(&case.record, &case.analysis()).into_bytes()
    };
    let cases = [fixtures::throttled(), fixtures::interrupted()];
    let valid: Vec<_> = cases.iter().map(record).collect();
    fuzz("record", &valid, |input| {
        text_of(input, |text| {
            if let Ok(run) = stored::read(text) {
                draw(&run);
            }
        });
    });
    let journals: Vec<_> = cases
        .iter()
        .map(|case| {
            let mut head = case.record.clone();
            let intervals = std::mem::take(&mut head.intervals);
            let head = serde_json::to_string(&head).unwrap();
            let entry = serde_json::json!({"until": 3_000_000_000_u64, "phases": [], "intervals": intervals});
            format!("{head}\n{entry}\n").into_bytes()
        })
        .collect();
    fuzz("journal", &journals, |input| {
        text_of(input, |text| {
            if let Ok(run) = stored::read_journal(text) {
                draw(&run);
            }
        });
    });
}

#[test]
fn other_documents_that_are_broken_are_refused() {
    let metrics = br#"{"MetricDataResults":[{"Id":"m1","Label":"ConsumedWriteCapacityUnits","StatusCode":"Complete","Timestamps":["2026-01-01T00:03:00+00:00","2026-01-01T00:00:00+00:00"],"Values":[600.0,60.0]},{"Id":"m2","Label":"ProvisionedWriteCapacityUnits","StatusCode":"Complete","Timestamps":["2026-01-01T00:00:00+00:00"],"Values":[40.0]}],"Messages":[]}"#;
    let statistics = br#"{"Label":"ConsumedReadCapacityUnits","Datapoints":[{"Timestamp":"2026-01-01T00:03:00Z","Sum":600.0,"Unit":"Count"}]}"#;
    fuzz(
        "cloudwatch",
        &[metrics.to_vec(), statistics.to_vec()],
        |input| {
            text_of(input, |text| {
                let _ = cloudwatch::read(text);
            });
        },
    );
    let prices = fs::read(root().join("src/price/prices.json")).unwrap();
    fuzz("prices", &[prices[..4_000].to_vec(), prices], |input| {
        text_of(input, |text| {
            let _ = PriceTable::parse(text);
        });
    });
    let nights: Vec<_> = (0..8).map(|index| night(index, 1.0, 2.0)).collect();
    let nights = nightly::history::text(&nights);
    fuzz("history", &[nights.into_bytes()], |input| {
        text_of(input, |text| {
            if let Ok(history) = history::parse(text, "fuzz.jsonl") {
                let trend = Trend::of(&history, &Filter::default());
                let view = view::view(&trend);
                assert!(!page::render(&trend, &view).is_empty());
            }
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_breaks_the_emulator() {
    const TABLE: &str = r#"{"TableName":"T","AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}"#;
    let valid = [
        (
            "PutItem",
            r#"{"TableName":"T","Item":{"p":{"S":"a"},"n":{"N":"1.5e3"},"l":{"L":[{"M":{"x":{"BOOL":true}}}]},"s":{"SS":["a","b"]}},"ConditionExpression":"attribute_not_exists(p) OR size(n) > :v","ExpressionAttributeValues":{":v":{"N":"3"}}}"#,
        ),
        (
            "GetItem",
            r#"{"TableName":"T","Key":{"p":{"S":"a"}},"ProjectionExpression":"l[0].x, n"}"#,
        ),
        (
            "UpdateItem",
            r##"{"TableName":"T","Key":{"p":{"S":"a"}},"UpdateExpression":"SET #n = if_not_exists(#n, :v) + :v REMOVE l[0] ADD k :v","ExpressionAttributeNames":{"#n":"n"},"ExpressionAttributeValues":{":v":{"N":"3"}}}"##,
        ),
        (
            "Query",
            r#"{"TableName":"T","KeyConditionExpression":"p = :p","FilterExpression":"n BETWEEN :a AND :a","ExpressionAttributeValues":{":p":{"S":"a"},":a":{"N":"1"}},"Limit":3}"#,
        ),
        (
            "BatchWriteItem",
            r#"{"RequestItems":{"T":[{"PutRequest":{"Item":{"p":{"S":"b"}}}},{"DeleteRequest":{"Key":{"p":{"S":"a"}}}}]}}"#,
        ),
        (
            "TransactWriteItems",
            r#"{"TransactItems":[{"Put":{"TableName":"T","Item":{"p":{"S":"c"}}}},{"Delete":{"TableName":"T","Key":{"p":{"S":"a"}}}}]}"#,
        ),
        (
            "ExecuteStatement",
            r#"{"Statement":"SELECT * FROM \"T\" WHERE p = ?","Parameters":[{"S":"a"}]}"#,
        ),
        ("Scan", r#"{"TableName":"T","Segment":0,"TotalSegments":2}"#),
        ("CreateTable", TABLE),
    ];
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    let endpoint = emulator.endpoint();
    let post = |operation: &str, body: &[u8]| {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.{operation}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    raw::exchange(&endpoint, &post("CreateTable", TABLE.as_bytes())).await;
    let bodies: Vec<_> = valid
        .iter()
        .map(|(_, body)| body.as_bytes().to_vec())
        .collect();
    let mutator = Mutator::new(seed().stream("emulator"), bodies);
    let until = until();
    for number in 0_u64.. {
        if until.map_or(number >= TRIES, |until| Instant::now() >= until) {
            eprintln!("emulator: {number} mutations");
            break;
        }
        let body = mutator.input(number);
        let (operation, _) = valid[usize::try_from(number).unwrap() % valid.len()];
        let answer = raw::exchange(&endpoint, &post(operation, &body)).await;
        let shown = String::from_utf8_lossy(&body);
        assert!(
            [200, 400].contains(&answer.status),
            "{}: {operation} {shown}",
            answer.status
        );
    }
    let alive = raw::exchange(&endpoint, &post("ListTables", b"{}")).await;
    assert_eq!(alive.status, 200);
    emulator.shutdown().await;
}
