//! `[keys.…]` of kind `weights`: which column they are, of which table's rows.

use super::{
    super::{
        KeySpec, NamedKeys,
        data::Weights,
        diagnostic::{Diagnostic, quoted},
        file::{Problems, Span, fields::Fields, value::grouped_whole},
    },
    requests::{self, KeysDraft},
    rows::Wanted,
    tables,
};

/// What keys of kind `weights` say.
#[derive(Clone, Debug)]
pub(super) struct WeightsDraft {
    wanted: Wanted,
    /// A file of its own, and where it is named; else the data of the operation's table.
    file: Option<(String, Span)>,
    /// The table whose rows the index in the spec is for, once it is known.
    table: Option<usize>,
}

impl WeightsDraft {
    pub(super) fn read(fields: &Fields<'_>, problems: &mut Problems) -> Option<Self> {
        fields.kind.filter(|kind| *kind == "weights")?;
        let file = fields.text(problems, "file");
        let file = file.map(|file| (file.to_owned(), fields.span_of("file")));
        let column = fields.text(problems, "column")?;
        Some(Self {
            wanted: Wanted::weights(column, fields.span_of("column")),
            file,
            table: None,
        })
    }
}

impl KeysDraft {
    /// The column that it needs of the data of tables.
    pub(super) fn column_of_table(&self) -> Option<Wanted> {
        let weights = self.weights.as_ref().filter(|w| w.file.is_none());
        weights.map(|weights| weights.wanted.clone())
    }

    /// Its own file, where that is named, and the column in it.
    pub(super) fn own_file(&self) -> Option<(String, Span, Wanted)> {
        let weights = self.weights.as_ref()?;
        let (path, span) = weights.file.clone()?;
        Some((path, span, weights.wanted.clone()))
    }

    /// The weights of its own file are number `weights` of the scenario.
    pub(super) fn resolve(&mut self, weights: usize) {
        self.keys.spec = KeySpec::Weights { weights };
    }
}

/// Keys `index` with the weights of this operation's table: the same keys, or others of the same
/// name where another table uses them already.
pub(super) fn of_table(
    index: usize,
    keys: &mut Vec<KeysDraft>,
    (number, table): (usize, &tables::Draft),
    fields: &Fields<'_>,
    problems: &mut Problems,
) -> Option<usize> {
    let draft = &keys[index];
    let Some(weights) = &draft.weights else {
        return Some(index);
    };
    if weights.file.is_some() {
        return Some(index);
    }
    let column = quoted(&weights.wanted.column);
    if table.data.is_none() {
        let message = format!("no rows to take the weights {column} from");
        problems.push(
            Diagnostic::error("S053", fields.span_of("keys"), message)
                .label(format!("{} has no `data`", quoted(&table.name)))
                .help("name a `file` in the `[keys.…]` entry, or give the table `data`"),
        );
        return None;
    }
    // Else the file could not be read, which was told.
    let of_table = *table.weights.get(&weights.wanted.column)?;
    let spec = KeySpec::Weights { weights: of_table };
    if weights.table.is_some_and(|table| table != number) {
        let same =
            |known: &KeysDraft| known.keys.name == draft.keys.name && known.keys.spec == spec;
        if let Some(known) = keys.iter().position(same) {
            return Some(known);
        }
        let other = KeysDraft {
            keys: NamedKeys {
                name: draft.keys.name.clone(),
                spec,
            },
            span: draft.span.clone(),
            used: true,
            weights: None,
        };
        keys.push(other);
        return Some(keys.len() - 1);
    }
    let draft = &mut keys[index];
    draft.keys.spec = spec;
    if let Some(weights) = &mut draft.weights {
        weights.table = Some(number);
    }
    Some(index)
}

/// A file of weights must not have more rows than the table has items; and new items need keys
/// that no row has.
pub(super) fn check(
    operations: &[requests::Draft],
    tables: &[tables::Draft],
    keys: &[KeysDraft],
    weights: &[Weights],
    problems: &mut Problems,
) {
    for operation in operations {
        let table = &tables[operation.spec.table.min(tables.len().saturating_sub(1))];
        let Some(draft) = keys.get(operation.spec.keys) else {
            continue;
        };
        match draft.keys.spec {
            KeySpec::Weights { weights: index } => {
                let rows = weights.get(index).map_or(0, |w| w.values.len() as u64);
                if rows > table.table.items {
                    let [rows, items] =
                        [rows, table.table.items].map(|n| grouped_whole(&n.to_string()));
                    let message = format!("{rows} weights for {items} items");
                    let span = draft.weights.as_ref().map(|w| w.wanted.span.clone());
                    let name = quoted(&table.name);
                    problems.push(
                        Diagnostic::error("S052", span.unwrap_or(0..0), message).label(format!(
                            "row number is item number, and {name} has fewer items"
                        )),
                    );
                }
            }
            KeySpec::New if table.keys_are_columns() => {
                let message = "new items would have the keys of rows that exist";
                problems.push(
                    Diagnostic::error("S022", operation.span.clone(), message)
                        .label("every key is a column of the data"),
                );
            }
            _ => {}
        }
    }
}
