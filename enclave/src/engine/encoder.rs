//! The encoder in the precision that was asked for.

use std::num::NonZeroUsize;

use sealnote_kernels::Isa;

use super::config::{Architecture, ModelConfig};
use super::error::EngineError;
use super::fast::{Arithmetic, FastBert, Parts};
use super::reference::{self, SequenceClassifier, Tensors};
use super::tokenizer::Window;
use super::{EngineOptions, batch, weights};
use crate::model_store::HashedFile;

/// Tokens, with padding where there is any, in one forward pass.
///
/// Larger batches gain nothing: a product of this many rows fills the cores already.
const BATCH_TOKENS: usize = 1024;

/// How the encoder is computed.
///
/// ModernBERT and DeBERTa-v2 have no encoder of our own: [`F32`](Self::F32) is the reference there, and
/// [`Int8`](Self::Int8) is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// In f32 on candle: slow, and what the others are tested against.
    Reference,
    /// In f32; logits within 1e-4 of the reference's.
    F32,
    /// The encoder's linear layers in 8 bits, everything else in f32.
    Int8,
}

pub(super) enum Encoder {
    Reference(SequenceClassifier),
    Fast(Box<FastBert>),
}

impl Encoder {
    /// Reads the weights, once.
    pub(super) fn load(
        weights: &mut HashedFile,
        config: &ModelConfig,
        options: &EngineOptions,
    ) -> Result<Self, EngineError> {
        let (bert, arithmetic) = match (&config.architecture, options.precision) {
            (Architecture::Bert(bert), Precision::F32) => (bert, Arithmetic::F32),
            (Architecture::Bert(bert), Precision::Int8) => (bert, Arithmetic::Int8),
            (_, Precision::Reference)
            | (Architecture::ModernBert(_) | Architecture::DebertaV2(_), Precision::F32) => {
                let mut tensors = Tensors::default();
                let scores = reference::memory_of_scores(config, options.window, BATCH_TOKENS);
                weights::read(
                    weights,
                    options.reserved_memory.saturating_add(scores),
                    &mut tensors,
                )?;
                return SequenceClassifier::build(tensors, config).map(Self::Reference);
            }
            (Architecture::ModernBert(_) | Architecture::DebertaV2(_), Precision::Int8) => {
                let model_type = config.model_type;
                return Err(EngineError::NoEightBits { model_type });
            }
        };
        let mut parts = Parts::new(bert, config, arithmetic, Isa::detect());
        weights::read(weights, options.reserved_memory, &mut parts)?;
        let threads = options.threads.unwrap_or_else(processors);
        FastBert::build(parts, threads)
            .map(Box::new)
            .map(Self::Fast)
    }

    /// The logits of each window; `None` where the encoder failed.
    pub(super) fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>> {
        let lengths: Vec<usize> = windows.iter().map(Window::len).collect();
        match self {
            Self::Reference(model) => {
                let mut logits = vec![None; windows.len()];
                for batch in batch::padded(&lengths, BATCH_TOKENS) {
                    let rows: Vec<&Window> = batch.iter().map(|&index| &windows[index]).collect();
                    // The error names tensors and shapes only, but nobody is there to read it: the
                    // note's sender is told `Internal`.
                    let Ok(computed) = model.logits(&rows) else {
                        continue;
                    };
                    for (&index, row) in batch.iter().zip(computed) {
                        logits[index] = Some(row);
                    }
                }
                logits
            }
            Self::Fast(model) => {
                let batches = batch::in_order(&lengths, BATCH_TOKENS).into_iter();
                let computed = batches.flat_map(|batch| model.logits(&windows[batch]));
                computed.map(Some).collect()
            }
        }
    }
}

/// As many as this process may use.
fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
