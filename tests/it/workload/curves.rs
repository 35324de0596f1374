//! Rates that move: arrival *n* is due where the area under the rate reaches *n*.

use dynamometer::scenario::{Curve, Line, Spacing};

use super::{
    schedules::{nanos, rate, schedule},
    *,
};

const SECOND: u64 = 1_000_000_000;

fn line(from: f64, to: f64, millis: u64) -> Line {
    Line {
        from: rate(from),
        to: rate(to),
        duration: Duration::from_millis(millis),
    }
}

fn even(curve: Curve) -> ArrivalSpec {
    let spacing = Spacing::Even;
    ArrivalSpec::Curve { curve, spacing }
}

fn poisson(curve: Curve) -> ArrivalSpec {
    let spacing = Spacing::Poisson;
    ArrivalSpec::Curve { curve, spacing }
}

fn sine(mean: f64, amplitude: f64, period: f64, offset: f64) -> Curve {
    Curve::Sine {
        mean: rate(mean),
        amplitude: rate(amplitude),
        period: Duration::from_secs_f64(period),
        offset: Duration::from_secs_f64(offset),
    }
}

/// The area under `curve` until `t` seconds, by the textbook.
fn area(curve: &Curve, t: f64) -> f64 {
    match curve {
        Curve::Lines(lines) => {
            let (mut left, mut sum) = (t, 0.0);
            for line in lines {
                let (from, to) = (line.from.as_per_second(), line.to.as_per_second());
                let length = line.duration.as_secs_f64();
                let within = left.clamp(0.0, length);
                sum += from * within + (to - from) * within * within / (2.0 * length);
                left -= length;
            }
            sum
        }
        Curve::Sine {
            mean,
            amplitude,
            period,
            offset,
        } => {
            let turn = std::f64::consts::TAU / period.as_secs_f64();
            let start = turn * offset.as_secs_f64();
            let swing = amplitude.as_per_second() / turn;
            mean.as_per_second() * t + swing * (start.cos() - (start + turn * t).cos())
        }
    }
}

fn rate_at(curve: &Curve, t: f64) -> f64 {
    let step = 1e-4;
    (area(curve, t + step) - area(curve, (t - step).max(0.0))) / (step + step.min(t))
}

/// The area law, and what follows from it for every window.
fn check(curve: &Curve, seconds: u64) {
    let due = nanos(seconds, even(curve.clone()));
    let whole = area(curve, seconds as f64);
    assert!(
        (due.len() as f64 - whole).abs() <= 1.0,
        "{} of {whole}",
        due.len()
    );
    for (number, &due) in due.iter().enumerate() {
        let t = due as f64 / 1e9;
        // Rounded down to the nanosecond, and by what floats cannot tell.
        let slack = 2e-9 * (rate_at(curve, t) + 1.0) + 1e-9 * whole + 1e-6;
        let off = area(curve, t) - number as f64;
        assert!(
            off.abs() <= slack,
            "{curve:?}: arrival {number} at {t}: {off}"
        );
    }
    let until = |t: f64| due.partition_point(|&due| (due as f64) < t * 1e9) as f64;
    let windows = 97_u32;
    for window in 0..windows {
        let from = f64::from(window) * seconds as f64 / f64::from(windows);
        let to = (from + seconds as f64 / 7.0).min(seconds as f64);
        let off = until(to) - until(from) - (area(curve, to) - area(curve, from));
        assert!(off.abs() <= 1.0 + 1e-6, "{curve:?}: {from}..{to}: {off}");
    }
}

