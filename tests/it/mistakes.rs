//! Mistakes in indexes, billing and operations: each with its exact message.

use std::fmt::Write as _;

use dynamometer::scenario::{diagnostic::Diagnostics, parse::parse};

const ORDERS: &str = include_str!("../../scenarios/orders.toml");
const BY_SHOP_BILLING: &str =
    r#"billing = { mode = "provisioned", read = "500 RCU", write = "1000 WCU" }"#;
const TABLE_BILLING: &str =
    r#"billing = { mode = "provisioned", read = "2000 RCU", write = "1500 WCU" }"#;

fn told(source: &str) -> String {
    match parse(source, "orders.toml") {
        Ok(parsed) => Diagnostics::new(source, "orders.toml", parsed.warnings).to_string(),
        Err(problems) => problems.to_string(),
    }
}

/// What is told about each `(mistake, from, to)` made in the shipped scenario, under its
/// heading; each has to be an error.
fn check(mistakes: &[(&str, &str, &str)]) -> String {
    let mut out = String::new();
    for (mistake, from, to) in mistakes {
        assert!(ORDERS.contains(from), "{mistake}: `{from}` is not there");
        let source = ORDERS.replacen(from, to, 1);
        assert!(
            parse(&source, "orders.toml").is_err(),
            "{mistake}: accepted"
        );
        writeln!(out, "# {mistake}\n{}", told(&source)).unwrap();
    }
    out
}

