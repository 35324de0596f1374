//! Keys compared: the best first, equal ones tied.

mod candidates;
mod fire;
mod runs;

use std::sync::Arc;

use dynamometer::{
    analysis::{
        compare::{self, Comparison},
        workers::InTurn,
    },
    report::compare::{headline, page, render},
    scenario::{Scenario, candidate::Candidate, parse::parse},
    seed::Seed,
    simulation::trace::Trace,
    workload::Workload,
};

const MOVIES: &str = include_str!("../../scenarios/movies.toml");

/// A small catalogue whose best key is `id`, whose `twin` is as good, and whose others are
/// worse and worse.
const CATALOGUE: &str = r#"
name = "catalogue"
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "500 RCU", write = "500 WCU" }
items = 400
[table.attributes]
id = { type = "S", value = "unique", prefix = "i" }
twin = { type = "S", value = "unique", prefix = "t" }
maker = { type = "S", value = "cycle", prefix = "m", size = 40 }
one = { type = "S", value = "zipfian", prefix = "a", count = 30, exponent = 0.0 }
two = { type = "S", value = "zipfian", prefix = "b", count = 30, exponent = 0.0 }
kind = { type = "S", value = "categorical", choices = { film = 7, series = 2, short = 1 } }
note = { type = "S", value = "text", length = "50 B", present = "50 %" }
[[operation]]
kind = "get"
keys = "uniform"
weight = "80 %"
[[operation]]
kind = "put"
keys = "uniform"
weight = "20 %"
[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "10s"
arrivals = { kind = "poisson", rate = "100/s" }
"#;

fn scenario(source: &str) -> Scenario {
    match parse(source, "test.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}"),
    }
}

fn compared(source: &str, keys: &[&str], first_seed: u64, seeds: u64) -> Comparison {
    let scenario = scenario(source);
    let table = &scenario.tables[0];
    let keys: Vec<_> = keys
        .iter()
        .map(|key| Candidate::parse(key, table).unwrap())
        .collect();
    let traces: Vec<_> = (0..seeds)
        .map(|n| {
            let seed = Seed(first_seed + n);
            let scenario = Scenario {
                seed,
                ..scenario.clone()
            };
            Trace::record(&Workload::new(Arc::new(scenario))).unwrap()
        })
        .collect();
    compare::compare(&traces, 0, &keys, 0.001, &InTurn)
}

fn order(comparison: &Comparison) -> Vec<&str> {
    let names = comparison.candidates.iter();
    names.map(|ranked| ranked.candidate.name.as_str()).collect()
}

