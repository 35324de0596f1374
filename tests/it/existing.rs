//! Tables that are there already: compared, and left as they are.

use dynamometer::{
    emulator::{Emulator, EmulatorConfig},
    scenario::{Scenario, parse::parse},
    target::sdk::{SdkTarget, admin::AdminError},
};

const ORDERS: &str = include_str!("../../scenarios/orders.toml");

fn scenario(edits: &[(&str, &str)]) -> Scenario {
    let mut source = ORDERS.to_owned();
    for (from, to) in edits {
        assert!(source.contains(from), "{from}");
        source = source.replace(from, to);
    }
    parse(&source, "orders.toml")
        .unwrap_or_else(|problems| panic!("{problems}"))
        .scenario
}

/// What is said when the scenario with these edits meets the table of the shipped one.
async fn check(edits: &[(&str, &str)]) -> Result<(), AdminError> {
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    let made = scenario(&[]);
    let target = SdkTarget::connect(&emulator.endpoint(), &made.client)
        .await
        .unwrap();
    let _owned = target.create_table(&made.tables[0]).await.unwrap();
    let checked = target.check_existing(&scenario(edits).tables[0]).await;
    // Whatever was said, the table is as it was.
    target.check_existing(&made.tables[0]).await.unwrap();
    emulator.shutdown().await;
    checked
}

#[tokio::test]
async fn a_table_as_the_scenario_says_is_accepted() {
    check(&[]).await.unwrap();
}

#[tokio::test]
async fn capacity_that_auto_scaling_may_have_moved_is_accepted() {
    let scaled = r#"read = "100 RCU", scale_read = { min = "50 RCU", max = "4000 RCU" }"#;
    check(&[(r#"read = "2000 RCU""#, scaled)]).await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_missing_is_refused_with_its_name() {
    let renamed = [(r#"name = "Orders""#, r#"name = "Elsewhere""#)];
    let error = check(&renamed).await.unwrap_err().to_string();
    insta::assert_snapshot!(error);
}

#[tokio::test]
async fn every_difference_is_told_at_once() {
    let edits = [
        (
            r#"read = "2000 RCU", write = "1500 WCU""#,
            r#"read = "2001 RCU", write = "1500 WCU""#,
        ),
        (
            r#"read = "500 RCU", write = "1000 WCU""#,
            r#"read = "500 RCU", write = "900 WCU""#,
        ),
        (
            r#"include = ["status", "amount"]"#,
            r#"include = ["status", "note"]"#,
        ),
        (r#"sort_key = "placed""#, r#"sort_key = "status""#),
        (
            r#"order = { type = "S", value = "cycle", prefix = "order-", size = 20 }"#,
            r#"order = { type = "N", value = "cycle", size = 20 }"#,
        ),
        (r#"range = "begins-with""#, r#"range = "from""#),
        ("prefix_length = 17\n", ""),
        (r#"filter = "status""#, r#"filter = "note""#),
        (r#""by-amount""#, r#""by-value""#),
        ("items = 20_000", "items = 20_000\nclass = \"standard-ia\""),
    ];
    let error = check(&edits).await.unwrap_err();
    assert!(matches!(error, AdminError::TableDiffers { .. }));
    insta::assert_snapshot!(error.to_string());
}

#[tokio::test]
async fn a_table_in_another_billing_mode_is_refused() {
    let edits = [
        (
            r#"billing = { mode = "provisioned", read = "2000 RCU", write = "1500 WCU" }"#,
            r#"billing = { mode = "on-demand" }"#,
        ),
        (
            r#"billing = { mode = "provisioned", read = "500 RCU", write = "1000 WCU" }"#,
            "",
        ),
    ];
    insta::assert_snapshot!(check(&edits).await.unwrap_err().to_string());
}
