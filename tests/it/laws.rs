//! The laws by which requests pick items, each against its formula, from head to tail: tested on
//! what `dyno plan` prints, so that anyone can do it again. Seeds are fixed. What a test takes
//! for a fit it must refuse of a neighbouring law: those tests are here, too.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of a test are small"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::workload::{DRAWS, misfit, rank_bins, zipf_sum};

/// Largest gap between the share of draws below a point and the law, times the root of their
/// number, that one fair generator in 10,000 exceeds (Kolmogorov).
const GAP_MAX: f64 = 2.23;
/// Deviations of chi-square that one fair generator in 30,000 exceeds.
const MISFIT_MAX: f64 = 4.0;

fn plan(operations: u64, source: &str) -> String {
    plan_beside(operations, source, "")
}

/// The same with the rows of a data file beside the scenario.
fn plan_beside(operations: u64, source: &str, rows: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("law.toml"), source).unwrap();
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["plan", "law.toml", "--operations", &operations.to_string()])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn source(items: u64, keys: &str, operation: &str) -> String {
    format!(
        r#"name = "law"
seed = 5
expect_throttling = true
[[table]]
name = "Items"
partition_key = "id"
billing = {{ mode = "provisioned", read = "1 RCU", write = "1 WCU" }}
items = {items}
[table.attributes]
id = {{ type = "S", value = "unique", prefix = "i-" }}
[keys.law]
{keys}
[[operation]]
kind = "get"
keys = "law"
weight = "100 %"
{operation}
[[phase]]
kind = "load"
[[phase]]
kind = "measured"
duration = "100s"
arrivals = {{ kind = "constant", rate = "1000/s" }}
"#
    )
}

/// The numbers of the items that `dyno plan` prints.
fn picked(items: u64, keys: &str) -> Vec<u64> {
    items_of(&plan(DRAWS, &source(items, keys, "")))
}

fn items_of(text: &str) -> Vec<u64> {
    // The key is quoted and holds commas.
    let of_line = |line: &str| line.rsplit(',').nth(3).unwrap().parse().unwrap();
    let picked: Vec<u64> = text.lines().skip(1).map(of_line).collect();
    assert_eq!(picked.len() as u64, DRAWS);
    picked
}

