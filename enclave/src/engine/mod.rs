//! Classifies notes: tokens, windows, encoder, pooled scores.
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
//! not wiped, since neither library offers that, and the fast encoder keeps its buffers of numbers for
//! the next batch. What bounds the damage is that no other program shares an enclave's memory.

mod batch;
mod classifier;
mod config;
mod cpus;
mod encoder;
mod error;
mod fast;
mod job;
mod pooling;
mod queue;
mod reference;
#[cfg(test)]
mod reference_tests;
mod tokenizer;
mod turns;
mod weights;

pub use classifier::Classifier;
pub use encoder::Computation;
pub use error::{EngineError, LabelFault};
pub use queue::{EngineHandle, EngineSession};
pub use sealnote_model::{KnownShare, NoteError, NoteOutcome, Precision, Problem, Scored, Scores};

use std::num::NonZeroUsize;

use sealnote_model::ModelDigest;

use self::config::ModelConfig;
use self::encoder::Encoder;
use self::tokenizer::NoteTokenizer;
pub use self::tokenizer::{Window, Windows};
use crate::model_store::ModelFiles;

/// Content tokens that neighbouring windows of a long note share.
pub const OVERLAP: usize = 64;
/// The window's limit unless [`EngineOptions`] says otherwise, in tokens.
pub const DEFAULT_WINDOW: usize = 256;
/// Least number of content tokens by which a window may advance on the one before it.
///
/// It bounds the work that a note can ask for: no token is in more than three windows.
pub const LEAST_STEP: usize = 32;

/// Choices of the operator; the enclave attests what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Greatest number of tokens in a window, special tokens included.
    pub window: usize,
    /// Bytes of memory that must be left when the model is loaded, for what is not the engine's.
    pub reserved_memory: u64,
    /// How the encoder is computed.
    pub computation: Computation,
    /// Threads that compute it; as many as there are processors unless set. Candle, which computes
    /// [`Computation::Reference`] and the types that have no other way, has its own.
    pub threads: Option<NonZeroUsize>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            window: DEFAULT_WINDOW,
            reserved_memory: 0,
            computation: Computation::Fastest,
            threads: None,
        }
    }
}

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
    /// Content tokens that neighbouring windows share: [`OVERLAP`].
    pub overlap: usize,
    /// What the numbers are.
    pub precision: Precision,
}

/// A loaded sequence-classification model.
pub struct Engine {
    info: ModelInfo,
    tokenizer: NoteTokenizer,
    encoder: Encoder,
}

impl Engine {
    /// Loads the model, reading its weights once: the digest is of the bytes that were loaded.
    ///
    /// # Errors
    /// [`EngineError`] when the model is none that this engine computes exactly as `transformers`
    /// does, or when its files contradict each other.
    pub fn load(mut files: ModelFiles, options: EngineOptions) -> Result<Self, EngineError> {
        let config = ModelConfig::parse(&files.config)?;
        let tokenizer = NoteTokenizer::load(&files.tokenizer, config.inputs, options.window)?;
        let encoder = Encoder::load(&mut files.weights, &config, &options)?;
        let info = ModelInfo {
            digest: files.into_digest().map_err(EngineError::Read)?,
            problem: config.problem,
            window: tokenizer.window(),
            overlap: OVERLAP,
            precision: encoder.precision(),
            labels: config.labels,
        };
        Ok(Self {
            info,
            tokenizer,
            encoder,
        })
    }

    /// What was loaded.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Classifies `notes`: one entry for each, in their order; the scores in the labels' order.
    ///
    /// A note's scores do not depend, but for rounding (1e-4), on the notes beside it.
    ///
    /// # Panics
    /// As [`logits`](Self::logits); an [`EngineHandle`] contains it.
    pub fn classify(&self, notes: &[&str]) -> Vec<NoteOutcome> {
        let mut windows = Vec::new();
        let mut tokenized = Vec::with_capacity(notes.len());
        for note in notes {
            let first = windows.len();
            tokenized.push(self.tokenize(note).map(|of_note| {
                let known = of_note.known();
                windows.extend(of_note);
                (known, first..windows.len())
            }));
        }
        let logits = self.logits(&windows);
        let pool = |(known, of_note): (KnownShare, core::ops::Range<usize>)| {
            let scores = self.pool(&logits[of_note])?;
            Ok(Scored { scores, known })
        };
        tokenized
            .into_iter()
            .map(|of_note| of_note.and_then(pool))
            .collect()
    }

    /// A note's windows, at least one.
    ///
    /// # Errors
    /// When there is no token in it.
    pub fn tokenize(&self, note: &str) -> Result<Windows, NoteError> {
        self.tokenizer.windows(note)
    }

    /// The logits of each window, in their order; `None` where the encoder failed.
    ///
    /// They are computed in batches of at most [`batch_tokens`](Self::batch_tokens).
    ///
    /// # Panics
    /// When one of the threads that compute them does.
    pub fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>> {
        self.encoder.logits(windows)
    }

    /// A note's scores, from its windows' logits.
    ///
    /// # Errors
    /// [`NoteError::Internal`] when some are missing or not finite.
    pub fn pool(&self, logits: &[Option<Vec<f32>>]) -> Result<Scores, NoteError> {
        pooling::pool(self.info.problem, self.info.labels.len(), logits)
    }

    /// The instruction set that computes it; `None` on candle.
    pub fn instruction_set(&self) -> Option<&'static str> {
        self.encoder.instruction_set()
    }

    /// Makes the calling thread the engine's: it is kept on one processor, with what else it does.
    pub fn settle(&self) {
        self.encoder.settle();
    }

    /// Tokens of a batch, at most, unless it is a single window.
    pub fn batch_tokens(&self) -> usize {
        self.encoder.batch_tokens()
    }
}
