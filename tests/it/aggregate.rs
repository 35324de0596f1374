//! Simulation by partition and second against simulation request by request: where both can run
//! they agree on what is throttled, and on what is consumed.

use std::sync::Arc;

use dynamometer::{
    analysis::{Analysis, threshold::Verdict},
    record::{OutcomeCounts, RunRecord},
    scenario::{Scenario, parse::parse},
    simulation::{SimulationError, SimulationOptions, aggregate, header, simulate},
};

/// Of all requests, how much the shares of throttled ones may differ.
const SHARE_ERROR: f64 = 0.01;
/// Of what is consumed.
const UNITS_ERROR: f64 = 0.01;

fn scenario(source: &str) -> Arc<Scenario> {
    match parse(source, "test.toml") {
        Ok(parsed) => Arc::new(parsed.scenario),
        Err(problems) => panic!("{problems}"),
    }
}

struct Case {
    table: &'static str,
    operation: &'static str,
    arrivals: &'static str,
    duration: &'static str,
    /// Before the table, and after all.
    more: &'static str,
    last: &'static str,
    weight: &'static str,
}

const CASE: Case = Case {
    table: "billing = { mode = \"provisioned\", read = \"1000 RCU\", write = \"1000 WCU\" }\nitems = 10_000",
    operation: "kind = \"put\"\nkeys = \"uniform\"",
    arrivals: "kind = \"constant\", rate = \"800/s\"",
    duration: "30s",
    more: "",
    last: "",
    weight: "100 %",
};

impl Case {
    fn source(&self) -> String {
        let Self {
            table,
            operation,
            arrivals,
            duration,
            more,
            last,
            weight,
        } = self;
        format!(
            "name = \"aggregate\"\nseed = 7\nexpect_throttling = true\n{more}\n\
             [[table]]\nname = \"Items\"\npartition_key = \"id\"\n{table}\n[table.attributes]\n\
             id = {{ type = \"S\", value = \"unique\", prefix = \"i-\" }}\n\
             body = {{ type = \"S\", value = \"text\", length = \"80 B\" }}\n\
             [[operation]]\n{operation}\nweight = \"{weight}\"\n\
             [keys.zipf]\nkind = \"zipfian\"\nexponent = 0.99\n\
             [keys.hot]\nkind = \"hot-set\"\nhot_keys = \"0.01 %\"\nhot_traffic = \"50 %\"\n\
             [[phase]]\nkind = \"load\"\n[[phase]]\nkind = \"measured\"\n\
             duration = \"{duration}\"\narrivals = {{ {arrivals} }}\n{last}\n"
        )
    }

    fn both(&self) -> (RunRecord, RunRecord) {
        let source = self.source();
        let scenario = scenario(&source);
        let options = SimulationOptions::default();
        let header = || header(&scenario, source.clone(), "test", &options);
        let events = simulate(&scenario, header(), &options).unwrap();
        (events, aggregate::simulate(&scenario, header()).unwrap())
    }

    /// Both agree, on a share of throttled requests in these bounds.
    fn check(&self, least: f64, most: f64) -> (RunRecord, RunRecord) {
        let (events, aggregate) = self.both();
        let (one, other) = (outcomes(&events), outcomes(&aggregate));
        assert!(
            one.total().abs_diff(other.total()) <= 1,
            "{one:?} {other:?}"
        );
        let share = |counts: OutcomeCounts| float(counts.throttled) / float(counts.total());
        let (one, other) = (share(one), share(other));
        assert!(
            (least..=most).contains(&one),
            "{one} is not what the case is about"
        );
        assert!(
            (one - other).abs() <= SHARE_ERROR,
            "throttled: {one} {other}"
        );
        let (one, other) = (units(&events), units(&aggregate));
        assert!(
            (one / other - 1.0).abs() <= UNITS_ERROR,
            "units: {one} {other}"
        );
        let reasons = |record: &RunRecord| {
            let totals = record.phases.iter().flat_map(|phase| &phase.operations);
            let mut all: Vec<_> = totals
                .flat_map(|totals| totals.throttle_reasons.clone())
                .filter(|(_, count)| *count > 50)
                .map(|(reason, _)| reason)
                .collect();
            all.sort();
            all
        };
        assert_eq!(reasons(&events), reasons(&aggregate));
        (events, aggregate)
    }
}

