//! A loaded model, and what it says of notes.

use sealnote_model::{KnownShare, NoteError, NoteOutcome, Scored, Scores};

use crate::backend::{Backend, registry};
use crate::classifier::Classifier;
use crate::config::ModelConfig;
use crate::error::EngineError;
use crate::info::ModelInfo;
use crate::model_files::ModelFiles;
use crate::options::EngineOptions;
use crate::pooling;
use crate::tokenizer::{NoteTokenizer, OVERLAP, Window, Windows};

/// A loaded sequence-classification model.
pub struct Engine {
    info: ModelInfo,
    tokenizer: NoteTokenizer,
    backend: Box<dyn Backend>,
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
        let backend = registry::load(&mut files.weights, &config, &options)?;
        let info = ModelInfo {
            digest: files.into_digest()?,
            problem: config.problem,
            window: tokenizer.window(),
            overlap: OVERLAP,
            precision: backend.precision(),
            labels: config.labels,
        };
        Ok(Self {
            info,
            tokenizer,
            backend,
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
    /// As [`logits`](Self::logits); an [`EngineHandle`](crate::EngineHandle) contains it.
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

    /// The logits of each window, in their order; `None` where the backend failed.
    ///
    /// They are computed in batches of at most [`batch_tokens`](Self::batch_tokens).
    ///
    /// # Panics
    /// When one of the threads that compute them does.
    pub fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>> {
        self.backend.logits(windows)
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
        self.backend.instruction_set()
    }

    /// Makes the calling thread the engine's: it is kept on one processor, with what else it does.
    pub fn settle(&self) {
        self.backend.settle();
    }

    /// Tokens of a batch, at most, unless it is a single window.
    pub fn batch_tokens(&self) -> usize {
        self.backend.batch_tokens()
    }
}

impl Classifier for Engine {
    type Window = Window;
    type Windows = Windows;

    fn info(&self) -> &ModelInfo {
        Engine::info(self)
    }

    fn settle(&self) {
        Engine::settle(self);
    }

    fn batch_tokens(&self) -> usize {
        Engine::batch_tokens(self)
    }

    fn tokenize(&self, note: &str) -> Result<Windows, NoteError> {
        Engine::tokenize(self, note)
    }

    fn known(windows: &Windows) -> KnownShare {
        windows.known()
    }

    fn tokens(window: &Window) -> usize {
        window.len()
    }

    fn logits(&self, batch: &[Window]) -> Vec<Option<Vec<f32>>> {
        Engine::logits(self, batch)
    }

    fn pool(&self, logits: &[Option<Vec<f32>>]) -> Result<Scores, NoteError> {
        Engine::pool(self, logits)
    }
}
