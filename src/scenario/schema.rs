//! The JSON Schema of scenario files, built from the declarations that the parser reads.

use serde_json::{Map, Value, json};

use super::{
    language::{
        Bounds, ENTRIES_MAX, Form, Key, METRICS, SCENARIO, Section, THINK_TIME, TIME_METRICS,
        WEIGHT_MAX,
    },
    quantity::{Quantity, TRAFFIC_PATTERN},
};

/// What the schema is called where it lies beside scenarios.
pub const FILE_NAME: &str = "scenario.schema.json";

/// [`json_schema`] as it is written to a file.
///
/// # Panics
/// Never: a schema is plain JSON.
#[must_use]
pub fn document() -> String {
    let schema = serde_json::to_string_pretty(&json_schema()).expect("a schema is plain JSON");
    schema + "\n"
}

/// The JSON Schema (draft 2020-12) of a scenario file, as editors use it.
///
/// It describes form; what keys mean together (the mix adds up, names are defined, an item fits)
/// only the parser checks.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut schema = section_schema(&SCENARIO, &mut definitions);
    if let Some(object) = schema.as_object_mut() {
        object.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        object.insert("title".to_owned(), json!("dynamometer scenario"));
        object.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

fn section_schema(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in section.keys {
        let mut schema = form_schema(&key.form, definitions);
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), json!(key.doc));
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let required = section
        .keys
        .iter()
        .filter(|key| key.required && key.of.is_empty());
    let required: Vec<_> = required.map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": section.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let conditions = match section.id {
        "threshold" => threshold_conditions(),
        "distribution" => vec![json!({"minProperties": 1, "maxProperties": 1})],
        _ => section
            .selector
            .map_or_else(Vec::new, |name| conditions(section, name)),
    };
    if !conditions.is_empty() {
        schema["allOf"] = json!(conditions);
    }
    schema
}

/// For every value of the selector: what else is required, and what is not allowed.
fn conditions(section: &Section, selector: &str) -> Vec<Value> {
    let Some(Form::OneOf(kinds)) = section.key(selector).map(|key| key.form) else {
        return Vec::new();
    };
    let special = |key: &&Key| !key.of.is_empty();
    let clause = |kind: &&str| {
        let own = section.keys.iter().filter(special);
        let (ours, others): (Vec<_>, Vec<_>) = own.partition(|key| key.applies_to(kind));
        let required: Vec<_> = ours
            .iter()
            .filter(|key| key.is_required(Some(kind)))
            .map(|key| key.name)
            .collect();
        let refused: Map<_, _> = others
            .iter()
            .map(|key| (key.name.to_owned(), json!(false)))
            .collect();
        json!({
            "if": {"properties": {selector: {"const": kind}}, "required": [selector]},
            "then": {"required": required, "properties": refused},
        })
    };
    if section.keys.iter().any(|key| special(&key)) {
        kinds.iter().map(clause).collect()
    } else {
        Vec::new()
    }
}

fn threshold_conditions() -> Vec<Value> {
    let clause = |metric: Value, bound: &str, other: &str, form: Value| {
        json!({
            "if": {"properties": {"metric": metric}, "required": ["metric"]},
            "then": {"required": [bound], "properties": {bound: form, other: false}},
        })
    };
    let any = json!({});
    vec![
        clause(
            json!({"enum": ["throttled", "errors"]}),
            "max",
            "min",
            text_of(Quantity::Share),
        ),
        clause(
            json!({"pattern": "_time_p"}),
            "max",
            "min",
            text_of(Quantity::Duration),
        ),
        clause(json!({"const": "completed_rate"}), "min", "max", any),
    ]
}

fn text_of(quantity: Quantity) -> Value {
    json!({"type": "string", "pattern": quantity.pattern()})
}

fn form_schema(form: &Form, definitions: &mut Map<String, Value>) -> Value {
    match form {
        Form::Name => json!({"type": "string", "minLength": 1, "maxLength": 255}),
        Form::Text | Form::Prefix => json!({"type": "string"}),
        Form::Flag => json!({"type": "boolean"}),
        Form::Count { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Form::Number(bounds) => number(*bounds),
        Form::Quantity(quantity, _) | Form::Whole(quantity, ..) => text_of(*quantity),
        Form::Traffic(_) => json!({"type": "string", "pattern": TRAFFIC_PATTERN}),
        Form::Think => json!({"anyOf": [
            text_of(Quantity::Duration),
            reference(&THINK_TIME, definitions),
        ]}),
        Form::Shares => json!({
            "type": "object", "minProperties": 1,
            "additionalProperties": text_of(Quantity::Share),
        }),
        Form::OneOf(known) => json!({"enum": known}),
        Form::Names => {
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}})
        }
        Form::OneOrMore => json!({"anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        ]}),
        Form::Length => json!({"anyOf": [text_of(Quantity::Size), spread(definitions)]}),
        Form::Range => json!({"anyOf": [{"type": "number"}, spread(definitions)]}),
        Form::Pair => json!({"type": "array", "minItems": 2, "maxItems": 2, "items": bound()}),
        Form::Bound => bound(),
        Form::Choices => json!({
            "type": "object", "minProperties": 1,
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": WEIGHT_MAX},
        }),
        Form::Weights => json!({
            "type": "array", "minItems": 1, "maxItems": ENTRIES_MAX,
            "items": {"type": "number", "minimum": 0, "maximum": WEIGHT_MAX},
        }),
        Form::Metric => json!({"type": "string", "anyOf": [
            {"enum": METRICS},
            {"pattern": format!(r"^({})[0-9]+(\.[0-9]+)?$", TIME_METRICS.join("|"))},
        ]}),
        Form::Limit => json!({"anyOf": [text_of(Quantity::Share), text_of(Quantity::Duration)]}),
        Form::One(section) => reference(section, definitions),
        Form::Many(section) => {
            json!({"type": "array", "minItems": 1, "items": reference(section, definitions)})
        }
        Form::Named(section) => {
            json!({"type": "object", "minProperties": 1, "additionalProperties": reference(section, definitions)})
        }
    }
}

fn number(bounds: Bounds) -> Value {
    let least = if bounds.above_min {
        "exclusiveMinimum"
    } else {
        "minimum"
    };
    json!({"type": "number", least: bounds.min, "maximum": bounds.max})
}

fn bound() -> Value {
    json!({"anyOf": [{"type": "number"}, text_of(Quantity::Size)]})
}

fn spread(definitions: &mut Map<String, Value>) -> Value {
    reference(&super::language::SPREAD, definitions)
}

fn reference(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(section.id) {
        definitions.insert(section.id.to_owned(), Value::Null);
        let schema = section_schema(section, definitions);
        definitions.insert(section.id.to_owned(), schema);
    }
    json!({"$ref": format!("#/$defs/{}", section.id)})
}
