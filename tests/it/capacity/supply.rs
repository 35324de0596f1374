//! Capacity that moves: auto scaling, on-demand growth, quotas, and a change of billing.

use std::time::Duration;

use dynamometer::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        partition::KeyHash,
        throttle::{Resource, ThrottleCause},
    },
    scenario::{AdmissionRule, AutoScaling, Billing, ModelParameters, QuotaScope, TreatMissing},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Share, Timestamp},
};

fn whole(units: i64) -> CapacityUnits {
    CapacityUnits::whole(units)
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_start(Duration::from_secs_f64(seconds))
}

/// Auto scaling of 10–100 WCU at 50 %, from 10.
fn scaled() -> Billing {
    let policy = AutoScaling {
        min: whole(10),
        max: whole(100),
        target_utilization: Share::new(0.5).unwrap(),
    };
    Billing::Provisioned {
        capacity: ByDirection::from_fn(|_| whole(10)),
        auto_scaling: ByDirection {
            read: None,
            write: Some(policy),
        },
    }
}

fn on_demand(maximum: Option<i64>) -> Billing {
    Billing::OnDemand {
        maximum: ByDirection {
            read: None,
            write: maximum.map(whole),
        },
        warm: ByDirection::default(),
    }
}

/// A table under load: writes of one unit to many keys.
struct World {
    capacity: TableCapacity,
    sent: u64,
}

impl World {
    fn new(billing: &Billing, parameters: &ModelParameters) -> Self {
        Self {
            capacity: TableCapacity::new(billing, Bytes(0), parameters, Timestamp::ZERO),
            sent: 0,
        }
    }

    /// `rate` writes a second, evenly, from `from` to `until` (seconds); how many were refused,
    /// and why the last was.
    fn write(&mut self, rate: u32, from: u32, until: u32) -> (u64, Option<ThrottleCause>) {
        let (mut refused, mut cause) = (0, None);
        for second in from..until {
            for number in 0..rate {
                let now = at(f64::from(second) + f64::from(number) / f64::from(rate));
                self.sent += 1;
                let arm = Arm {
                    resource: Resource::Table,
                    direction: Direction::Write,
                    key: KeyHash::of(b'S', &self.sent.to_be_bytes()),
                    eventual: false,
                    units: whole(1),
                };
                if let AdmissionDecision::Throttled { reasons, .. } =
                    self.capacity.admit(&[arm], now)
                {
                    refused += 1;
                    cause = Some(reasons[0].cause);
                }
            }
        }
        (refused, cause)
    }

    fn wcu(&mut self, seconds: u32) -> CapacityUnits {
        let status = self
            .capacity
            .status(Resource::Table, at(f64::from(seconds)));
        status.rates.write
    }
}

#[test]
fn auto_scaling_raises_two_minutes_and_its_lags_after_the_load_and_lowers_after_fifteen() {
    let mut world = World::new(&scaled(), &ModelParameters::default());
    // 8/s of 10 WCU are above 50 %; two whole minutes, then 60 s alarm and 60 s update.
    let (refused, _) = world.write(8, 0, 239);
    assert_eq!((refused, world.wcu(239)), (0, whole(10)));
    world.write(8, 239, 241);
    assert_eq!(world.wcu(241), whole(16), "8 of 16 WCU are 50 %");
    world.write(8, 241, 600);
    assert_eq!(world.wcu(600), whole(16), "inside the band nothing happens");
    // Nothing more comes: fifteen minutes and the lags later it is at its minimum.
    assert_eq!(world.wcu(600 + 15 * 60 + 119), whole(16));
    assert_eq!(world.wcu(600 + 15 * 60 + 121), whole(10));
}

#[test]
fn an_idle_table_is_not_scaled_in_where_a_missing_minute_is_ignored() {
    let parameters = ModelParameters {
        as_treat_missing: TreatMissing::Ignore,
        ..ModelParameters::default()
    };
    let mut world = World::new(&scaled(), &parameters);
    world.write(8, 0, 600);
    assert_eq!(world.wcu(7200), whole(16));
}

