//! Values of every type: laws of the nested ones, and sizes of whatever a scenario can say.

use dynamometer::scenario::{
    Bucket,
    sizes::{item_bytes_max, value_bytes_max},
    value::{Precision, TimeSpec},
};

use super::*;

/// A drawn whole number as an index.
#[expect(
    clippy::cast_sign_loss,
    reason = "the laws of these tests are not negative"
)]
fn index(number: f64) -> usize {
    number as usize
}

const ROWS: u64 = 20_000;

fn values(kind: AttributeType, value: ValueSpec) -> Vec<AttributeValue> {
    let mut scenario = scenario(1);
    scenario.tables[0]
        .attributes
        .push(attribute("extra", kind, value));
    operation(&mut scenario, OperationKind::Get, 1.0, KeySpec::Uniform);
    let workload = Workload::new(Arc::new(scenario));
    let value = |number| workload.item(0, number)[1].1.clone();
    (0..ROWS).map(value).collect()
}

fn numbers(value: NumberSpec, decimals: u8) -> Vec<f64> {
    let drawn = values(AttributeType::N, ValueSpec::Number { value, decimals });
    let number = |value| match value {
        AttributeValue::N(literal) => literal.parse().unwrap(),
        other => panic!("{other:?}"),
    };
    drawn.into_iter().map(number).collect()
}

/// Kolmogorov and Smirnov: the largest distance from the law, below the 99.99 % bound.
fn check_law(what: &str, mut drawn: Vec<f64>, law: impl Fn(f64) -> f64) {
    drawn.sort_unstable_by(f64::total_cmp);
    let n = drawn.len() as f64;
    let distance = drawn.iter().enumerate().map(|(index, &x)| {
        let (below, law) = (index as f64 / n, law(x));
        (law - below).abs().max((below + 1.0 / n - law).abs())
    });
    let largest = distance.fold(0.0, f64::max);
    assert!(largest < 2.23 / n.sqrt(), "{what}: {largest}");
}

#[test]
fn heavy_tails_follow_their_laws() {
    let (mean, min, max) = (3.0, 0.0, 1e9);
    let exponential = numbers(NumberSpec::Exponential { mean, min, max }, 10);
    check_law("exponential", exponential, |x| 1.0 - (-x / 3.0).exp());
    let (min, shape, max) = (2.0, 1.3, 1e12);
    let pareto = numbers(NumberSpec::Pareto { min, shape, max }, 10);
    check_law("pareto", pareto, |x| 1.0 - (2.0 / x).powf(1.3));
    let wide = numbers(
        NumberSpec::Pareto {
            min,
            shape,
            max: 4.0,
        },
        10,
    );
    assert!(wide.iter().all(|x| (2.0..=4.0).contains(x)));
}

#[test]
fn histograms_and_zipfian_numbers_have_their_shares() {
    let buckets = [(0.0, 9.0, 1.0), (10.0, 10.0, 2.0), (20.0, 29.0, 1.0)];
    let buckets = buckets.map(|(from, to, weight)| Bucket { from, to, weight });
    let mut observed = vec![0; 21];
    for number in numbers(NumberSpec::Histogram(buckets.to_vec()), 0) {
        let value = index(number);
        observed[if value >= 20 { value - 9 } else { value }] += 1;
    }
    let shares: Vec<f64> = (0..21)
        .map(|bin| if bin == 10 { 0.5 } else { 0.025 })
        .collect();
    check_fit("histogram", &observed, &shares);
    let (min, max, exponent) = (5.0, 8.0, 1.0);
    let mut observed = vec![0; 4];
    for number in numbers(NumberSpec::Zipfian { min, max, exponent }, 0) {
        observed[index(number) - 5] += 1;
    }
    let sum = 25.0 / 12.0;
    check_fit(
        "zipfian",
        &observed,
        &[1.0, 0.5, 1.0 / 3.0, 0.25].map(|w| w / sum),
    );
}

#[test]
fn choices_of_other_types_have_their_shares() {
    let choices = |names: [&str; 2]| ValueSpec::Categorical {
        choices: vec![(names[0].to_owned(), 3.0), (names[1].to_owned(), 1.0)],
    };
    let check = |kind, names, first: AttributeValue| {
        let drawn = values(kind, choices(names));
        let count = drawn.iter().filter(|value| **value == first).count() as u64;
        check_fit(names[0], &[count, ROWS - count], &[0.75, 0.25]);
    };
    check(
        AttributeType::N,
        ["1.5", "-2"],
        AttributeValue::N("1.5".into()),
    );
    check(
        AttributeType::B,
        ["a", "b"],
        AttributeValue::B(b"a".to_vec()),
    );
    check(
        AttributeType::Bool,
        ["true", "false"],
        AttributeValue::Bool(true),
    );
}

