//! How often the nightly verdict is wrong, and how soon it is right.
//!
//! `cargo bench --bench verdict` replays 100 series of each kind, `-- full` 1,000, over 60
//! nights each, and `--count N` as many; `--kinds WORDS` only those kinds whose name has these words.
//! `--tune` takes the seeds that the thresholds were chosen on; without it, seeds
//! that they have never seen. `--export DIR` writes each kind as the `history.csv` of this
//! crate, with a `truth.csv` beside it, and in `ours.csv` what our rule makes of them: `benches/beside_otava.py` judges the same series by them.
//!
//! Every number is judged as it comes, without a rerun: as if whatever disturbs a night were
//! still there when the night is measured again, which is the worst case.

#[path = "verdict/series.rs"]
mod series;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use dynamometer::{
    analysis::trend::{
        Filter, History, Host, Metric, MetricUnit, NightRecord, Trend,
        rule::{Effects, Finding, Series, WINDOW_NIGHTS},
    },
    report::trend::csv,
    seed::Seed,
};
use series::{KINDS, Kind, NIGHTS, Sample};

/// Seeds that the thresholds were chosen on.
const TUNED_ON: Seed = Seed(1);
/// Seeds that the results are reported on.
const REPORTED_ON: Seed = Seed(2026);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    let value_of = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        let value = arguments.get(at + 1);
        Some(
            value
                .unwrap_or_else(|| panic!("{name} needs a value"))
                .as_str(),
        )
    };
    let count = match value_of("--count") {
        Some(count) => count.parse().expect("--count needs a number"),
        None if given("full") => 1_000,
        None => 100,
    };
    let words = value_of("--kinds").unwrap_or_default();
    let kinds: Vec<&Kind> = (KINDS.iter())
        .filter(|kind| kind.name.contains(words))
        .collect();
    assert!(!kinds.is_empty(), "no kind has {words:?} in its name");
    let seed = if given("--tune") {
        TUNED_ON
    } else {
        REPORTED_ON
    };
    if let Some(folder) = value_of("--export") {
        export_all(Path::new(folder), &kinds, seed, count);
        return;
    }
    println!("{count} series of {NIGHTS} nights each, seed {seed}; 95 % Wilson intervals");
    println!(
        "{:<26}{:>26}   found within 1, 3, 7, 14 nights; median; error of location",
        "kind", "false per 100 nights"
    );
    for kind in kinds {
        let samples: Vec<Sample> = (0..count).map(|number| kind.sample(seed, number)).collect();
        println!("{:<26}{}", kind.name, Score::of(kind, &samples).line());
    }
}

/// What the rule made of all series of a kind.
#[derive(Default)]
struct Score {
    nights: u64,
    false_alerts: u64,
    /// Nights from the change to the alert, from 1; one for each series, `None` if never.
    delays: Vec<Option<usize>>,
    /// Nights between the change and the one that was named.
    errors: Vec<usize>,
}

impl Score {
    fn of(kind: &Kind, samples: &[Sample]) -> Self {
        let mut score = Self::default();
        for sample in samples {
            score.add(kind, sample);
        }
        score
    }

    fn add(&mut self, kind: &Kind, sample: &Sample) {
        let mut series = Series::new(Effects::RELATIVE);
        let mut delay = None;
        for (night, value) in sample.values.iter().enumerate() {
            self.nights += 1;
            let Finding::Worse(change) = series.push(value.ln()) else {
                continue;
            };
            if !kind.changes || night < sample.changed {
                self.false_alerts += 1;
            } else if delay.is_none() {
                delay = Some(night - sample.changed + 1);
                self.errors.push(change.since.abs_diff(sample.changed));
            }
        }
        if kind.changes {
            self.delays.push(delay);
        }
    }

    /// Nights until most of the changes were found; `None` where they never were, or there were
    /// none.
    fn median_delay(&self) -> Option<usize> {
        let never = |delay: &Option<usize>| delay.unwrap_or(usize::MAX);
        let mut delays: Vec<usize> = self.delays.iter().map(never).collect();
        delays.sort_unstable();
        let middle = delays.len().saturating_sub(1) / 2;
        delays
            .get(middle)
            .copied()
            .filter(|nights| *nights < usize::MAX)
    }

    /// Changes that were found within so many nights.
    fn found_within(&self, nights: usize) -> usize {
        let delays = self.delays.iter().flatten();
        delays.filter(|delay| **delay <= nights).count()
    }