#[test]
fn an_on_demand_table_serves_its_warm_throughput_and_twice_its_peak_half_an_hour_later() {
    let parameters = ModelParameters {
        od_growth_interval: 120,
        partition_write_cap: 1_000_000,
        ..ModelParameters::default()
    };
    let mut world = World::new(&on_demand(None), &parameters);
    let (refused, _) = world.write(4000, 0, 60);
    assert_eq!((refused, world.wcu(60)), (0, whole(4000)));
    // Two seconds of 8,000: what flows in, and the second that the bucket holds.
    let (refused, cause) = world.write(8000, 60, 62);
    assert!((3990..=4010).contains(&refused), "{refused}");
    assert_eq!(
        cause,
        Some(ThrottleCause::KeyRange),
        "growth has no reason of its own"
    );
    assert_eq!(world.wcu(179), whole(4000));
    assert_eq!(
        world.wcu(181),
        whole(8000),
        "the peak of the first minute is 120 s past"
    );
    assert_eq!(world.wcu(100_000), whole(8000), "and stays");
}

#[test]
fn a_maximum_bounds_an_on_demand_table_and_says_so() {
    let mut world = World::new(&on_demand(Some(50)), &ModelParameters::default());
    let (refused, cause) = world.write(60, 0, 10);
    assert_eq!((refused, cause), (50, Some(ThrottleCause::MaxOnDemand)));
    let status = world.capacity.status(Resource::Table, at(10.0));
    assert_eq!(status.partitions, 4, "a maximum takes no partition away");
}

/// A write of `units` to the table and as much to its index.
fn arms(units: i64) -> [Arm; 2] {
    [Resource::Table, Resource::Index(0)].map(|resource| Arm {
        resource,
        direction: Direction::Write,
        key: KeyHash::of(b'S', b"key"),
        eventual: false,
        units: whole(units),
    })
}

#[test]
fn what_shares_a_quota_must_fit_into_it_together_under_the_strict_rule() {
    let parameters = ModelParameters {
        quota_scope: QuotaScope::TablePlusGsis,
        admission_rule: AdmissionRule::Strict,
        table_write_quota: 100,
        ..ModelParameters::default()
    };
    let mut table = TableCapacity::new(&on_demand(None), Bytes(0), &parameters, Timestamp::ZERO);
    table.add_index(&on_demand(None), Bytes(0), Timestamp::ZERO);
    table.spend(&arms(5), Timestamp::ZERO);
    let mut admits =
        |units| table.check(&arms(units), Timestamp::ZERO) == AdmissionDecision::Admitted;
    assert!(admits(45), "90 of the 90 that are left");
    assert!(!admits(46), "92");
}

#[test]
fn the_quota_of_a_table_can_be_its_own_or_shared_with_its_indexes() {
    let serves = |quota_scope| {
        let parameters = ModelParameters {
            quota_scope,
            table_write_quota: 100,
            ..ModelParameters::default()
        };
        let mut table =
            TableCapacity::new(&on_demand(None), Bytes(0), &parameters, Timestamp::ZERO);
        table.add_index(&on_demand(None), Bytes(0), Timestamp::ZERO);
        table.spend(&arms(60), Timestamp::ZERO);
        match table.check(&arms(1), Timestamp::ZERO) {
            AdmissionDecision::Admitted => None,
            AdmissionDecision::Throttled { reasons, .. } => Some(reasons[0].cause),
        }
    };
    assert_eq!(serves(QuotaScope::PerResource), None);
    assert_eq!(
        serves(QuotaScope::TablePlusGsis),
        Some(ThrottleCause::AccountLimit)
    );
}

#[test]
fn a_switch_to_on_demand_keeps_what_was_ever_provisioned() {
    let fixed = |write| {
        Billing::fixed(ByDirection {
            read: whole(1),
            write: whole(write),
        })
    };
    let mut world = World::new(&fixed(9000), &ModelParameters::default());
    let table = Resource::Table;
    world.capacity.set_billing(table, &fixed(5), at(1.0));
    assert_eq!(world.wcu(1), whole(5));
    world.capacity.set_billing(table, &on_demand(None), at(2.0));
    assert_eq!(world.wcu(2), whole(9000));
    let status = world.capacity.status(table, at(2.0));
    assert_eq!(status.rates.read, whole(12_000));
}
