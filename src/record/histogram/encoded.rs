//! Histograms at rest, as text: here, or somewhere else until they are needed.

use std::{borrow::Cow, fmt, io, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};

use super::DecodeError;

/// A histogram at rest: V2 encoding, base64; empty when nothing was recorded.
#[derive(Clone, Debug)]
pub struct EncodedHistogram(Text);

#[derive(Clone, Debug)]
enum Text {
    Here(String),
    Elsewhere(Arc<dyn Elsewhere>),
}

/// Where the text of a histogram is that takes no memory.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    /// The text.
    ///
    /// # Errors
    /// When it cannot be read any more.
    fn text(&self) -> io::Result<String>;
}

impl EncodedHistogram {
    /// What is encoded in these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Text::Here(STANDARD.encode(bytes)))
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match &self.0 {
            Text::Here(text) => text.is_empty(),
            Text::Elsewhere(_) => false,
        }
    }

    /// Keeps the text where `place` says that it is; here where that does not know.
    pub fn lay_elsewhere(&mut self, place: impl FnOnce(&str) -> Option<Arc<dyn Elsewhere>>) {
        if let Text::Here(text) = &self.0
            && !text.is_empty()
            && let Some(place) = place(text)
        {
            self.0 = Text::Elsewhere(place);
        }
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>, DecodeError> {
        Ok(STANDARD.decode(self.text()?.as_bytes())?)
    }

    fn text(&self) -> io::Result<Cow<'_, str>> {
        match &self.0 {
            Text::Here(text) => Ok(Cow::Borrowed(text)),
            Text::Elsewhere(place) => place.text().map(Cow::Owned),
        }
    }
}

impl Default for EncodedHistogram {
    fn default() -> Self {
        Self(Text::Here(String::new()))
    }
}

/// By their texts, which have to be there.
impl PartialEq for EncodedHistogram {
    fn eq(&self, other: &Self) -> bool {
        matches!((self.text(), other.text()), (Ok(one), Ok(other)) if one == other)
    }
}

impl Serialize for EncodedHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        let text = text.map_err(|error| S::Error::custom(DecodeError::Elsewhere(error)))?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for EncodedHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Text::Here(text)))
    }
}

impl JsonSchema for EncodedHistogram {
    fn schema_name() -> Cow<'static, str> {
        "Histogram".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "contentEncoding": "base64",
            "description": "durations in nanoseconds, HdrHistogram V2 encoding, base64; \
                            empty when nothing was recorded"})
    }
}
