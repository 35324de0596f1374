//! Nanoseconds to decide one request: each way of picking an item, whole operations, and due
//! times. `cargo bench --bench workload`; the best of five rounds is printed.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    scenario::{
        ArrivalSpec, Attribute, AttributeType, ClientSettings, Curve, KeySpec, Line,
        ModelParameters, NamedKeys, NumberSpec, OperationKind, OperationSpec, Phase, PhaseKind,
        Scenario, Spacing, Table, Validity, ValueSpec, data::Weights,
    },
    schedule::Schedule,
    seed::Seed,
    units::{ByDirection, CapacityUnits, Rate, Share},
    workload::Workload,
};

const CALLS: u32 = 1_000_000;
const ITEMS: u64 = 1_000_000_000;

fn main() {
    let zipfian = |exponent, scrambled| KeySpec::Zipfian {
        exponent,
        scrambled,
    };
    let hot = KeySpec::HotSet {
        keys: share(0.01),
        traffic: share(0.9),
        moves_every: None,
    };
    let moving = KeySpec::HotSet {
        keys: share(0.01),
        traffic: share(0.9),
        moves_every: Some(Duration::from_mins(1)),
    };
    let normal = KeySpec::Normal {
        mean: share(0.5),
        std_dev: share(0.1),
    };
    let listed = |weights| KeySpec::Categorical { weights, rest: 1.0 };
    for (name, spec) in [
        ("pick, uniform", KeySpec::Uniform),
        ("pick, zipfian 0.5", zipfian(0.5, false)),
        ("pick, zipfian 0.99", zipfian(0.99, false)),
        ("pick, zipfian 1", zipfian(1.0, false)),
        ("pick, zipfian 0.99 scrambled", zipfian(0.99, true)),
        ("pick, hot set", hot),
        ("pick, hot set that moves", moving),
        ("pick, sequential", KeySpec::Sequential),
        ("pick, latest 0.99", KeySpec::Latest { exponent: 0.99 }),
        (
            "pick, exponential",
            KeySpec::Exponential { mean: share(0.1) },
        ),
        ("pick, normal", normal),
        ("pick, 4 categories and a rest", listed(0)),
        ("pick, a million weights", KeySpec::Weights { weights: 1 }),
    ] {
        let workload = workload(&[(OperationKind::Get, 1.0, spec)]);
        measure(name, |n| workload.pick(n).item);
    }
    let latest = (OperationKind::Get, 0.95, KeySpec::Latest { exponent: 0.99 });
    let inserting = workload(&[latest, (OperationKind::Put, 0.05, KeySpec::New)]);
    measure("pick, latest 0.99 with 5 % inserts", |n| {
        inserting.pick(n + 1_000_000).item
    });
    for kind in [OperationKind::Get, OperationKind::Put] {
        let workload = workload(&[(kind, 1.0, KeySpec::Uniform)]);
        let name = format!("whole {}", kind.api_name());
        measure(&name, |n| workload.operation(n));
    }
    due_times();
}

/// Each way in which requests arrive, over a day of 33,333.3 a second on average.
fn due_times() {
    const DAY: Duration = Duration::from_hours(24);
    let rate = Rate::per_second(33_333.3).expect("valid");
    let flat = |hours| Line {
        from: rate,
        to: rate,
        duration: Duration::from_hours(hours),
    };
    let wave = Curve::Sine {
        mean: rate,
        amplitude: rate,
        period: Duration::from_mins(1),
        offset: Duration::ZERO,
    };
    let sloping = |second| Line {
        from: Rate::per_second(f64::from(second % 100) * 600.0).expect("valid"),
        to: rate,
        duration: Duration::from_secs(1),
    };
    let trace = Curve::Lines((0..86_400).map(sloping).collect());
    let steps = Curve::Lines(vec![flat(12), flat(12)]);
    let curve = |curve: &Curve, spacing| {
        let curve = curve.clone();
        ArrivalSpec::Curve { curve, spacing }
    };
    let (from, to) = (Rate::default(), rate);
    for (name, arrivals) in [
        ("due time, constant", ArrivalSpec::Constant { rate }),
        ("due time, Poisson", ArrivalSpec::Poisson { rate }),
        ("due time, ramp", ArrivalSpec::Ramp { from, to }),
        ("due time, steps", curve(&steps, Spacing::Even)),
        ("due time, steps, Poisson", curve(&steps, Spacing::Poisson)),
        (
            "due time, trace by the second",
            curve(&trace, Spacing::Even),
        ),
        ("due time, sine", curve(&wave, Spacing::Even)),
        ("due time, sine, Poisson", curve(&wave, Spacing::Poisson)),
    ] {
        let mut scenario = scenario(&[]);
        scenario.phases.push(Phase {
            name: "measured".into(),
            kind: PhaseKind::Measured,
            duration: DAY,
            arrivals,
            mix: None,
            assumed: None,
        });
        let schedule = Schedule::new(&scenario);
        let mut due = schedule.arrivals();
        measure(name, |_| due.next());
    }
}

fn measure<T>(name: &str, mut call: impl FnMut(u64) -> T) {
    let best = (0..5_u32)
        .map(|round| {
            let start = Instant::now();
            for number in 0..CALLS {
                black_box(call(u64::from(round * CALLS + number)));
            }
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    let nanos = best.as_secs_f64() * 1e9 / f64::from(CALLS);
    println!("{name:<40}{nanos:>8.1} ns");
}

fn share(fraction: f64) -> Share {
    Share::new(fraction).expect("between 0 and 1")
}

fn workload(operations: &[(OperationKind, f64, KeySpec)]) -> Workload {
    Workload::new(Arc::new(scenario(operations)))
}

fn scenario(operations: &[(OperationKind, f64, KeySpec)]) -> Scenario {
    let attribute = |name: &str, value| Attribute {
        name: name.into(),
        kind: AttributeType::S,
        value,
        present: Share::ALL,
    };
    let prefix = String::from("user");
    let length = NumberSpec::Constant(1000.0);
    Scenario {
        name: "bench".into(),
        question: None,
        seed: Seed(1),
        tables: vec![Table::plain(
            "Users",
            ByDirection::from_fn(|_| CapacityUnits::whole(1)),
            ITEMS,
            vec![
                attribute("user_id", ValueSpec::Unique { prefix }),
                attribute("bio", ValueSpec::Text { length }),
            ],
        )],
        keys: (0..)
            .zip(operations)
            .map(|(number, &(_, _, spec))| NamedKeys {
                name: format!("keys{number}"),
                spec,
            })
            .collect(),
        operations: (0..)
            .zip(operations)
            .map(|(number, &(kind, weight, _))| OperationSpec {
                keys: number,
                ..OperationSpec::plain(&format!("operation{number}"), kind, share(weight))
            })
            .collect(),
        phases: vec![],
        client: ClientSettings::default(),
        thresholds: vec![],
        validity: Validity::default(),
        nightly: None,
        candidates: Vec::new(),
        model: ModelParameters::default(),
        weights: vec![
            Weights::listed("few", vec![4.0, 3.0, 2.0, 1.0]),
            Weights::listed("many", (1..=1_000_000).map(f64::from).collect()),
        ],
        files: vec![],
    }
}