#[test]
fn sequences_and_spaced_times_follow_the_item_number() {
    use {
        AttributeType::{N, S},
        Precision::{Milliseconds, Seconds},
    };
    let at = |kind, value, number: usize| values(kind, value)[number].clone();
    let sequence = ValueSpec::Sequence {
        start: 10,
        step: -3,
    };
    assert_eq!(
        at(AttributeType::N, sequence, 4),
        AttributeValue::N("-2".into())
    );
    let spaced = |precision| ValueSpec::Timestamp {
        start: 1_767_225_600_000,
        times: TimeSpec::Spacing(1_500_000_000),
        precision,
    };
    let s = |text: &str| AttributeValue::S(text.into());
    let n = |text: &str| AttributeValue::N(text.into());
    assert_eq!(at(S, spaced(Seconds), 3), s("2026-01-01T00:00:04Z"));
    assert_eq!(
        at(S, spaced(Milliseconds), 3),
        s("2026-01-01T00:00:04.500Z")
    );
    assert_eq!(at(N, spaced(Seconds), 3), n("1767225604"));
    assert_eq!(at(N, spaced(Milliseconds), 3), n("1767225604500"));
}

#[test]
fn times_of_a_window_are_uniform() {
    let times = ValueSpec::Timestamp {
        start: 1000,
        times: TimeSpec::Window(60_000),
        precision: Precision::Milliseconds,
    };
    let millis = |value| match value {
        AttributeValue::N(literal) => literal.parse().unwrap(),
        other => panic!("{other:?}"),
    };
    let drawn: Vec<f64> = values(AttributeType::N, times)
        .into_iter()
        .map(millis)
        .collect();
    check_law("window", drawn, |x| (x - 999.5) / 60_000.0);
}

#[test]
fn lists_and_sets_have_as_many_elements_as_their_law_says() {
    let elements = NumberSpec::Uniform { min: 1.0, max: 4.0 };
    let element = |name: &str, kind, value| Box::new(attribute(name, kind, value));
    let tags = ValueSpec::Zipfian {
        prefix: "t".into(),
        count: 4,
        exponent: 1.0,
    };
    let set = ValueSpec::Set {
        element: element("", AttributeType::S, tags.clone()),
        elements: elements.clone(),
    };
    let mut observed = [0; 4];
    for value in values(AttributeType::Ss, set) {
        let AttributeValue::Ss(mut members) = value else {
            panic!("{value:?}")
        };
        let count = members.len();
        members.dedup();
        assert_eq!(members.len(), count, "{members:?}");
        observed[count - 1] += 1;
    }
    check_fit("sets", &observed, &[0.25; 4]);
    let list = ValueSpec::List {
        element: element("", AttributeType::S, tags),
        elements,
    };
    let (mut observed, mut first) = ([0; 4], [0; 4]);
    for value in values(AttributeType::L, list) {
        let AttributeValue::L(elements) = value else {
            panic!("{value:?}")
        };
        observed[elements.len() - 1] += 1;
        let AttributeValue::S(name) = &elements[elements.len() - 1] else {
            panic!("{elements:?}")
        };
        first[name[1..].parse::<usize>().unwrap()] += 1;
    }
    check_fit("lists", &observed, &[0.25; 4]);
    check_fit("elements", &first, &[12.0, 6.0, 4.0, 3.0].map(|w| w / 25.0));
}

// ─ whatever a scenario can say ─

fn number_spec(max: f64) -> impl Strategy<Value = NumberSpec> {
    let bounds = (0.0..=max, 0.0..=max).prop_map(|(a, b)| (a.min(b).round(), a.max(b).round()));
    (bounds, 0..8_u8).prop_map(|((min, max), law)| match law {
        0 => NumberSpec::Constant(max),
        1 => NumberSpec::Normal {
            mean: max / 2.0,
            std_dev: max,
            min,
            max,
        },
        2 => NumberSpec::LogNormal {
            median: min + 1.0,
            sigma: 1.0,
            min,
            max,
        },
        3 => NumberSpec::Exponential {
            mean: max + 1.0,
            min,
            max,
        },
        4 => NumberSpec::Pareto {
            min: min.max(1.0),
            shape: 0.9,
            max: max.max(1.0),
        },
        5 => NumberSpec::Zipfian {
            min,
            max,
            exponent: 0.9,
        },
        6 => NumberSpec::Histogram(vec![
            Bucket {
                from: min,
                to: max,
                weight: 2.0,
            },
            Bucket {
                from: 0.0,
                to: min,
                weight: 0.5,
            },
        ]),
        _ => NumberSpec::Uniform { min, max },
    })
}

