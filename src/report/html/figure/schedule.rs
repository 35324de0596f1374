//! "Did the generator keep its schedule?": whether the numbers may be believed.

use std::time::Duration;

use super::{
    Axis, Chart, Figure, Ink, Keep, MAX_POINTS, MAX_ROWS, Mark, Sample, Texture, Timeline,
    duration, key, largest, line, panel, plain, time_attributes, time_axis, time_table,
};

/// The columns of the page's data.
pub const COLUMNS: [&str; 6] = [
    "offered/s",
    "sent/s",
    "completed/s",
    "throttled/s",
    "failed, timed out, dropped/s",
    "dispatch delay p99 ms",
];

/// Offered, sent and completed requests, and dispatch delay.
#[must_use]
pub fn schedule(timeline: &Timeline, allowed: Duration) -> Figure {
    let (x, x_heading) = time_axis(timeline);
    let rates = [&timeline.offered, &timeline.sent, &timeline.completed];
    let top = largest(rates.into_iter().flatten());
    let requests = vec![
        line(&timeline.sent, MAX_POINTS, Ink::Muted, Texture::Solid, 12),
        line(&timeline.offered, MAX_POINTS, Ink::Text, Texture::Dashed, 6),
        line(
            &timeline.completed,
            MAX_POINTS,
            Ink::Good,
            Texture::Solid,
            7,
        ),
    ];
    let allowance = allowed.as_secs_f64() * 1e3;
    let worst = largest(&timeline.dispatch_delay_p99);
    let delay = vec![
        line(
            &timeline.dispatch_delay_p99,
            MAX_POINTS,
            Ink::Text,
            Texture::Solid,
            6,
        ),
        Mark::Limit {
            y: allowance,
            label: format!("allowance for the whole run: p99 ≤ {}", duration(allowance)),
            ink: Ink::Text,
        },
    ];
    let columns: Vec<(String, &[f64], Keep)> = vec![
        ("offered per s".to_owned(), &timeline.offered, Keep::Highest),
        ("sent per s".to_owned(), &timeline.sent, Keep::Highest),
        (
            "completed per s".to_owned(),
            &timeline.completed,
            Keep::Highest,
        ),
        (
            "throttled per s".to_owned(),
            &timeline.throttled,
            Keep::Highest,
        ),
        (
            "failed, timed out, dropped per s".to_owned(),
            &timeline.lost,
            Keep::Highest,
        ),
        (
            "dispatch delay p99, ms".to_owned(),
            &timeline.dispatch_delay_p99,
            Keep::Highest,
        ),
    ];
    let table = time_table(timeline, MAX_ROWS, &columns);
    Figure {
        reading: "If sent falls below offered, or dispatch delay rises above the allowance, the \
                  load generator itself was the bottleneck and the run is invalid."
            .to_owned(),
        legend: vec![
            key(Ink::Text, Sample::Line(Texture::Dashed), "offered (due)"),
            key(Ink::Muted, Sample::Line(Texture::Solid), "sent (wide)"),
            key(Ink::Good, Sample::Line(Texture::Solid), "completed"),
        ],
        chart: Chart {
            id: "schedule".to_owned(),
            title: "Offered, sent and completed requests per second, and dispatch delay".to_owned(),
            description: format!(
                "At most {} requests were due in a second and {} completed; the worst second's p99 \
                 of dispatch delay is {}, the allowance {}.",
                plain(largest(&timeline.offered)),
                plain(largest(&timeline.completed)),
                duration(worst),
                duration(allowance),
            ),
            x,
            x_heading,
            panels: vec![
                panel(
                    "requests per second",
                    120,
                    Axis::from_zero(top * 1.05, 4.0, plain),
                    requests,
                ),
                panel(
                    "dispatch delay p99 of each second, ms",
                    90,
                    Axis::from_zero(worst.max(allowance) * 1.3, 3.0, plain),
                    delay,
                ),
            ],
            right_margin: 110,
            attributes: time_attributes(timeline, &COLUMNS.map(str::to_owned)),
        },
        table,
    }
}
