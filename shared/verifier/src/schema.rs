//! What all parts of a policy file have in common.

mod object;
mod value;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use object::{object, objects, some_object};
pub(crate) use value::{ListFault, check_list, value, value_or_zero};
pub use value::{ListFile, ValueFault};

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

/// Reads one JSON object, with nothing behind it.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, ShapeError> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let mut track = serde_path_to_error::Track::new();
    let read = object(serde_path_to_error::Deserializer::new(
        &mut reader,
        &mut track,
    ));
    read.and_then(|read| reader.end().map(|()| read))
        .map_err(|error| ShapeError {
            field: match track.path().to_string() {
                path if path == "." || error.is_syntax() => String::new(),
                path => path,
            },
            message: message(&error, json),
        })
}

/// What is wrong, in plain words where serde's would not help.
fn message(error: &serde_json::Error, json: &[u8]) -> String {
    if json.trim_ascii().is_empty() {
        return "the file is empty".into();
    }
    match comment(json) {
        Some((line, column)) if error.is_syntax() => {
            format!("JSON has no comments; take out the one at line {line} column {column}")
        }
        _ => error.to_string(),
    }
}

/// Line and column, from 1, of the first `//` or `/*` that is not in a text.
fn comment(json: &[u8]) -> Option<(usize, usize)> {
    let (mut in_text, mut escaped) = (false, false);
    let at = json.iter().enumerate().position(|(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            _ => {}
        }
        !in_text && *byte == b'/' && matches!(json.get(at + 1), Some(b'/' | b'*'))
    })?;
    let before = &json[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let line_start = before.iter().rposition(|byte| *byte == b'\n');
    Some((line, at + 1 - line_start.map_or(0, |newline| newline + 1)))
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
#[serde(
    untagged,
    expecting = "a time such as \"2027-03-01T00:00:00Z\", or seconds since 1970, is due"
)]
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
