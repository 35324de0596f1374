//! Everything that parses what others wrote, each as a function that takes any bytes at all.
//!
//! Whoever calls one looks for panics, hangs and memory: what is refused is no finding. Called with
//! mutated input by `tests/it/fuzz.rs`, and guided by coverage by the targets of `cargo fuzz`.

use std::{sync::Arc, time::Duration};

use dynamometer::{
    analysis::{
        Analysis, cloudwatch as metrics,
        expectation::expect,
        runs::{self, Run},
        seeds::SeedStudy,
        sizing::{
            self,
            sweep::{self, SizingPart},
        },
        trend::{Filter, Trend, history as nights},
    },
    cli,
    price::PriceTable,
    record::{
        merge::{Merge, MergeRules},
        shard::Part,
    },
    report::{
        ReportView, csv as report_csv, hlog, html, markdown, runs as report_runs,
        seeds as report_seeds, sizing as report_sizing, stored, text,
        trend::{page, view},
    },
    scenario::{
        files::{FileProblem, Files, Opened},
        parse::parse_with,
    },
    schedule::shard::Shard,
    target::wire::stages::Stages,
    workload::Workload,
};

const ROWS: &[u8] = include_bytes!("../../scenarios/catalogue.csv");
const CATALOGUE: &str = include_str!("../../scenarios/catalogue.toml");

/// Takes any bytes.
type Parser = fn(&[u8]);

/// By name: the names of the folders in `corpus/`.
pub const PARSERS: [(&str, Parser); 11] = [
    ("answer", answer),
    ("arguments", arguments),
    ("cloudwatch", cloudwatch),
    ("csv", csv),
    ("history", history),
    ("journal", journal),
    ("jsonl", jsonl),
    ("prices", prices),
    ("record", record),
    ("scenario", scenario),
    ("study", study),
];

/// What is not UTF-8 is refused where files are read.
fn text_of(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
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

/// A scenario file, and what it comes to where it is valid and small.
pub fn scenario(input: &[u8]) {
    match parse_with(&text_of(input), "fuzz.toml", &OneFile(ROWS)) {
        Ok(parsed) if parsed.scenario.tables.iter().all(|it| it.items < 10_000) => {
            let _ = expect(&Workload::new(Arc::new(parsed.scenario)));
        }
        Ok(_) => {}
        Err(problems) => assert!(problems.to_string().len() < 1 << 20),
    }
}

/// Rows of CSV, as a scenario refers to them.
pub fn csv(input: &[u8]) {
    let _ = parse_with(CATALOGUE, "fuzz.toml", &OneFile(input));
}

/// The same as JSON Lines.
pub fn jsonl(input: &[u8]) {
    let lines = CATALOGUE.replace("catalogue.csv", "catalogue.jsonl");
    let _ = parse_with(&lines, "fuzz.toml", &OneFile(input));
}

/// A stored record, every report of it, and what other records are laid beside and added to it.
pub fn record(input: &[u8]) {
    if let Ok(run) = stored::read(&text_of(input)) {
        draw(&run);
        lay_beside(&run);
        merge(&run);
    }
}

/// The journal of a run that was killed, and every report of it.
pub fn journal(input: &[u8]) {
    if let Ok(run) = stored::read_journal(&text_of(input)) {
        draw(&run);
    }
}

fn draw(run: &stored::StoredRun) {
    let analysis = Analysis::of(&run.record, &run.scenario);
    let view = ReportView::of(&run.record, &run.scenario, &analysis);
    let options = text::TextOptions {
        color: false,
        ascii: true,
    };
    let drawn = [
        html::render(&view, &run.record, &run.scenario),
        text::render(&view, &options),
        markdown::render(&view),
        report_csv::render(&run.record),
        hlog::render(&run.record),
    ];
    assert!(drawn.iter().all(|drawn| !drawn.is_empty()));
}

fn lay_beside(run: &stored::StoredRun) {
    let sides = ["one", "other"].map(|label| Run {
        label,
        record: &run.record,
        scenario: &run.scenario,
    });
    if let Ok(contrast) = runs::contrast(&sides, true) {
        assert!(!report_runs::render(&contrast).is_empty());
    }
}

/// As if it were both shards of a run.
fn merge(run: &stored::StoredRun) {
    let mut merge = Merge::new();
    for shard in Shard::parts(2) {
        let mut record = run.record.clone();
        record.provenance.part = Some(Part::of(shard));
        if merge.add(record).is_err() {
            return;
        }
    }
    let rules = MergeRules {
        clocks_apart: Duration::ZERO,
        allow_missing: true,
    };
    if let Ok(record) = merge.finish(&rules) {
        draw(&stored::StoredRun {
            record,
            ..run.clone()
        });
    }
}

/// What simulations with several seeds came to, or a search for capacity, of which several
/// processes made a part each.
pub fn study(input: &[u8]) {
    if let Ok(study) = serde_json::from_slice(input) {
        seeds(&study);
    }
    if let Ok(part) = serde_json::from_slice(input) {
        sizing(part);
    }
}

/// As if it were the only part.
fn sizing(mut part: SizingPart) {
    part.of.shard = Shard::WHOLE;
    let Ok(search) = sweep::merged(vec![part]) else {
        return;
    };
    if let Ok(sizing) = sizing::concluded(&search) {
        assert!(!report_sizing::render(&sizing).is_empty());
        let _ = report_sizing::page::render(&sizing, &search.options.prices);
    }
}

/// As if it were both parts of a study.
fn seeds(study: &SeedStudy) {
    let both = Shard::parts(2).map(|shard| {
        let mut part = study.clone();
        if let Some(part) = &mut part.part {
            part.shard = shard;
        }
        part
    });
    let both: Vec<_> = both.collect();
    for study in [Ok(study.clone()), SeedStudy::merged(&both)]
        .into_iter()
        .flatten()
    {
        assert!(!report_seeds::render("fuzz", &study).is_empty());
    }
}

/// What CloudWatch's command line prints.
pub fn cloudwatch(input: &[u8]) {
    let _ = metrics::read(&text_of(input));
}

/// A price table.
pub fn prices(input: &[u8]) {
    let _ = PriceTable::parse(&text_of(input));
}

/// A history of nights, and its trend.
pub fn history(input: &[u8]) {
    if let Ok(history) = nights::parse(&text_of(input), "fuzz.jsonl") {
        let trend = Trend::of(&history, &Filter::default());
        let view = view::view(&trend);
        assert!(!page::render(&trend, &view).is_empty());
    }
}

/// A server's answer, and the body of one: of a success and of refusals.
pub fn answer(input: &[u8]) {
    let _ = Stages::is_read(input);
    for status in [200, 400, 500] {
        let head = format!(
            "HTTP/1.1 {status} \r\ncontent-length: {}\r\n\r\n",
            input.len()
        );
        let _ = Stages::is_read(&[head.as_bytes(), input].concat());
    }
}

/// A command line, divided at spaces.
pub fn arguments(input: &[u8]) {
    let _ = cli::understands(text_of(input).split(' '));
}
