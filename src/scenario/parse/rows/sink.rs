//! What is kept of a data file: the wanted columns, compact and bounded.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::super::{
        data::{Column, Weights},
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            value::{grouped_whole, nearest, ticked},
        },
        files::FileNote,
    },
    Loaded, Request, Wanted,
    cell::{self, Field},
};

/// Rows of one file, at most.
const ROWS_MAX: u64 = 10_000_000;
/// Bytes that the wanted columns of one file may take in memory, at most.
const MEMORY_MAX: usize = 1 << 30;
/// Bad rows that are told, at most.
const TOLD_MAX: usize = 5;
/// Names that are remembered for suggestions, at most.
const NAMES_MAX: usize = 256;

/// A wanted column being filled.
enum Kept {
    Values(Column),
    Weights(Vec<f64>),
}

pub(super) struct Sink<'a> {
    path: &'a str,
    span: Span,
    /// Rows after which no more are wanted.
    enough: u64,
    wanted: Vec<Wanted>,
    kept: Vec<Kept>,
    /// Whether any row had the column.
    seen: Vec<bool>,
    names: BTreeSet<String>,
    rows: u64,
    memory: usize,
    told: usize,
}

impl<'a> Sink<'a> {
    pub(super) fn new(path: &'a str, request: &Request) -> Self {
        let mut wanted: Vec<Wanted> = Vec::new();
        for new in &request.wanted {
            let same = |w: &&mut Wanted| w.column == new.column && w.kind == new.kind;
            match wanted.iter_mut().find(same) {
                Some(known) => known.required |= new.required,
                None => wanted.push(new.clone()),
            }
        }
        let kept = |wanted: &Wanted| match wanted.kind {
            Some(kind) => Kept::Values(Column::new(&wanted.column, kind)),
            None => Kept::Weights(Vec::new()),
        };
        Self {
            path,
            span: request.span.clone(),
            enough: request.rows.unwrap_or(u64::MAX),
            kept: wanted.iter().map(kept).collect(),
            seen: vec![false; wanted.len()],
            wanted,
            names: BTreeSet::new(),
            rows: 0,
            memory: 0,
            told: 0,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Columns that are wanted, in the order in which [`row`](Self::row) takes their fields.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().map(|wanted| wanted.column.as_str())
    }

    /// Whether another row would be of use.
    pub(super) fn wants_more(&self) -> bool {
        self.rows < self.enough && self.told < TOLD_MAX
    }

    /// A name that the file has for a column.
    pub(super) fn name(&mut self, name: &str) {
        if self.names.len() < NAMES_MAX && !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }

    /// Something wrong at line `line` of the file.
    pub(super) fn refuse(&mut self, line: u64, problem: &str, problems: &mut Problems) {
        self.told += 1;
        let message = format!("{}:{line}: {problem}", self.path);
        problems.push(Diagnostic::error("S052", self.span.clone(), message));
        if self.told == TOLD_MAX {
            let message = format!("{}: reading stopped after these problems", self.path);
            problems.push(Diagnostic::error("S052", self.span.clone(), message));
        }
    }

    /// A row that starts on line `line`; `None` where it has no such field. `false`: stop.
    pub(super) fn row<'r>(
        &mut self,
        line: u64,
        fields: impl Iterator<Item = Option<Field<'r>>>,
        problems: &mut Problems,
    ) -> bool {
        for (index, field) in fields.enumerate() {
            self.seen[index] |= field.is_some();
            if let Err(problem) = self.keep(index, field.unwrap_or(Field::Text(&[]))) {
                let name = quoted(&self.wanted[index].column);
                self.refuse(line, &format!("{name} {problem}"), problems);
            }
        }
        self.rows += 1;
        let too_much = if self.rows > ROWS_MAX {
            Some(format!(
                "more than {} rows",
                grouped_whole(&ROWS_MAX.to_string())
            ))
        } else if self.memory > MEMORY_MAX {
            Some(format!(
                "more than 1 GiB of wanted columns in {} rows",
                grouped_whole(&self.rows.to_string())
            ))
        } else {
            None
        };
        if let Some(what) = too_much {
            let message = format!("{} has {what}", quoted(self.path));
            problems.push(
                Diagnostic::error("S052", self.span.clone(), message)
                    .help("write `items = …` to use the first rows only, or use fewer columns"),
            );
            return false;
        }
        self.wants_more()
    }

