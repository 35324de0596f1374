//! A percentile distribution (`.hgrm`): one line for each step towards the tail, as
//! `HdrHistogram`'s own tools print and plot it.
//!
//! Owns the format; must not know what is measured.

use std::fmt::Write as _;

use super::LatencyHistogram;

/// Steps in each half of what is left of the distribution.
const TICKS: u32 = 5;
/// Nanoseconds in a printed value.
const SCALE: f64 = 1e6;

/// The distribution in milliseconds; a line that begins with `#` says what it is of.
#[must_use]
pub fn write(what: &str, values: &LatencyHistogram) -> String {
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let Some(histogram) = values.canonical() else {
        let _ = writeln!(text, "#[no values]\n# {what}, milliseconds");
        return text;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds of an hour are below 2^53"
    )]
    let milliseconds = |nanos: u64| nanos as f64 / SCALE;
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS) {
        total += step.count_since_last_iteration();
        let value = milliseconds(step.value_iterated_to());
        let quantile = step.quantile_iterated_to();
        let _ = write!(text, "{value:>12.6} {quantile:>14.12} {total:>10}");
        let _ = match quantile {
            all if all >= 1.0 => writeln!(text),
            part => writeln!(text, " {:>14.2}", 1.0 / (1.0 - part)),
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:>12.6}, StdDeviation   = {:>12.6}]\n\
         #[Max     = {:>12.6}, Total count    = {:>12}]\n# {what}, milliseconds",
        histogram.mean() / SCALE,
        histogram.stdev() / SCALE,
        milliseconds(histogram.max()),
        histogram.len(),
    );
    text
}
