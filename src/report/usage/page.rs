//! What a table uses and should be given, as one HTML page: no network, no script.

use crate::{
    analysis::cloudwatch::{Metrics, sizing::UsageSizing},
    report::{
        chart::{Axis, Chart, Ink, Mark, Panel, Point, Texture, escaped},
        format::{count, number, percent},
        html::{
            self,
            figure::{DataTable, Figure, MAX_POINTS, MAX_ROWS, Sample, key},
            markup::figure_markup,
        },
        sizing::dollars,
    },
    units::{Direction, float},
};

/// The whole page. `metrics` are what `sizing` was made of, and `title` says of what they are.
#[must_use]
pub fn render(title: &str, sizing: &UsageSizing, metrics: &Metrics) -> String {
    let figures = Direction::ALL
        .into_iter()
        // Of what is not in the file there is nothing but zeros.
        .filter(|direction| {
            metrics.consumed[*direction]
                .iter()
                .any(|units| *units > 0.0)
        })
        .map(|direction| figure_markup(&figure(sizing, metrics, direction)));
    let figures: String = figures.collect();
    let warnings = sizing.warnings.iter();
    let warnings: Vec<_> = warnings
        .map(|warning| format!("<li>{}</li>\n", escaped(warning)))
        .collect();
    let body = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"answer\">{}</p>\n</header>\n\
         <section>\n<h2>What is used, and what is enough?</h2>\n{figures}</section>\n\
         <section>\n<h2>What does it cost?</h2>\n{}</section>\n\
         <section>\n<h2>Method</h2>\n<p>{}</p>\n<ul>\n{}</ul>\n</section>\n",
        escaped(title),
        escaped(&super::headline(sizing)),
        costs(sizing),
        escaped(&super::method(sizing)),
        warnings.concat(),
    );
    html::plain("Sizing", title, &body)
}

/// Consumed units of neighbouring periods.
struct Column {
    /// Seconds since the first period.
    from: f64,
    mean: f64,
    busiest: f64,
}

fn columns(series: &[f64], period: f64, most: usize) -> Vec<Column> {
    let together = series.len().div_ceil(most).max(1);
    let columns = series.chunks(together).enumerate();
    columns
        .map(|(number, periods)| Column {
            from: float((number * together) as u64) * period,
            mean: periods.iter().sum::<f64>() / float(periods.len() as u64),
            busiest: periods.iter().copied().fold(0.0, f64::max),
        })
        .collect()
}

fn figure(sizing: &UsageSizing, metrics: &Metrics, direction: Direction) -> Figure {
    let usage = sizing.usage[direction];
    let unit = direction.unit();
    let series = &metrics.consumed[direction];
    let period = float(metrics.period.unsigned_abs());
    let end = float(series.len() as u64) * period;
    let drawn = columns(series, period, MAX_POINTS);
    let (ink, recommended) = (ink(direction), float(usage.recommended));
    let line = |of: fn(&Column) -> f64, texture, ink| {
        let steps = drawn.iter().enumerate().flat_map(|(number, column)| {
            let until = drawn.get(number + 1).map_or(end, |next| next.from);
            [(column.from, of(column)), (until, of(column))]
        });
        Mark::Line {
            segments: vec![steps.collect::<Vec<Point>>()],
            ink,
            texture,
            width: 5,
        }
    };
    let limit = |y, label: String, ink| Mark::Limit { y, label, ink };
    let mut marks = vec![
        line(|column| column.busiest, Texture::Solid, ink),
        limit(
            recommended,
            format!("recommended {}", count(usage.recommended)),
            Ink::Good,
        ),
    ];
    let mut legend = vec![key(
        ink,
        Sample::Line(Texture::Solid),
        format!("consumed {unit} per second, mean of the busiest period"),
    )];
    if drawn.len() < series.len() {
        marks.push(line(|column| column.mean, Texture::Dotted, Ink::Muted));
        let words = "mean of all periods drawn together";
        legend.push(key(Ink::Muted, Sample::Line(Texture::Dotted), words));
    }
    if let Some(today) = usage.provisioned {
        marks.push(limit(today, format!("today {}", number(today)), Ink::Text));
    }
    let today = usage.provisioned.unwrap_or(0.0);
    let highest = usage.busiest.max(recommended).max(today);
    let used = usage.provisioned.filter(|units| *units > 0.0);
    let used = used.map_or_else(String::new, |units| {
        format!("; {} of what is provisioned", percent(usage.mean / units))
    });
    Figure {
        reading: format!(
            "{} {unit} on average{used}, {} in the busiest period: {} are recommended.",
            number(usage.mean),
            number(usage.busiest),
            count(usage.recommended),
        ),
        legend,
        chart: Chart {
            id: format!("usage-{}", unit.to_lowercase()),
            title: format!("Consumed {unit} against what is provisioned and recommended"),
            description: format!("{} {unit} are recommended.", count(usage.recommended)),
            x: Axis::time(end),
            x_heading: "time since the first point".to_owned(),
            panels: vec![Panel {
                heading: format!("{unit}, per second"),
                height: 220,
                y: Axis::from_zero(highest * 1.05, 5.0, number),
                marks,
                note: None,
            }],
            right_margin: 40,
            attributes: Vec::new(),
        },
        table: table(&columns(series, period, MAX_ROWS), unit),
    }
}

const fn ink(direction: Direction) -> Ink {
    match direction {
        Direction::Read => Ink::Read,
        Direction::Write => Ink::Write,
    }
}

fn table(columns: &[Column], unit: &str) -> DataTable {
    let row = |column: &Column| {
        let hours = number(column.from / 3600.0);
        vec![hours, number(column.mean), number(column.busiest)]
    };
    DataTable {
        caption: "Consumed units per second.".to_owned(),
        columns: vec![
            "hours since the first point".to_owned(),
            format!("{unit}, mean"),
            format!("{unit}, busiest period"),
        ],
        rows: columns.iter().map(row).collect(),
    }
}

fn costs(sizing: &UsageSizing) -> String {
    let row = |(name, usd): (&str, Option<f64>)| {
        let usd = usd.map_or_else(|| "unknown".to_owned(), dollars);
        format!("<tr><td>{name}</td><td>{usd}</td></tr>")
    };
    let rows: String = super::ways(sizing).into_iter().map(row).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>way</th><th>$ per month, without storage</th>\
         </tr></thead><tbody>{rows}</tbody></table></div>\n"
    )
}
