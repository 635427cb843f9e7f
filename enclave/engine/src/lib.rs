//! Classifies notes with a Hugging Face sequence-classification model, on CPUs: tokens, windows, logits, scores.
//!
//! An [`Engine`] is a loaded model. [`EngineHandle`] gives it a thread of its own, which sessions share fairly.
//!
//! ```
//! use std::path::Path;
//!
//! use sealnote_engine::{Engine, EngineOptions, ModelFiles};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert-single");
//! let files = ModelFiles::open(Path::new(folder))?;
//! let engine = Engine::load(files, EngineOptions::default())?;
//! let [outcome] = &engine.classify(&["Chest pain since this morning."])[..] else {
//!     unreachable!("an outcome for each note")
//! };
//! let scored = outcome.as_ref().map_err(|error| error.to_string())?;
//! for (label, score) in engine.info().labels.iter().zip(&scored.scores) {
//!     println!("{label}: {score:.3}");
//! }
//! # assert_eq!(scored.scores.len(), engine.info().labels.len());
//! # Ok(())
//! # }
//! ```
//!
//! The digest of the model, [`ModelInfo::digest`], is of the bytes that were loaded. How the logits are computed is a
//! matter of the [`Computation`]: natively, on `sealnote-kernels`, or on candle.
//!
//! # Windows and pooling
//!
//! Let `t[0..n)` be a note's *content* tokens: what `tokenizer.json` makes of the text with
//! `truncation` and `padding` cleared and without the tokens of its post-processor. Let `s` be the
//! number of tokens that the post-processor adds to a single sequence (2 for BERT: `[CLS]` and
//! `[SEP]`), `w` = [`ModelInfo::window`], `c = w − s` the content that a window holds, and
//! `o` = [`OVERLAP`].
//!
//! 1. If `n = 0`, or if every character of the note is Unicode `White_Space`, the note is
//!    [`NoteError::Empty`].
//! 2. If `n ≤ c`, there is one window, `t[0..n)`.
//! 3. Else the windows are `t[k(c − o) .. min(k(c − o) + c, n))` for `k = 0, 1, 2, …` up to and
//!    including the first that ends at `n`. Neighbours share exactly `o` tokens, and the last window
//!    may be shorter than the others.
//! 4. The post-processor's tokens are put around each window, and the encoder computes its logits.
//! 5. Single-label: a note's scores are the arithmetic mean over its windows of
//!    `softmax(logits)`. Multi-label: for each label, the maximum over the windows of
//!    `sigmoid(logit)`.
//!
//! A note with a logit that is not finite is [`NoteError::Internal`].
//!
//! # What stays in memory
//!
//! The tokenizer's and the encoder's intermediate buffers hold text and tokens; they are freed and
//! not wiped, since neither library offers that, and the native backend keeps its buffers of numbers for
//! the next batch. What bounds the damage is that no other program shares an enclave's memory.

#![forbid(unsafe_code)]

mod backend;
mod classifier;
mod config;
pub mod contain;
mod engine;
mod error;
mod info;
mod model_files;
mod options;
mod pooling;
mod queue;
#[cfg(test)]
mod reference_tests;
mod tokenizer;
mod weights;

pub use classifier::Classifier;
pub use engine::Engine;
pub use error::{EngineError, LabelFault};
pub use info::ModelInfo;
pub use model_files::{
    EncryptedFiles, MAX_CONFIG_BYTES, MAX_TOKENIZER_BYTES, MAX_WEIGHTS_BYTES, ModelFiles,
    ModelStoreError,
};
pub use options::{Computation, DEFAULT_WINDOW, EngineOptions};
pub use queue::{EngineHandle, EngineSession};
pub use sealnote_model::{KnownShare, NoteError, NoteOutcome, Precision, Problem, Scored, Scores};
pub use tokenizer::{LEAST_STEP, OVERLAP, Window, Windows};
