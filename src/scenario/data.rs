//! Rows of data that a scenario is given: columns that items take their values from, and
//! weights that requests pick rows by.
//!
//! Compact and immutable; how files are read is [`super::parse`]'s.

pub mod document;

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use sha2::{Digest as _, Sha256};

use super::value::AttributeType;

/// One column as values of one type, row by row. Cheap to clone behind its [`Arc`].
#[derive(Clone, PartialEq)]
pub struct Column {
    name: String,
    kind: AttributeType,
    /// SHA-256 of the file that it is from, hex.
    sha256: String,
    cells: Vec<u8>,
    /// Where each row's cell ends; an empty cell means that the row has none.
    ends: Vec<u32>,
    /// Bytes of each row's value, for types whose cells are JSON.
    sizes: Vec<u32>,
}

impl Column {
    /// A column `name` without rows, of type `kind`.
    #[must_use]
    pub fn new(name: &str, kind: AttributeType) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            sha256: String::new(),
            cells: Vec::new(),
            ends: Vec::new(),
            sizes: Vec::new(),
        }
    }

    /// As a column of the file with this hash.
    #[must_use]
    pub fn of_file(mut self, sha256: &str) -> Self {
        sha256.clone_into(&mut self.sha256);
        self.cells.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.sizes.shrink_to_fit();
        self
    }

    /// Its name in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of its values.
    #[must_use]
    pub const fn kind(&self) -> AttributeType {
        self.kind
    }

    /// Rows that are kept.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.cells.len() + 4 * (self.ends.len() + self.sizes.len())
    }

    /// Adds a row whose value, written as [`cell`](Self::cell) tells, has `size` bytes as
    /// DynamoDB counts them. `false`: the column is full.
    #[must_use]
    pub fn push(&mut self, cell: &[u8], size: u64) -> bool {
        self.cells.extend_from_slice(cell);
        let (Ok(end), Ok(size)) = (u32::try_from(self.cells.len()), u32::try_from(size)) else {
            return false;
        };
        self.ends.push(end);
        if self.is_json() {
            self.sizes.push(size);
        }
        true
    }

    const fn is_json(&self) -> bool {
        !matches!(
            self.kind,
            AttributeType::S | AttributeType::N | AttributeType::B | AttributeType::Bool
        )
    }

    /// The row of item `number`; after the last row comes the first. `None` without rows.
    fn row(&self, number: u64) -> Option<usize> {
        let row = number.checked_rem(self.rows())?;
        usize::try_from(row).ok()
    }

    /// The value of item `number`: text for S, a literal for N, bytes for B, `true` or `false`
    /// for BOOL, and JSON for lists, maps and sets; empty when the row has none.
    #[must_use]
    pub fn cell(&self, number: u64) -> &[u8] {
        let Some(row) = self.row(number) else {
            return &[];
        };
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.cells[start as usize..self.ends[row] as usize]
    }

    /// The same, of types whose cells are text.
    #[must_use]
    pub fn text(&self, number: u64) -> &str {
        std::str::from_utf8(self.cell(number)).unwrap_or_default()
    }

    /// Bytes of the value of item `number` as DynamoDB counts them; 0 when the row has none.
    #[must_use]
    pub fn size(&self, number: u64) -> u64 {
        match self.kind {
            AttributeType::S | AttributeType::B => self.cell(number).len() as u64,
            AttributeType::Bool => u64::from(!self.cell(number).is_empty()),
            AttributeType::N if self.cell(number).is_empty() => 0,
            AttributeType::N => super::number::number_size(self.text(number)),
            _ => self.row(number).map_or(0, |row| u64::from(self.sizes[row])),
        }
    }
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

/// A column means the file's content and a name.
impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut state = serializer.serialize_struct("Column", 2)?;
        state.serialize_field("column", &self.name)?;
        state.serialize_field("sha256", &self.sha256)?;
        state.end()
    }
}

/// How often each item is asked for, item by item, compared to the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weights {
    /// Name of the column, or of the keys that list them.
    pub column: String,
    /// SHA-256 of the file that it is from, or of the list, hex.
    pub sha256: String,
    /// Finite, not negative, at least one positive; empty where the rows were not read.
    #[serde(skip)]
    pub values: Arc<[f64]>,
}

impl Weights {
    /// Those that the keys `name` list.
    #[must_use]
    pub fn listed(name: &str, values: Vec<f64>) -> Self {
        Self {
            column: name.to_owned(),
            sha256: super::files::hex(&Sha256::digest(format!("{values:?}"))),
            values: values.into(),
        }
    }
}
