//! What a source gives: a record of the input, in whatever format it was.

use core::fmt;
use std::sync::Arc;

use sealnote_client::NoteBytes;
use sealnote_model::NoteError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One record: a note, or why there is none.
pub struct Record {
    /// What its result is known by.
    pub origin: Origin,
    /// What is to be sealed and sent. Nothing else of a record is sent.
    pub text: Result<NoteBytes, InputError>,
}

/// What stays of a record while its text is away, and comes back beside its result.
pub struct Origin {
    /// Where it is in the input, for a person to find it.
    pub line: Line,
    /// `None` where none could be read.
    pub id: Option<Id>,
    /// The fields that were asked for to be passed through.
    pub passed: Passed,
}

/// A record's place, from 1: the line (JSON Lines), the line on which the row begins (CSV, TSV), the row (Parquet), the
/// file in the folder's order, or the resource (FHIR).
pub type Line = u64;

/// What tells a record from others, in the type that it has in the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// As a text.
    Text(String),
    /// As a number that JSON can say.
    Number(serde_json::Number),
}

/// Fields that are passed through to the results. The names are shared by all records of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passed {
    /// What was asked for.
    pub names: Arc<[String]>,
    /// As many values; `Null` where the record has no such field.
    pub values: Vec<serde_json::Value>,
}

/// Why a record has no text to send. Never quotes the record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// Not what the format has, such as a line that is no JSON object.
    #[error("{wanted}, at column {column}")]
    Shape {
        /// What was wanted, as `not a JSON object`.
        wanted: &'static str,
        /// Column in the line, from 1.
        column: usize,
    },
    /// There is no text under the name that was asked for, or it is of another type.
    #[error("{0}")]
    NoText(&'static str),
    /// There is no id under the name that was asked for, or it is of another type.
    #[error("{0}")]
    NoId(&'static str),
    /// The id of an earlier record, where ids have to be unique.
    #[error("the id of this record is that of an earlier one")]
    DuplicateId,
    /// The same error that the enclave gives for a note that is not UTF-8.
    #[error("{}", NoteError::NotUtf8)]
    NotUtf8,
    /// A row has more or fewer columns than the header.
    #[error("the row does not have as many columns as the header, which has {wanted}")]
    Columns {
        /// Of the header.
        wanted: usize,
    },
    /// A quote that was opened goes on to the end of the input.
    #[error("a quote that begins in this row is never closed")]
    Unclosed,
    /// A file of a folder could not be read.
    #[error("the file cannot be read: {0}")]
    File(std::io::ErrorKind),
    /// An entry of a folder that is no file of it.
    #[error("{0}")]
    NoFile(&'static str),
    /// A text that is elsewhere. Fetching it would tell where it is.
    #[error("the text is an attachment by URL, which is not fetched")]
    ByUrl,
    /// A text in a form that is not read, such as PDF.
    #[error("no attachment is text/plain or text/html, in a charset that is known")]
    Unsupported,
    /// An attachment that is not base64, though it has to be.
    #[error("the attachment's data is not base64")]
    NotBase64,
    /// An attachment that is not in the charset that it names; UTF-8 if it names none.
    #[error("the attachment is not in its charset")]
    BadCharset,
    /// Longer than a record may be. It was skipped, and never held.
    #[error("the record is longer than {limit} bytes (--max-record-bytes)")]
    TooLong {
        /// Bytes that a record may have.
        limit: usize,
    },
}

impl InputError {
    /// A name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "bad_line",
            Self::NoText(_) => "no_text",
            Self::NoId(_) => "no_id",
            Self::DuplicateId => "duplicate_id",
            Self::NotUtf8 => "not_utf8",
            Self::Columns { .. } | Self::Unclosed => "bad_row",
            Self::File(_) | Self::NoFile(_) => "unreadable_file",
            Self::ByUrl => "text_by_url",
            Self::Unsupported => "unsupported_attachment",
            Self::NotBase64 => "bad_base64",
            Self::BadCharset => "bad_charset",
            Self::TooLong { .. } => "record_too_long",
        }
    }
}

impl fmt::Display for Id {
    /// Escaped, and cut where it is long: it is shown on terminals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => {
                let shown: String = text.chars().take(SHOWN).collect();
                let rest = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "{}{rest}", shown.escape_debug())
            }
        }
    }
}

impl Record {
    /// One of which nothing but its place is known.
    pub(crate) fn failed(line: Line, error: InputError) -> Self {
        Self {
            origin: Origin::at(line),
            text: Err(error),
        }
    }
}

impl Passed {
    /// Each name and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &serde_json::Value)> {
        self.names.iter().map(String::as_str).zip(&self.values)
    }
}

impl Origin {
    /// Of a record of which nothing but its place is known.
    pub fn at(line: Line) -> Self {
        Self {
            line,
            id: None,
            passed: Passed::default(),
        }
    }

    /// For a person: where it is, and what is the matter with it.
    pub fn named(&self, problem: &impl fmt::Display) -> String {
        match &self.id {
            Some(id) => format!("line {}, id {id}: {problem}", self.line),
            None => format!("line {}: {problem}", self.line),
        }
    }

    /// About how many bytes it holds.
    pub fn held(&self) -> usize {
        let id = match &self.id {
            Some(Id::Text(text)) => text.len(),
            _ => 0,
        };
        let passed = self.passed.values.iter().map(size);
        size_of::<Self>() + id + passed.sum::<usize>()
    }
}

/// About what a value takes.
fn size(value: &serde_json::Value) -> usize {
    use serde_json::Value::{Array, Object, String};
    size_of_val(value)
        + match value {
            String(text) => text.len(),
            Array(values) => values.iter().map(size).sum(),
            Object(fields) => fields
                .iter()
                .map(|(name, value)| name.len() + size(value))
                .sum(),
            _ => 0,
        }
}

/// Records may be of patients.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(line {}, redacted)", self.origin.line)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin(line {}, redacted)", self.line)
    }
}
