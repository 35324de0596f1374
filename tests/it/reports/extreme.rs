//! The page of a run that is as large as they get: an hour, six tables of five global indexes
//! each, a thousand partitions in all of them, the longest names.

use std::time::Duration;

use dynamometer::{
    analysis::Analysis,
    record::{
        Interval, IntervalOperation, IntervalTable, OutcomeCounts, PhaseRecord, Provenance,
        RunRecord,
        heat::ResourceHeat,
        histogram::LatencyHistogram,
        recorder::{Recorder, RunHeader},
    },
    report::{ReportView, html, markdown},
    scenario::{Scenario, parse::parse},
    units::{ByDirection, CapacityUnits},
};

use crate::heat;

const TABLES: usize = 6;
const INDEXES: usize = 5;
const SECONDS: u64 = 3600;
/// DynamoDB's longest name.
const NAME_BYTES: usize = 255;

fn long(prefix: &str, number: usize) -> String {
    let start = format!("{prefix}-{number}-");
    let rest = "n".repeat(NAME_BYTES - start.len());
    start + &rest
}

fn source() -> String {
    let attribute = |index| format!("a{index} = {{ type = \"S\", value = \"unique\" }}\n");
    let global = |index| {
        format!(
            "[[table.index]]\nname = \"{}\"\nscope = \"global\"\npartition_key = \"a{index}\"\n\
             projection = \"all\"\n\
             billing = {{ mode = \"provisioned\", read = \"100 RCU\", write = \"100 WCU\" }}\n",
            long("index", index)
        )
    };
    let table = |number| {
        format!(
            "[[table]]\nname = \"{}\"\npartition_key = \"id\"\nitems = 1000\n\
             billing = {{ mode = \"provisioned\", read = \"1000 RCU\", write = \"1000 WCU\" }}\n\
             [table.attributes]\nid = {{ type = \"S\", value = \"unique\" }}\n{}{}",
            long("table", number),
            (0..INDEXES).map(attribute).collect::<String>(),
            (0..INDEXES).map(global).collect::<String>(),
        )
    };
    let operation = |kind: &str, table: usize, weight: u32| {
        format!(
            "[[operation]]\nname = \"{}\"\nkind = \"{kind}\"\ntable = \"{}\"\nkeys = \"all\"\n\
             weight = \"{weight} %\"\n",
            long(kind, table),
            long("table", table)
        )
    };
    let operations = (0..TABLES).map(|table| {
        let puts = if table == 0 { 15 } else { 5 };
        operation("get", table, 10) + &operation("put", table, puts)
    });
    format!(
        "name = \"{}\"\nseed = 1\nexpect_throttling = true\n{}[keys.all]\nkind = \"uniform\"\n{}\
         [[phase]]\nkind = \"measured\"\nduration = \"{SECONDS}s\"\n\
         arrivals = {{ kind = \"constant\", rate = \"100/s\" }}\n",
        long("extreme", 0),
        (0..TABLES).map(table).collect::<String>(),
        operations.collect::<String>(),
    )
}

