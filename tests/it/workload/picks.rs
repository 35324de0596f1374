//! How requests pick items: each law against its formula.

use super::*;

#[test]
fn zipfian_ranks_follow_the_law_from_head_to_tail() {
    for n in [1_000, 1_000_000, 1_000_000_000, 1_000_000_000_000] {
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.5] {
            check_zipf(n, exponent);
        }
    }
}

#[test]
fn zipfian_ranks_follow_the_law_however_near_the_exponent_is_to_one() {
    for distance in [1e-15, 1e-12, 2e-8, 1e-6, 1e-3] {
        check_zipf(1_000_000_000_000, 1.0 - distance);
        check_zipf(1_000_000_000_000, 1.0 + distance);
    }
    check_zipf(1_000_000, 3.0);
    check_zipf(2, 1.0);
}

#[test]
fn the_fit_would_notice_a_neighbouring_exponent() {
    let spec = KeySpec::Zipfian {
        exponent: 0.96,
        scrambled: false,
    };
    for n in [1_000, 1_000_000, 1_000_000_000_000] {
        let workload = reads(n, spec);
        let ranks = (0..DRAWS).map(|sequence| workload.pick(sequence).item + 1);
        assert!(zipf_misfit(ranks, n, 0.99) > 6.0, "{n}");
    }
}

#[test]
fn uniform_picks_reach_every_item_alike() {
    let workload = reads(97, KeySpec::Uniform);
    let mut observed = [0; 97];
    for sequence in 0..DRAWS {
        observed[workload.pick(sequence).item as usize] += 1;
    }
    check_fit("97 items", &observed, &[1.0 / 97.0; 97]);
    let workload = reads(1_000_000_000_000, KeySpec::Uniform);
    let mut observed = [0; 64];
    for sequence in 0..DRAWS {
        observed[(workload.pick(sequence).item / 15_625_000_000) as usize] += 1;
    }
    check_fit("10^12 items", &observed, &[1.0 / 64.0; 64]);
}

/// Items 0..10 each in a bin, of `items` = 10.
fn hot_set(keys: f64, traffic: f64) -> [u64; 10] {
    let spec = KeySpec::HotSet {
        keys: Share::new(keys).unwrap(),
        traffic: Share::new(traffic).unwrap(),
        moves_every: None,
    };
    let workload = reads(10, spec);
    let mut observed = [0; 10];
    for sequence in 0..DRAWS {
        observed[workload.pick(sequence).item as usize] += 1;
    }
    observed
}

#[test]
fn the_hot_set_gets_its_traffic_and_each_side_is_uniform() {
    let mut shares = [0.2 / 8.0; 10];
    shares[..2].fill(0.4);
    check_fit("20 % get 80 %", &hot_set(0.2, 0.8), &shares);
    let mut one = [0.5 / 9.0; 10];
    one[0] = 0.5;
    check_fit("at least one is hot", &hot_set(0.001, 0.5), &one);
    let mut nine = [0.5 / 9.0; 10];
    nine[9] = 0.5;
    check_fit("at least one is cold", &hot_set(0.999, 0.5), &nine);
    check_fit("all are hot", &hot_set(1.0, 0.5), &[0.1; 10]);
    let spec = KeySpec::HotSet {
        keys: Share::NONE,
        traffic: Share::NONE,
        moves_every: None,
    };
    assert_eq!(reads(1, spec).pick(3).item, 0);
}

#[test]
fn sequential_picks_go_round_and_new_ones_never_repeat() {
    let sequential = reads(3, KeySpec::Sequential);
    let items: Vec<u64> = (0..7).map(|s| sequential.pick(s).item).collect();
    assert_eq!(items, [0, 1, 2, 0, 1, 2, 0]);
    let new = reads(3, KeySpec::New);
    let items: Vec<u64> = (0..4).map(|s| new.pick(s).item).collect();
    assert_eq!(items, [3, 4, 5, 6]);
}

#[test]
fn latest_picks_follow_the_law_back_from_the_newest_loaded_item() {
    let n = 1_000_000;
    let workload = reads(n, KeySpec::Latest { exponent: 0.99 });
    let ranks = (0..DRAWS).map(|sequence| n - workload.pick(sequence).item);
    let misfit = zipf_misfit(ranks, n, 0.99);
    assert!(misfit < 4.0, "{misfit:.1}");
}

/// True ranks among what exists of the picks in `range`, by brute force.
fn latest_ranks(inserts: f64, range: std::ops::Range<u64>) -> Vec<u64> {
    const ITEMS: u64 = 1_000_000;
    let mut scenario = scenario(ITEMS);
    operation(&mut scenario, OperationKind::Put, inserts, KeySpec::New);
    let latest = KeySpec::Latest { exponent: 1.0 };
    operation(&mut scenario, OperationKind::Get, 1.0 - inserts, latest);
    let workload = Workload::new(Arc::new(scenario));
    let mut inserted: Vec<u64> = (0..range.start)
        .filter(|&s| workload.spec(s) == 0)
        .collect();
    let mut ranks = Vec::new();
    for sequence in range {
        let pick = workload.pick(sequence);
        if pick.spec == 0 {
            inserted.push(sequence);
            continue;
        }
        let count = inserted.len() as u64;
        ranks.push(match pick.item.checked_sub(ITEMS) {
            None => count + ITEMS - pick.item,
            Some(arrival) => {
                let index = inserted.binary_search(&arrival).expect("it exists");
                count - index as u64
            }
        });
    }
    ranks
}

