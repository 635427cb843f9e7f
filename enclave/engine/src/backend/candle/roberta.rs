//! RoBERTa and XLM-RoBERTa, which differ in their tokenizers only.

use candle_core::Tensor;
use candle_transformers::models::xlm_roberta::{Config, XLMRobertaModel};

use super::encoder::{Encoder, PaddedRows};
use super::tensors::Tensors;
use crate::config::{Activation, BertConfig, Inputs};
use crate::error::EngineError;

pub(super) fn load(
    tensors: Tensors,
    config: &BertConfig,
    inputs: &Inputs,
) -> Result<Box<dyn Encoder>, EngineError> {
    let config = Config {
        vocab_size: inputs.vocab_size,
        hidden_size: config.hidden(),
        num_hidden_layers: config.layers,
        num_attention_heads: config.heads,
        intermediate_size: config.intermediate,
        hidden_act: match config.activation {
            Activation::Gelu => candle_nn::Activation::Gelu,
            Activation::GeluTanh => candle_nn::Activation::GeluPytorchTanh,
            Activation::Relu => candle_nn::Activation::Relu,
        },
        max_position_embeddings: inputs.max_positions,
        type_vocab_size: inputs.types.unwrap_or(1),
        layer_norm_eps: config.epsilon,
        pad_token_id: inputs.pad_token,
        position_embedding_type: "absolute".into(),
        attention_probs_dropout_prob: 0.0,
        hidden_dropout_prob: 0.0,
    };
    let model = XLMRobertaModel::new(&config, tensors.into_weights().pp("roberta"))?;
    Ok(Box::new(model))
}

impl Encoder for XLMRobertaModel {
    fn hidden(&self, rows: &PaddedRows) -> candle_core::Result<Tensor> {
        let PaddedRows {
            ids,
            type_ids,
            mask,
        } = rows;
        self.forward(ids, mask, type_ids, None, None, None)
    }
}