/// How far `picked` is from a law that puts `below(k)` on the items before item *k*: largest gap
/// (Kolmogorov) and misfit of the bins that end before the items `ends` (chi-square).
fn distance(picked: &[u64], ends: &[u64], below: impl Fn(u64) -> f64) -> (f64, f64) {
    let mut sorted = picked.to_vec();
    sorted.sort_unstable();
    let count = sorted.len() as f64;
    let gap = sorted
        .chunk_by(|a, b| a == b)
        .scan(0, |seen, same| {
            *seen += same.len();
            let gap = *seen as f64 / count - below(same[0] + 1);
            Some(gap.abs())
        })
        .fold(0.0, f64::max);
    let mut observed = vec![0; ends.len()];
    for item in sorted {
        observed[ends.partition_point(|end| *end <= item)] += 1;
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let shares: Vec<f64> = starts
        .zip(ends)
        .map(|(a, b)| below(*b) - below(a))
        .collect();
    (gap * count.sqrt(), misfit(&observed, &shares))
}

fn check(what: &str, picked: &[u64], ends: &[u64], below: impl Fn(u64) -> f64) {
    let (gap, misfit) = distance(picked, ends, below);
    assert!(
        gap < GAP_MAX && misfit < MISFIT_MAX,
        "{what}: {gap:.2}, {misfit:.1}"
    );
}

fn refuse(what: &str, picked: &[u64], ends: &[u64], below: impl Fn(u64) -> f64) {
    let (gap, misfit) = distance(picked, ends, below);
    assert!(
        gap > GAP_MAX || misfit > MISFIT_MAX,
        "{what}: {gap:.2}, {misfit:.1}"
    );
}

fn zipf_below(items: u64, exponent: f64) -> impl Fn(u64) -> f64 {
    let all = zipf_sum(1, items, exponent);
    move |count| zipf_sum(1, count, exponent) / all
}

const MANY: [u64; 3] = [1_000_000, 1_000_000_000, 1_000_000_000_000];

#[test]
fn zipfian_plans_follow_their_law_from_head_to_tail() {
    for items in MANY {
        for exponent in [0.5, 0.99, 1.0, 1.5] {
            let picked = picked(items, &format!("kind = \"zipfian\"\nexponent = {exponent}"));
            let (ends, below) = (rank_bins(items), zipf_below(items, exponent));
            let what = format!("{items} items, exponent {exponent}");
            check(&what, &picked, &ends, &below);
            let small = |count: u64, share: f64| count as f64 >= share * DRAWS as f64;
            // Head and tail of their own, each against the law given that it is met.
            let head: Vec<u64> = picked.iter().copied().filter(|item| *item < 100).collect();
            if small(head.len() as u64, 0.01) {
                let ends: Vec<u64> = (1..=100).collect();
                let in_head = below(100);
                check(&format!("{what}, head"), &head, &ends, |k| {
                    below(k.min(100)) / in_head
                });
            }
            let first = items / 100;
            let tail: Vec<u64> = picked
                .iter()
                .copied()
                .filter(|item| *item >= first)
                .collect();
            if small(tail.len() as u64, 0.01) {
                let ends: Vec<u64> = (1..=50).map(|n| first + (items - first) / 50 * n).collect();
                let ends = [&ends[..49], &[items]].concat();
                let (before, in_tail) = (below(first), 1.0 - below(first));
                check(&format!("{what}, tail"), &tail, &ends, |k| {
                    (below(k.max(first)) - before) / in_tail
                });
            }
        }
    }
}

#[test]
fn the_fit_refuses_generators_that_are_a_little_wrong() {
    for items in MANY {
        let (ends, below) = (rank_bins(items), zipf_below(items, 0.99));
        let near = picked(items, "kind = \"zipfian\"\nexponent = 0.97");
        refuse("a neighbouring exponent", &near, &ends, &below);
        let right = picked(items, "kind = \"zipfian\"\nexponent = 0.99");
        let changed = |change: &dyn Fn(u64, u64) -> u64| -> Vec<u64> {
            let numbered = right.iter().zip(0..);
            numbered
                .map(|(item, number)| change(*item, number))
                .collect()
        };
        let off_by_one = changed(&|item, _| (item + 1).min(items - 1));
        refuse("ranks off by one", &off_by_one, &ends, &below);
        let one_in_ten = changed(&|item, number| {
            if item == 0 && number % 10 == 0 {
                1
            } else {
                item
            }
        });
        refuse(
            "a head that gives to its neighbour",
            &one_in_ten,
            &ends,
            &below,
        );
        let cut = changed(&|item, _| if item > items / 4 * 3 { item / 2 } else { item });
        refuse("a tail that is cut off", &cut, &ends, &below);
    }
}

/// The generator that YCSB has (Gray et al., "Quickly generating billion-record synthetic
/// databases", 1994): exact for two ranks, an approximation behind them.
fn grays(items: u64, exponent: f64, uniform: f64) -> u64 {
    let n = items as f64;
    let zeta = zipf_sum(1, items, exponent);
    let alpha = 1.0 / (1.0 - exponent);
    let eta = (1.0 - (2.0 / n).powf(1.0 - exponent)) / (1.0 - zipf_sum(1, 2, exponent) / zeta);
    let scaled = uniform * zeta;
    if scaled < 1.0 {
        0
    } else if scaled < 1.0 + 0.5_f64.powf(exponent) {
        1
    } else {
        (n * (eta * uniform - eta + 1.0).powf(alpha)) as u64
    }
}

#[test]
fn the_fit_refuses_the_generator_of_ycsb() {
    let (items, exponent) = (1_000_000, 0.99);
    let stream = dynamometer::seed::Seed(1).stream("grays");
    let uniform = |number| (stream.bits(number) >> 11) as f64 / (1_u64 << 53) as f64;
    let picked: Vec<u64> = (0..DRAWS)
        .map(|n| grays(items, exponent, uniform(n)))
        .collect();
    refuse(
        "Gray's",
        &picked,
        &rank_bins(items),
        zipf_below(items, exponent),
    );
}

/// Item numbers that end bins in which the law of a variate, `below` a share of the items, has
/// about as much, and two small ones at its ends.
fn bins(items: u64, below: impl Fn(f64) -> f64) -> Vec<u64> {
    let inner = (1..40).map(|bin| f64::from(bin) / 40.0);
    let shares = [0.001].into_iter().chain(inner).chain([0.999]);
    let item = |share: f64| {
        let (mut low, mut high) = (0, items);
        while low < high {
            let middle = low + (high - low) / 2;
            if below((middle + 1) as f64) < share {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low + 1
    };
    let mut ends: Vec<u64> = shares.map(item).chain([items]).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn exponential(items: u64, mean: f64) -> impl Fn(f64) -> f64 {
    let mean = mean * items as f64;
    let below = move |x: f64| -(-x / mean).exp_m1();
    move |x| below(x) / below(items as f64)
}

fn normal(items: u64, mean: f64, deviation: f64) -> impl Fn(f64) -> f64 {
    let (n, mean, deviation) = (items as f64, mean * items as f64, deviation * items as f64);
    let phi = move |x: f64| libm::erfc((mean - x) / deviation / 2_f64.sqrt()) / 2.0;
    move |x| (phi(x) - phi(0.0)) / (phi(n) - phi(0.0))
}

#[test]
fn exponential_and_normal_plans_follow_their_laws() {
    for items in [50, 1_000_000, 1_000_000_000_000] {
        for mean in [0.01, 0.1, 1.0] {
            let keys = format!("kind = \"exponential\"\nmean = \"{} %\"", mean * 100.0);
            let (picked, below) = (picked(items, &keys), exponential(items, mean));
            let ends = bins(items, &below);
            if ends.len() > 1 {
                check(&keys, &picked, &ends, |k| below(k as f64));
            } else {
                assert!(picked.iter().filter(|item| **item == 0).count() > 50_000);
            }
            if items > 50 {
                let near = exponential(items, mean * 1.03);
                let near_matters = mean < 1.0;
                if near_matters {
                    refuse("another mean", &picked, &ends, |k| near(k as f64));
                }
            }
        }
        for (mean, deviation) in [(0.5, 0.1), (0.0, 0.2), (0.9, 0.3), (0.3, 1.0)] {
            let keys = format!(
                "kind = \"normal\"\nmean = \"{} %\"\nstd_dev = \"{} %\"",
                mean * 100.0,
                deviation * 100.0
            );
            let (picked, below) = (picked(items, &keys), normal(items, mean, deviation));
            let ends = bins(items, &below);
            check(&keys, &picked, &ends, |k| below(k as f64));
            let near = normal(items, mean + 0.02, deviation * 0.97);
            if deviation < 1.0 {
                refuse("another bell", &picked, &ends, |k| near(k as f64));
            }
        }
    }
}

#[test]
fn uniform_and_categorical_plans_follow_their_laws() {
    for items in MANY {
        let picked = picked(items, "kind = \"uniform\"");
        let below = |k: u64| k as f64 / items as f64;
        let ends: Vec<u64> = (1..=64).map(|n| items / 64 * n).collect();
        let ends = [&ends[..63], &[items]].concat();
        check("uniform", &picked, &ends, below);
        let missing = picked
            .iter()
            .map(|item| item - item % 2 * (items / 64).min(*item));
        refuse(
            "uniform, shifted by a bin",
            &missing.collect::<Vec<_>>(),
            &ends,
            below,
        );
    }
    let weights = [5.0, 0.0, 3.0, 1.0, 1.0];
    for (items, rest) in [(5, 0.0), (5, 7.0), (6, 2.0), (1_000_000_000_000, 10.0)] {
        let keys = format!("kind = \"categorical\"\nweights = {weights:?}\nrest = {rest:?}");
        let picked = picked(items, &keys);
        let of_rest = if items > 5 { rest } else { 0.0 };
        let total = 10.0 + of_rest;
        let below = |k: u64| {
            let listed: f64 = weights.iter().take(k as usize).sum();
            let others = k.saturating_sub(5) as f64 / (items - 5).max(1) as f64;
            (listed + of_rest * others) / total
        };
        let mut ends: Vec<u64> = (1..=5).collect();
        ends.extend(
            (1..=16)
                .map(|n| 5 + (items - 5) / 16 * n)
                .filter(|end| (6..items).contains(end)),
        );
        ends.extend(Some(items).filter(|items| *items > 5));
        check(&keys, &picked, &ends, below);
        assert!(!picked.contains(&1), "an item of weight 0");
        let even: Vec<u64> = picked
            .iter()
            .map(|item| item - u64::from(*item == 2))
            .collect();
        refuse("the third for the second", &even, &ends, below);
    }
}

#[test]
fn latest_plans_are_zipfian_from_the_newest_item_back() {
    for items in MANY {
        for exponent in [0.5, 0.99, 1.5] {
            let picked = picked(items, &format!("kind = \"latest\"\nexponent = {exponent}"));
            let ages: Vec<u64> = picked.iter().map(|item| items - 1 - item).collect();
            let what = format!("latest of {items}, exponent {exponent}");
            check(&what, &ages, &rank_bins(items), zipf_below(items, exponent));
            // A flat law has no head that one item would shift.
            if exponent > 0.9 {
                let older: Vec<u64> = ages.iter().map(|age| (age + 1).min(items - 1)).collect();
                let ends = rank_bins(items);
                refuse("an item older", &older, &ends, zipf_below(items, exponent));
            }
        }
    }
}

#[test]
fn scrambled_plans_keep_the_skew_and_spread_the_popular_items() {
    for items in MANY {
        let keys =
            |scrambled| format!("kind = \"zipfian\"\nexponent = 0.99\nscrambled = {scrambled}");
        let (ranks, scrambled) = (picked(items, &keys(false)), picked(items, &keys(true)));
        // The same draws, each rank always at the same item and no two at one: the same skew.
        let places: BTreeMap<u64, u64> = ranks
            .iter()
            .copied()
            .zip(scrambled.iter().copied())
            .collect();
        assert!(
            ranks
                .iter()
                .zip(&scrambled)
                .all(|(rank, item)| places[rank] == *item)
        );
        let distinct: BTreeSet<u64> = places.values().copied().collect();
        assert_eq!(distinct.len(), places.len());
        let spread: Vec<u64> = places.into_values().collect();
        let ends: Vec<u64> = (1..=32).map(|n| items / 32 * n).collect();
        let ends = [&ends[..31], &[items]].concat();
        check("places", &spread, &ends, |k| k as f64 / items as f64);
        refuse("not scrambled", &ranks, &ends, |k| k as f64 / items as f64);
    }
}

#[test]
fn plans_by_weights_from_a_file_follow_the_column() {
    let weight = |row: u64| f64::from(u8::from(row % 7 != 3)) * (1.0 + (row * row % 13) as f64);
    let rows: Vec<String> = (0..500)
        .map(|row| format!("r{row},{}", weight(row)))
        .collect();
    let rows = format!("id,popularity\n{}\n", rows.join("\n"));
    let source = source(500, "kind = \"weights\"\ncolumn = \"popularity\"", "")
        .replace("items = 500", "data = { file = \"rows.csv\" }")
        .replace("value = \"unique\", prefix = \"i-\"", "value = \"column\"");
    let picked = items_of(&plan_beside(DRAWS, &source, &rows));
    let total: f64 = (0..500).map(weight).sum();
    let below = |k: u64| (0..k).map(weight).sum::<f64>() / total;
    let ends: Vec<u64> = (1..=100).map(|n| n * 5).collect();
    check("weights", &picked, &ends, below);
    assert!(picked.iter().all(|row| row % 7 != 3), "a row of weight 0");
    let next: Vec<u64> = picked.iter().map(|row| (row + 1).min(499)).collect();
    refuse("the next row", &next, &ends, below);
}

#[test]
fn a_hot_set_is_where_the_time_puts_it() {
    // 1,000 requests a second and 7 s for each stay; three sets of a third of the items each.
    let keys =
        "kind = \"hot-set\"\nhot_keys = \"30 %\"\nhot_traffic = \"85 %\"\nmoves_every = \"7s\"";
    let picked = picked(1000, keys);
    for (stay, of_stay) in (0_u64..).zip(picked.chunks(7000)) {
        let hot = |item: u64| (item + 1000 - stay * 300 % 1000) % 1000 < 300;
        let shifted: Vec<u64> = of_stay
            .iter()
            .map(|item| (item + 1000 - stay * 300 % 1000) % 1000)
            .collect();
        let below = |k: u64| {
            let (in_hot, others) = (k.min(300) as f64, k.saturating_sub(300) as f64);
            0.85 * in_hot / 300.0 + 0.15 * others / 700.0
        };
        let ends: Vec<u64> = (1..=40).map(|n| n * 25).collect();
        check(&format!("stay {stay}"), &shifted, &ends, below);
        refuse(
            "the stay before",
            &of_stay
                .iter()
                .map(|item| (item + 1000 - (stay + 1) * 300 % 1000) % 1000)
                .collect::<Vec<_>>(),
            &ends,
            below,
        );
        let share = of_stay.iter().filter(|item| hot(**item)).count() as f64 / of_stay.len() as f64;
        assert!((share - 0.85).abs() < 0.02, "{share}");
    }
}

#[test]
fn so_many_keys_are_missing_and_cost_the_minimum() {
    let text = plan(
        DRAWS,
        &source(
            1000,
            "kind = \"uniform\"",
            "missing = \"5 %\"\nconsistency = \"strong\"",
        ),
    );
    let mut missing = 0_u64;
    for line in text.lines().skip(1) {
        let [.., item, bytes, units, _] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let is_missing = item.parse::<u64>().unwrap() >= 1_000_000_000_000_000_000;
        assert_eq!(is_missing, bytes == "0", "{line}");
        assert_eq!(units, "1");
        missing += u64::from(is_missing);
    }
    let share = missing as f64 / DRAWS as f64;
    assert!(
        (share - 0.05).abs() < 4.0 * (0.05 * 0.95 / DRAWS as f64).sqrt(),
        "{share}"
    );
}
