//! The encoder in the precision that was asked for.

use sealnote_kernels::Isa;
use sealnote_model::Precision;

use super::config::{Architecture, ModelConfig};
use super::error::EngineError;
use super::fast::{FastBert, Parts};
use super::reference::{self, SequenceClassifier, Tensors};
use super::tokenizer::Window;
use super::{EngineOptions, batch, weights};
use crate::model_store::HashedFile;

/// Tokens, with padding, in one forward pass of candle: few, for it is slow, and others wait meanwhile.
const CANDLE_BATCH_TOKENS: usize = 256;

/// How the encoder is computed.
///
/// ModernBERT and DeBERTa-v2 have no encoder of our own: [`F32`](Self::F32) is the reference there, and
/// [`Int8`](Self::Int8) is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Computation {
    /// In 8 bits where there is a way, else in f32.
    Fastest,
    /// In f32 on candle: slow, and what the others are tested against.
    Reference,
    /// In f32; logits within 1e-4 of the reference's.
    F32,
    /// The encoder's linear layers in 8 bits, everything else in f32; the default model's logits within 0.75 of the
    /// reference's.
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
        use Architecture::{Bert, DebertaV2, ModernBert};
        let (bert, precision) = match (&config.architecture, options.computation) {
            (Bert(bert), Computation::Fastest | Computation::Int8) => (bert, Precision::Int8),
            (Bert(bert), Computation::F32) => (bert, Precision::F32),
            (_, Computation::Reference)
            | (ModernBert(_) | DebertaV2(_), Computation::Fastest | Computation::F32) => {
                let mut tensors = Tensors::default();
                let scores =
                    reference::memory_of_scores(config, options.window, CANDLE_BATCH_TOKENS);
                weights::read(
                    weights,
                    options.reserved_memory.saturating_add(scores),
                    &mut tensors,
                )?;
                return SequenceClassifier::build(tensors, config).map(Self::Reference);
            }
            (ModernBert(_) | DebertaV2(_), Computation::Int8) => {
                let model_type = config.model_type;
                return Err(EngineError::NoEightBits { model_type });
            }
        };
        let mut parts = Parts::new(bert, config, precision, Isa::detect());
        weights::read(weights, options.reserved_memory, &mut parts)?;
        FastBert::build(parts, options.threads).map(|model| Self::Fast(Box::new(model)))
    }

    /// What is claimed of it.
    pub(super) fn precision(&self) -> Precision {
        match self {
            Self::Reference(_) => Precision::F32,
            Self::Fast(model) => model.precision(),
        }
    }

    pub(super) fn instruction_set(&self) -> Option<&'static str> {
        match self {
            Self::Reference(_) => None,
            Self::Fast(model) => Some(model.instruction_set()),
        }
    }

    /// Makes the calling thread the one that will call [`logits`](Self::logits).
    pub(super) fn settle(&self) {
        if let Self::Fast(model) = self {
            model.settle();
        }
    }

    /// Tokens of a batch, at most, unless it is a single window.
    pub(super) fn batch_tokens(&self) -> usize {
        match self {
            Self::Reference(_) => CANDLE_BATCH_TOKENS,
            Self::Fast(model) => model.batch_tokens(),
        }
    }

    /// The logits of each window; `None` where the encoder failed.
    pub(super) fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>> {
        let lengths: Vec<usize> = windows.iter().map(Window::len).collect();
        let budget = self.batch_tokens();
        match self {
            Self::Reference(model) => {
                let mut logits = vec![None; windows.len()];
                for batch in batch::padded(&lengths, budget) {
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
                let batches = batch::in_order(&lengths, budget).into_iter();
                let computed = batches.flat_map(|batch| model.logits(&windows[batch]));
                computed.map(Some).collect()
            }
        }
    }
}
