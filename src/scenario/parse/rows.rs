//! Data files: which columns are wanted of which file, each file read once.
//!
//! Owns what a row must fulfil; how rows are laid out is [`source`]'s, what a field means is
//! [`cell`]'s.

mod cell;
mod sink;
mod source;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::{
        Attribute, AttributeType, ValueSpec,
        data::{Column, Weights},
        diagnostic::{Diagnostic, quoted},
        file::{Problems, Span, value::grouped_whole},
        files::{Inputs, Source},
    },
    requests::KeysDraft,
    tables::Draft,
};
use sink::Sink;

/// A column that an attribute or `[keys.…]` needs.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub column: String,
    /// `None`: weights.
    pub kind: Option<AttributeType>,
    /// Where it is asked for.
    pub span: Span,
    /// Every row must have it: a key.
    pub required: bool,
}

impl Wanted {
    pub(super) fn new(column: &str, kind: AttributeType, span: Span) -> Self {
        Self {
            column: column.to_owned(),
            kind: Some(kind),
            span,
            required: false,
        }
    }

    pub(super) fn weights(column: &str, span: Span) -> Self {
        Self {
            column: column.to_owned(),
            kind: None,
            span,
            required: false,
        }
    }

    /// What an attribute holds until the file is read.
    pub(super) fn stand_in(&self) -> Arc<Column> {
        Arc::new(Column::new(
            &self.column,
            self.kind.unwrap_or(AttributeType::N),
        ))
    }
}

/// A file with all that is wanted of it.
struct Request {
    span: Span,
    wanted: Vec<Wanted>,
    /// Rows that are enough; all when any of its tables wants all.
    rows: Option<u64>,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    rows: u64,
    columns: BTreeMap<(String, AttributeType), Arc<Column>>,
    weights: BTreeMap<String, Weights>,
    /// Its rows are not known, only what an earlier run noted.
    noted: bool,
}

/// Reads every file that tables and keys name, and gives attributes and keys their columns.
/// The weights are what [`super::super::KeySpec::Weights`] counts through.
pub(super) fn load(
    tables: &mut [Draft],
    keys: &mut [KeysDraft],
    inputs: &mut Inputs<'_>,
    problems: &mut Problems,
) -> Vec<Weights> {
    let mut requests: BTreeMap<String, Request> = BTreeMap::new();
    let mut request = |path: &str, span: &Span, rows: Option<u64>, wanted: &[Wanted]| {
        let known = requests.entry(path.to_owned()).or_insert(Request {
            span: span.clone(),
            wanted: Vec::new(),
            rows,
        });
        known.rows = known.rows.zip(rows).map(|(a, b)| a.max(b));
        known.wanted.extend_from_slice(wanted);
    };
    let of_tables: Vec<_> = keys.iter().filter_map(KeysDraft::column_of_table).collect();
    for draft in tables.iter() {
        if let Some((path, span)) = &draft.data {
            request(path, span, draft.items, &draft.wanted);
            request(path, span, draft.items, &of_tables);
        }
    }
    for draft in keys.iter() {
        if let Some((path, span, wanted)) = draft.own_file() {
            request(&path, &span, None, &[wanted]);
        }
    }
    let mut loaded = BTreeMap::new();
    for (path, request) in requests {
        if let Some(content) = read(&path, &request, inputs, problems) {
            loaded.insert(path, content);
        }
    }
    let mut weights = Vec::new();
    for draft in tables.iter_mut() {
        give_rows(draft, &loaded, &mut weights, problems);
    }
    for draft in keys.iter_mut() {
        let own = draft.own_file();
        if let Some((path, _, wanted)) = own
            && let Some(found) = loaded.get(&path)
            && let Some(column) = found.weights.get(&wanted.column)
        {
            draft.resolve(weights.len());
            weights.push(column.clone());
        }
        draft.give_listed(&mut weights);
    }
    weights
}

fn give_rows(
    draft: &mut Draft,
    loaded: &BTreeMap<String, Loaded>,
    weights: &mut Vec<Weights>,
    problems: &mut Problems,
) {
    let Some((path, span)) = &draft.data else {
        for wanted in &draft.wanted {
            problems.push(
                Diagnostic::error(
                    "S053",
                    wanted.span.clone(),
                    format!("no rows to take the column {} from", quoted(&wanted.column)),
                )
                .label("the table has no `data`")
                .help("add `[table.data]` with `file = \"….csv\"` above the attributes"),
            );
        }
        return;
    };
    let Some(found) = loaded.get(path) else {
        return;
    };
    match draft.items {
        Some(items) if items > found.rows && !found.noted => {
            let [items, rows] = [items, found.rows].map(|n| grouped_whole(&n.to_string()));
            let message = format!("{items} items, but {} has only {rows} rows", quoted(path));
            problems.push(
                Diagnostic::error("S052", draft.items_span.clone(), message)
                    .label("leave `items` out to use all rows"),
            );
        }
        Some(_) => {}
        None => draft.table.items = found.rows.max(1),
    }
    let items = draft.table.items;
    for attribute in &mut draft.table.attributes {
        give_column(attribute, found);
    }
    for (name, column) in &found.weights {
        let rows = usize::try_from(items).unwrap_or(usize::MAX);
        let values = &column.values[..rows.min(column.values.len())];
        if values.iter().sum::<f64>() <= 0.0 && !found.noted {
            let message = format!("all weights in {} are 0", quoted(name));
            problems.push(Diagnostic::error("S052", span.clone(), message));
        }
        draft.weights.insert(name.clone(), weights.len());
        weights.push(Weights {
            values: values.into(),
            ..column.clone()
        });
    }
}

fn give_column(attribute: &mut Attribute, found: &Loaded) {
    match &mut attribute.value {
        ValueSpec::Column(column) => {
            let key = (column.name().to_owned(), column.kind());
            if let Some(loaded) = found.columns.get(&key) {
                *column = Arc::clone(loaded);
            }
        }
        ValueSpec::Map { fields } => {
            for field in fields {
                give_column(field, found);
            }
        }
        _ => {}
    }
}

fn read(
    path: &str,
    request: &Request,
    inputs: &mut Inputs<'_>,
    problems: &mut Problems,
) -> Option<Loaded> {
    let format = source::Format::of(path);
    if format.is_none() {
        problems.push(
            Diagnostic::error(
                "S052",
                request.span.clone(),
                format!("{} is of no known format", quoted(path)),
            )
            .label("its name ends in .csv, .jsonl or .ndjson"),
        );
    }
    let format = format?;
    let mut sink = Sink::new(path, request);
    match inputs.open(path, &request.span, problems)? {
        Source::Noted(note) => Some(sink.into_noted(&note)),
        Source::Content(mut reading) => {
            let errors = problems.errors();
            source::read(format, &mut reading, &mut sink, problems);
            if let Some(problem) = reading.take_problem() {
                problems.push(super::super::files::unreadable(
                    path,
                    &request.span,
                    &problem,
                ));
                return None;
            }
            if problems.errors() > errors {
                return None;
            }
            inputs.close(reading, path, sink.rows(), &request.span, problems);
            sink.finish(inputs.sha256(path)?, problems)
        }
    }
}