fn scalar() -> impl Strategy<Value = (AttributeType, ValueSpec)> {
    use AttributeType::{B, Bool, N, Null, S};
    let kind = || prop_oneof![Just(S), Just(N), Just(B)];
    let prefix = "[a-zé]{0,5}";
    prop_oneof![
        (kind(), prefix).prop_map(|(k, prefix)| (k, ValueSpec::Unique { prefix })),
        (kind(), prefix, 1..99_u64)
            .prop_map(|(k, prefix, size)| (k, ValueSpec::Group { prefix, size })),
        (kind(), prefix, 1..2_000_u64)
            .prop_map(|(k, prefix, size)| (k, ValueSpec::Cycle { prefix, size })),
        (kind(), prefix, 1..9_999_999_u64).prop_map(|(k, prefix, count)| (
            k,
            ValueSpec::Zipfian {
                prefix,
                count,
                exponent: 0.7
            }
        )),
        number_spec(300.0).prop_map(|length| (S, ValueSpec::Text { length })),
        number_spec(300.0).prop_map(|length| (B, ValueSpec::Bytes { length })),
        (number_spec(1e6), 0..=10_u8)
            .prop_map(|(value, decimals)| (N, ValueSpec::Number { value, decimals })),
        (any::<i32>(), any::<i32>()).prop_map(|(start, step)| (
            N,
            ValueSpec::Sequence {
                start: start.into(),
                step: step.into()
            }
        )),
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            1..u64::from(u32::MAX)
        )
            .prop_map(|(n, ms, spaced, span)| (
                if n { N } else { S },
                ValueSpec::Timestamp {
                    start: -1,
                    times: if spaced {
                        TimeSpec::Spacing(span * 1000)
                    } else {
                        TimeSpec::Window(span)
                    },
                    precision: if ms {
                        Precision::Milliseconds
                    } else {
                        Precision::Seconds
                    },
                }
            )),
        Just((Null, ValueSpec::Null)),
        Just((
            Bool,
            ValueSpec::Boolean {
                true_share: Share::ALL
            }
        )),
        Just((
            N,
            ValueSpec::Categorical {
                choices: vec![("1.50".into(), 1.0), ("-123e4".into(), 2.0)],
            }
        )),
    ]
}

fn any_attribute() -> impl Strategy<Value = (AttributeType, ValueSpec)> {
    use AttributeType::{B, Bs, L, M, N, Ns, S, Ss};
    let drawn = |length: NumberSpec| {
        [
            (
                Ss,
                S,
                ValueSpec::Text {
                    length: length.clone(),
                },
            ),
            (
                Bs,
                B,
                ValueSpec::Bytes {
                    length: length.clone(),
                },
            ),
            (
                Ns,
                N,
                ValueSpec::Number {
                    value: length,
                    decimals: 2,
                },
            ),
        ]
    };
    let set = (number_spec(40.0), number_spec(6.0), 0..3_usize).prop_map(
        move |(inner, elements, which)| {
            let (kind, member, value) = drawn(inner)[which].clone();
            let element = Box::new(attribute("", member, value));
            (kind, ValueSpec::Set { element, elements })
        },
    );
    prop_oneof![3 => scalar(), 1 => set].prop_recursive(4, 24, 4, |inner| {
        let field = (inner.clone(), 1..=100_u8).prop_map(|((kind, value), percent)| {
            let mut field = attribute("field", kind, value);
            field.present = Share::new(f64::from(percent) / 100.0).unwrap();
            field
        });
        let fields = prop::collection::vec(field, 0..4).prop_map(|mut fields| {
            for (number, field) in fields.iter_mut().enumerate() {
                field.name = format!("f{number}");
            }
            (M, ValueSpec::Map { fields })
        });
        let list = (inner, number_spec(5.0)).prop_map(|((kind, value), elements)| {
            let element = Box::new(attribute("", kind, value));
            (L, ValueSpec::List { element, elements })
        });
        prop_oneof![fields, list]
    })
}

proptest! {
    #[test]
    fn the_fast_size_is_the_size_and_never_above_the_bound(
        all in prop::collection::vec(any_attribute(), 1..5), first in 0..1_000_000_u64,
    ) {
        let mut scenario = scenario(1_000_000);
        for (number, (kind, value)) in all.into_iter().enumerate() {
            let mut attribute = attribute(&format!("a{number}"), kind, value);
            attribute.present = Share::new(0.9).unwrap();
            scenario.tables[0].attributes.push(attribute);
        }
        operation(&mut scenario, OperationKind::Get, 1.0, KeySpec::Uniform);
        let bound = item_bytes_max(&scenario.tables[0]);
        let attributes = scenario.tables[0].attributes.clone();
        let workload = Workload::new(Arc::new(scenario));
        for number in first..first + 8 {
            let item = workload.item(0, number);
            prop_assert_eq!(workload.item_size(0, number), item::size(&item), "{:?}", item);
            prop_assert!(item::size(&item).0 <= bound, "{:?}", item);
            for (name, value) in &item {
                let attribute = attributes.iter().find(|a| a.name == *name).unwrap();
                prop_assert!(
                    item::value_size(value) <= value_bytes_max(attribute),
                    "{:?} of {:?}", value, attribute
                );
            }
        }
    }
}
