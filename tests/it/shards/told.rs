//! What reports tell of the shards of a merged run.

use dynamometer::{
    analysis::{Analysis, threshold::InvalidReason},
    record::{
        RunRecord,
        generator::{Ceiling, Generator},
        merge::MergeRules,
        shard::ClockOffset,
    },
    report::{ReportView, html, json, markdown, stored, text},
};

use super::{RULES, merged, scenario, shards, small};

#[test]
fn a_missing_shard_is_named_and_makes_the_run_invalid() {
    let source = small("100/s");
    let mut records = shards(&source, 4);
    records.remove(2);
    let refused = merged(records.clone(), &RULES).unwrap_err().to_string();
    assert_eq!(refused, "1 shard of 4 missing: 3");

    let rules = MergeRules {
        allow_missing: true,
        ..RULES
    };
    let merged = merged(records, &rules).unwrap();
    let scenario = scenario(&source);
    let analysis = Analysis::of(&merged, &scenario);
    let expected = InvalidReason::ShardsMissing {
        missing: vec![3],
        count: 4,
        offered_per_second: 75.0,
    };
    assert_eq!(analysis.judgement.invalid_because, [expected]);
    let view = ReportView::of(&merged, &scenario, &analysis);
    let text = text::render(&view, &text::TextOptions::default());
    let answer = view.sentence.replace('\u{a0}', " ");
    assert_eq!(
        answer,
        "The run is not whole (shard 3 of 4 is missing; the others offered 75/s in all), so it \
         says nothing about the table."
    );
    assert!(text.contains("INVALID"), "{text}");
    let row = text.lines().find(|line| line.contains("3/4")).unwrap();
    assert!(row.contains("missing"), "{text}");
}

#[test]
fn of_many_shards_the_text_tells_those_that_were_not_in_time() {
    let source = small("100/s");
    let scenario = scenario(&source);
    let mut records = shards(&source, 40);
    let told = |records: &[RunRecord]| {
        let rules = MergeRules {
            allow_missing: true,
            ..RULES
        };
        let merged = merged(records.to_vec(), &rules).unwrap();
        let analysis = Analysis::of(&merged, &scenario);
        let view = ReportView::of(&merged, &scenario, &analysis);
        text::render(&view, &text::TextOptions::default())
    };
    let all = told(&records);
    assert!(all.contains("  40 shards, all of them in time"), "{all}");
    records[6].provenance.part.as_mut().unwrap().late_nanos = 1_000_000_000;
    let late = told(&records);
    assert!(
        late.contains("  7/40") && late.contains("  39 more, in time"),
        "{late}"
    );
    let few = told(&records[..10]);
    assert!(
        few.contains("  11/40") && few.contains("  15 more like these"),
        "{few}"
    );
    assert!(few.contains("  9 more, in time"), "{few}");
    let refused = merged(records.into_iter().take(2), &RULES).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.starts_with("38 shards of 40 missing: 3, 4,"),
        "{refused}"
    );
    assert!(refused.ends_with("22 and 18 more"), "{refused}");
}

#[test]
fn every_report_of_a_merged_run_shows_its_shards() {
    let source = small("100/s");
    let mut records = shards(&source, 3);
    let part = records[1].provenance.part.as_mut().unwrap();
    part.late_nanos = 2_500_000;
    part.clock = Some(ClockOffset {
        offset_nanos: -12_000_000,
        uncertainty_nanos: 10_000_000,
    });
    let merged = merged(records, &RULES).unwrap();
    let document = json::render(&merged, &Analysis::of(&merged, &scenario(&source)));
    let read = stored::read(&document).unwrap();
    assert_eq!(read.record, merged);
    let analysis = Analysis::of(&read.record, &read.scenario);
    let view = ReportView::of(&read.record, &read.scenario, &analysis);
    let reports = [
        text::render(&view, &text::TextOptions::default()),
        html::render(&view, &read.record, &read.scenario),
        markdown::render(&view),
    ];
    for report in reports {
        let report = report.replace('\u{a0}', " ");
        for expected in ["2/3", "33.3 %", "−12 ms ± 10 ms", "2.5 ms late"] {
            assert!(report.contains(expected), "{expected} in {report}");
        }
    }
}

#[test]
fn a_merged_run_tells_the_threads_and_the_ceiling_of_all_its_shards() {
    let mut records = shards(&small("100/s"), 2);
    for (record, (threads, timer, ceiling)) in records
        .iter_mut()
        .zip([(1, "kernel", 9_000.0), (3, "thread", 5_000.0)])
    {
        record.generator = Some(Generator {
            threads,
            timer: timer.to_owned(),
            ceiling: Some(Ceiling {
                requests_per_second: ceiling,
                measured_at: format!("2026-11-2{threads}T00:00:00Z"),
            }),
        });
    }
    let whole = merged(records.clone(), &RULES).unwrap().generator.unwrap();
    assert_eq!((whole.threads, whole.timer.as_str()), (4, "kernel, thread"));
    let ceiling = whole.ceiling.unwrap();
    assert!((ceiling.requests_per_second - 6_000.0).abs() < 1e-9);
    assert_eq!(ceiling.measured_at, "2026-11-21T00:00:00Z");
    records[1].generator.as_mut().unwrap().ceiling = None;
    let whole = merged(records, &RULES).unwrap().generator.unwrap();
    assert_eq!((whole.threads, whole.ceiling), (4, None));
}
