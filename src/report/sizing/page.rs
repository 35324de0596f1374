//! The recommendation as one HTML page: no network, no script.

use std::fmt::Write as _;

use super::{dollars, headline, obstacle_sentence, verify};
use crate::{
    analysis::sizing::{CurvePoint, SizedSlot, Sizing, bill::Mode},
    price::{PriceTable, Unit, UnknownPrice},
    report::{
        chart::{Axis, Chart, Ink, Mark, Panel, Shape, Texture, escaped},
        format::{count, number, percent},
        html,
    },
    units::{Direction, float},
};

/// Throttled shares below this are drawn as nothing.
const NOTHING: f64 = 1e-5;

/// The whole page.
///
/// # Errors
/// When `prices` lacks one that the charts need.
pub fn render(sizing: &Sizing, prices: &PriceTable) -> Result<String, UnknownPrice> {
    let mut charts = String::new();
    for (number, slot) in sizing.slots.iter().enumerate() {
        for direction in Direction::ALL {
            if !slot.curves[direction].is_empty() {
                let chart = chart(sizing, slot, number, direction, prices)?;
                let _ = writeln!(
                    charts,
                    "<figure><div class=\"scroll\" tabindex=\"0\">{}</div></figure>",
                    chart.to_svg()
                );
            }
        }
    }
    let mut obstacles = String::new();
    for obstacle in &sizing.obstacles {
        let _ = writeln!(
            obstacles,
            "<p>{}</p>",
            escaped(&obstacle_sentence(obstacle))
        );
    }
    let body = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"answer\">{}</p>\n{obstacles}</header>\n\
         <section>\n<h2>How much is enough?</h2>\n<p class=\"reading\">Throttled requests \
         against provisioned units; below each number of units its dollars per month. Solid: \
         median over {} seeds without burst credit, dotted its 10–90 % range; dashed: with the \
         burst credit of the scenario's model, for {} s and no longer.</p>\n{charts}</section>\n\
         {}<section>\n<h2>What does it cost?</h2>\n{}</section>\n\
         <section>\n<h2>Method</h2>\n<p>Prices: {}, {}. Estimates: {}.</p>\n<p>Scenario {}, \
         seed {}.</p>\n</section>\n",
        escaped(&sizing.scenario),
        html::with_names(&headline(sizing)),
        sizing.seeds,
        number(sizing.seconds),
        verified(sizing),
        offers(sizing),
        escaped(&sizing.prices.region),
        escaped(&sizing.prices.date),
        escaped(&sizing.prices.estimates.join("; ")),
        escaped(&sizing.fingerprint),
        sizing.seed,
    );
    Ok(html::plain("Sizing", &sizing.scenario, &body))
}

fn verified(sizing: &Sizing) -> String {
    let Some(verification) = &sizing.verification else {
        return String::new();
    };
    let mut rows = String::new();
    for row in verify::rows(verification) {
        let mark = match row.met {
            Some(true) => "✓ ",
            Some(false) => "✗ ",
            None => "",
        };
        let _ = write!(
            rows,
            "<tr><td>{mark}{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&row.what),
            row.target,
            row.predicted,
            row.measured
        );
    }
    format!(
        "<section>\n<h2>Does it hold with real requests?</h2>\n<p class=\"reading\">{}</p>\n\
         <div class=\"scroll\"><table><thead><tr><th>what</th><th>target</th><th>predicted</th>\
         <th>measured</th></tr></thead><tbody>{rows}</tbody></table></div>\n<p>{}</p>\n\
         </section>\n",
        escaped(&verify::headline(sizing, verification)),
        escaped(&verify::below(verification)),
    )
}

