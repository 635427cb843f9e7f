//! Ways to compute a model's logits. To add one: a folder here, which implements [`Backend`], and its `load` in
//! [`registry`].

mod batching;
pub(crate) mod candle;
pub(crate) mod native;
pub(crate) mod registry;

use sealnote_model::Precision;

use crate::tokenizer::Window;

/// A model between its tokens and its logits, loaded.
pub(crate) trait Backend: Send + Sync {
    /// What is claimed of it.
    fn precision(&self) -> Precision;

    /// The instruction set that computes it; `None` where that is not the backend's choice.
    fn instruction_set(&self) -> Option<&'static str>;

    /// Makes the calling thread the one that will call [`logits`](Self::logits).
    fn settle(&self) {}

    /// Tokens of a batch, at most, unless it is a single window.
    fn batch_tokens(&self) -> usize;

    /// The logits of each window, in their order, one for each label; `None` where they could not be computed.
    /// It is for the backend to compute them in batches.
    fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>>;
}
