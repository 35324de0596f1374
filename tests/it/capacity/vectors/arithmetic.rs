//! Sizing, metrics, retries.

use dynamometer::{
    capacity::{
        cost, metrics, retries,
        sizing::{self, AccessPattern},
    },
    units::{CapacityUnits, Direction},
};
use serde_json::{Value, json};

use super::{
    Input, Kind, as_whole,
    costs::{bytes_at, mode, write_mode},
    rounded,
};

pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "provision" => |i| {
            let per = per_operation(i, "item_bytes").as_f64();
            let needed = per * i.number("ops_per_second");
            let target = i.optional("target_utilization").unwrap_or(1.0);
            json!({"units_per_op": per, "units_per_second": needed,
                "provision": sizing::to_provision(needed, target)})
        },
        "sized_provision" => sized_provision,
        "throughput" => |i| {
            let best = sizing::best_throughput(i.number("rcu").into(), i.number("wcu").into());
            json!({"strong_kb_s": best.strong, "eventual_kb_s": best.eventual,
                "txn_read_kb_s": best.transactional_read, "write_kb_s": best.write,
                "txn_write_kb_s": best.transactional_write})
        },
        "max_ops" => |i| {
            let limit = CapacityUnits::from(i.number("limit_units"));
            let cost = per_operation(i, "item_bytes");
            json!({"ops_per_second": sizing::operations_within(limit, cost)})
        },
        "atc" => |i| {
            let raises: Vec<CapacityUnits> = i
                .numbers("then_wcu")
                .into_iter()
                .map(CapacityUnits::from)
                .collect();
            let create = i.number("create_wcu").into();
            let steps = sizing::even_shares(create, &raises, CapacityUnits::whole(1000));
            let steps: Vec<_> = steps
                .into_iter()
                .map(|(partitions, each)| json!({"partitions": partitions, "wcu_each": each}))
                .collect();
            json!({"steps": steps})
        },
        "load_time" => |i| {
            let rate = i.number("rate");
            let saved = i.optional("burst_seconds").unwrap_or(300.0)
                * i.optional("initial_burst_fraction").unwrap_or(1.0);
            let seconds = sizing::load_seconds(i.number("units"), rate.into(), rate * saved);
            json!({"model_seconds": rounded(seconds, 3)})
        },
        "scan_time" => |i| {
            let strong = i.text("consistency") == "strong";
            let rate = i.number("rcu").into();
            json!({"seconds": sizing::scan_seconds(bytes_at(i, "bytes"), rate, strong)})
        },
        "segments" => |i| {
            let table = super::costs::bytes(i.number("table_gb") * 1024.0 * 1024.0 * 1024.0);
            json!({"total_segments": sizing::scan_segments(table)})
        },
        "shard_n" => |i| {
            let shards = sizing::shards(
                i.number("required_items"),
                bytes_at(i, "item_bytes"),
                bytes_at(i, "rcu_block"),
                3000.0,
                i.flag("floor"),
            );
            json!({"n": shards})
        },
        "suffix" => {
            |i| json!({"suffix": sizing::calculated_suffix(i.text("order_id"), i.whole("shards"))})
        }
        "stream_getrecords" => {
            |i| json!({"min_calls": sizing::stream_calls(i.whole("records"), bytes_at(i, "bytes"))})
        }
        "backoff" => |i| {
            let retries = u32::try_from(i.whole("retries")).unwrap();
            let cap = i.optional("cap").unwrap_or(20.0);
            let wait = retries::longest_wait(i.number("base"), cap, retries);
            json!({"max_total_seconds": rounded(wait, 4)})
        },
        "quota_tokens" => {
            |i| json!({"retries_before_empty": retries::before_empty(i.whole("capacity"), i.whole("cost"))})
        }
        "throttle_metrics" => |i| {
            let (events, throttled) = (i.whole("events_total"), i.whole("events_throttled"));
            let requests = metrics::throttled_requests(i.flag("batch"), events, throttled);
            json!({"throttle_events": throttled, "throttled_requests": requests})
        },
        "utilization" => |i| {
            let (per_second, percent) =
                metrics::utilization(i.number("sum"), i.number("period"), i.number("provisioned"));
            json!({"consumed_per_second": per_second, "utilization_pct": percent})
        },
        "ci" => |i| {
            let units = metrics::contributor_units(i.number("rcu").into(), i.number("wcu").into());
            json!({"consumed_throughput_units": units.as_f64()})
        },
        "ci_events" => |i| {
            let queries = i.optional("queries").map_or(0, as_whole);
            let items = i.whole("items_read_or_written");
            json!({"events": metrics::contributor_events(items, queries, i.flag("has_sort_key"))})
        },
        _ => return None,
    })
}

fn direction(i: &Input<'_>) -> Direction {
    match i.text("kind") {
        "read" => Direction::Read,
        "write" => Direction::Write,
        other => panic!("no kind `{other}`"),
    }
}

fn per_operation(i: &Input<'_>, field: &str) -> CapacityUnits {
    let size = bytes_at(i, field);
    match direction(i) {
        Direction::Read => cost::read_as(size, mode(i)),
        Direction::Write => cost::write_as(
            cost::Images {
                old: None,
                new: Some(size),
            },
            write_mode(i.0),
        ),
    }
}

fn sized_provision(i: &Input<'_>) -> Value {
    let patterns: Vec<_> = i
        .list("patterns")
        .iter()
        .map(|pattern| {
            let pattern = Input(pattern);
            AccessPattern {
                direction: direction(&pattern),
                cost: per_operation(&pattern, "bytes"),
                per_second: pattern.number("per_second"),
            }
        })
        .collect();
    let target = i.number("target_utilization");
    json!({"rcu": sizing::provision_for(&patterns, Direction::Read, target),
        "wcu": sizing::provision_for(&patterns, Direction::Write, target)})
}