/// Something of everything in every second, and never the same twice.
#[expect(clippy::cast_precision_loss, reason = "ten bits")]
fn record(scenario: &Scenario, source: String) -> RunRecord {
    let header = RunHeader {
        scenario_source: source,
        provenance: Provenance::of(scenario, "emulator", "2026-11-23T05:00:00Z"),
        governed: true,
    };
    let mut record = Recorder::new(scenario, header).into_record();
    let times: Vec<_> = (0..100_u64)
        .map(|part| {
            let values = (0..40).map(|at| Duration::from_micros(500 + at * at * (part % 13 + 1)));
            values.collect::<LatencyHistogram>().encode()
        })
        .collect();
    let noise = |second: u64, of: usize| {
        (second * 7919 + of as u64 * 104_729).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54
    };
    let units = |second, of| {
        let units = |by: usize| CapacityUnits::whole(noise(second, of + by).cast_signed());
        ByDirection {
            read: units(0),
            write: units(50),
        }
    };
    let reasons = [
        "TableReadProvisionedThroughputExceeded",
        "TableWriteKeyRangeThroughputExceeded",
        "IndexWriteProvisionedThroughputExceeded",
        "TableReadAccountLimitExceeded",
    ];
    record.intervals = (0..SECONDS)
        .map(|second| {
            let operations = (0..TABLES * 2).map(|number| IntervalOperation {
                outcomes: OutcomeCounts {
                    completed: noise(second, number),
                    throttled: noise(second, number + 1) / 3,
                    ..OutcomeCounts::default()
                },
                consumed: units(second, number),
                index_consumed: (0..INDEXES)
                    .map(|index| units(second, number * 7 + index))
                    .collect(),
                throttle_reasons: (reasons.iter().enumerate())
                    .filter(|(index, _)| noise(second, *index).is_multiple_of(2))
                    .map(|(index, reason)| ((*reason).to_owned(), noise(second, index + 9)))
                    .collect(),
                response_time: Some(times[usize::try_from(second).unwrap() % times.len()].clone()),
            });
            let state = |of: usize, indexes| IntervalTable {
                // As if auto scaling never came to rest.
                provisioned: units(second / 30, of),
                burst_left: Some(ByDirection::from_fn(|_| {
                    noise(second, of + 3) as f64 * 20.0
                })),
                partitions: Some(1000),
                last_heat: None,
                hottest: None,
                indexes,
            };
            Interval {
                second,
                arrivals: 100,
                sent: 90 + noise(second, 1) % 10,
                dispatch_delay_p99_nanos: noise(second, 2) * 1000,
                dispatch_delay: None,
                generator: None,
                operations: operations.collect(),
                tables: (0..TABLES)
                    .map(|table| {
                        let indexes = (0..INDEXES).map(|index| state(table * 11 + index, vec![]));
                        state(table, indexes.collect())
                    })
                    .collect(),
            }
        })
        .collect();
    for phase in &mut record.phases {
        fill(phase);
    }
    record.heat = hot();
    record
}

fn fill(phase: &mut PhaseRecord) {
    for (number, totals) in phase.operations.iter_mut().enumerate() {
        let nanos = |at: u64| Duration::from_nanos(300_000 + at * at * (number as u64 + 1));
        totals.response_time = (0..20_000).map(nanos).collect();
        totals.service_time = (0..20_000).map(nanos).collect();
        totals.outcomes.completed = totals.response_time.count();
    }
    let completed = phase
        .operations
        .iter()
        .map(|totals| totals.outcomes.completed);
    phase.arrivals = completed.sum();
}

/// The same in every table and index, under long names.
fn hot() -> Vec<ResourceHeat> {
    let watched = heat::watched(1000, SECONDS, 60);
    (0..TABLES)
        .flat_map(|table| {
            let all = std::iter::once(None).chain((0..INDEXES).map(Some));
            let watched = &watched;
            all.map(move |index| {
                let mut heat = watched.clone();
                (heat.table, heat.index) = (table, index);
                for keys in [&mut heat.keys.read, &mut heat.keys.write] {
                    for key in &mut keys.top {
                        key.value = Some(long("key", table));
                    }
                }
                heat
            })
        })
        .collect()
}

/// Its page and its Markdown.
fn drawn() -> (String, String) {
    let source = source();
    let scenario = parse(&source, "extreme.toml").unwrap_or_else(|told| panic!("{told}"));
    let scenario = scenario.scenario;
    let record = record(&scenario, source);
    let analysis = Analysis::of(&record, &scenario);
    let view = ReportView::of(&record, &scenario, &analysis);
    (
        html::render(&view, &record, &scenario),
        markdown::render(&view),
    )
}

#[test]
fn the_page_of_an_hour_stays_below_a_megabyte_whatever_is_in_it() {
    let (page, text) = drawn();
    if let Some(folder) = std::env::var_os("DYNO_REPORT_PREVIEW") {
        let file = std::path::Path::new(&folder).join("extreme.html");
        std::fs::write(file, &page).unwrap();
    }
    assert!(page.len() <= 1_000_000, "{} bytes", page.len());
    assert!(text.len() <= markdown::BYTES_MAX);
    for table in 0..TABLES {
        let name = long("table", table);
        assert!(page.contains(&name), "{name} is told");
    }
    assert!(page.matches("data-seconds").count() >= TABLES * (INDEXES + 1));
}