fn some_rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..2.0, 0.0..300.0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn arrivals_on_lines_keep_the_area_law(
        ends in prop::collection::vec((some_rate(), some_rate(), 1..4_u64), 1..6),
    ) {
        let lines: Vec<_> = ends.iter().map(|&(from, to, s)| line(from, to, s * 1000)).collect();
        let seconds = ends.iter().map(|(.., s)| s).sum();
        check(&Curve::Lines(lines), seconds);
    }

    #[test]
    fn arrivals_on_a_wave_keep_the_area_law(
        mean in 0.5_f64..300.0,
        depth in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0],
        period in 0.3_f64..40.0,
        offset in 0.0_f64..1.0,
    ) {
        check(&sine(mean, mean * depth, period, period * offset), 10);
    }

    #[test]
    fn a_ramp_cut_into_pieces_is_the_ramp(
        from in some_rate(), to in some_rate(), cuts in prop::collection::btree_set(1..20_000_u64, 0..8),
    ) {
        // Rounding may end a ramp to zero just below it.
        let at = |millis: u64| (from + (to - from) * millis as f64 / 20_000.0).max(0.0);
        let ends: Vec<u64> = cuts.into_iter().chain([20_000]).collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let lines = starts.zip(&ends).map(|(start, &end)| line(at(start), at(end), end - start));
        let pieces = nanos(20, even(Curve::Lines(lines.collect())));
        let ramp = nanos(20, ArrivalSpec::Ramp { from: rate(from), to: rate(to) });
        prop_assert!(pieces.len().abs_diff(ramp.len()) <= 1);
        for (piece, ramp) in pieces.iter().zip(&ramp) {
            // Near a rate of zero, time is the square root of what floats cannot tell.
            prop_assert!(piece.abs_diff(*ramp) <= 20_000, "{} for {}", piece, ramp);
        }
    }

    #[test]
    fn steps_of_one_rate_are_a_constant_rate(
        numerator in 1..200_000_u32, denominator in 1..60_u32, steps in 1..7_u64,
    ) {
        let per_second = f64::from(numerator) / f64::from(denominator) / 100.0;
        let lines = vec![line(per_second, per_second, 1500); steps as usize];
        let constant = ArrivalSpec::Constant { rate: rate(per_second) };
        let length = Duration::from_millis(1500 * steps);
        prop_assert_eq!(within(length, even(Curve::Lines(lines))), within(length, constant));
    }
}

fn within(length: Duration, arrivals: ArrivalSpec) -> Vec<u64> {
    let mut scenario = scenario(1);
    scenario.phases.push(Phase {
        name: "phase".into(),
        kind: PhaseKind::Measured,
        duration: length,
        arrivals,
        mix: None,
        assumed: None,
    });
    let schedule = Schedule::new(&scenario);
    schedule
        .arrivals()
        .map(|a| a.intended_start.as_nanos())
        .collect()
}

#[test]
fn nothing_is_due_while_the_rate_is_zero() {
    let lines = vec![
        line(0.0, 0.0, 2000),
        line(5.0, 5.0, 1000),
        line(0.0, 0.0, 2000),
        line(1.0, 1.0, 2000),
    ];
    let due = nanos(7, even(Curve::Lines(lines)));
    let expected = [2000, 2200, 2400, 2600, 2800, 5000, 6000].map(|millis| millis * 1_000_000);
    assert_eq!(due, expected);
    assert!(nanos(7, even(Curve::Lines(vec![line(0.0, 0.0, 7000)]))).is_empty());
}

#[test]
fn whole_waves_begin_to_the_nanosecond_however_many_have_passed() {
    // 100 arrivals in each wave of a second, over a quarter of an hour.
    let due = nanos(900, even(sine(100.0, 100.0, 1.0, 0.0)));
    assert_eq!(due.len(), 90_000);
    for (wave, first) in due.iter().step_by(100).enumerate() {
        assert_eq!(*first, wave as u64 * SECOND);
    }
}

/// What a million per second comes to after a day, without the arrivals before it.
#[test]
fn a_million_per_second_is_exact_after_a_day() {
    let day = line(0.0, 2_000_000.0, 86_400_000);
    let flat = line(1e6, 1e6, 86_400_000);
    let wave = sine(1e6, 1e6, 86_400.0, 0.0);
    let curves = [Curve::Lines(vec![flat]), Curve::Lines(vec![day]), wave];
    for curve in curves {
        let mean = even(curve.clone())
            .rate_mean(Duration::from_hours(24))
            .unwrap();
        assert!(
            (mean.as_per_second() - 1e6).abs() < 1e-3,
            "{curve:?}: {mean:?}"
        );
    }
    // A day at a rate that leaves few arrivals, then a second at a million.
    let lines = vec![line(1e-3, 1e-3, 86_400_000), line(1e6, 1e6, 1000)];
    let due = nanos(86_401, even(Curve::Lines(lines)));
    assert_eq!(due.len(), 1_000_087);
    let start = 86_400 * SECOND;
    // The area is 86.4 when the day is over.
    assert_eq!(due[87], start + 600);
    assert_eq!(due[1_000_086], start + 999_999_600);
}

