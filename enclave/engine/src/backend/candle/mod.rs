//! Sequence classifiers on candle, in f32: what the native backend is tested against, and the only way to
//! compute a type that it does not.

mod bert;
mod deberta;
mod encoder;
mod head;
mod modernbert;
mod roberta;
mod tensors;
#[cfg(test)]
mod tests;

use sealnote_model::Precision;

use self::encoder::{Encoder, PaddedRows};
use self::head::Head;
pub(crate) use self::tensors::Tensors;
use super::{Backend, batching};
use crate::config::{Architecture, Inputs, ModelConfig, Positions};
use crate::error::EngineError;
use crate::model_files::HashedFile;
use crate::options::{Computation, EngineOptions};
use crate::tokenizer::Window;
use crate::weights;

/// Tokens, with padding, in one forward pass: few, for it is slow, and others wait meanwhile.
const BATCH_TOKENS: usize = 256;

/// Computes every type in f32, and nothing in 8 bits.
pub(super) fn load(
    weights: &mut HashedFile,
    config: &ModelConfig,
    options: &EngineOptions,
) -> Result<Option<Box<dyn Backend>>, EngineError> {
    if options.computation == Computation::Int8 {
        return Ok(None);
    }
    let model = Candle::load(weights, config, options)?;
    Ok(Some(Box::new(model)))
}

/// A model as `transformers` has it under `…ForSequenceClassification`.
struct Candle {
    encoder: Box<dyn Encoder>,
    head: Head,
    inputs: Inputs,
}

impl Candle {
    fn load(
        weights: &mut HashedFile,
        config: &ModelConfig,
        options: &EngineOptions,
    ) -> Result<Self, EngineError> {
        let scores = memory_of_scores(config, options.window, BATCH_TOKENS);
        let reserved = options.reserved_memory.saturating_add(scores);
        let mut tensors = Tensors::default();
        weights::read(weights, reserved, &mut tensors)?;
        Self::build(tensors, config)
    }

    fn build(tensors: Tensors, config: &ModelConfig) -> Result<Self, EngineError> {
        let (inputs, labels) = (&config.inputs, config.labels.len());
        let (encoder, head) = match &config.architecture {
            Architecture::Bert(bert) => {
                let head = Head::of_bert(&tensors, bert, labels)?;
                let encoder = match inputs.positions {
                    Positions::Places => bert::load(tensors, bert, inputs)?,
                    Positions::AfterPadding => roberta::load(tensors, bert, inputs)?,
                };
                (encoder, head)
            }
            Architecture::ModernBert(modernbert) => modernbert::load(tensors, modernbert, labels)?,
            Architecture::DebertaV2(deberta) => deberta::load(tensors, deberta, labels)?,
        };
        Ok(Self {
            encoder,
            head,
            inputs: config.inputs,
        })
    }

    /// The logits of each window, in their order, computed as one batch.
    ///
    /// Rows are padded to the longest and masked, so that padding changes nothing but rounding.
    fn logits_of_batch(&self, windows: &[&Window]) -> candle_core::Result<Vec<Vec<f32>>> {
        let rows = PaddedRows::new(windows, self.inputs.pad_token)?;
        let hidden = self.encoder.hidden(&rows)?;
        self.head.logits(&hidden, &rows.mask)?.to_vec2()
    }
}

impl Backend for Candle {
    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn instruction_set(&self) -> Option<&'static str> {
        None
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>> {
        let lengths: Vec<usize> = windows.iter().map(Window::len).collect();
        let mut logits = vec![None; windows.len()];
        for batch in batching::padded(&lengths, BATCH_TOKENS) {
            let rows: Vec<&Window> = batch.iter().map(|&index| &windows[index]).collect();
            // The error names tensors and shapes only, but nobody is there to read it: the
            // note's sender is told `Internal`.
            let Ok(computed) = self.logits_of_batch(&rows) else {
                continue;
            };
            for (&index, row) in batch.iter().zip(computed) {
                logits[index] = Some(row);
            }
        }
        logits
    }
}

/// Bytes that attention takes beside the weights and all else, at most, for windows of `window` tokens in
/// batches of `batch` or of a single row.
///
/// Candle makes a tensor of its own at each step, and several of a token for each head and token are alive
/// at a time. Measured: 5 to 6 in ModernBERT; in DeBERTa, which has the relative positions' beside them, 6
/// in long windows and 10 in short ones.
fn memory_of_scores(config: &ModelConfig, window: usize, batch: usize) -> u64 {
    let (heads, tensors) = match &config.architecture {
        Architecture::Bert(bert) => (bert.heads, 6),
        Architecture::ModernBert(modernbert) => (modernbert.encoder.num_attention_heads, 6),
        Architecture::DebertaV2(deberta) => (deberta.encoder.num_attention_heads, 10),
    };
    let window = window.min(config.inputs.longest());
    let scores = [heads, window, window.max(batch)];
    let scores =
        (scores.into_iter()).fold(1u64, |product, size| product.saturating_mul(size as u64));
    scores.saturating_mul(4 * tensors)
}
