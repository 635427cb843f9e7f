//! What a model is to others: a digest, labels, a precision, and what it says of a note.
//!
//! Depends on nothing else of Sealnote. The protocol carries these, the verifier pins them, the engine
//! makes them.

#![forbid(unsafe_code)]

mod classification;
mod digest;
mod precision;

pub use classification::{KnownShare, NoteError, NoteOutcome, Problem, Scored, Scores};
pub use digest::{FileDigest, MODEL_FILES, ModelDigest, NoDigest, SHA384_LEN, extended};
pub use precision::Precision;

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
