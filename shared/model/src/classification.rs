//! What a classification says, and why a single note may have none.

use std::fmt;

/// How a model's labels relate to a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// Exactly one label holds: the scores are probabilities over the labels and add up to 1.
    SingleLabel,
    /// Each label holds or does not by itself: each score is its own probability.
    MultiLabel,
}

/// The scores of one note, one in `0.0..=1.0` for each label, in the order of the model's labels.
pub type Scores = Vec<f32>;

/// What the model says of one note.
#[derive(Clone, PartialEq)]
pub struct Scored {
    /// One for each label.
    pub scores: Scores,
    /// How much of the note the model could read.
    pub known: KnownShare,
}

/// Scores tell of patients.
impl fmt::Debug for Scored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scored(redacted)")
    }
}

/// A note's classification, or why it has none.
pub type NoteOutcome = Result<Scored, NoteError>;

/// The share of a note's content tokens that are in the model's vocabulary, in 255ths, rounded down:
/// only a note whose tokens are all known has 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownShare(u8);

impl KnownShare {
    /// All of them.
    pub const ALL: Self = Self(255);

    /// Of `known` among `tokens`; all where there is no token.
    pub fn of(known: usize, tokens: usize) -> Self {
        match (known as u64 * 255).checked_div(tokens as u64) {
            Some(share) => Self(share.min(255) as u8),
            None => Self::ALL,
        }
    }

    /// As it travels.
    pub fn to_byte(self) -> u8 {
        self.0
    }

    /// As it came.
    pub fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// From 0 to 1.
    pub fn share(self) -> f32 {
        f32::from(self.0) / 255.0
    }
}

/// Why one note has no scores; the other notes of its request keep theirs.
///
/// No variant carries a word of the note, so an error may be shown or logged where a note may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoteError {
    /// No character but Unicode `White_Space`, or none that the model's tokenizer keeps.
    #[error("the note is empty: it holds no text to classify")]
    Empty,
    /// The note is longer than the limit that the enclave attests.
    #[error("the note is longer than the enclave accepts")]
    TooLong,
    /// The note's bytes are not UTF-8.
    #[error("the note is not valid UTF-8")]
    NotUtf8,
    /// The engine failed on this note; nothing more is told.
    #[error("the enclave could not classify this note")]
    Internal,
}