fn check_head(ranks: &[u64], exact: u64) {
    let whole = zipf_sum(1, 1_000_000 + 5_000, 1.0);
    let mut observed = vec![0; exact as usize + 1];
    for &rank in ranks {
        observed[(rank - 1).min(exact) as usize] += 1;
    }
    let mut shares: Vec<f64> = (1..=exact).map(|k| 1.0 / k as f64 / whole).collect();
    shares.push(1.0 - shares.iter().sum::<f64>());
    check_fit("newest", &observed, &shares);
}

#[test]
fn latest_picks_count_the_inserts_of_the_run() {
    check_head(&latest_ranks(0.2, 0..20_000), 150);
    check_head(&latest_ranks(0.05, 100_000..120_000), 30);
    check_head(&latest_ranks(0.002, 500_000..502_000), 8);
}

#[test]
fn far_latest_picks_keep_their_share_by_decades() {
    let ranks = latest_ranks(0.2, 20_000..60_000);
    let whole = zipf_sum(1, 1_008_000, 1.0);
    for (from, to) in [
        (200, 600),
        (601, 2_000),
        (10_001, 100_000),
        (100_001, 1_000_000),
    ] {
        let share = zipf_sum(from, to, 1.0) / whole;
        let count = ranks.iter().filter(|r| (from..=to).contains(*r)).count();
        let found = count as f64 / ranks.len() as f64;
        assert!(
            (found / share - 1.0).abs() < 0.1,
            "{from}..={to}: {found} for {share}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn scrambling_is_one_to_one(n in 1_u64..200, seed: u64) {
        use dynamometer::workload::keys::permutation::Permutation;
        let permutation = Permutation::new(n, Seed(seed).stream("permutation/test"));
        let mut images: Vec<u64> = (0..n).map(|index| permutation.apply(index)).collect();
        images.sort_unstable();
        prop_assert_eq!(images, (0..n).collect::<Vec<_>>());
    }
}

#[test]
fn scrambling_spreads_neighbours_and_depends_on_the_seed() {
    use dynamometer::workload::keys::permutation::Permutation;
    let n = 1_000_000_007;
    let permutation = Permutation::new(n, Seed(1).stream("a"));
    let mut observed = [0; 32];
    for index in 0..DRAWS {
        observed[(permutation.apply(index) * 32 / n) as usize] += 1;
    }
    check_fit("images of 0..60,000", &observed, &[1.0 / 32.0; 32]);
    let other = Permutation::new(n, Seed(2).stream("a"));
    let same = (0..1000).filter(|&i| permutation.apply(i) == other.apply(i));
    assert!(same.count() <= 1);
}

#[test]
fn scrambled_ranks_keep_the_law_exactly() {
    let exponent = 0.99;
    let plain = reads(
        1000,
        KeySpec::Zipfian {
            exponent,
            scrambled: false,
        },
    );
    let scrambled = reads(
        1000,
        KeySpec::Zipfian {
            exponent,
            scrambled: true,
        },
    );
    let mut image = [None; 1000];
    for sequence in 0..DRAWS {
        let rank = plain.pick(sequence).item as usize;
        let item = scrambled.pick(sequence).item;
        assert_eq!(*image[rank].get_or_insert(item), item);
    }
    let mut images: Vec<u64> = image.into_iter().flatten().collect();
    let ranks = images.len();
    images.sort_unstable();
    images.dedup();
    assert_eq!(images.len(), ranks, "two ranks on one item");
    assert!(
        (0..1000)
            .filter(|&rank| image[rank] == Some(rank as u64))
            .count()
            < 10
    );
}

#[test]
fn where_a_moving_hot_set_is_follows_from_when_arrivals_are_due() {
    let keys = KeySpec::HotSet {
        keys: Share::new(0.1).unwrap(),
        traffic: Share::ALL,
        moves_every: Some(Duration::from_mins(1)),
    };
    let mut scenario = scenario(1000);
    operation(&mut scenario, OperationKind::Get, 0.5, keys);
    operation(&mut scenario, OperationKind::BatchGet, 0.5, keys);
    scenario.operations[1].members.count = (5, 5);
    let mut workload = Workload::new(Arc::new(scenario));
    // Nothing is due in the third minute.
    let due = |sequence: u64| match sequence {
        0..100 => 59,
        100..200 => 60,
        200..300 => 119,
        _ => 180,
    };
    let mut told = Vec::new();
    for sequence in 0..400 {
        let at = Timestamp::from_start(Duration::from_secs(due(sequence)));
        let is_news = workload.begin(0, sequence, at);
        assert_eq!(is_news, [100, 300].contains(&sequence), "{sequence}");
        let pick = workload.pick(sequence);
        let mut items = vec![pick.item];
        items.extend(
            workload
                .members(sequence, pick)
                .iter()
                .map(|(item, _)| *item),
        );
        let hot = due(sequence) / 60 * 100;
        assert!(
            items.iter().all(|item| (hot..hot + 100).contains(item)),
            "{sequence}: {items:?}"
        );
        told.push(pick);
    }
    let again: Vec<_> = (0..400)
        .rev()
        .map(|sequence| workload.pick(sequence))
        .collect();
    assert!(
        again.into_iter().rev().eq(told),
        "what began later changes nothing before"
    );
}
