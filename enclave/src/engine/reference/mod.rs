//! Sequence classifiers on candle, in f32: what the fast path is tested against, and the only way to
//! compute a type that has no fast path.

mod bert;
mod deberta;
mod head;
mod modernbert;
mod roberta;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use safetensors::Dtype;

use self::head::Head;
use super::config::{Architecture, Inputs, ModelConfig, Positions};
use super::error::EngineError;
use super::tokenizer::Window;
use super::weights::Sink;

/// The tensors by their names.
#[derive(Clone, Default)]
pub(super) struct Tensors(pub(super) HashMap<String, Tensor>);

impl Tensors {
    /// In f32, whatever the file has: candle's `BertModel` gives NaN in f16 and bf16, where
    /// its mask computes 0 × `f32::MIN`.
    fn into_weights(self) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.0, DType::F32, &Device::Cpu)
    }
}

impl Sink for Tensors {
    fn kept(&self, _: &str, _: Dtype, shape: &[usize]) -> u64 {
        4 * shape.iter().product::<usize>() as u64
    }

    fn take(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> Result<(), EngineError> {
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
        self.0.insert(name, tensor);
        Ok(())
    }
}

/// Bytes that attention takes beside the weights and all else, at most, for windows of `window` tokens in
/// batches of `batch` or of a single row.
///
/// Candle makes a tensor of its own at each step, and several of a token for each head and token are alive
/// at a time. Measured: 5 to 6 in ModernBERT; in DeBERTa, which has the relative positions' beside them, 6
/// in long windows and 10 in short ones.
pub(super) fn memory_of_scores(config: &ModelConfig, window: usize, batch: usize) -> u64 {
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

/// Sequences as rows, padded to the longest; each tensor is (rows, longest).
struct Batch {
    ids: Tensor,
    type_ids: Tensor,
    /// 1 of tokens, 0 of padding, in f32.
    mask: Tensor,
}

/// A model up to its classifier.
trait Encoder: Send + Sync {
    /// The last hidden state: (rows, longest, hidden).
    fn hidden(&self, batch: &Batch) -> candle_core::Result<Tensor>;
}

/// A model as `transformers` has it under `…ForSequenceClassification`.
pub(super) struct SequenceClassifier {
    encoder: Box<dyn Encoder>,
    head: Head,
    inputs: Inputs,
}

impl SequenceClassifier {
    pub(super) fn build(tensors: Tensors, config: &ModelConfig) -> Result<Self, EngineError> {
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

    /// The logits of each window, in their order, one for each label.
    ///
    /// Rows are padded to the longest and masked, so that padding changes nothing but rounding.
    pub(super) fn logits(&self, windows: &[&Window]) -> candle_core::Result<Vec<Vec<f32>>> {
        let batch = Batch::new(windows, self.inputs.pad_token)?;
        let hidden = self.encoder.hidden(&batch)?;
        self.head.logits(&hidden, &batch.mask)?.to_vec2()
    }
}

impl Batch {
    fn new(windows: &[&Window], pad_token: u32) -> candle_core::Result<Self> {
        let rows = windows.len();
        let longest = windows.iter().map(|window| window.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(rows * longest);
        let mut type_ids = Vec::with_capacity(rows * longest);
        let mut mask = Vec::with_capacity(rows * longest);
        for (row, window) in windows.iter().enumerate() {
            let end = (row + 1) * longest;
            mask.resize(row * longest + window.len(), 1f32);
            mask.resize(end, 0.0);
            ids.extend_from_slice(&window.ids);
            ids.resize(end, pad_token);
            type_ids.extend_from_slice(&window.type_ids);
            type_ids.resize(end, 0);
        }
        let shape = (rows, longest);
        Ok(Self {
            ids: Tensor::from_vec(ids, shape, &Device::Cpu)?,
            type_ids: Tensor::from_vec(type_ids, shape, &Device::Cpu)?,
            mask: Tensor::from_vec(mask, shape, &Device::Cpu)?,
        })
    }
}
