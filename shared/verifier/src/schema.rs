//! What all parts of a policy file have in common.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::time::UnixTime;

/// JSON that does not have the shape that is due: where in it, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", at(.field))]
pub struct ShapeError {
    /// The field, as `evidence.nitro.measurements[0].pcr0`; empty where it is the whole.
    pub field: String,
    /// What was found and what is wanted, with line and column.
    pub message: String,
}

fn at(field: &str) -> String {
    match field {
        "" => String::new(),
        field => format!("at {field}: "),
    }
}

/// Reads one JSON value, with nothing behind it.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, ShapeError> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| ShapeError {
        field: match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        },
        message: error.into_inner().to_string(),
    })?;
    reader.end().map_err(|error| ShapeError {
        field: String::new(),
        message: error.to_string(),
    })?;
    Ok(read)
}

/// serde reads `null` as absent, which would turn a script's empty variable into "anything goes".
pub(crate) fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A moment, as a policy file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TimeFile {
    /// Seconds since 1970.
    Seconds(u64),
    /// As `2027-03-01T00:00:00Z`.
    Text(String),
}

impl TimeFile {
    /// The moment; `None` where the text is none.
    pub(crate) fn read(self) -> Option<UnixTime> {
        match self {
            Self::Seconds(seconds) => Some(UnixTime::from_seconds(seconds)),
            Self::Text(text) => UnixTime::from_date(&text),
        }
    }
}

/// The number of a suite, or what was found in its place.
pub(crate) fn suite_number(found: u64) -> Result<u16, u64> {
    match u16::try_from(found) {
        Ok(number @ 1..) => Ok(number),
        _ => Err(found),
    }
}
