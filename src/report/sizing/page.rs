//! The recommendation as one HTML page: no network, no script.

use std::fmt::Write as _;

use super::{curve, dollars, headline, obstacle_sentence, verify};
use crate::{
    analysis::sizing::Sizing,
    price::{PriceTable, UnknownPrice},
    report::{
        chart::escaped,
        format::{length, percent},
        html::{self, markup::figure_markup},
    },
    units::Direction,
};

/// The whole page.
///
/// # Errors
/// When `prices` lacks one that the charts need.
pub fn render(sizing: &Sizing, prices: &PriceTable) -> Result<String, UnknownPrice> {
    let mut charts = String::new();
    for (number, slot) in sizing.slots.iter().enumerate() {
        for direction in Direction::ALL {
            let figure = curve::curve(sizing, slot, number, direction, prices)?;
            charts.extend(figure.as_ref().map(figure_markup));
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
    let said = super::notes(sizing);
    let said: Vec<String> = (said.iter())
        .map(|note| format!("<li>{}</li>\n", escaped(note)))
        .collect();
    let body = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"answer\">{}</p>\n{obstacles}</header>\n\
         <section>\n<h2>How much is enough?</h2>\n<p>Throttled requests against \
         provisioned units, over {} seeds. Burst credit is that of the scenario's model, and \
         helps for a run of {} and no longer.</p>\n{charts}</section>\n\
         {}<section>\n<h2>What does it cost?</h2>\n{}</section>\n\
         <section>\n<h2>Method</h2>\n<ul>\n{}</ul>\n<p>Scenario {}, seed {}.</p>\n</section>\n",
        escaped(&sizing.scenario),
        html::with_names(&headline(sizing)),
        sizing.seeds,
        length(sizing.seconds),
        verified(sizing),
        offers(sizing),
        said.concat(),
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
                "<tr><td>{} {}</td><td>{class}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                if offer.meets_target { "✓" } else { "✗" },
                offer.mode.name(),
                dollars(offer.usd_month),
                dollars(offer.storage_usd_month),
                dollars(offer.usd_per_million),
                percent(offer.throttled.share),
            )
        })
        .collect();
    let rows = rows.concat();
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>way</th><th>class</th><th>$ per month</th>\
         <th>of these, storage</th><th>$ per million requests</th><th>throttled</th></tr></thead><tbody>{rows}</tbody>\
         </table></div>\n"
    )
}
