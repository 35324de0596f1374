//! Buckets, partitions, throttles, on-demand, auto scaling.

use std::time::Duration;

use dynamometer::{
    capacity::{
        autoscaling::{AutoScaler, TargetTracking},
        backpressure,
        bucket::TokenBucket,
        change::DecreaseBudget,
        limits,
        on_demand::{self, OnDemandBounds},
        partition,
        split::{self, Heat, SplitRule},
        steady,
        throttle::{
            BatchOutcome, BillingMode, Resource, ThrottleCause, ThrottleException, ThrottleReason,
            resource_arn,
        },
    },
    scenario::{AdmissionRule, ModelParameters, PartitionShareMode},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Share, Timestamp},
};
use serde_json::{Value, json};

use super::{Input, Kind, as_whole, rounded};

pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "tb1" => fluid_bucket,
        "debit_after" => debit_after,
        "tb1_partition" => steady_partitions,
        "partitions" => |i| {
            let rates = ByDirection {
                read: units(i, "rcu"),
                write: units(i, "wcu"),
            };
            let size = Bytes(as_whole(
                i.optional("gb").unwrap_or(0.0) * 1024.0 * 1024.0 * 1024.0,
            ));
            let count = partition::initial_count(rates, size, &ModelParameters::default());
            json!({"min_partitions": count})
        },
        "od_limit" => on_demand_limit,
        "od_switch" => |i| {
            let highest = |field| CapacityUnits::from(i.optional(field).unwrap_or(0.0));
            let initial = on_demand::after_switch(
                ByDirection {
                    read: highest("highest_rcu_ever"),
                    write: highest("highest_wcu_ever"),
                },
                &ModelParameters::default(),
            );
            json!({"initial_write": initial.write.as_f64(), "initial_read": initial.read.as_f64()})
        },
        "decreases" => |i| {
            let mut budget = DecreaseBudget::default();
            let minutes = i.numbers("attempt_minutes").into_iter();
            let allowed: Vec<bool> = minutes
                .map(|minute| budget.take(seconds(minute * 60.0)))
                .collect();
            json!({"count": allowed.iter().filter(|yes| **yes).count(), "allowed": allowed})
        },
        "autoscale" => autoscale,
        "alarm" => |i| {
            let policy = TargetTracking::new(i.number("target"), 1, 40_000);
            let period = Duration::from_secs_f64(i.number("period"));
            let (high, low) = policy.alarm_thresholds(i.number("provisioned"), period);
            json!({"high_threshold_sum": rounded(high, 6), "low_threshold_sum": rounded(low, 6)})
        },
        "throttle_error" => throttle_error,
        "batch_outcome" => |i| match BatchOutcome::of(i.whole("requests"), i.whole("throttled")) {
            BatchOutcome::Answered { unprocessed } => {
                json!({"http_status": 200, "unprocessed": unprocessed, "exception": null})
            }
            BatchOutcome::Throttled => json!({"http_status": 400, "unprocessed": 0,
                "exception": ThrottleException::ProvisionedThroughputExceeded.name()}),
        },
        "split" => heat_split,
        "gsi_coupled" => |i| {
            let seconds = backpressure::seconds_until_rejection(
                i.number("writes_per_s") * i.number("gsi_units"),
                units(i, "gsi_wcu"),
                i.number("gsi_burst"),
                i.optional("gsi_buffer_units").unwrap_or(0.0),
            );
            json!({"seconds_to_backpressure": seconds.map(|seconds| rounded(seconds, 3))})
        },
        "account_quota" => |i| {
            let rates: Vec<_> = i
                .numbers("provisioned")
                .into_iter()
                .map(CapacityUnits::from)
                .collect();
            let quota = |field, default| i.optional(field).map_or(default, CapacityUnits::from);
            let allowed = limits::within_quotas(
                &rates,
                quota("table_quota", limits::TABLE_QUOTA),
                quota("account_quota", limits::ACCOUNT_QUOTA),
            );
            let total: CapacityUnits = rates.into_iter().sum();
            json!({"total": total.as_f64(), "allowed": allowed})
        },
        "limits" => hard_limits,
        _ => return None,
    })
}