    fn line(&mut self) -> String {
        let rate = 100.0 * share(self.false_alerts, self.nights);
        let (low, high) = wilson(self.false_alerts, self.nights);
        let alerts = format!("{rate:.3} ({:.3}–{:.3})", low * 100.0, high * 100.0);
        if self.delays.is_empty() {
            return format!("{alerts:>26}");
        }
        let all = self.delays.len() as u64;
        let within = |nights: usize| {
            let found = self.found_within(nights);
            let (low, high) = wilson(found as u64, all);
            let part = share(found as u64, all) * 100.0;
            format!("{part:>5.1} % ({:.0}–{:.0})", low * 100.0, high * 100.0)
        };
        let found = [1, 3, 7, WINDOW_NIGHTS].map(within).join("  ");
        let median = self.median_delay().map(|nights| nights.to_string());
        let median = median.unwrap_or_else(|| "never".to_owned());
        self.errors.sort_unstable();
        let error = |part: usize| self.errors.get(self.errors.len() * part / 100).copied();
        let (half, most) = (error(50).unwrap_or(0), error(90).unwrap_or(0));
        format!("{alerts:>26}   {found}   {median}   median {half}, 90 % within {most}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

/// 95 % interval of a share.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn wilson(part: u64, all: u64) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let (n, p) = (all.max(1) as f64, share(part, all));
    let centre = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    (
        ((centre - reach) / whole).max(0.0),
        (centre + reach) / whole,
    )
}

/// Each kind as a history of one scenario with a metric for each series.
fn export_all(folder: &Path, kinds: &[&Kind], seed: Seed, count: u64) {
    let mut truth = "kind,changes,metric,changed\n".to_owned();
    let mut ours = "kind,false alerts,median delay,found in time\n".to_owned();
    for kind in kinds {
        let place = folder.join(kind.name.replace([' ', '%', ','], "_"));
        fs::create_dir_all(&place).expect("the folder can be made");
        let samples: Vec<Sample> = (0..count).map(|number| kind.sample(seed, number)).collect();
        let shown = place.file_name().unwrap_or_default().to_string_lossy();
        let score = Score::of(kind, &samples);
        let median = score.median_delay().map(|nights| nights.to_string());
        let _ = writeln!(
            ours,
            "{shown},{},{},{}",
            score.false_alerts,
            median.unwrap_or_default(),
            score.found_within(WINDOW_NIGHTS)
        );
        for (number, sample) in samples.iter().enumerate() {
            let column = format!("{}: {} (ns)", kind.name, metric_name(number));
            let (right, night) = (kind.changes, sample.changed);
            let _ = writeln!(truth, "{shown},{right},{column},{night}");
        }
        let history = History {
            nights: nights(kind, &samples),
            ..History::default()
        };
        let trend = Trend::of(&history, &Filter::default());
        fs::write(place.join("history.csv"), csv::render(&trend)).expect("it can be written");
    }
    fs::write(folder.join("truth.csv"), truth).expect("it can be written");
    fs::write(folder.join("ours.csv"), ours).expect("it can be written");
}

fn metric_name(number: usize) -> String {
    format!("s{number:04}.response_time_p50")
}

fn nights(kind: &Kind, samples: &[Sample]) -> Vec<NightRecord> {
    let night = |index: usize| {
        let metric = |(number, sample): (usize, &Sample)| {
            let metric = Metric {
                unit: MetricUnit::Nanoseconds,
                exact: false,
                values: vec![sample.values[index] * 4e6],
                rerun: Vec::new(),
                merged: None,
            };
            (metric_name(number), metric)
        };
        let metrics: BTreeMap<String, Metric> = samples.iter().enumerate().map(metric).collect();
        NightRecord {
            night: format!("night-{index:02}"),
            part: 1,
            of: 1,
            at: format!("2026-{:02}-{:02}T05:00:00Z", 1 + index / 28, 1 + index % 28),
            scenario: kind.name.to_owned(),
            fingerprint: String::new(),
            tool_version: String::new(),
            commit: Some(format!("{index:07}")),
            branch: None,
            target: "emulator".to_owned(),
            host: Host {
                cores: 2,
                cpu: "none".to_owned(),
                kernel: "none".to_owned(),
            },
            runs: 1,
            invalid: Vec::new(),
            missed: Vec::new(),
            exact_tolerance: 0.0,
            metrics,
        }
    };
    (0..NIGHTS).map(night).collect()
}