    fn keep(&mut self, index: usize, field: Field<'_>) -> Result<(), String> {
        match &mut self.kept[index] {
            Kept::Weights(weights) => {
                // Keeps rows and weights in step, although a bad row ends in an error.
                let weight = cell::weight(field);
                weights.push(*weight.as_ref().unwrap_or(&0.0));
                self.memory += size_of::<f64>();
                weight.map(|_| ())
            }
            Kept::Values(column) => {
                let before = column.memory();
                let cell = cell::convert(column.kind(), field);
                let fits = match &cell {
                    Ok(Some((bytes, size))) => column.push(bytes, *size),
                    _ => column.push(&[], 0),
                };
                self.memory += column.memory() - before;
                let is_missing = cell?.is_none();
                if is_missing && self.wanted[index].required {
                    return Err("is empty, but it is a key".to_owned());
                }
                if fits {
                    Ok(())
                } else {
                    Err("and the rows before it have more than 4 GiB".to_owned())
                }
            }
        }
    }

    /// What was read of the file with this hash.
    pub(super) fn finish(self, sha256: &str, problems: &mut Problems) -> Option<Loaded> {
        let errors = problems.errors();
        if self.rows == 0 {
            let message = format!("{} has no rows", quoted(self.path));
            problems.push(Diagnostic::error("S052", self.span.clone(), message));
            return None;
        }
        for (wanted, seen) in self.wanted.iter().zip(&self.seen) {
            if !seen {
                self.report_missing(wanted, problems);
            }
        }
        for (wanted, kept) in self.wanted.iter().zip(&self.kept) {
            if let Kept::Weights(weights) = kept
                && weights.iter().sum::<f64>() <= 0.0
                && problems.errors() == errors
            {
                let message = format!("all weights in the column {} are 0", quoted(&wanted.column));
                problems.push(Diagnostic::error("S052", wanted.span.clone(), message));
            }
        }
        (problems.errors() == errors).then(|| self.into_loaded(sha256, false))
    }

    fn report_missing(&self, wanted: &Wanted, problems: &mut Problems) {
        let names = || self.names.iter().map(String::as_str);
        let near = nearest(&wanted.column, names());
        let listed: Vec<_> = names().take(12).collect();
        let more = if self.names.len() > listed.len() {
            ", …"
        } else {
            ""
        };
        let column = quoted(&wanted.column);
        let message = format!("no column {column} in {}", quoted(self.path));
        problems.push(
            Diagnostic::error("S053", wanted.span.clone(), message)
                .label(near.map_or_else(String::new, |near| format!("did you mean `{near}`?")))
                .note(format!("columns: {}{more}", ticked(&listed))),
        );
    }

    /// Columns without rows, as an earlier run noted the file.
    pub(super) fn into_noted(mut self, note: &FileNote) -> Loaded {
        self.rows = note.rows;
        self.into_loaded(&note.sha256, true)
    }

    fn into_loaded(self, sha256: &str, noted: bool) -> Loaded {
        let mut loaded = Loaded {
            rows: self.rows,
            noted,
            ..Loaded::default()
        };
        for (wanted, kept) in self.wanted.into_iter().zip(self.kept) {
            match kept {
                Kept::Values(column) => {
                    let key = (wanted.column, column.kind());
                    loaded.columns.insert(key, Arc::new(column.of_file(sha256)));
                }
                Kept::Weights(values) => {
                    let weights = Weights {
                        column: wanted.column.clone(),
                        sha256: sha256.to_owned(),
                        values: values.into(),
                    };
                    loaded.weights.insert(wanted.column, weights);
                }
            }
        }
        loaded
    }
}
