//! One field of a data file as a value of the wanted type.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::super::super::{
    AttributeType,
    data::document::{Document, no_base64},
    diagnostic::quoted,
    number,
};

/// A field as a file has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Bytes of a CSV field.
    Text(&'a [u8]),
    /// A JSON value.
    Json(&'a str),
}

/// What a column keeps of a field, and the size of the value; `None` for an empty field or
/// `null`.
pub(super) type Cell<'a> = Option<(Cow<'a, [u8]>, u64)>;

/// # Errors
/// What is wrong with the field, to follow its name.
pub(super) fn convert(kind: AttributeType, field: Field<'_>) -> Result<Cell<'_>, String> {
    let nested = !matches!(
        kind,
        AttributeType::S | AttributeType::N | AttributeType::B | AttributeType::Bool
    );
    match field {
        Field::Text([]) | Field::Json("null") => Ok(None),
        Field::Text(bytes) if nested => document(kind, utf8(bytes)?),
        Field::Text(bytes) => scalar(kind, Cow::Borrowed(utf8(bytes)?)),
        Field::Json(json) if nested => document(kind, json),
        Field::Json(json) => match Document::read(json)? {
            Document::Text(text) if text.is_empty() => Ok(None),
            Document::Text(text) | Document::Number(text) => scalar(kind, Cow::Owned(text)),
            Document::Bool(truth) => scalar(kind, Cow::Owned(truth.to_string())),
            _ => Err(format!("is not of type {}", kind.name())),
        },
    }
}

/// A weight: finite and not negative; an empty field weighs nothing.
pub(super) fn weight(field: Field<'_>) -> Result<f64, String> {
    let Some((literal, _)) = convert(AttributeType::N, field)? else {
        return Ok(0.0);
    };
    let weight: f64 = std::str::from_utf8(&literal)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|weight: &f64| weight.is_finite())
        .ok_or("is not a number")?;
    if weight < 0.0 {
        return Err("is negative".to_owned());
    }
    Ok(weight)
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}

fn scalar(kind: AttributeType, text: Cow<'_, str>) -> Result<Cell<'_>, String> {
    let trimmed = text.trim();
    let (bytes, size) = match kind {
        AttributeType::N if number::is_number(trimmed) => {
            let size = number::number_size(trimmed);
            (Cow::Owned(trimmed.as_bytes().to_vec()), size)
        }
        AttributeType::N => {
            return Err(format!(
                "is no number that DynamoDB takes: {}",
                quoted(&text)
            ));
        }
        AttributeType::Bool => match trimmed.to_ascii_lowercase().as_str() {
            truth @ ("true" | "false") => (Cow::Owned(truth.as_bytes().to_vec()), 1),
            _ => return Err(format!("is neither true nor false: {}", quoted(&text))),
        },
        AttributeType::B => {
            let bytes = BASE64_STANDARD.decode(trimmed).map_err(|_| no_base64())?;
            let size = bytes.len() as u64;
            (Cow::Owned(bytes), size)
        }
        _ => {
            let size = text.len() as u64;
            let bytes = match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            };
            (bytes, size)
        }
    };
    Ok(Some((bytes, size)))
}

fn document(kind: AttributeType, json: &str) -> Result<Cell<'_>, String> {
    let document = Document::read(json).map_err(|problem| format!("cannot be read: {problem}"))?;
    let size = match (kind, &document) {
        (AttributeType::L, Document::List(_)) | (AttributeType::M, Document::Map(_)) => {
            document.size()
        }
        (AttributeType::L | AttributeType::M, _) => {
            return Err(format!("is not of type {}", kind.name()));
        }
        (AttributeType::Ns, _) => {
            let members = document.members(kind)?;
            let literals = members.iter().filter_map(|m| std::str::from_utf8(m).ok());
            literals.map(number::number_size).sum()
        }
        _ => {
            let members = document.members(kind)?;
            members.iter().map(|member| member.len() as u64).sum()
        }
    };
    Ok(Some((Cow::Borrowed(json.as_bytes()), size)))
}
