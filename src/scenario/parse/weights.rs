//! `[keys.…]` of kind `weights`: which column they are, of which table's rows; and of kind
//! `categorical`: the weights that are listed.

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::{
    super::{
        KeySpec, NamedKeys,
        data::Weights,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            fields::Fields,
            value::{grouped_whole, out_of_range, plain_number},
        },
        language::{ENTRIES_MAX, WEIGHT_MAX},
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

/// What keys of kind `categorical` list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    weights: Weights,
    span: Span,
}

impl Listed {
    pub(super) fn read(name: &str, fields: &Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let value = fields.get("weights")?;
        let span = value.span();
        let DeValue::Array(array) = value.get_ref() else {
            problems.push(
                Diagnostic::error("S004", span, "`weights` must be a list of numbers")
                    .label("write [3, 2, 1]"),
            );
            return None;
        };
        if array.len() > ENTRIES_MAX {
            let allowed = format!("1 to {ENTRIES_MAX} entries");
            problems.push(out_of_range("weights", span.clone(), &allowed));
        }
        let errors = problems.errors();
        let mut values = Vec::new();
        for entry in array.iter().take(ENTRIES_MAX) {
            let weight = plain_number(entry, "weights", problems);
            if weight.is_some_and(|weight| !(0.0..=WEIGHT_MAX).contains(&weight)) {
                let allowed = "0 to 1,000,000,000,000";
                problems.push(out_of_range("weights", entry.span(), allowed));
            }
            values.extend(weight);
        }
        if problems.errors() == errors && values.iter().all(|weight| *weight <= 0.0) {
            let message = "no weight is above 0: no item would ever be picked";
            problems.push(Diagnostic::error("S052", span.clone(), message));
        }
        let weights = Weights::listed(name, values);
        Some(Self { weights, span })
    }
}

impl KeysDraft {
    /// Adds the weights that it lists to those of the scenario.
    pub(super) fn give_listed(&mut self, all: &mut Vec<Weights>) {
        if let (Some(listed), KeySpec::Categorical { weights, .. }) =
            (&self.listed, &mut self.keys.spec)
        {
            *weights = all.len();
            all.push(listed.weights.clone());
        }
    }

    fn too_many_weights(&self, count: u64, table: &tables::Draft) -> Diagnostic {
        let [weights, items] = [count, table.table.items].map(|n| grouped_whole(&n.to_string()));
        let listed = self
            .listed
            .as_ref()
            .map(|listed| (&listed.span, "place in the list"));
        let of_rows = self
            .weights
            .as_ref()
            .map(|w| (&w.wanted.span, "row number"));
        let (span, number) = listed.or(of_rows).unzip();
        let message = format!("{weights} weights for {items} items");
        Diagnostic::error("S052", span.cloned().unwrap_or(0..0), message).label(format!(
            "{} is item number, and {} has fewer items",
            number.unwrap_or("row number"),
            quoted(&table.name)
        ))
    }

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
            listed: None,
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

/// There must not be more weights than the table has items; and new items need keys that no row
/// has.
pub(super) fn check(
    operations: &[requests::Draft],
    tables: &[tables::Draft],
    keys: &[KeysDraft],
    weights: &[Weights],
    problems: &mut Problems,
) {
    let mut told = BTreeSet::new();
    for operation in operations {
        let (number, index) = (operation.spec.table, operation.spec.keys);
        let table = &tables[number.min(tables.len().saturating_sub(1))];
        let Some(draft) = keys.get(index) else {
            continue;
        };
        match draft.keys.spec {
            KeySpec::Weights { weights: list } | KeySpec::Categorical { weights: list, .. } => {
                let count = weights.get(list).map_or(0, |w| w.values.len() as u64);
                if count > table.table.items && told.insert((number, index)) {
                    problems.push(draft.too_many_weights(count, table));
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
