//! What items hold: each value distribution against its law.

use super::*;

fn texts(kind: AttributeType, value: ValueSpec, share: f64) -> Vec<Option<AttributeValue>> {
    let mut scenario = scenario(1);
    let mut extra = attribute("extra", kind, value);
    extra.present = Share::new(share).unwrap();
    scenario.tables[0].attributes.push(extra);
    operation(&mut scenario, OperationKind::Get, 1.0, KeySpec::Uniform);
    let workload = Workload::new(Arc::new(scenario));
    let value = |number| Some(workload.item(0, number).get(1)?.1.clone());
    (0..20_000).map(value).collect()
}

fn check_shares(kind: AttributeType, value: ValueSpec, expected: &[(&str, f64)]) {
    let mut observed = vec![0; expected.len()];
    for value in texts(kind, value, 1.0).into_iter().flatten() {
        let text = match value {
            AttributeValue::S(text) | AttributeValue::N(text) => text,
            other => format!("{other:?}"),
        };
        let index = expected.iter().position(|(name, _)| *name == text);
        observed[index.unwrap_or_else(|| panic!("{text} was not expected"))] += 1;
    }
    let shares: Vec<f64> = expected.iter().map(|(_, share)| *share).collect();
    check_fit(expected[0].0, &observed, &shares);
}

#[test]
fn categories_flags_and_whole_numbers_have_their_shares() {
    let choices = vec![
        ("en".to_owned(), 70.0),
        ("fr".to_owned(), 20.0),
        ("de".to_owned(), 10.0),
    ];
    let languages = [("en", 0.7), ("fr", 0.2), ("de", 0.1)];
    check_shares(
        AttributeType::S,
        ValueSpec::Categorical { choices },
        &languages,
    );
    let true_share = Share::new(0.25).unwrap();
    let flags = [("Bool(true)", 0.25), ("Bool(false)", 0.75)];
    check_shares(
        AttributeType::Bool,
        ValueSpec::Boolean { true_share },
        &flags,
    );
    let value = NumberSpec::Uniform {
        min: -1.0,
        max: 1.0,
    };
    let whole = ValueSpec::Number { value, decimals: 0 };
    let third = 1.0 / 3.0;
    check_shares(
        AttributeType::N,
        whole,
        &[("-1", third), ("0", third), ("1", third)],
    );
    let value = NumberSpec::Uniform { min: 0.1, max: 0.4 };
    let tenths = ValueSpec::Number { value, decimals: 1 };
    check_shares(
        AttributeType::N,
        tenths,
        &[("0.1", 0.25), ("0.2", 0.25), ("0.3", 0.25), ("0.4", 0.25)],
    );
    let zipfian = ValueSpec::Zipfian {
        prefix: "g".into(),
        count: 3,
        exponent: 1.0,
    };
    let games = [
        ("g000000000000", 6.0 / 11.0),
        ("g000000000001", 3.0 / 11.0),
        ("g000000000002", 2.0 / 11.0),
    ];
    check_shares(AttributeType::S, zipfian, &games);
}

#[test]
fn numbered_values_follow_the_item_number() {
    let at = |kind, value, number: usize| texts(kind, value, 1.0)[number].clone().unwrap();
    let s = |text: &str| AttributeValue::S(text.into());
    let prefix = String::from("p");
    let unique = ValueSpec::Unique {
        prefix: prefix.clone(),
    };
    assert_eq!(at(AttributeType::S, unique.clone(), 17), s("p000000000017"));
    assert_eq!(
        at(AttributeType::N, unique.clone(), 17),
        AttributeValue::N("17".into())
    );
    let group = ValueSpec::Group {
        prefix: prefix.clone(),
        size: 5,
    };
    assert_eq!(at(AttributeType::S, group, 14), s("p000000000002"));
    let cycle = ValueSpec::Cycle { prefix, size: 5 };
    assert_eq!(at(AttributeType::S, cycle, 14), s("p000000000004"));
    let mut hashes: Vec<Vec<u8>> = texts(AttributeType::B, unique, 1.0)
        .into_iter()
        .flatten()
        .map(|value| match value {
            AttributeValue::B(bytes) => bytes,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(hashes.iter().all(|hash| hash.len() == 16));
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 20_000);
}

#[test]
fn text_is_lower_case_words_of_exactly_the_drawn_length() {
    let length = NumberSpec::Uniform {
        min: 1.0,
        max: 40.0,
    };
    let mut observed = [0; 40];
    for value in texts(AttributeType::S, ValueSpec::Text { length }, 1.0)
        .into_iter()
        .flatten()
    {
        let AttributeValue::S(text) = value else {
            panic!("{value:?}")
        };
        assert!(
            text.bytes().all(|b| b == b' ' || b.is_ascii_lowercase()),
            "{text}"
        );
        assert!(text.trim() == text && !text.contains("  "), "{text}");
        observed[text.len() - 1] += 1;
    }
    check_fit("lengths", &observed, &[1.0 / 40.0; 40]);
}

#[test]
fn clamped_distributions_have_their_quantiles_and_bounds() {
    let check = |value: NumberSpec, quantiles: [(f64, f64); 3], bounds: (f64, f64)| {
        let spec = ValueSpec::Number {
            value: value.clone(),
            decimals: 10,
        };
        let mut drawn: Vec<f64> = texts(AttributeType::N, spec, 1.0)
            .into_iter()
            .flatten()
            .map(|value| match value {
                AttributeValue::N(text) => text.parse().unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        drawn.sort_unstable_by(f64::total_cmp);
        for (share, at) in quantiles {
            let below = drawn.partition_point(|&x| x < at) as f64 / drawn.len() as f64;
            assert!(
                (below - share).abs() < 0.014,
                "{value:?}: {below} below {at}"
            );
        }
        assert_eq!((drawn[0], *drawn.last().unwrap()), bounds);
    };
    let (mean, std_dev, min, max) = (10.0, 2.0, 6.0, 14.0);
    let normal = NumberSpec::Normal {
        mean,
        std_dev,
        min,
        max,
    };
    check(
        normal,
        [(0.1587, 8.0), (0.5, 10.0), (0.8413, 12.0)],
        (6.0, 14.0),
    );
    let (median, sigma, min, max) = (100.0, 0.5, 50.0, 400.0);
    let skewed = NumberSpec::LogNormal {
        median,
        sigma,
        min,
        max,
    };
    let e = 0.5_f64.exp();
    check(
        skewed,
        [(0.1587, 100.0 / e), (0.5, 100.0), (0.8413, 100.0 * e)],
        (50.0, 400.0),
    );
}

#[test]
fn a_share_of_the_items_has_an_attribute() {
    let length = NumberSpec::Constant(3.0);
    let values = texts(AttributeType::B, ValueSpec::Bytes { length }, 0.3);
    let present = values.iter().flatten().count() as u64;
    check_fit("present", &[present, 20_000 - present], &[0.3, 0.7]);
    assert!(values.iter().flatten().all(|v| item::value_size(v) == 3));
}
