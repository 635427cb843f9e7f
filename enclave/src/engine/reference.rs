//! BERT with its pooler and a classifier, on candle: what the fast path is tested against.

use std::collections::HashMap;

use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};
use candle_transformers::models::bert::BertModel;
use safetensors::Dtype;

use super::config::ModelConfig;
use super::error::EngineError;
use super::tokenizer::Window;
use super::weights::Sink;

/// The tensors by their names.
#[derive(Default)]
pub(super) struct Tensors(pub(super) HashMap<String, Tensor>);

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

/// `transformers`' `BertForSequenceClassification`: classifier(tanh(pooler(hidden state of the
/// first token))).
pub(super) struct SequenceClassifier {
    bert: BertModel,
    pooler: Linear,
    classifier: Linear,
    pad_token: u32,
    device: Device,
}

impl SequenceClassifier {
    /// Builds the model of its weights. They are f32, whatever the file has: candle's `BertModel` gives
    /// NaN in f16 and bf16, where its mask computes 0 × `f32::MIN`.
    pub(super) fn build(tensors: Tensors, config: &ModelConfig) -> Result<Self, EngineError> {
        let device = Device::Cpu;
        let weights = VarBuilder::from_tensors(tensors.0, DType::F32, &device);
        let head = weights.get_unchecked("classifier.weight")?;
        let (rows, labels) = (
            head.dims().first().copied().unwrap_or(0),
            config.labels.len(),
        );
        if rows != labels {
            return Err(EngineError::ClassifierRows { rows, labels });
        }
        Ok(Self::with_weights(&weights, config, device)?)
    }

    fn with_weights(
        weights: &VarBuilder<'_>,
        config: &ModelConfig,
        device: Device,
    ) -> candle_core::Result<Self> {
        let hidden = config.bert.hidden_size;
        Ok(Self {
            bert: BertModel::load(weights.pp("bert"), &config.bert)?,
            pooler: linear(hidden, hidden, weights.pp("bert.pooler.dense"))?,
            classifier: linear(hidden, config.labels.len(), weights.pp("classifier"))?,
            pad_token: u32::try_from(config.bert.pad_token_id)?,
            device,
        })
    }

    /// The logits of each window, in their order, one for each label.
    ///
    /// Rows are padded to the longest and masked, so that padding changes nothing but rounding.
    pub(super) fn logits(&self, windows: &[&Window]) -> candle_core::Result<Vec<Vec<f32>>> {
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
            ids.resize(end, self.pad_token);
            type_ids.extend_from_slice(&window.type_ids);
            type_ids.resize(end, 0);
        }
        let shape = (rows, longest);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let type_ids = Tensor::from_vec(type_ids, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        let hidden = self.bert.forward(&ids, &type_ids, Some(&mask))?;
        let first = hidden.i((.., 0, ..))?.contiguous()?;
        let pooled = self.pooler.forward(&first)?.tanh()?;
        self.classifier.forward(&pooled)?.to_vec2()
    }
}