fn units(i: &Input<'_>, field: &str) -> CapacityUnits {
    CapacityUnits::from(i.number(field))
}

fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_start(Duration::from_secs_f64(seconds))
}

fn burst_seconds(i: &Input<'_>) -> u32 {
    u32::try_from(as_whole(i.optional("burst_seconds").unwrap_or(300.0))).unwrap()
}

fn fluid_bucket(i: &Input<'_>) -> Value {
    let rate = units(i, "rate");
    let balance = rate.as_f64() + i.number("initial_burst");
    let mut bucket = TokenBucket::with_balance(rate, burst_seconds(i), balance, Timestamp::ZERO);
    let (mut accepted, mut throttled, mut first, mut second) = (0.0, 0.0, None, 0_u64);
    for step in i.list("demand") {
        let demand = step[0].as_f64().unwrap();
        for _ in 0..as_whole(step[1].as_f64().unwrap()) {
            let now = Timestamp::from_nanos(second * 1_000_000_000);
            let served = bucket.serve(demand, now);
            accepted += served;
            throttled += demand - served;
            if demand - served > 1e-9 {
                first = first.or(Some(second));
            }
            second += 1;
        }
    }
    let end = Timestamp::from_nanos(second * 1_000_000_000);
    json!({"accepted_units": accepted, "throttled_units": throttled,
        "first_throttled_second": first, "final_burst": bucket.burst_left(end)})
}

fn debit_after(i: &Input<'_>) -> Value {
    let mut bucket = TokenBucket::with_balance(
        units(i, "rate"),
        burst_seconds(i),
        i.number("initial_balance"),
        Timestamp::ZERO,
    );
    let mut now = Timestamp::ZERO;
    let mut results = Vec::new();
    for request in i.list("requests") {
        now = seconds(request[0].as_f64().unwrap());
        let cost = CapacityUnits::from(request[1].as_f64().unwrap());
        if bucket.admits(cost, AdmissionRule::DebitAfter, now) {
            bucket.spend(cost, now);
            results.push("ok");
        } else {
            results.push("throttled");
        }
    }
    json!({"results": results, "final_balance": bucket.balance(now)})
}

fn steady_partitions(i: &Input<'_>) -> Value {
    let legacy = i.get("mode").and_then(Value::as_str) == Some("legacy_even_share");
    let mode = if legacy {
        PartitionShareMode::LegacyEvenShare
    } else {
        PartitionShareMode::Gac
    };
    let state = steady::partitions(
        &i.numbers("per_partition"),
        i.number("table_rate"),
        i.number("partition_cap"),
        mode,
    );
    if legacy {
        json!({"accepted_units_per_s": state.accepted,
            "throttled_units_per_s": state.key_range + state.provisioned})
    } else {
        json!({"accepted_units_per_s": state.accepted,
            "throttled_keyrange_per_s": state.key_range,
            "throttled_provisioned_per_s": state.provisioned})
    }
}

fn on_demand_limit(i: &Input<'_>) -> Value {
    let instant = |warm: &str, peak: &str, quota: &str, maximum: &str| {
        let bounds = OnDemandBounds {
            warm: units(i, warm),
            previous_peak: units(i, peak),
            quota: i
                .optional(quota)
                .map_or(limits::TABLE_QUOTA, CapacityUnits::from),
            maximum: i
                .optional(maximum)
                .filter(|max| *max > 0.0)
                .map(CapacityUnits::from),
        };
        bounds.instant().as_f64()
    };
    json!({
        "instant_write": instant("warm_write", "peak_write", "quota_write", "max_write"),
        "instant_read": instant("warm_read", "peak_read", "quota_read", "max_read"),
    })
}

