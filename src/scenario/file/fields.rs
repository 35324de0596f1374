//! Sections of the file: reads each key by its declared form.

use std::time::Duration;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    super::{
        diagnostic::{Diagnostic, quoted},
        language::{ENTRIES_MAX, Form, Key, Section},
        quantity::grouped,
    },
    Problems, Span, Value,
    value::{
        Traffic, bounded, check_controls, check_name, duration, grouped_whole, in_bounds, nearest,
        out_of_range, plain_number, text, ticked, traffic, wrong_type,
    },
};

/// One section of the file, opened: unknown, missing and inapplicable keys are reported.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// What is declared.
    pub section: &'static Section,
    /// The selector's value, where the section has one and it is valid.
    pub kind: Option<&'static str>,
    /// Where the section begins.
    pub span: Span,
    table: &'a DeTable<'a>,
}

impl<'a> Fields<'a> {
    /// Opens `value` as `section`; `None` when it is no table.
    pub fn open(
        section: &'static Section,
        value: &'a Value<'a>,
        problems: &mut Problems,
    ) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(section, table, value.span(), problems)),
            other => {
                let label = "write a table: { … }";
                problems
                    .push(wrong_type(section.title, "a table", other, value.span()).label(label));
                None
            }
        }
    }

    /// Opens a table.
    pub fn new(
        section: &'static Section,
        table: &'a DeTable<'a>,
        span: Span,
        problems: &mut Problems,
    ) -> Self {
        let mut fields = Self {
            section,
            kind: None,
            span,
            table,
        };
        fields.kind = section
            .selector
            .and_then(|name| fields.one_of(problems, name));
        fields.report_unknown(problems);
        fields.report_missing(problems);
        fields
    }

    fn report_unknown(&self, problems: &mut Problems) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            match (self.section.key(name), self.kind) {
                (None, _) => problems.push(self.unknown(name, key.span())),
                (Some(known), Some(kind)) if !known.applies_to(kind) => {
                    let here = self.applicable().join(", ");
                    problems.push(
                        Diagnostic::error(
                            "S013",
                            key.span(),
                            format!("`{name}` does not apply to `{kind}`"),
                        )
                        .label(format!("only for {}", ticked(known.of)))
                        .note(format!("known here: {here}")),
                    );
                }
                _ => {}
            }
        }
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let known = self.applicable();
        let label = nearest(name, known.iter().copied())
            .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        Diagnostic::error("S003", span, format!("unknown key {}", quoted(name)))
            .label(label)
            .note(format!("known here: {}", known.join(", ")))
    }

    fn report_missing(&self, problems: &mut Problems) {
        for key in self.section.keys {
            if key.is_required(self.kind) && !self.table.contains_key(key.name) {
                problems.push(
                    Diagnostic::error(
                        "S005",
                        self.span.clone(),
                        format!("`{}` is missing from {}", key.name, self.section.title),
                    )
                    .label(format!("add {}", written(key))),
                );
            }
        }
    }

    /// Names of the keys that apply here.
    fn applicable(&self) -> Vec<&'static str> {
        let applies = |key: &&Key| self.kind.is_none_or(|kind| key.applies_to(kind));
        self.section
            .keys
            .iter()
            .filter(applies)
            .map(|key| key.name)
            .collect()
    }

    /// The value of `name`, where it is there and applies.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Value<'a>> {
        let key = self.section.key(name)?;
        let applies = self.kind.is_none_or(|kind| key.applies_to(kind));
        self.table.get(name).filter(|_| applies)
    }

    /// Where the value of `name` stands, or the section if it is not there.
    #[must_use]
    pub fn span_of(&self, name: &str) -> Span {
        self.table
            .get(name)
            .map_or_else(|| self.span.clone(), Spanned::span)
    }

    fn form(&self, name: &str) -> Form {
        self.section.key(name).map_or(Form::Text, |key| key.form)
    }

    /// A text that is one of the declared ones.
    pub fn one_of(&self, problems: &mut Problems, name: &str) -> Option<&'static str> {
        let value = self.get(name)?;
        let Form::OneOf(known) = self.form(name) else {
            return None;
        };
        let text = text(value, name, problems)?;
        let found = known.iter().find(|known| **known == text);
        if found.is_none() {
            let label = nearest(text, known.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            problems.push(
                Diagnostic::error(
                    "S009",
                    value.span(),
                    format!("`{name}` cannot be {}", quoted(text)),
                )
                .label(label)
                .note(format!("known here: {}", known.join(", "))),
            );
        }
        found.copied()
    }

    /// A text of any of the forms that are text.
    pub fn text(&self, problems: &mut Problems, name: &str) -> Option<&'a str> {
        let value = self.get(name)?;
        let text = text(value, name, problems)?;
        let sound = match self.form(name) {
            Form::Name => check_name(text, name, value.span(), problems),
            Form::Prefix => check_controls(text, name, value.span(), problems),
            _ => true,
        };
        sound.then_some(text)
    }

    /// `true` or `false`.
    pub fn flag(&self, problems: &mut Problems, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        problems.push(wrong_type(
            &format!("`{name}`"),
            "true or false",
            value.get_ref(),
            value.span(),
        ));
        None
    }

    /// A whole number within its bounds.
    pub fn count(&self, problems: &mut Problems, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        let Form::Count { min, max } = self.form(name) else {
            return None;
        };
        let DeValue::Integer(integer) = value.get_ref() else {
            problems.push(wrong_type(
                &format!("`{name}`"),
                "a whole number",
                value.get_ref(),
                value.span(),
            ));
            return None;
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        let sound = number
            .and_then(|n| u64::try_from(n).ok())
            .filter(|n| (min..=max).contains(n));
        if sound.is_none() {
            let [min, max] = [min, max].map(|bound| grouped_whole(&bound.to_string()));
            problems.push(out_of_range(name, value.span(), &format!("{min} to {max}")));
        }
        sound
    }

    /// A plain number within its bounds.
    pub fn number(&self, problems: &mut Problems, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let Form::Number(bounds) = self.form(name) else {
            return None;
        };
        let number = plain_number(value, name, problems)?;
        in_bounds(number, bounds, name, value.span(), &grouped, problems)
    }

    /// A quantity within its bounds, in its base unit.
    pub fn quantity(&self, problems: &mut Problems, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let (quantity, bounds, step) = match self.form(name) {
            Form::Quantity(quantity, bounds) => (quantity, bounds, None),
            Form::Whole(quantity, bounds, step) => (quantity, bounds, Some(step)),
            _ => return None,
        };
        let number = bounded(value, name, quantity, bounds, problems)?;
        if step.is_some_and(|step| (number / step).fract() != 0.0) {
            let label = format!("a multiple of {}", quantity.show(step.unwrap_or(1.0)));
            problems.push(
                Diagnostic::error("S006", value.span(), format!("`{name}` must be whole"))
                    .label(label),
            );
            return None;
        }
        Some(number)
    }

    /// A duration within its bounds.
    pub fn duration(&self, problems: &mut Problems, name: &str) -> Option<Duration> {
        self.quantity(problems, name).map(duration)
    }

    /// A rate of requests or of capacity units, within its bounds.
    pub fn traffic(&self, problems: &mut Problems, name: &str) -> Option<Traffic> {
        let value = self.get(name)?;
        let Form::Traffic(bounds) = self.form(name) else {
            return None;
        };
        traffic(value, name, bounds, problems)
    }

    /// A table under `name`, opened.
    pub fn one(&self, problems: &mut Problems, name: &str) -> Option<Fields<'a>> {
        let Form::One(section) = self.form(name) else {
            return None;
        };
        Fields::open(section, self.get(name)?, problems)
    }

    /// The tables of `[[name]]`, opened; those that are none are left out.
    pub fn many(&self, problems: &mut Problems, name: &str) -> Vec<Fields<'a>> {
        let (Form::Many(section), Some(value)) = (self.form(name), self.get(name)) else {
            return Vec::new();
        };
        let DeValue::Array(array) = value.get_ref() else {
            let label = format!("write `[[{name}]]`");
            problems.push(
                wrong_type(
                    &format!("`{name}`"),
                    "a list of tables",
                    value.get_ref(),
                    value.span(),
                )
                .label(label),
            );
            return Vec::new();
        };
        if array.is_empty() {
            problems.push(
                Diagnostic::error("S005", value.span(), format!("`{name}` is empty"))
                    .label("at least one is needed"),
            );
        }
        check_length(array.len(), name, value.span(), problems);
        let kept = array.iter().take(ENTRIES_MAX);
        kept.filter_map(|entry| Fields::open(section, entry, problems))
            .collect()
    }

    /// The entries of a table with names of the author's choosing, in the order of the file.
    pub fn entries(&self, problems: &mut Problems, name: &str) -> Vec<Entry<'a>> {
        let Some(value) = self.get(name) else {
            return Vec::new();
        };
        let DeValue::Table(table) = value.get_ref() else {
            problems.push(wrong_type(
                &format!("`{name}`"),
                "a table",
                value.get_ref(),
                value.span(),
            ));
            return Vec::new();
        };
        if table.is_empty() {
            problems.push(
                Diagnostic::error("S005", value.span(), format!("`{name}` is empty"))
                    .label("at least one is needed"),
            );
        }
        check_length(table.len(), name, value.span(), problems);
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| Entry {
                name: key.get_ref(),
                span: key.span(),
                value,
            })
            .collect();
        entries.sort_by_key(|entry| entry.span.start);
        entries.truncate(ENTRIES_MAX);
        entries
    }
}

/// A value under a name of the author's choosing.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a str,
    /// Where the name stands.
    pub span: Span,
    /// The value.
    pub value: &'a Value<'a>,
}

fn check_length(length: usize, name: &str, span: Span, problems: &mut Problems) {
    let max = ENTRIES_MAX;
    if length > max {
        problems.push(out_of_range(name, span, &format!("1 to {max} entries")));
    }
}

/// What to write for a key that is missing.
fn written(key: &Key) -> String {
    match key.form {
        Form::Many(_) => format!("`[[{}]]`", key.name),
        Form::Named(section) => format!(
            "`[{}.…]`",
            if section.id == "attribute" {
                "table.attributes"
            } else {
                key.name
            }
        ),
        Form::Quantity(quantity, _) | Form::Whole(quantity, ..) => {
            format!(
                "`{} = {}`",
                key.name,
                quantity
                    .examples("1")
                    .split(" or ")
                    .next()
                    .unwrap_or_default()
            )
        }
        Form::Traffic(_) => format!("`{} = \"1/s\"`", key.name),
        Form::OneOf(known) => format!("`{} = …`: {}", key.name, known.join(", ")),
        _ => format!("`{} = …`", key.name),
    }
}
