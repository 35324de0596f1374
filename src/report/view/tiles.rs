//! The numbers to see first: eight at most, however many tables there are.

use super::{capacity::each_direction, optional};
use crate::{
    analysis::Summary,
    record::RunRecord,
    report::{AssertionRow, Mark, Tile, cost::CostView, direction_label, format, heat},
    scenario::Scenario,
    units::Direction,
};

pub(super) fn tiles(
    record: &RunRecord,
    scenario: &Scenario,
    summary: &Summary,
    assertions: &[AssertionRow],
) -> Vec<Tile> {
    let limited = Limited(assertions);
    let latency = summary.response_time;
    let mut tiles = vec![
        limited.tile(
            "completed rate",
            Tile {
                label: "completed".into(),
                value: format!("{}/s", format::number(summary.completed_per_second)),
                limit: String::new(),
                note: format!(
                    "of {}/s offered",
                    format::number(summary.offered_per_second)
                ),
                mark: if record.provenance.interrupted || summary.arrivals == 0 {
                    Mark::Neutral
                } else if summary.outcomes.completed == summary.arrivals {
                    Mark::Good
                } else {
                    Mark::Bad
                },
            },
        ),
        limited.tile(
            "throttled",
            Tile {
                label: "throttled".into(),
                value: optional(summary.throttled_share, format::percent),
                limit: String::new(),
                note: requests(summary.outcomes.throttled),
                mark: bad_if_any(summary.throttled_share),
            },
        ),
        limited.tile(
            "response time p99",
            Tile {
                label: "response time p99".into(),
                value: optional(latency, |it| format::duration(it.p99_nanos)),
                limit: String::new(),
                note: latency.map_or_else(String::new, |it| {
                    format!(
                        "p50 {}, p99.9 {}",
                        format::duration(it.p50_nanos),
                        format::duration(it.p99_9_nanos)
                    )
                }),
                mark: Mark::Neutral,
            },
        ),
        limited.tile(
            "errors",
            Tile {
                label: "errors".into(),
                value: optional(summary.error_share, format::percent),
                limit: String::new(),
                note: requests(summary.outcomes.failed + summary.outcomes.timed_out),
                mark: bad_if_any(summary.error_share),
            },
        ),
    ];
    let fullest = Direction::ALL.map(|direction| fullest(record, summary, direction));
    tiles.extend(fullest.into_iter().flatten());
    tiles.extend(heat::hottest(record).map(hottest));
    tiles.extend(
        CostView::of(summary, scenario.model.month())
            .month
            .map(|month| Tile {
                label: "capacity, a month".into(),
                value: format!("${month}"),
                limit: String::new(),
                note: "list price, as billed in this run".into(),
                mark: Mark::Neutral,
            }),
    );
    tiles
}

/// Characters of a name on a tile.
const NAME_CHARS: usize = 40;

/// The thresholds of the scenario, of which a tile tells its own.
struct Limited<'a>(&'a [AssertionRow]);

impl Limited<'_> {
    /// The tile, judged by the threshold of this name where there is one.
    fn tile(&self, name: &str, mut tile: Tile) -> Tile {
        if let Some(row) = self.0.iter().find(|row| row.name == name) {
            tile.limit = format!("limit {}", row.limit);
            tile.mark = row.mark;
        }
        tile
    }
}

fn requests(count: u64) -> String {
    format!("{} requests", format::count(count))
}

fn bad_if_any(share: Option<f64>) -> Mark {
    match share {
        Some(share) if share > 0.0 => Mark::Bad,
        Some(_) => Mark::Good,
        None => Mark::Neutral,
    }
}

fn hottest(hottest: heat::Hottest) -> Tile {
    Tile {
        label: "hottest partition".into(),
        value: hottest.percent,
        limit: String::new(),
        note: format!(
            "of its {} ceiling; {}",
            hottest.label.trim_end_matches('s'),
            format::shortened(&hottest.partition, NAME_CHARS + 24)
        ),
        mark: if hottest.refused {
            Mark::Bad
        } else {
            Mark::Good
        },
    }
}

/// Who took most of what it has: a table or a global index.
struct Used {
    name: String,
    mean: f64,
    provisioned: f64,
    utilisation: Option<f64>,
    mark: Mark,
}

/// The table or global index that took most of what is provisioned in this direction, named where
/// there are several; `None` where none took or could take anything.
fn fullest(record: &RunRecord, summary: &Summary, direction: Direction) -> Option<Tile> {
    let tables = each_direction(record, summary)
        .filter(|(_, own, _)| *own == direction)
        .map(|(name, _, own)| Used {
            name: name.to_owned(),
            mean: own.mean_per_second,
            provisioned: own.provisioned,
            utilisation: own.utilisation,
            mark: bad_if_any(own.throttled_share),
        });
    let indexes = summary.tables.iter().flat_map(|table| {
        table.indexes.iter().map(|index| {
            let own = &index.directions[direction];
            Used {
                name: format!("{}/{}", table.name, index.name),
                mean: own.mean_per_second,
                provisioned: own.provisioned,
                utilisation: own.utilisation,
                mark: Mark::Neutral,
            }
        })
    });
    let all: Vec<Used> = tables
        .chain(indexes.filter(|index| index.mean > 0.0))
        .collect();
    let mut tables = record.tables.iter();
    let several = record.tables.len() > 1 || tables.any(|table| !table.indexes.is_empty());
    let rank = |used: &Used| (used.utilisation.unwrap_or(-1.0), used.mean);
    let most = all.into_iter().max_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    })?;
    let unit = direction.unit();
    let whose = if several {
        format!("; most: {}", format::shortened(&most.name, NAME_CHARS))
    } else {
        String::new()
    };
    let mean = format::number(most.mean);
    let (value, note) = if most.utilisation.is_some() {
        let had = format::units(most.provisioned);
        (
            optional(most.utilisation, format::percent),
            format!("{mean} of {had}{}{unit}{whose}", format::NO_BREAK),
        )
    } else {
        let value = format!("{mean}{}{unit}/s", format::NO_BREAK);
        (value, format!("on demand{whose}"))
    };
    Some(Tile {
        label: format!("{} used", direction_label(direction)),
        value,
        limit: String::new(),
        note,
        mark: most.mark,
    })
}
