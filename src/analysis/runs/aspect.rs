//! In what two runs differ, so that a difference of their numbers has a cause or none.
//!
//! What decides nothing of the numbers is left out: names, questions, thresholds, seeds.

use serde::Serialize;
use serde_json::Value;

use super::Run;
use crate::{record::Provenance, scenario::Scenario};

/// Changes of one aspect that are listed, at most.
const CHANGES_MAX: usize = 8;
/// Characters of a value that are quoted, at most.
const QUOTED_MAX: usize = 40;

/// One thing that differs, with how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aspect {
    /// `capacity`, `key`, `load`, …
    pub name: &'static str,
    /// Each as `where: base → other`.
    pub changes: Vec<String>,
}

/// In what `other` differs from `base`, in the order of the scenario language.
#[must_use]
pub fn between(base: &Run<'_>, other: &Run<'_>) -> Vec<Aspect> {
    let mut found = Found::default();
    let (from, to) = (resolved(base.scenario), resolved(other.scenario));
    found.walk(&mut Vec::new(), &from, &to);
    let (from, to) = (&base.record.provenance, &other.record.provenance);
    let mut plain = |name, from: &str, to: &str| {
        if from != to {
            found.add(name, format!("{from} → {to}"));
        }
    };
    plain("target", &from.target, &to.target);
    plain("version of dyno", &from.tool_version, &to.tool_version);
    let scale = |of: &Provenance| of.time_scale.to_string();
    plain("time scale", &scale(from), &scale(to));
    found.0
}

/// Every aspect of any of these, each once.
#[must_use]
pub fn union(all: impl IntoIterator<Item = Vec<Aspect>>) -> Vec<Aspect> {
    let mut found = Found::default();
    for aspect in all.into_iter().flatten() {
        for change in aspect.changes {
            found.add(aspect.name, change);
        }
    }
    found.0
}

/// The scenario as data, its keys by name and not by number.
fn resolved(scenario: &Scenario) -> Value {
    let mut value = serde_json::to_value(scenario).unwrap_or_default();
    let tables = value["tables"].as_array_mut().into_iter().flatten();
    for (table, spec) in tables.zip(&scenario.tables) {
        for (key, number) in [
            ("partition_key", Some(spec.partition_key)),
            ("sort_key", spec.sort_key),
        ] {
            table[key] = number.map_or(Value::Null, |number| {
                Value::from(spec.attributes[number].name.as_str())
            });
        }
    }
    value
}

#[derive(Default)]
struct Found(Vec<Aspect>);

impl Found {
    fn add(&mut self, name: &'static str, change: String) {
        let known = self.0.iter().position(|aspect| aspect.name == name);
        let number = known.unwrap_or_else(|| {
            self.0.push(Aspect {
                name,
                changes: Vec::new(),
            });
            self.0.len() - 1
        });
        let changes = &mut self.0[number].changes;
        if changes.len() < CHANGES_MAX && !changes.contains(&change) {
            changes.push(change);
        }
    }

    fn walk(&mut self, path: &mut Vec<String>, from: &Value, to: &Value) {
        if from == to {
            return;
        }
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => {
                let mut keys: Vec<&String> = from.keys().chain(to.keys()).collect();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    path.push(key.clone());
                    let of = |side: &serde_json::Map<_, _>| side.get(key).cloned();
                    self.walk(
                        path,
                        &of(from).unwrap_or_default(),
                        &of(to).unwrap_or_default(),
                    );
                    path.pop();
                }
            }
            (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
                for (number, (from, to)) in from.iter().zip(to).enumerate() {
                    path.push(match from["name"].as_str() {
                        Some(name) => name.to_owned(),
                        None => number.to_string(),
                    });
                    self.walk(path, from, to);
                    path.pop();
                }
            }
            _ => {
                if let Some(name) = aspect(path) {
                    let place = path.join(".");
                    self.add(name, format!("{place}: {} → {}", quoted(from), quoted(to)));
                }
            }
        }
    }
}

/// The aspect that a place of the scenario belongs to; `None` where it decides no number.
fn aspect(path: &[String]) -> Option<&'static str> {
    let part = |number: usize| path.get(number).map_or("", String::as_str);
    Some(match part(0) {
        "name" | "question" | "seed" | "thresholds" | "validity" => return None,
        "tables" => match part(2) {
            "billing" | "class" => "capacity",
            "partition_key" | "sort_key" => "key",
            "indexes" if part(4) == "scope" => "capacity",
            "indexes" => "indexes",
            _ => "items",
        },
        "files" => "items",
        "phases" => "load",
        "client" => "client",
        "model" => "model",
        _ => "requests",
    })
}

fn quoted(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(entries) => format!("{} entries", entries.len()),
        other => other.to_string(),
    };
    if text.chars().count() <= QUOTED_MAX {
        return text;
    }
    text.chars().take(QUOTED_MAX - 1).chain(['…']).collect()
}