fn outcomes(record: &RunRecord) -> OutcomeCounts {
    let mut sum = OutcomeCounts::default();
    for totals in record.phases.iter().flat_map(|phase| &phase.operations) {
        sum += totals.outcomes;
    }
    sum
}

fn units(record: &RunRecord) -> f64 {
    let totals = record.phases.iter().flat_map(|phase| &phase.operations);
    let both = |t: &dynamometer::record::OperationTotals| {
        let table = t.consumed.read.as_f64() + t.consumed.write.as_f64();
        let indexes = t.index_consumed.iter();
        table
            + indexes
                .map(|i| i.read.as_f64() + i.write.as_f64())
                .sum::<f64>()
    };
    totals.map(both).sum()
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn float(count: u64) -> f64 {
    count as f64
}

#[test]
fn even_load_within_the_capacity_is_served_by_both() {
    CASE.check(0.0, 0.0);
}

#[test]
fn a_burst_is_exhausted_at_the_same_time() {
    Case {
        arrivals: "kind = \"constant\", rate = \"1500/s\"",
        more: "[model]\nburst_seconds = \"10s\"\ninitial_burst_fraction = \"50 %\"",
        ..CASE
    }
    .check(0.15, 0.4);
}

#[test]
fn a_hot_key_is_bounded_by_its_partition() {
    Case {
        table: "billing = { mode = \"provisioned\", read = \"10 RCU\", write = \"4000 WCU\" }\nitems = 10_000",
        operation: "kind = \"put\"\nkeys = \"hot\"",
        arrivals: "kind = \"constant\", rate = \"3000/s\"",
        duration: "10s",
        ..CASE
    }
    .check(0.2, 0.4);
}

#[test]
fn a_zipfian_law_finds_the_same_partitions_hot_and_the_table_full() {
    Case {
        table: "billing = { mode = \"provisioned\", read = \"9000 RCU\", write = \"10 WCU\" }\nitems = 1_000_000",
        operation: "kind = \"get\"\nkeys = \"zipf\"\nconsistency = \"strong\"",
        arrivals: "kind = \"constant\", rate = \"14000/s\"",
        duration: "5s",
        ..CASE
    }
    .check(0.1, 0.5);
}

#[test]
fn retries_end_as_often_and_are_as_many_to_within_what_outlasts_the_second() {
    let case = Case {
        table: "billing = { mode = \"provisioned\", read = \"10 RCU\", write = \"500 WCU\" }\n\
                items = 10_000",
        arrivals: "kind = \"constant\", rate = \"750/s\"",
        more: "[model]\nburst_seconds = \"1s\"\n[client]\nretry = { max_attempts = 3, base = \"10ms\" }",
        ..CASE
    };
    let (events, aggregate) = case.check(0.2, 0.4);
    let attempts = |record: &RunRecord| {
        let totals = record.phases.iter().flat_map(|phase| &phase.operations);
        float(totals.map(|totals| totals.attempts).sum())
    };
    let (one, other) = (attempts(&events), attempts(&aggregate));
    assert!((one / other - 1.0).abs() < 0.05, "{one} {other}");
}

#[test]
fn auto_scaling_follows_a_day_alike() {
    Case {
        table: "items = 1000\nbilling = { mode = \"provisioned\", read = \"10 RCU\", write = \"50 WCU\", \
                scale_write = { min = \"20 WCU\", max = \"400 WCU\", target = \"70 %\" } }",
        arrivals: "kind = \"sine\", mean = \"60/s\", amplitude = \"50/s\", period = \"30min\"",
        duration: "60min",
        ..CASE
    }
    .check(0.0, 0.3);
}

#[test]
fn an_on_demand_table_grows_alike() {
    Case {
        table: "billing = { mode = \"on-demand\" }\nitems = 1000",
        arrivals: "kind = \"ramp\", from = \"50/s\", to = \"400/s\"",
        duration: "300s",
        more: "[model]\nod_initial_write = \"100 WCU\"\nod_peak_window = \"10s\"\nod_growth_interval = \"60s\"",
        ..CASE
    }
    .check(0.005, 0.6);
}

#[test]
fn an_index_that_is_too_small_holds_its_table_back_alike() {
    Case {
        table: "items = 10_000\n\
                billing = { mode = \"provisioned\", read = \"10 RCU\", write = \"1000 WCU\" }\n\
                [[table.index]]\nname = \"by-body\"\nscope = \"global\"\n\
                partition_key = \"body\"\nprojection = \"keys-only\"\n\
                billing = { mode = \"provisioned\", read = \"10 RCU\", write = \"600 WCU\" }",
        // What has another key in the index leaves one place there and takes another.
        operation: "kind = \"update\"\nset = [\"body\"]\nkeys = \"uniform\"",
        duration: "10s",
        more: "[model]\nburst_seconds = \"1s\"",
        ..CASE
    }
    .check(0.3, 0.7);
}

#[test]
fn a_hot_partition_splits_alike() {
    let case = Case {
        table: "items = 10_000\n\
                billing = { mode = \"provisioned\", read = \"10 RCU\", write = \"1000 WCU\" }",
        arrivals: "kind = \"constant\", rate = \"900/s\"",
        duration: "20s",
        more: "[model]\npartition_write_cap = \"500 WCU\"\nsplit_trigger_seconds = \"5s\"\n\
               split_duration_seconds = \"2s\"",
        operation: "kind = \"put\"\nkeys = \"hot\"",
        ..CASE
    };
    let (events, aggregate) = case.check(0.02, 0.3);
    let splits = |record: &RunRecord| record.heat[0].splits.len();
    assert!(splits(&events) > 0);
    assert_eq!(splits(&events), splits(&aggregate));
}

#[test]
fn several_tables_are_each_bounded_alike() {
    Case {
        last: "[[table]]\nname = \"Others\"\npartition_key = \"id\"\nitems = 1000\n\
               billing = { mode = \"provisioned\", read = \"100 RCU\", write = \"10 WCU\" }\n\
               [table.attributes]\nid = { type = \"S\", value = \"unique\", prefix = \"o-\" }\n\
               [[operation]]\nname = \"others\"\nkind = \"get\"\ntable = \"Others\"\n\
               keys = \"uniform\"\nconsistency = \"strong\"\nweight = \"50 %\"",
        operation: "kind = \"put\"\ntable = \"Items\"\nkeys = \"uniform\"",
        weight: "50 %",
        ..CASE
    }
    .check(0.1, 0.6);
}

#[test]
fn a_record_by_partition_and_second_says_so_and_has_no_times() {
    let (_, record) = CASE.both();
    let told = &record.provenance.model_overrides;
    assert!(told.iter().any(|line| line == aggregate::NOTE), "{told:?}");
    assert_eq!(record.intervals.len(), 30);
    let totals = &record.phases[0].operations[0];
    assert!(totals.response_time.is_empty());
    assert_eq!(totals.outcomes.completed, 24_000);
    let judged = Analysis::of(&record, &scenario(&CASE.source())).judgement;
    assert_eq!(judged.verdict, Verdict::Pass, "{judged:?}");
    let again = CASE.both().1;
    assert_eq!(record, again);
}

#[test]
fn what_needs_single_requests_is_refused_by_name() {
    let case = Case {
        operation: "name = \"many\"\nkind = \"scan\"",
        ..CASE
    };
    let source = case.source();
    let scenario = scenario(&source);
    let options = SimulationOptions::default();
    let header = header(&scenario, source, "test", &options);
    let Err(SimulationError::NotInAggregate { what }) = aggregate::simulate(&scenario, header)
    else {
        panic!("scans are looked at one by one");
    };
    assert!(what.starts_with("operation many"), "{what}");
}
