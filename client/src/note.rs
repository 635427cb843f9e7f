//! What goes in and what comes out: notes and their results.

use core::fmt;

use sealnote_session::Outcome;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::evidence::EvidenceDigest;

/// A note to classify. The id stays here: it is never sent, and comes back with the note's result.
pub struct Note<Id> {
    /// Whatever the caller tells its notes apart by.
    pub id: Id,
    /// What is sent, sealed.
    pub text: NoteBytes,
}

/// Bytes of a note, erased on drop. They need not be text: the enclave checks that they are UTF-8, and answers
/// with an error if not.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct NoteBytes(Vec<u8>);

/// What became of one note.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct NoteResult<Id> {
    /// The note's id.
    pub id: Id,
    /// What the model says of it, and which model that is; or why it says nothing.
    pub outcome: Outcome,
    /// The evidence of the session that it is of.
    pub evidence: EvidenceDigest,
}

impl<Id> Note<Id> {
    /// A note of this id and text.
    pub fn new(id: Id, text: impl Into<NoteBytes>) -> Self {
        let text = text.into();
        Self { id, text }
    }
}

impl From<Vec<u8>> for NoteBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for NoteBytes {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

/// A copy: the original is the caller's to erase.
impl From<&str> for NoteBytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl AsRef<[u8]> for NoteBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Texts are of patients.
impl fmt::Debug for NoteBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteBytes(redacted)")
    }
}

/// Ids may be of patients, too.
impl<Id> fmt::Debug for Note<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Note(redacted)")
    }
}

/// Without the id, for the same reason.
impl<Id> fmt::Debug for NoteResult<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteResult({:?})", self.outcome)
    }
}
