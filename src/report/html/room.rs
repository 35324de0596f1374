//! How much detail there is room for: a page stays below a megabyte whatever is in the record.

use crate::{
    record::{
        RunRecord,
        heat::{COLUMNS_MAX, PARTITIONS_MAX},
    },
    report::format::shortened,
};

/// Tables and global indexes that are shown in full detail; more of them share the same room.
const IN_FULL: usize = 3;
/// Points of a series that are drawn, at most.
const POINTS: usize = 600;
/// Rows of a table below a chart, at most.
const ROWS: usize = 120;
/// Tables and indexes whose partitions and keys are drawn, at most.
pub const HEAT_MAPS: usize = 6;
/// Cells of one heat map, at most: all that a record has.
const HEAT_CELLS: usize = (PARTITIONS_MAX + 1) * COLUMNS_MAX;
/// Keys told of each direction, at most.
const KEYS: usize = 20;
/// Cells of the embedded series: about 5 bytes each.
const CELLS: usize = 64_000;
/// Bytes of column names that cost no rows.
const NAME_BYTES: usize = 16_000;
/// Characters of a name where it is repeated; in full it stands in the headings.
const NAME_CHARS: usize = 48;

/// What each table and index of a record may take.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    resources: usize,
}

impl Room {
    /// Of all tables and global indexes of `record` together.
    pub fn of(record: &RunRecord) -> Self {
        let resources = record.tables.iter().map(|table| 1 + table.indexes.len());
        Self {
            resources: resources.sum(),
        }
    }

    const fn share(self, full: usize, least: usize) -> usize {
        let resources = if self.resources > IN_FULL {
            self.resources
        } else {
            IN_FULL
        };
        let share = full * IN_FULL / resources;
        if share > least { share } else { least }
    }

    /// Points of a series that are drawn, at most.
    pub const fn points(self) -> usize {
        self.share(POINTS, 40)
    }

    /// Rows of a table below a chart, at most.
    pub const fn rows(self) -> usize {
        self.share(ROWS, 10)
    }

    /// Cells of one heat map, at most.
    pub const fn heat_cells(self) -> usize {
        self.share(HEAT_CELLS, 2000)
    }

    /// Whether each chart of capacity has a legend of its own, or the first one alone.
    pub const fn legends(self) -> bool {
        self.resources <= 2 * IN_FULL
    }

    /// Keys told of each direction, at most.
    pub const fn keys(self) -> usize {
        self.share(KEYS, 5)
    }

    /// Cells of the embedded series beside names of so many bytes.
    pub const fn cells(self, name_bytes: usize) -> usize {
        let cells = self.share(CELLS, 14_000);
        cells.saturating_sub(name_bytes.saturating_sub(NAME_BYTES) / 5)
    }
}

/// What tables and indexes are called where their name is repeated: each differently.
pub fn names(record: &RunRecord) -> Vec<(String, Vec<String>)> {
    let mut taken = std::collections::BTreeSet::new();
    let mut unique = move |name: String| {
        let mut own = name.clone();
        for number in 2_u32.. {
            if taken.insert(own.clone()) {
                break;
            }
            own = format!("{name} ({number})");
        }
        own
    };
    let tables = record.tables.iter().map(|table| {
        let short = shortened(&table.name, NAME_CHARS);
        let indexes = table.indexes.iter().map(|index| {
            let own = shortened(&index.name, NAME_CHARS);
            unique(format!("{short}/{own}"))
        });
        let indexes = indexes.collect();
        (unique(short), indexes)
    });
    tables.collect()
}
