//! BERT; and DistilBERT under BERT's names, for candle's own has the tanh GELU where `transformers` has
//! the other.

use candle_core::{DType, Device, Tensor};
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};

use super::encoder::{Encoder, PaddedRows};
use super::tensors::Tensors;
use crate::config::{Activation, BERT_NAMES, BertConfig, Inputs, Part};
use crate::error::EngineError;

pub(super) fn load(
    tensors: Tensors,
    config: &BertConfig,
    inputs: &Inputs,
) -> Result<Box<dyn Encoder>, EngineError> {
    let mut tensors = renamed(tensors, config);
    if inputs.types.is_none() {
        let zeros = Tensor::zeros((1, config.hidden()), DType::F32, &Device::Cpu)?;
        let types = BERT_NAMES.module(Part::Types);
        tensors.0.insert(format!("{types}.weight"), zeros);
    }
    let config = Config {
        vocab_size: inputs.vocab_size,
        hidden_size: config.hidden(),
        num_hidden_layers: config.layers,
        num_attention_heads: config.heads,
        intermediate_size: config.intermediate,
        hidden_act: match config.activation {
            Activation::Gelu => HiddenAct::Gelu,
            Activation::GeluTanh => HiddenAct::GeluApproximate,
            Activation::Relu => HiddenAct::Relu,
        },
        max_position_embeddings: inputs.max_positions,
        type_vocab_size: inputs.types.unwrap_or(1),
        layer_norm_eps: config.epsilon,
        ..Config::default()
    };
    let model = BertModel::load(tensors.into_weights().pp("bert"), &config)?;
    Ok(Box::new(model))
}

/// The tensors by the names that BERT has for them.
fn renamed(tensors: Tensors, config: &BertConfig) -> Tensors {
    let rename = |name: String| {
        let (part, kind) = config.names.part(&name)?;
        Some(format!("{}.{kind}", BERT_NAMES.module(part)))
    };
    let tensors = tensors.0.into_iter();
    Tensors(
        tensors
            .filter_map(|(name, tensor)| Some((rename(name)?, tensor)))
            .collect(),
    )
}

impl Encoder for BertModel {
    fn hidden(&self, rows: &PaddedRows) -> candle_core::Result<Tensor> {
        self.forward(&rows.ids, &rows.type_ids, Some(&rows.mask))
    }
}