fn offers(sizing: &Sizing) -> String {
    let rows: Vec<String> = sizing
        .offers
        .iter()
        .map(|offer| {
            let class = if offer.infrequent_access {
                "Standard-IA"
            } else {
                "Standard"
            };
            format!(
                "<tr><td>{} {}</td><td>{class}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                if offer.meets_target { "✓" } else { "✗" },
                offer.mode.name(),
                dollars(offer.usd_month),
                dollars(offer.usd_per_million),
                percent(offer.throttled.share),
            )
        })
        .collect();
    let rows = rows.concat();
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>way</th><th>class</th><th>$ per month</th>\
         <th>$ per million requests</th><th>throttled</th></tr></thead><tbody>{rows}</tbody>\
         </table></div>\n"
    )
}

fn chart(
    sizing: &Sizing,
    slot: &SizedSlot,
    slot_number: usize,
    direction: Direction,
    prices: &PriceTable,
) -> Result<Chart, UnknownPrice> {
    let unit = direction.unit();
    let curve = &slot.curves[direction];
    let region = &sizing.prices.region;
    let month = sizing.prices.hours_per_month;
    let monthly = prices.provisioned(region, Unit::of(direction), 1.0, month)?;
    let largest = curve.last().map_or(1.0, |point| float(point.units));
    let same_as_on_demand = slot.demand[direction].mean / sizing.break_even[direction];
    let mut x = Axis::from_zero(largest, 6.0, number);
    for (at, label) in &mut x.ticks {
        *label = format!("{label} = ${}", number(*at * monthly));
    }
    let mut y = Axis::logarithmic(NOTHING, 1.0, percent);
    if let Some((_, label)) = y.ticks.first_mut() {
        "none".clone_into(label);
    }
    let line = |value: &dyn Fn(&CurvePoint) -> f64, texture, width| Mark::Line {
        segments: vec![
            curve
                .iter()
                .map(|point| (float(point.units), value(point).max(NOTHING)))
                .collect(),
        ],
        ink: if direction == Direction::Read {
            Ink::Read
        } else {
            Ink::Write
        },
        texture,
        width,
    };
    let mut marks = vec![
        line(&|point| point.without_burst[0], Texture::Dotted, 4),
        line(&|point| point.without_burst[2], Texture::Dotted, 4),
        line(&|point| point.with_burst[1], Texture::Dashed, 6),
        line(&|point| point.without_burst[1], Texture::Solid, 8),
        Mark::Limit {
            y: sizing.target.max(NOTHING),
            label: format!("target {}", percent(sizing.target)),
            ink: Ink::Throttle,
        },
    ];
    if same_as_on_demand <= x.end() {
        marks.insert(
            0,
            Mark::Spans {
                spans: vec![(same_as_on_demand, x.end())],
                ink: Ink::Muted,
            },
        );
    }
    let fit = slot.provision[direction];
    if let Some(fit) = fit {
        marks.push(Mark::Signs {
            points: vec![(float(fit.units), fit.throttled.upper.max(NOTHING))],
            ink: Ink::Good,
            shape: Shape::Diamond,
        });
    }
    let on_demand = sizing
        .offers
        .iter()
        .find(|offer| offer.mode == Mode::OnDemand && !offer.infrequent_access)
        .map_or(String::new(), |offer| {
            format!(" On-demand altogether: ${}.", dollars(offer.usd_month))
        });
    let recommended = fit.map_or_else(
        || "no capacity meets the target".to_owned(),
        |fit| format!("{} {unit} recommended (◆)", count(fit.units)),
    );
    Ok(Chart {
        id: format!("sizing-{slot_number}-{}", unit.to_lowercase()),
        title: format!("Throttled against provisioned {unit} of {}", slot.name),
        description: format!(
            "{recommended}; on-demand costs the same as {} {unit}, above which it is the \
             cheaper one.{on_demand}",
            number(same_as_on_demand)
        ),
        x,
        x_heading: format!(
            "{unit} provisioned = $ per month; {recommended}; on-demand is cheaper above {}",
            number(same_as_on_demand)
        ),
        panels: vec![Panel {
            heading: format!("{}: throttled part of the requests, {unit}", slot.name),
            height: 180,
            y,
            marks,
            note: None,
        }],
        right_margin: 40,
        attributes: Vec::new(),
    })
}