fn autoscale(i: &Input<'_>) -> Value {
    let mut policy = TargetTracking::new(i.number("target"), i.whole("min"), i.whole("max"));
    policy.lag = Duration::ZERO;
    policy.scale_in_margin = i
        .optional("scale_in_margin")
        .unwrap_or(policy.scale_in_margin);
    let points = |field, default| {
        i.optional(field)
            .map_or(default, |points| u32::try_from(as_whole(points)).unwrap())
    };
    policy.high_points = points("high_points", policy.high_points);
    policy.low_points = points("low_points", policy.low_points);
    let mut scaler = AutoScaler::new(policy, i.whole("provisioned"));
    let after: Vec<u64> = i
        .numbers("consumed_per_s")
        .into_iter()
        .zip(1_u64..)
        .map(|(consumed, minute)| {
            let now = Timestamp::from_nanos(minute * 60_000_000_000);
            // The reference function knows of no budget: there is always something left.
            scaler.minute(consumed, now, &mut DecreaseBudget::default())
        })
        .collect();
    json!({"provisioned_after": after})
}

fn throttle_error(i: &Input<'_>) -> Value {
    let index = i
        .get("index")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let reason = ThrottleReason {
        resource: index.map_or(Resource::Table, |_| Resource::Index(0)),
        direction: match i.text("direction") {
            "read" => Direction::Read,
            "write" => Direction::Write,
            other => panic!("no direction `{other}`"),
        },
        cause: match i.text("cause") {
            "provisioned" => ThrottleCause::Provisioned,
            "key_range" => ThrottleCause::KeyRange,
            "account" => ThrottleCause::AccountLimit,
            "max_on_demand" => ThrottleCause::MaxOnDemand,
            other => panic!("no cause `{other}`"),
        },
    };
    let exception = reason.exception(
        match i.text("mode") {
            "PAY_PER_REQUEST" => BillingMode::PayPerRequest,
            _ => BillingMode::Provisioned,
        },
        ModelParameters::default().throttle_exception_map,
    );
    let arn = resource_arn(i.text("region"), i.text("account"), i.text("table"), index);
    json!({"http_status": 400, "exception": exception.name(), "field": exception.reasons_field(),
        "reasons": [{"reason": reason.wire_name(), "resource": arn}]})
}

fn heat_split(i: &Input<'_>) -> Value {
    let mut rule = SplitRule::default();
    rule.trigger_fraction = i
        .optional("split_trigger_fraction")
        .unwrap_or(rule.trigger_fraction);
    rule.trigger = i
        .optional("split_trigger_seconds")
        .map_or(rule.trigger, Duration::from_secs_f64);
    let heat = Heat {
        consumed: i.number("partition_units_per_s"),
        ceiling: units(i, "partition_cap"),
        sustained: Duration::from_secs_f64(i.number("sustained_seconds")),
        top_key: Share::new(i.optional("top_key_share").unwrap_or(0.0)).unwrap(),
        monotonic_sort_key: i.flag("monotonic_sort_key"),
        whole_collection: i.flag("has_lsi") && i.flag("single_item_collection"),
    };
    let decision = split::for_heat(&heat, &rule);
    json!({"split": decision.is_ok(), "blocked_by": decision.err().map(split::SplitBlock::name)})
}

fn hard_limits(i: &Input<'_>) -> Value {
    use limits::RequestSize;
    let bytes = |field, default| Bytes(i.optional(field).map_or(default, as_whole));
    let request = match i.text("op") {
        "BatchGetItem" => RequestSize::BatchGet(i.whole("keys")),
        "BatchWriteItem" => RequestSize::BatchWrite(i.whole("requests")),
        "TransactWriteItems" | "TransactGetItems" => RequestSize::Transaction {
            actions: i.whole("actions"),
            total: bytes("total_bytes", 0),
        },
        "PutItem" => RequestSize::Put {
            item: bytes("item_bytes", 0),
            partition_key: bytes("pk_bytes", 1),
            sort_key: i.get("sk_bytes").map(|_| bytes("sk_bytes", 1)),
        },
        other => panic!("no operation `{other}`"),
    };
    let violated = request.check().err().map(|limit| limit.to_string());
    json!({"accepted": violated.is_none(), "violates": violated})
}
