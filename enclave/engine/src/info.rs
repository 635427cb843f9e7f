//! What a loaded model is.

use sealnote_model::{ModelDigest, Precision, Problem};

/// What a loaded model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// The digest of the files that were loaded.
    pub digest: ModelDigest,
    /// Label names; a score's place is its label's place here.
    pub labels: Vec<String>,
    /// How the labels relate to a note.
    pub problem: Problem,
    /// Tokens in a window, special tokens included: the lesser of what the model's positions allow
    /// and the operator's limit.
    pub window: usize,
    /// Content tokens that neighbouring windows share: [`OVERLAP`](crate::OVERLAP).
    pub overlap: usize,
    /// What the numbers are.
    pub precision: Precision,
}
