//! What the queue drives.

use sealnote_model::{KnownShare, NoteError, Scores};

use crate::info::ModelInfo;

/// [`Engine`](crate::Engine), or a stand-in for it in tests.
///
/// A note is cut into windows, windows are computed in batches, and a note's scores are made of its
/// windows' logits. A method that panics costs the note that it was called for.
pub trait Classifier: Send + 'static {
    /// A part of a note that is computed at once.
    type Window: Send;
    /// A note's windows.
    type Windows: ExactSizeIterator<Item = Self::Window> + Send;

    /// What is loaded.
    fn info(&self) -> &ModelInfo;

    /// Called once, on the thread that will call the other methods.
    fn settle(&self) {}

    /// Tokens of a batch, at most, unless it is a single window.
    fn batch_tokens(&self) -> usize;

    /// A note's windows, at least one.
    ///
    /// # Errors
    /// When the note holds nothing to classify.
    fn tokenize(&self, note: &str) -> Result<Self::Windows, NoteError>;

    /// How much of the note the windows' tokens hold.
    fn known(windows: &Self::Windows) -> KnownShare;

    /// A window's length in tokens.
    fn tokens(window: &Self::Window) -> usize;

    /// The logits of each window of a batch, in order; `None` where they could not be computed.
    fn logits(&self, batch: &[Self::Window]) -> Vec<Option<Vec<f32>>>;

    /// A note's scores, from its windows' logits.
    ///
    /// # Errors
    /// [`NoteError::Internal`] when some are missing or not finite.
    fn pool(&self, logits: &[Option<Vec<f32>>]) -> Result<Scores, NoteError>;
}