/// Kolmogorov and Smirnov's distance of `values` from the uniform law on 0..1, times √n.
fn uniform_distance(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let off = values.iter().enumerate().map(|(below, value)| {
        let below = below as f64;
        (value - below / n)
            .abs()
            .max(((below + 1.0) / n - value).abs())
    });
    off.fold(0.0, f64::max) * n.sqrt()
}

fn check_poisson(curve: &Curve, seconds: u64) {
    let due = nanos(seconds, poisson(curve.clone()));
    let whole = area(curve, seconds as f64);
    let n = due.len() as f64;
    assert!((n - whole).abs() < 4.0 * whole.sqrt(), "{n} of {whole}");
    // In the time that the area tells, they are uniform and their gaps exponential.
    let areas: Vec<f64> = due
        .iter()
        .map(|&due| area(curve, due as f64 / 1e9))
        .collect();
    let placed = areas.iter().map(|area| area / whole).collect();
    assert!(uniform_distance(placed) < 1.95, "{curve:?}: places");
    let gaps = std::iter::once(&0.0)
        .chain(&areas)
        .zip(&areas)
        .map(|(a, b)| b - a);
    let gaps = gaps.map(|gap| 1.0 - (-gap.max(0.0)).exp()).collect();
    assert!(uniform_distance(gaps) < 1.95, "{curve:?}: gaps");
    // Counts in windows of equal area vary as much as they should.
    let windows = 200;
    let each = whole / f64::from(windows);
    let count = |window: u32| {
        let until = |area: f64| areas.partition_point(|&a| a < area);
        (until(f64::from(window + 1) * each) - until(f64::from(window) * each)) as f64
    };
    let dispersion: f64 = (0..windows).map(|w| (count(w) - each).powi(2) / each).sum();
    let degrees = f64::from(windows);
    let sigma = (2.0 * degrees).sqrt();
    assert!(
        (dispersion - degrees).abs() < 4.0 * sigma,
        "{curve:?}: dispersion {dispersion}"
    );
}

#[test]
fn poisson_arrivals_under_a_curve_are_a_poisson_process_in_its_area() {
    check_poisson(&sine(200.0, 180.0, 20.0, 15.0), 100);
    check_poisson(
        &Curve::Lines(vec![line(0.0, 400.0, 50_000), line(100.0, 100.0, 50_000)]),
        100,
    );
    let spike = vec![
        line(50.0, 50.0, 40_000),
        line(2000.0, 2000.0, 5000),
        line(50.0, 50.0, 55_000),
    ];
    check_poisson(&Curve::Lines(spike), 100);
}

#[test]
fn the_same_seed_gives_the_same_arrivals() {
    let arrivals = || schedule(&[(PhaseKind::Measured, 20, poisson(sine(50.0, 30.0, 7.0, 1.0)))]);
    assert!(arrivals().arrivals().eq(arrivals().arrivals()));
}

#[test]
fn the_highest_rate_of_a_wave_is_that_of_the_part_which_is_run() {
    let max = |seconds, offset| {
        let wave = even(sine(10.0, 10.0, 8.0, offset));
        wave.rate_max(Duration::from_secs(seconds))
            .unwrap()
            .as_per_second()
    };
    assert!((max(8, 0.0) - 20.0).abs() < 1e-9);
    assert!((max(2, 0.0) - 20.0).abs() < 1e-9);
    assert!((max(1, 0.0) - (10.0 + 50_f64.sqrt())).abs() < 1e-9);
    assert!((max(4, 4.0) - 10.0).abs() < 1e-9, "the trough");
    assert!((max(6, 6.0) - 20.0).abs() < 1e-9, "the next crest");
    let mean = even(sine(10.0, 10.0, 8.0, 4.0))
        .rate_mean(Duration::from_secs(4))
        .unwrap();
    let trough = 10.0 - 20.0 / std::f64::consts::PI;
    assert!((mean.as_per_second() - trough).abs() < 1e-9, "{mean:?}");
}
