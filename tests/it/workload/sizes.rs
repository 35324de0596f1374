//! Item sizes against the measured rules.

use super::*;
use dynamometer::{units::Bytes, workload::item::AttributeValue as V};

fn check(literal: &str, bytes: u64) {
    assert_eq!(item::number_size(literal), bytes, "{literal}");
}

/// The table of section 2.2 of the reference, `[NUM]`.
#[test]
fn numbers_take_the_measured_bytes() {
    for zero in ["0", "-0", "0.000", "0E5", "+0"] {
        check(zero, 1);
    }
    for two in [
        "1",
        "100",
        "0042",
        "1E125",
        "0.0000001",
        "1E-130",
        "0.5",
        "99",
    ] {
        check(two, 2);
    }
    for three in ["123", "1234", "1010", "1.5", "1.200", "-42", "110", "0.011"] {
        check(three, 3);
    }
    check("12345", 4);
    check("123456", 4);
    check("12345678", 5);
    check("3.14159", 5);
    check("12345678901234567890123456789012345678", 20);
    check("-12345678901234567890123456789012345678", 21);
    check("-1.2345678901234567890123456789012345678", 21);
}

#[test]
fn names_values_and_containers_add_up_as_documented() {
    let shirt = vec![
        ("shirt-color".to_owned(), V::S("R".into())),
        ("shirt-size".to_owned(), V::S("M".into())),
    ];
    assert_eq!(item::size(&shirt), Bytes(23));
    assert_eq!(item::value_size(&V::L(vec![])), 3);
    assert_eq!(item::value_size(&V::M(vec![])), 3);
    assert_eq!(item::value_size(&V::L(vec![V::Null, V::Bool(true)])), 7);
    assert_eq!(
        item::value_size(&V::M(vec![("ab".into(), V::S("é".into()))])),
        8
    );
    assert_eq!(item::value_size(&V::Ss(vec!["a".into(), "bcd".into()])), 4);
    assert_eq!(item::value_size(&V::Ns(vec!["1".into(), "123".into()])), 5);
    assert_eq!(item::value_size(&V::Bs(vec![vec![0; 3], vec![]])), 3);
    assert_eq!(item::value_size(&V::B(vec![0; 9])), 9);
}

proptest! {
    #[test]
    fn a_number_has_one_size_however_it_is_written(
        digits in "[1-9][0-9]{0,15}", zeros in 0_usize..6, exponent in -20_i64..20, negative: bool,
    ) {
        let sign = if negative { "-" } else { "" };
        let expected = item::number_size(&format!("{sign}{digits}E{exponent}"));
        let trail = "0".repeat(zeros);
        let shifted = exponent - i64::try_from(zeros).unwrap();
        let width = i64::try_from(digits.len()).unwrap();
        let (head, tail) = digits.split_at(1);
        for spelling in [
            format!("{sign}{digits}{trail}e{shifted:+}"),
            format!("{sign}{trail}{digits}.{trail}E{exponent}"),
            format!("{sign}{head}.{tail}{trail}E{}", exponent + width - 1),
            format!("{sign}0.{digits}E{}", exponent + width),
            format!("{sign}.{trail}{digits}E{}", exponent + width + i64::try_from(zeros).unwrap()),
        ] {
            prop_assert_eq!(item::number_size(&spelling), expected, "{}", spelling);
        }
        prop_assert!((2..=21).contains(&expected));
    }

    #[test]
    fn the_order_of_attributes_does_not_matter(
        mut attributes in proptest::collection::vec(("[a-z]{1,9}", ".{0,20}"), 0..9),
    ) {
        let build = |from: &[(String, String)]| -> item::Item {
            from.iter().map(|(n, v)| (n.clone(), V::S(v.clone()))).collect()
        };
        let before = item::size(&build(&attributes));
        let bytes: usize = attributes.iter().map(|(n, v)| n.len() + v.len()).sum();
        prop_assert_eq!(before.0, bytes as u64);
        attributes.reverse();
        prop_assert_eq!(item::size(&build(&attributes)), before);
    }
}
