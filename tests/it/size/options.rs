//! What the options of `dyno size` change.

use serde_json::Value;

use crate::cli::{Run, code, stderr, stdout};

const SHOP: &str = r#"
name = "shop"
[[table]]
name = "Orders"
partition_key = "id"
billing = { mode = "provisioned", read = "5 RCU", write = "5 WCU" }
items = 200
[table.attributes]
id = { type = "S", value = "unique" }
body = { type = "S", value = "text", length = "700 B" }
[[operation]]
name = "look"
kind = "get"
keys = "uniform"
weight = "60 %"
[[operation]]
name = "peek"
kind = "get"
keys = "uniform"
consistency = "strong"
weight = "20 %"
[[operation]]
name = "order"
kind = "put"
keys = "uniform"
weight = "20 %"
[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "10s"
arrivals = { kind = "poisson", rate = "50/s" }
"#;

struct Shop {
    run: Run,
    file: String,
}

impl Shop {
    fn new() -> Self {
        let run = Run::new();
        let file = run.scenario(SHOP);
        Self { run, file }
    }

    fn size(&self, arguments: &[&str]) -> Value {
        let all = [&["size", &self.file, "--no-files", "--json"], arguments].concat();
        let output = self.run.dyno(&all);
        let document = serde_json::from_str(&stdout(&output));
        document.unwrap_or_else(|_| panic!("{output:?}"))
    }
}

fn offer<'a>(sizing: &'a Value, mode: &str, infrequent: bool) -> &'a Value {
    let mut offers = sizing["offers"].as_array().unwrap().iter();
    let wanted = |offer: &&Value| offer["mode"] == mode && offer["infrequent_access"] == infrequent;
    offers.find(wanted).unwrap()
}

fn dollars(offer: &Value) -> f64 {
    offer["usd_month"].as_f64().unwrap()
}

#[test]
fn an_own_maximum_of_on_demand_throttles_what_is_beyond_it() {
    let shop = Shop::new();
    let free = shop.size(&[]);
    let free = offer(&free, "on_demand", false);
    assert_eq!(free["meets_target"], true);
    let bounded = shop.size(&["--on-demand-max", "1000,5"]);
    let bounded = offer(&bounded, "on_demand", false);
    // Ten writes a second ask for five: half of a fifth of all requests.
    let share = bounded["throttled"]["share"].as_f64().unwrap();
    assert!((share - 0.1).abs() < 0.04, "{share}");
    assert_eq!(bounded["meets_target"], false);
    for mistake in ["10", "10,0", "a,b", "1,2,3"] {
        let refused = shop
            .run
            .dyno(&["size", &shop.file, "--on-demand-max", mistake]);
        assert_eq!(code(&refused), 2, "{mistake}");
        assert!(
            stderr(&refused).contains("as 4000,1000"),
            "{}",
            stderr(&refused)
        );
    }
}

#[test]
fn an_operation_may_have_a_target_of_its_own() {
    let shop = Shop::new();
    let needed = |sizing: &Value| sizing["slots"][0]["provision"]["read"]["units"].as_u64();
    let loose = shop.size(&["--max-throttled", "10%"]);
    let strict = shop.size(&["--max-throttled", "10%", "--max-throttled", "peek=0%"]);
    assert_eq!(strict["target"], 0.1);
    assert_eq!(strict["operation_targets"][0][0], "peek");
    assert!(needed(&strict) > needed(&loose), "{loose} {strict}");
    let refused = shop
        .run
        .dyno(&["size", &shop.file, "--max-throttled", "poke=1%"]);
    assert_eq!(code(&refused), 2);
    assert!(
        stderr(&refused).contains("look, peek, order"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn the_free_tier_is_taken_off_where_it_is_asked_for() {
    let shop = Shop::new();
    let (dear, free) = (shop.size(&[]), shop.size(&["--free-tier"]));
    let usd = |sizing: &Value, mode| dollars(offer(sizing, mode, false));
    // 25 units of each are more than is needed; there is none for requests on demand.
    let needed = &dear["slots"][0]["provision"];
    for direction in ["read", "write"] {
        assert!(needed[direction]["units"].as_u64().unwrap() <= 50);
    }
    assert!(usd(&free, "provisioned") < usd(&dear, "provisioned"));
    let throughput = |sizing: &Value| {
        let offer = offer(sizing, "on_demand", false);
        dollars(offer) - offer["storage_usd_month"].as_f64().unwrap()
    };
    assert!((throughput(&free) - throughput(&dear)).abs() < 1e-9);
    assert_eq!(free["prices"]["free_tier"], true);
}

#[test]
fn prices_of_ones_own_are_counted_with_and_estimates_are_marked() {
    let shop = Shop::new();
    let table = include_str!("../../../src/price/prices.json");
    let mut prices: Value = serde_json::from_str(table).unwrap();
    for entry in prices["prices"].as_array_mut().unwrap() {
        if entry["key"] == "prov_wcu_hour" || entry["key"] == "prov_rcu_hour" {
            entry["usd"] = (entry["usd"].as_f64().unwrap() * 2.0).into();
        }
    }
    let path = shop.run.folder.path().join("prices.json");
    std::fs::write(&path, prices.to_string()).unwrap();
    let doubled = shop.size(&["--prices", path.to_str().unwrap()]);
    let listed = shop.size(&[]);
    let throughput = |sizing: &Value| {
        let offer = offer(sizing, "provisioned", false);
        dollars(offer) - offer["storage_usd_month"].as_f64().unwrap()
    };
    assert!((throughput(&doubled) / throughput(&listed) - 2.0).abs() < 1e-9);
    // Twice the price: half the time must be used for it to be worth it.
    let even = |sizing: &Value| sizing["break_even"]["write"].as_f64().unwrap();
    assert!((even(&doubled) / even(&listed) - 2.0).abs() < 1e-9);
    let estimates = |sizing: &Value| sizing["prices"]["estimates"].to_string();
    let elsewhere = shop.size(&["--region", "sa-east-1"]);
    assert_eq!(estimates(&listed), "[]");
    assert!(estimates(&elsewhere).contains("Standard-IA"));
    assert!(estimates(&elsewhere).contains("storage: the price of us-east-1"));
}