#[test]
fn a_film_is_best_found_by_its_id() {
    let keys = [
        "leader_actor_name",
        "movie_language",
        "movie_id",
        "producer_name",
    ];
    let comparison = compared(MOVIES, &keys, 1895, 10);
    assert_eq!(order(&comparison)[0], "movie_id");
    assert_eq!(*order(&comparison).last().unwrap(), "movie_language");
    assert!(headline(&comparison).starts_with("Use `movie_id`"));
    let language = comparison.candidates.last().unwrap();
    assert_eq!(
        (language.keys, language.hottest_key.as_str()),
        (7, "English")
    );
    assert!((0.6..0.82).contains(&language.hottest_share));
    assert_eq!(language.proposed_sort_key.as_deref(), Some("movie_id"));
    assert_eq!(comparison.candidates[0].overwritten, 0);
    // One partition's 3,000 RCU over the English films' share of the reads.
    let english = 300.0 * 0.95 * 0.5 * language.hottest_units.read;
    assert!(
        (language.headroom * english / 3000.0 - 1.0).abs() < 0.15,
        "{language:?}"
    );
    for line in render(&comparison).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn heat_is_the_same_load_spread_otherwise() {
    let comparison = compared(MOVIES, &["movie_id", "movie_language"], 1895, 2);
    let [id, language] = &comparison.candidates[..] else {
        panic!("two candidates");
    };
    assert_eq!(comparison.stage.partitions, 16);
    let cells = |ranked: &compare::Ranked| -> Vec<f64> {
        assert_eq!(ranked.heat.len(), 16);
        ranked.heat.iter().flatten().copied().collect()
    };
    for ranked in [id, language] {
        // Reads use more of what a partition gives than writes here, so that they are what half
        // of the capacity was chosen for.
        let cells = cells(ranked);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred cells")]
        let mean = cells.iter().sum::<f64>() / cells.len() as f64;
        assert!(
            (mean - 0.5).abs() < 0.02,
            "{}: {mean}",
            ranked.candidate.name
        );
    }
    let hottest = |ranked| cells(ranked).into_iter().fold(0.0, f64::max);
    let english = language.hottest_units.read * 16.0 * 0.5;
    assert!(hottest(language) > 0.9 * english, "{}", hottest(language));
    assert!(hottest(id) < 0.5 * hottest(language), "{}", hottest(id));
    let page = page::render(&comparison);
    // A picture for each, which the page's own policy has to allow.
    assert_eq!(page.matches("<image").count(), 2);
    assert!(page.contains("img-src data:"));
    for question in ["Which partitions are hot?", "How uneven are the keys?"] {
        assert!(page.contains(question), "{question}");
    }
}

#[test]
fn the_best_of_known_keys_is_found_with_every_seed() {
    for seed in 0..100 {
        let comparison = compared(CATALOGUE, &["kind", "maker", "id"], seed * 10, 8);
        assert_eq!(order(&comparison), ["id", "maker", "kind"], "seed {seed}");
        let ranks: Vec<_> = comparison.candidates.iter().map(|c| c.rank).collect();
        assert_eq!(ranks, [1, 2, 3], "seed {seed}");
    }
}

#[test]
fn equal_keys_are_called_a_tie() {
    let tie = |keys: &[&str], seed: u64| {
        let comparison = compared(CATALOGUE, keys, seed * 10, 4);
        comparison.candidates.iter().all(|ranked| ranked.rank == 1)
    };
    // The same requests by another name.
    assert!((0..5).all(|seed| tie(&["id", "twin"], seed)));
    // Drawn alike, apart.
    let ties = (0..100_u64)
        .filter(|seed| tie(&["one", "two"], *seed))
        .count();
    assert!(ties >= 95, "{ties}");
}

#[test]
fn shards_raise_the_headroom_of_a_hot_key_and_cost_reads_only_where_nobody_knows_the_shard() {
    let comparison = compared(CATALOGUE, &["kind", "kind/8", "kind/random8"], 1, 3);
    let of = |name: &str| {
        let mut all = comparison.candidates.iter();
        all.find(|ranked| ranked.candidate.name == name).unwrap()
    };
    let (plain, calculated, random) = (of("kind"), of("kind/8"), of("kind/random8"));
    assert!(calculated.headroom > 3.0 * plain.headroom);
    assert!((calculated.read_cost - 1.0).abs() < 1e-9);
    assert!((random.read_cost - 8.0).abs() < 1e-9);
    assert_eq!(calculated.keys, 24);
    // The key of one shard is named as it is stored.
    for sharded in [calculated, random] {
        let (base, shard) = sharded.hottest_key.rsplit_once('#').unwrap();
        assert_eq!(base, plain.hottest_key);
        assert!((1..=8).contains(&shard.parse().unwrap()), "{shard}");
    }
}

#[test]
fn keys_that_are_none_are_refused_with_a_reason() {
    let scenario = scenario(CATALOGUE);
    let check = |text: &str, expected: &str| {
        let error = Candidate::parse(text, &scenario.tables[0]).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("nothing", "has no attribute `nothing`");
    check("note", "some items do not have it");
    check("kind/1", "is no key: `1` shards");
    check("kind/1", "a number from 2 to 10000");
    check("kind+", "is no key");
    check("", "is no key");
}
