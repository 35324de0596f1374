//! Everything that is handed to us, mutated: nothing panics, hangs or runs away.
//!
//! What may come in is taken from valid input and broken in a seeded way. In the suite each parser
//! gets a moment; `DYNO_FUZZ_SECONDS=600` gives it that long, and `DYNO_FUZZ_SEED` another seed.
//! What is tried first is in `fuzz/corpus`, one folder for each parser: what was found once, and
//! what parsers are known to stumble over. The parsers themselves are in `fuzz/src`, where
//! `cargo fuzz` has targets for them; `DYNO_FUZZ_VALID=FOLDER` writes what is valid there, for these
//! to begin with.

mod mutate;
#[path = "../../fuzz/src/lib.rs"]
mod parsers;
mod sized;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use dynamometer::{
    emulator::{Emulator, EmulatorConfig},
    engine::Answer,
    record::{
        generator::{Ceiling, Generator, GeneratorSecond},
        model::TableTotals,
        shard::{ClockOffset, MergedShard, Part},
    },
    report::json,
    scenario::ClientSettings,
    schedule::shard::Shard,
    seed::Seed,
    target::{Target as _, sdk::SdkTarget, wire::WireTarget},
};
use mutate::{Extremes, Mutator};

use crate::{
    driver,
    emulator::raw,
    fixtures, heat,
    nightly::{self, history::night},
    server::{OK_BODY, Reply, Server},
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

/// The numbers of mutations to try: so many in the suite, else for as long as was asked for.
fn numbers(name: &str) -> impl Iterator<Item = u64> {
    let seconds = std::env::var("DYNO_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|it| it.parse().expect("DYNO_FUZZ_SECONDS is a number"));
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    (0_u64..).take_while(move |number| {
        let goes_on = until.map_or(*number < TRIES, |until| Instant::now() < until);
        if !goes_on {
            eprintln!("{name}: {number} mutations");
        }
        goes_on
    })
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/corpus").join(name);
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no corpus");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Writes `valid` where it was asked for.
fn hand_over(name: &str, valid: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("DYNO_FUZZ_VALID") else {
        return;
    };
    let folder = Path::new(&folder).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (number, input) in valid.iter().enumerate() {
        fs::write(folder.join(format!("valid-{number}")), input).unwrap();
    }
}

/// Feeds a parser its corpus, what is valid, and mutations of both.
fn fuzz(name: &str, valid: &[Vec<u8>]) {
    hand_over(name, valid);
    let parsers = parsers::PARSERS.iter();
    let parser = parsers.copied().find(|(known, _)| *known == name);
    let (_, parser) = parser.expect("it has this parser");
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
    let all = [valid, &known].concat();
    let extremes = Extremes::new(seed().stream("extremes"), valid);
    let mutator = Mutator::new(seed().stream(name), all);
    for number in numbers(name) {
        try_one(&mutator.input(number), number);
        if let Some(input) = extremes.input(number) {
            try_one(&input, number);
        }
    }
}

fn read(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap()
}

#[test]
fn every_parser_has_a_target_and_a_corpus() {
    for (name, _) in parsers::PARSERS {
        let target = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let called = format!("dynamometer_fuzz::{name}(");
        assert!(
            fs::read_to_string(target).unwrap().contains(&called),
            "{name}"
        );
        assert!(!corpus(name).is_empty(), "{name}");
    }
}

#[test]
fn scenarios_that_are_broken_are_refused_and_those_that_are_not_can_be_explained() {
    let shipped = shipped::scenarios().into_iter();
    let valid: Vec<_> = shipped.map(|(_, source, _)| source.into_bytes()).collect();
    fuzz("scenario", &valid);
}

#[test]
fn rows_that_are_broken_are_refused() {
    fuzz("csv", &[read("scenarios/catalogue.csv")[..2_000].to_vec()]);
    let row = br#"{"movie_id":"m-1","title":"The Quiet Harbour","language":"en","release_year":1931,"seen":true,"popularity":3.5,"tags":["a","b"]}"#;
    fuzz("jsonl", &[[&row[..], b"\n", row, b"\n"].concat()]);
}

/// A record with everything that a record may have.
fn full() -> fixtures::Case {
    let mut case = heat::hot();
    let record = &mut case.record;
    record.model = TableTotals::of(record);
    record.generator = Some(Generator {
        threads: 2,
        timer: "kernel".to_owned(),
        ceiling: Some(Ceiling {
            requests_per_second: 50_000.0,
            measured_at: "2026-01-01T00:00:00Z".to_owned(),
        }),
    });
    for interval in &mut record.intervals {
        interval.generator = Some(GeneratorSecond {
            cpu_nanos: 1_000_000,
            busiest_cpu_nanos: 1_000_000,
            in_flight: 3,
            queued: 1,
        });
    }
    let shards = Shard::parts(2).map(|shard| MergedShard {
        part: Part {
            clock: Some(ClockOffset {
                offset_nanos: -5,
                uncertainty_nanos: 7,
            }),
            ..Part::of(shard)
        },
        arrivals: 100,
        dispatch_delay_p99_nanos: Some(1_000_000),
        interrupted: false,
    });
    record.shards = shards.collect();
    case
}

#[test]
fn records_that_are_broken_are_refused_and_those_that_are_not_can_be_drawn() {
    let cases = [fixtures::throttled(), fixtures::interrupted(), full()];
    let record = |case: &fixtures::Case| json::render(&case.record, &case.analysis()).into_bytes();
    fuzz("record", &cases.each_ref().map(record));
    let journal = |case: &fixtures::Case| {
        let mut head = case.record.clone();
        let intervals = std::mem::take(&mut head.intervals);
        let head = serde_json::to_string(&head).unwrap();
        let entry =
            serde_json::json!({"until": 3_000_000_000_u64, "phases": [], "intervals": intervals});
        format!("{head}\n{entry}\n").into_bytes()
    };
    fuzz("journal", &cases.each_ref().map(journal));
}

#[test]
fn other_documents_that_are_broken_are_refused() {
    let metrics = br#"{"MetricDataResults":[{"Id":"m1","Label":"ConsumedWriteCapacityUnits","StatusCode":"Complete","Timestamps":["2026-01-01T00:03:00+00:00","2026-01-01T00:00:00+00:00"],"Values":[600.0,60.0]},{"Id":"m2","Label":"ProvisionedWriteCapacityUnits","StatusCode":"Complete","Timestamps":["2026-01-01T00:00:00+00:00"],"Values":[40.0]}],"Messages":[]}"#;
    let statistics = br#"{"Label":"ConsumedReadCapacityUnits","Datapoints":[{"Timestamp":"2026-01-01T00:03:00Z","Sum":600.0,"Unit":"Count"}]}"#;
    fuzz("cloudwatch", &[metrics.to_vec(), statistics.to_vec()]);
    let prices = read("src/price/prices.json");
    fuzz("prices", &[prices[..4_000].to_vec(), prices]);
    let nights: Vec<_> = (0..8).map(|index| night(index, 1.0, 2.0)).collect();
    fuzz("history", &[nightly::history::text(&nights).into_bytes()]);
    let search = serde_json::to_vec(&sized::search()).unwrap();
    fuzz("study", &[read("fuzz/corpus/study/part"), search]);
}

#[test]
fn command_lines_that_are_broken_are_refused() {
    let valid = [
        "run a.toml --live --region eu-west-1 --yes --spend-limit 2.50 --allow-writes-to T",
        "run a.toml --endpoint http://127.0.0.1:8000 --client sdk --threads 2 --timer spin --quiet",
        "run a.toml --shard 3/10 --start-at 2026-01-01T00:00:00Z --with-model=always --seed 7",
        "simulate a.toml --seeds 20 --aggregate",
        "emulate --latency 5ms..20ms --time-scale 60 --name host",
        "report reports/runs/a --format csv",
        "compare a b c --what-if",
        "clean --live --region us-east-1 --yes",
    ];
    fuzz("arguments", &valid.map(|line| line.as_bytes().to_vec()));
}

const BATCH_ANSWER: &str = r#"{"Responses":{},"ConsumedCapacity":[{"TableName":"Users","CapacityUnits":2.0,"Table":{"CapacityUnits":1.0},"GlobalSecondaryIndexes":{"i":{"CapacityUnits":1.0}}}],"UnprocessedKeys":{"Users":{"Keys":[{"p":{"S":"a"}}]}},"LastEvaluatedKey":{"p":{"S":"\u00e9"}}}"#;
const REFUSAL: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"m","CancellationReasons":[{"Code":"ThrottlingError","ThrottlingReasons":[{"reason":"x","resource":"y"}]}]}"#;

#[test]
fn answers_that_are_broken_are_refused() {
    let in_chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nc: d\r\n\r\n";
    let with_length = "HTTP/1.1 200 OK\r\nx-amz-crc32: 2745614147\r\ncontent-length: 2\r\n\r\n{}";
    let valid = [OK_BODY, BATCH_ANSWER, REFUSAL, in_chunks, with_length];
    fuzz("answer", &valid.map(|said| said.as_bytes().to_vec()));
}

/// Whatever comes over the connection, byte by byte, both clients end, and neither takes for a
/// success what the other does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_breaks_a_client() {
    let whole = |status: &str, body: &str| {
        let crc = crc32fast::hash(body.as_bytes());
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nx-amz-crc32: {crc}\r\ncontent-length: {length}\r\n\r\n{body}")
            .into_bytes()
    };
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{OK_BODY}\r\n0\r\n\r\n",
        OK_BODY.len()
    );
    let valid = vec![
        whole("200 OK", OK_BODY),
        whole("400 Bad Request", REFUSAL),
        chunked.into_bytes(),
    ];
    let mutator = Mutator::new(seed().stream("http"), valid);
    let settings = ClientSettings {
        attempt_timeout: LONGEST,
        ..ClientSettings::default()
    };
    let scenario = driver::scenario(1.0, Duration::from_secs(1), settings);
    let table = &scenario.tables[0];
    let workload = driver::plan(scenario.clone()).workload;
    let requests = || (0..100).map(|sequence| workload.operation(sequence).request);
    let get = requests()
        .find(|it| it.kind().api_name() == "GetItem")
        .unwrap();
    for number in numbers("http") {
        let input = mutator.input(number);
        let server = Server::saying(Reply::raw(input.clone())).await;
        let sdk = SdkTarget::connect(&server.url(), &settings).await.unwrap();
        let wire = WireTarget::beside(&sdk, "Users").await.unwrap();
        let by_wire = tokio::time::timeout(LONGEST, wire.execute(table, &get)).await;
        let by_sdk = tokio::time::timeout(LONGEST, sdk.execute(table, &get)).await;
        let shown = String::from_utf8_lossy(&input);
        let [by_wire, by_sdk] = [by_wire, by_sdk].map(|attempted| {
            let attempted = attempted.unwrap_or_else(|_| panic!("{number} hangs: {shown}"));
            attempted.answer == Answer::Completed
        });
        // The SDK reads no header that is not UTF-8, be it one that nobody needs.
        if str::from_utf8(&input).is_ok() {
            assert_eq!(by_wire, by_sdk, "{number}: {shown}");
        }
    }
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
    for number in numbers("emulator") {
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
