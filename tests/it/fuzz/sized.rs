//! A search for capacity as one process would store it.

use std::collections::BTreeMap;

use dynamometer::{
    analysis::{
        seeds::{StudyId, StudyPart},
        sizing::{
            self, SizingOptions,
            search::Target,
            sweep::{self, SizingPart},
        },
        workers::InTurn,
    },
    price::PriceTable,
    scenario::parse::parse,
    schedule::shard::Shard,
};

use crate::size;

const SIZED: &str = r#"
name = "sized"
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "50 RCU", write = "50 WCU" }
items = 200
[table.attributes]
id = { type = "S", value = "unique" }
kind = { type = "S", value = "cycle", prefix = "k", size = 7 }
[[table.index]]
name = "by-kind"
scope = "global"
partition_key = "kind"
projection = "keys-only"
billing = { mode = "provisioned", read = "50 RCU", write = "50 WCU" }
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
kind = "measured"
duration = "3s"
arrivals = { kind = "poisson", rate = "50/s" }
"#;

/// A search for capacity that is one part alone.
pub fn search() -> SizingPart {
    let scenario = match parse(SIZED, "sized.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}"),
    };
    let traces = size::traces(&scenario, 3);
    let mut prices: serde_json::Value =
        serde_json::from_str(include_str!("../../../src/price/prices.json")).unwrap();
    let listed = prices["prices"].as_array_mut().unwrap();
    listed.retain(|price| price["region"] == "us-east-1");
    let options = SizingOptions {
        target: Target {
            overall: 0.01,
            operations: BTreeMap::from([(1, 0.05)]),
        },
        free_tier: true,
        prices: PriceTable::parse(&prices.to_string()).unwrap(),
        ..size::options(0.01)
    };
    let search = sizing::search(&traces, &options, Shard::WHOLE, &InTurn);
    let part = SizingPart {
        of: StudyPart {
            shard: Shard::WHOLE,
            study: StudyId {
                scenario: search.basis.scenario.clone(),
                fingerprint: search.basis.fingerprint.clone(),
                tool_version: "fuzz".to_owned(),
                seeds: 3,
            },
        },
        search,
    };
    // It is one, so that what is not is refused for what was done to it.
    assert!(sweep::merged(vec![part.clone()]).is_ok());
    part
}