#[test]
#[rustfmt::skip]
fn indexes_that_dynamodb_would_refuse_are_refused() {
    let many = |scope: &str, count: usize, rest: &str| -> String {
        (0..count).fold(String::new(), |mut text, n| {
            write!(text, "[[table.index]]\nname = \"index-{n}\"\nscope = \"{scope}\"\n{rest}\n").unwrap();
            text
        })
    };
    let global = format!("partition_key = \"status\"\n{BY_SHOP_BILLING}");
    let keys = "[keys.customers]";
    let with = |indexes: &str| format!("{indexes}\n{keys}");
    let told = check(&[
        ("a missing attribute as partition key", r#"partition_key = "shop""#, r#"partition_key = "shpo""#),
        ("a missing attribute as sort key", r#"sort_key = "amount""#, r#"sort_key = "amuont""#),
        ("a key of a type that cannot be one", r#"note = { type = "S", value = "text", length = { uniform = ["10 B", "300 B"] }, present = "40 %" }"#, "note = { type = \"BOOL\", value = \"boolean\", true_share = \"10 %\" }\n[[table.index]]\nname = \"by-note\"\nscope = \"local\"\nsort_key = \"note\""),
        ("both keys the same", r#"sort_key = "placed""#, r#"sort_key = "shop""#),
        ("two of one name", r#"name = "by-amount""#, r#"name = "by-shop""#),
        ("a name that is too short", r#"name = "by-amount""#, r#"name = "by""#),
        ("a local one without sort key", "sort_key = \"amount\"\n", ""),
        ("a local one with the table's sort key", r#"sort_key = "amount""#, r#"sort_key = "order""#),
        ("a local one with a partition key", r#"scope = "local""#, "scope = \"local\"\npartition_key = \"shop\""),
        ("a local one with capacity", r#"scope = "local""#, &format!("scope = \"local\"\n{BY_SHOP_BILLING}")),
        ("a scope that is none", r#"scope = "local""#, r#"scope = "regional""#),
        ("an unknown attribute included", r#"include = ["status", "amount"]"#, r#"include = ["status", "amout"]"#),
        ("an attribute included twice", r#"include = ["status", "amount"]"#, r#"include = ["status", "status"]"#),
        ("nothing to include", "include = [\"status\", \"amount\"]\n", ""),
        ("include without its projection", "projection = \"include\"\n", ""),
        ("no capacity of its own", BY_SHOP_BILLING, ""),
        ("another billing mode", BY_SHOP_BILLING, r#"billing = { mode = "on-demand" }"#),
        ("too many global ones", keys, &with(&many("global", 20, &global))),
        ("too many local ones", keys, &with(&many("local", 5, "sort_key = \"note\""))),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn projections_name_a_hundred_attributes_at_most() {
    let mut attributes = String::new();
    let mut names = Vec::new();
    for n in 0..101 {
        writeln!(attributes, "a{n} = {{ type = \"N\", value = \"unique\" }}").unwrap();
        names.push(format!("\"a{n}\""));
    }
    let source = ORDERS
        .replace("[[table.index]]\nname = \"by-shop\"", &format!("{attributes}\n[[table.index]]\nname = \"by-shop\""))
        .replace(r#"include = ["status", "amount"]"#, &format!("include = [{}]", names.join(", ")));
    let told = told(&source);
    let message = "the indexes of this table include 101 attributes; DynamoDB allows 100 for all together";
    assert!(told.contains(message), "{told}");
}

#[test]
#[rustfmt::skip]
fn billing_that_cannot_be_is_refused() {
    let told = check(&[
        ("a mode that is none", TABLE_BILLING, r#"billing = { mode = "on-demnd" }"#),
        ("fixed capacity on demand", TABLE_BILLING, r#"billing = { mode = "on-demand", read = "10 RCU" }"#),
        ("a maximum when provisioned", TABLE_BILLING, r#"billing = { mode = "provisioned", read = "10 RCU", write = "10 WCU", max_read = "5 RCU" }"#),
        ("warm beyond the maximum", TABLE_BILLING, r#"billing = { mode = "on-demand", max_read = "10 RCU", warm_read = "20 RCU" }"#),
        ("scaling down to more than up", TABLE_BILLING, r#"billing = { mode = "provisioned", read = "10 RCU", write = "10 WCU", scale_read = { min = "20 RCU", max = "5 RCU" } }"#),
        ("a start below the lowest", TABLE_BILLING, r#"billing = { mode = "provisioned", read = "10 RCU", write = "10 WCU", scale_write = { min = "20 WCU", max = "50 WCU" } }"#),
        ("a target above 90 %", TABLE_BILLING, r#"billing = { mode = "provisioned", read = "10 RCU", write = "10 WCU", scale_read = { min = "1 RCU", max = "50 RCU", target = "95 %" } }"#),
        ("a target below 20 %", TABLE_BILLING, r#"billing = { mode = "provisioned", read = "10 RCU", write = "10 WCU", scale_read = { min = "1 RCU", max = "50 RCU", target = "10 %" } }"#),
        ("writes for reads", TABLE_BILLING, r#"billing = { mode = "provisioned", read = "10 WCU", write = "10 WCU" }"#),
        ("a class that is none", "items = 20_000", "items = 20_000\nclass = \"cold\""),
        ("a load of what is there already", "items = 20_000", "items = 20_000\nexisting = true"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn operations_that_dynamodb_would_refuse_are_refused() {
    let told = check(&[
        ("an unknown index", r#"index = "by-shop""#, r#"index = "by-shpo""#),
        ("an index for a get", r#"consistency = "strong""#, "consistency = \"strong\"\nindex = \"by-shop\""),
        ("a strong read of a global index", "index = \"by-shop\"\n", "index = \"by-shop\"\nconsistency = \"strong\"\n"),
        ("a limit of nothing", "limit = 5", "limit = 0"),
        ("limits the wrong way round", "limit = 5", "limit = 5\nlimit_max = 4"),
        ("a largest limit alone", "span = 4\n", "span = 4\nlimit_max = 4\n"),
        ("a filter by a key", r#"filter = "status""#, r#"filter = "placed""#),
        ("a filter by the table's key through it", "limit = 5", "limit = 5\nfilter = \"order\""),
        ("a filter by what is not there", r#"filter = "status""#, r#"filter = "state""#),
        ("a range that is none", r#"range = "from""#, r#"range = "after""#),
        ("a range between one end", "span = 4\n", ""),
        ("a span of a range without", "range = \"from\"\norder", "range = \"from\"\nspan = 3\norder"),
        ("a beginning of no length", "prefix_length = 17\n", ""),
        ("a beginning of a number", "range = \"from\"\nlimit = 20", "range = \"begins-with\"\nprefix_length = 2\nlimit = 20"),
        ("no segments", "segments = 8", "segments = 0"),
        ("too many segments", "segments = 8", "segments = 1_000_001"),
        ("segments of a query", "span = 4\n", "span = 4\nsegments = 2\n"),
        ("an order of a scan", "segments = 8", "segments = 8\norder = \"descending\""),
        ("keys for a scan", "kind = \"scan\"", "kind = \"scan\"\nkeys = \"uniform\""),
        ("too large a batch of gets", "items_max = 10", "items_max = 101"),
        ("too large a batch of writes", "items = 10\n", "items = 26\n"),
        ("too large a transaction", "items = 3\nactions", "items = 101\nactions"),
        ("fewest above most", "items = 2\nitems_max = 10", "items = 20\nitems_max = 10"),
        ("an update in a batch", "actions = { put = 4, delete = 1 }", "actions = { put = 4, update = 1 }"),
        ("an action of no weight", "actions = { put = 4, delete = 1 }", "actions = { put = 4, delete = 0 }"),
        ("a set without an update", "actions = { put = 1, update = 2 }", "actions = { put = 1 }"),
        ("an update without a set", "actions = { put = 1, update = 2 }\nset = [\"status\", \"amount\"]", "actions = { put = 1, update = 2 }"),
        ("a key that is set", r#"set = ["note"]"#, r#"set = ["order"]"#),
        ("a retry in a transaction", "items = 3\nactions", "items = 3\nretry_unprocessed = true\nactions"),
        ("a failure without a condition", "condition = \"exists\"\n", ""),
        ("a condition that is none", "condition = \"exists\"", "condition = \"present\""),
        ("a failing share above all", r#"condition_fails = "10 %""#, r#"condition_fails = "110 %""#),
        ("a condition on a read", "span = 4\n", "span = 4\ncondition = \"exists\"\n"),
        ("values returned that are none", r#"return_values = "all-old""#, r#"return_values = "all""#),
        ("a statement left out", "statement = \"select\"\n", ""),
        ("a statement that is none", r#"statement = "select""#, r#"statement = "merge""#),
        ("new items for a select", "statement = \"select\"\nkeys = \"customers\"", "statement = \"select\"\nkeys = \"new\""),
        ("new items for a transaction of gets", "kind = \"transact-get\"\nkeys = \"customers\"", "kind = \"transact-get\"\nkeys = \"new\""),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
#[rustfmt::skip]
fn keys_that_cannot_pick_are_refused() {
    let zipfian = "kind = \"zipfian\"\nexponent = 0.8\nscrambled = true";
    let told = check(&[
        ("a law that is none", zipfian, "kind = \"gaussian\""),
        ("a hot set that moves without end", zipfian, "kind = \"hot-set\"\nhot_keys = \"1 %\"\nhot_traffic = \"90 %\"\nmoves_every = \"10ms\""),
        ("a move without its unit", zipfian, "kind = \"hot-set\"\nhot_keys = \"1 %\"\nhot_traffic = \"90 %\"\nmoves_every = 60"),
        ("uniform keys that move", zipfian, "kind = \"uniform\"\nmoves_every = \"10s\""),
        ("exponential without its mean", zipfian, "kind = \"exponential\""),
        ("a mean of nothing", zipfian, "kind = \"exponential\"\nmean = \"0 %\""),
        ("a mean beyond the items", zipfian, "kind = \"exponential\"\nmean = \"101 %\""),
        ("a mean as a number", zipfian, "kind = \"exponential\"\nmean = 50"),
        ("a bell without width", zipfian, "kind = \"normal\"\nmean = \"50 %\"\nstd_dev = \"0 %\""),
        ("a bell without deviation", zipfian, "kind = \"normal\"\nmean = \"50 %\""),
        ("weights that are none", zipfian, "kind = \"categorical\"\nweights = \"3, 2\""),
        ("no weights", zipfian, "kind = \"categorical\"\nweights = []"),
        ("weights of nothing", zipfian, "kind = \"categorical\"\nweights = [0, 0.0]\nrest = 3"),
        ("a negative weight", zipfian, "kind = \"categorical\"\nweights = [1, -1]"),
        ("a weight without end", zipfian, "kind = \"categorical\"\nweights = [1, inf]"),
        ("a weight as text", zipfian, "kind = \"categorical\"\nweights = [1, \"2\"]"),
        ("too many weights", zipfian, &format!("kind = \"categorical\"\nweights = [{}]", "1,".repeat(1001))),
        ("a negative rest", zipfian, "kind = \"categorical\"\nweights = [1]\nrest = -1"),
        ("a rest of a zipfian", zipfian, "kind = \"zipfian\"\nexponent = 1\nrest = 1"),
    ]);
    let source = ORDERS.replace("items = 20_000", "items = 2").replace(zipfian, "kind = \"categorical\"\nweights = [1, 2, 3]");
    insta::assert_snapshot!(format!("{told}# weights beyond the items\n{}", self::told(&source)));
}

#[test]
#[rustfmt::skip]
fn what_is_not_sure_to_be_missing_is_refused() {
    let told = check(&[
        ("a share without unit", "consistency = \"strong\"", "consistency = \"strong\"\nmissing = 5"),
        ("more than all", "consistency = \"strong\"", "consistency = \"strong\"\nmissing = \"101 %\""),
        ("a scan that finds nothing", "segments = 8", "segments = 8\nmissing = \"5 %\""),
        ("a put that would write it", "condition = \"absent\"", "missing = \"5 %\""),
        ("an update that may write it", "condition_fails = \"10 %\"", "condition_fails = \"10 %\"\nmissing = \"5 %\""),
        ("a statement that would write it", "statement = \"insert\"\nkeys = \"new\"", "statement = \"insert\"\nkeys = \"uniform\"\nmissing = \"5 %\""),
        ("new items", "statement = \"insert\"", "statement = \"insert\"\nmissing = \"5 %\""),
        ("a batch that would write it", "items = 5\n", "items = 5\nmissing = \"5 %\"\n"),
        ("a key that is drawn", "index = \"by-shop\"", "index = \"by-shop\"\nmissing = \"5 %\""),
    ]);
    insta::assert_snapshot!(told);
}
