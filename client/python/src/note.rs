//! From an object of Python to a note.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyString};
use sealnote_client::{Classification, NoteBytes, NoteError};

use crate::evidence::Appraised;

/// Longer than any request can be, in bytes: not copied to be refused.
const LONGEST: usize = 1 << 24;

/// Why a note has no classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteFailure {
    /// None, NaN, or what pandas has for them.
    Missing,
    /// Neither str nor bytes.
    NotText,
    /// What the enclave says, or would say.
    Note(NoteError),
}

/// What became of one note.
pub(crate) struct Answer {
    pub(crate) outcome: Result<Classification, NoteFailure>,
    /// What the session stands on that it came from; `None` where it was not sent.
    pub(crate) evidence: Option<Arc<Appraised>>,
}

impl From<NoteFailure> for Answer {
    /// Of a note that was not sent.
    fn from(failure: NoteFailure) -> Self {
        Self {
            outcome: Err(failure),
            evidence: None,
        }
    }
}

impl NoteFailure {
    /// The name for programs: as `sealnote submit` writes it, where that can meet it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotText => "not_text",
            Self::Note(NoteError::Empty) => "empty",
            Self::Note(NoteError::TooLong) => "too_long",
            Self::Note(NoteError::NotUtf8) => "not_utf8",
            Self::Note(NoteError::Internal) => "internal",
        }
    }

    /// The sentence for people.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Missing => "there is no note: the value is missing".into(),
            Self::NotText => "the note is neither str nor bytes".into(),
            Self::Note(error) => error.to_string(),
        }
    }
}

/// The note's bytes, in a copy that is erased after use. Bytes are taken as UTF-8, which the enclave checks.
pub(crate) fn note_bytes(text: &Bound<'_, PyAny>) -> Result<NoteBytes, NoteFailure> {
    if let Ok(text) = text.cast::<PyString>() {
        return string_bytes(text);
    }
    if let Ok(bytes) = text.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        check_length(bytes.len())?;
        return Ok(bytes.to_vec().into());
    }
    Err(if is_missing(text) {
        NoteFailure::Missing
    } else {
        NoteFailure::NotText
    })
}

fn string_bytes(text: &Bound<'_, PyString>) -> Result<NoteBytes, NoteFailure> {
    // A character has a byte at least.
    check_length(text.len().unwrap_or(usize::MAX))?;
    match text.to_cow() {
        Ok(Cow::Borrowed(text)) => Ok(text.into()),
        Ok(Cow::Owned(text)) => Ok(text.into()),
        // Half of a surrogate pair. The error holds the text, and is dropped here.
        Err(_) => Err(NoteFailure::Note(NoteError::NotUtf8)),
    }
}

fn check_length(length: usize) -> Result<(), NoteFailure> {
    match length > LONGEST {
        true => Err(NoteFailure::Note(NoteError::TooLong)),
        false => Ok(()),
    }
}

/// None, a float's NaN, pandas' NA and NaT. Other types are not asked: they may compare as they like.
fn is_missing(text: &Bound<'_, PyAny>) -> bool {
    if text.is_none() {
        return true;
    }
    if let Ok(number) = text.cast::<PyFloat>() {
        return number.value().is_nan();
    }
    let name = text.get_type().name();
    name.is_ok_and(|name| name == "NAType" || name == "NaTType")
}
