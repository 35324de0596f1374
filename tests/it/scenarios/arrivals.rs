//! Arrivals and mixes of phases: what is refused, and what reads as what.

use std::{collections::BTreeMap, fmt::Write as _};

use dynamometer::{
    scenario::{ArrivalSpec, Curve, Line, diagnostic::Diagnostics, parse::parse_with},
    units::Rate,
};

use super::{ORDERS, check, parsed};

const CONSTANT: &str = r#"arrivals = { kind = "constant", rate = "100/s" }"#;

/// What is told about [`ORDERS`] with these arrivals.
fn refused(mistakes: &[(&str, &str)]) -> String {
    let mistakes: Vec<_> = mistakes
        .iter()
        .map(|(mistake, to)| (*mistake, CONSTANT, *to))
        .collect();
    check(&mistakes)
}

#[test]
#[rustfmt::skip]
fn arrivals_that_make_no_sense_are_refused() {
    let told = refused(&[
        ("no steps", r#"arrivals = { kind = "steps", steps = [] }"#),
        ("neither steps nor stairs", r#"arrivals = { kind = "steps" }"#),
        ("steps and stairs", r#"arrivals = { kind = "steps", steps = [{ rate = "1/s" }], stairs = { from = "1/s", to = "2/s", count = 2 } }"#),
        ("steps of 0/s", r#"arrivals = { kind = "steps", steps = [{ rate = "0/s" }, { rate = "0/s" }] }"#),
        ("steps shorter than the phase", r#"arrivals = { kind = "steps", steps = [{ rate = "1/s", lasts = "10s" }, { rate = "2/s", lasts = "20s" }] }"#),
        ("one step without its length", r#"arrivals = { kind = "steps", steps = [{ rate = "1/s", lasts = "10s" }, { rate = "2/s" }] }"#),
        ("a single stair", r#"arrivals = { kind = "steps", stairs = { from = "1/s", to = "2/s", count = 1 } }"#),
        ("1e18 per second", r#"arrivals = { kind = "steps", steps = [{ rate = "1000000000000000000/s" }] }"#),
        ("a rate that is no number", r#"arrivals = { kind = "constant", rate = nan }"#),
        ("a rate that is infinite", r#"arrivals = { kind = "sine", mean = inf, amplitude = "1/s", period = "1s" }"#),
        ("a negative rate", r#"arrivals = { kind = "spike", base = "-1/s", peak = "2/s", at = "1s", lasts = "2s" }"#),
        ("a rate without a unit", r#"arrivals = { kind = "spike", base = 10, peak = "2/s", at = "1s", lasts = "2s" }"#),
        ("capacity without its time", r#"arrivals = { kind = "constant", rate = "500 RCU" }"#),
        ("two units of rate", r#"arrivals = { kind = "ramp", from = "10/s", to = "20 RCU/s" }"#),
        ("too many units", r#"arrivals = { kind = "constant", rate = "1000000000000000000 WCU/s" }"#),
        ("units that the mix does not take", "arrivals = { kind = \"constant\", rate = \"20 WCU/s\" }\nmix = { open = \"100 %\" }"),
        ("a spike after its phase", r#"arrivals = { kind = "spike", base = "1/s", peak = "2/s", at = "55s", lasts = "10s" }"#),
        ("edges longer than the spike", r#"arrivals = { kind = "spike", base = "1/s", peak = "2/s", at = "5s", lasts = "10s", edge = "6s" }"#),
        ("a spike of 0/s", r#"arrivals = { kind = "spike", base = "0/s", peak = "0/s", at = "5s", lasts = "10s" }"#),
        ("a wave below zero", r#"arrivals = { kind = "sine", mean = "10/s", amplitude = "11/s", period = "20s" }"#),
        ("a wave around zero", r#"arrivals = { kind = "sine", mean = "0/s", amplitude = "0/s", period = "20s" }"#),
        ("a wave without length", r#"arrivals = { kind = "sine", mean = "10/s", amplitude = "1/s", period = "0s" }"#),
        ("an offset beyond the wave", r#"arrivals = { kind = "sine", mean = "10/s", amplitude = "1/s", period = "20s", offset = "20s" }"#),
        ("an unknown spacing", r#"arrivals = { kind = "ramp", from = "1/s", to = "2/s", spacing = "random" }"#),
        ("spacing of a constant rate", r#"arrivals = { kind = "constant", rate = "1/s", spacing = "poisson" }"#),
        ("no clients", r#"arrivals = { kind = "closed", clients = 0 }"#),
        ("a rate of clients", r#"arrivals = { kind = "closed", clients = 4, rate = "1/s" }"#),
        ("a think time without a unit", r#"arrivals = { kind = "closed", clients = 4, think_time = 5 }"#),
        ("think times the wrong way round", r#"arrivals = { kind = "closed", clients = 4, think_time = { kind = "uniform", min = "2s", max = "1s" } }"#),
        ("an unknown kind", r#"arrivals = { kind = "sinus", mean = "10/s" }"#),
    ]);
    insta::assert_snapshot!("arrivals_refused", told);
}

#[test]
#[rustfmt::skip]
fn mixes_of_phases_that_make_no_sense_are_refused() {
    let mix = |mix: &str| format!("{CONSTANT}\nmix = {mix}");
    let told: Vec<_> = [
        ("an operation that there is not", r#"{ open = "50 %", updat = "50 %" }"#),
        ("not 100 %", r#"{ open = "50 %", update = "40 %" }"#),
        ("more than 100 %", r#"{ open = "90 %", update = "40 %" }"#),
        ("nothing", "{}"),
        ("no shares", "{ open = 0.5, update = 0.5 }"),
        ("a share beyond the whole", r#"{ open = "150 %" }"#),
        ("no table", r#""open""#),
    ].map(|(mistake, to)| refused(&[(mistake, &mix(to))])).into();
    insta::assert_snapshot!("mixes_refused", told.concat());
}

#[test]
fn steps_stairs_and_spikes_are_lines() {
    let lines = |arrivals: &str| {
        let scenario = parsed(&ORDERS.replacen(CONSTANT, arrivals, 1));
        match scenario.phases[1].arrivals.clone() {
            ArrivalSpec::Curve {
                curve: Curve::Lines(lines),
                ..
            } => lines
                .iter()
                .map(|Line { from, to, duration }| {
                    let rates = [from, to].map(|rate| rate.as_per_second());
                    (rates[0], rates[1], duration.as_secs_f64())
                })
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        lines(
            r#"arrivals = { kind = "steps", stairs = { from = "10/s", to = "30/s", count = 3 } }"#
        ),
        [(10.0, 10.0, 20.0), (20.0, 20.0, 20.0), (30.0, 30.0, 20.0)]
    );
    let steps = r#"steps = [{ rate = "5/s", lasts = "10s" }, { rate = "0/s", lasts = "50s" }]"#;
    assert_eq!(
        lines(&format!("arrivals = {{ kind = \"steps\", {steps} }}")),
        [(5.0, 5.0, 10.0), (0.0, 0.0, 50.0)]
    );
    let spike = r#"base = "5/s", peak = "50/s", at = "10s", lasts = "20s", edge = "5s""#;
    assert_eq!(
        lines(&format!("arrivals = {{ kind = \"spike\", {spike} }}")),
        [
            (5.0, 5.0, 10.0),
            (5.0, 50.0, 5.0),
            (50.0, 50.0, 10.0),
            (50.0, 5.0, 5.0),
            (5.0, 5.0, 30.0)
        ]
    );
}

#[test]
fn capacity_units_become_requests_by_the_mix_of_the_phase() {
    // Eventual reads of items below 4 KiB take half a unit.
    let units = "arrivals = { kind = \"constant\", rate = \"20 RCU/s\" }\nmix = { open = \"40 %\", update = \"60 %\" }";
    let scenario = parsed(&ORDERS.replacen(CONSTANT, units, 1));
    let phase = &scenario.phases[1];
    let rate = Rate::per_second(100.0).unwrap();
    assert_eq!(phase.arrivals, ArrivalSpec::Constant { rate });
    assert_eq!(phase.assumed.map(|assumed| assumed.per_request), Some(0.2));
}

/// Rates at both ends of a line, and its seconds.
type Seen = (f64, f64, f64);

/// The lines of a trace, and what is warned of.
fn trace(csv: &[u8], keys: &str) -> Result<(Vec<Seen>, String), String> {
    let arrivals = format!("arrivals = {{ kind = \"trace\", file = \"day.csv\"{keys} }}");
    let source = ORDERS.replacen(CONSTANT, &arrivals, 1);
    let files = BTreeMap::from([("day.csv".to_owned(), csv.to_vec())]);
    let parsed =
        parse_with(&source, "orders.toml", &files).map_err(|problems| problems.to_string())?;
    let warnings = Diagnostics::new(&source, "orders.toml", parsed.warnings).to_string();
    let ArrivalSpec::Curve {
        curve: Curve::Lines(lines),
        ..
    } = &parsed.scenario.phases[1].arrivals
    else {
        panic!("a trace is lines");
    };
    let seen = |line: &Line| {
        let (from, to) = (line.from.as_per_second(), line.to.as_per_second());
        (from, to, line.duration.as_secs_f64())
    };
    Ok((lines.iter().map(seen).collect(), warnings))
}

#[test]
fn a_trace_is_cut_to_its_phase_scaled_and_sped_up() {
    let csv = b"time,note,rate\n100,a,10\n130,b,20\n190,c,80\n";
    let read = |keys| trace(csv, keys).unwrap();
    let (linear, warnings) = read("");
    assert_eq!(linear, [(10.0, 20.0, 30.0), (20.0, 50.0, 30.0)]);
    assert_eq!(warnings, "");
    let (step, _) = read(", interpolation = \"step\"");
    assert_eq!(step, [(10.0, 10.0, 30.0), (20.0, 20.0, 30.0)]);
    let (fast, warnings) = read(", speed = 3, scale = 0.5");
    assert_eq!(
        fast,
        [(5.0, 10.0, 10.0), (10.0, 40.0, 20.0), (40.0, 40.0, 30.0)]
    );
    insta::assert_snapshot!("trace_that_ends_early", warnings);
}

#[test]
#[rustfmt::skip]
fn traces_that_make_no_sense_are_refused_with_their_line() {
    let mut out = String::new();
    for (mistake, csv, keys) in [
        ("no such file", &b""[..], ", scale = 1"),
        ("no column of rates", b"time,requests\n1,2\n3,4\n", ""),
        ("no column of that name", b"time,rate\n1,2\n3,4\n", ", time_column = \"t\""),
        ("times out of order", b"time,rate\n1,2\n3,4\n2,5\n", ""),
        ("a time twice", b"time,rate\n1,2\n1,4\n", ""),
        ("a negative rate", b"time,rate\n1,2\n3,-4\n", ""),
        ("no numbers", b"time,rate\n1,NaN\n2,inf\n3,many\n4\n5,\n6,x\n", ""),
        ("no rows", b"time,rate\n", ""),
        ("one row", b"time,rate\n1,2\n", ""),
        ("binary", b"time,rate\n1,\0\xff\n3,4\n", ""),
        ("no UTF-8", b"time,rate\n1,2\n3,\xff\n", ""),
        ("an absurd rate", b"time,rate\n1,2\n3,1e9\n", ", scale = 2"),
        ("0/s all along", b"time,rate\n0,0\n60,0\n", ""),
        ("no speed", b"time,rate\n0,1\n60,2\n", ", speed = 0"),
    ] {
        let told = trace(csv, keys).expect_err(mistake);
        writeln!(out, "# {mistake}\n{told}").unwrap();
    }
    insta::assert_snapshot!("traces_refused", out);
}
