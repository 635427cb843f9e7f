//! What a classification says, and why a single note may have none.

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
