//! ModernBERT. Its head is our own: candle's ends in a softmax.

use candle_core::Tensor;
use candle_nn::{VarBuilder, layer_norm_no_bias, linear_no_bias};
use candle_transformers::models::modernbert::{Config, ModernBert};

use super::encoder::{Encoder, PaddedRows};
use super::head::{Head, output_layer};
use super::tensors::Tensors;
use crate::config::{Activation, HeadActivation, ModernBertConfig};
use crate::error::EngineError;

pub(super) fn load(
    mut tensors: Tensors,
    config: &ModernBertConfig,
    labels: usize,
) -> Result<(Box<dyn Encoder>, Head), EngineError> {
    let ModernBertConfig { encoder, pooling } = config;
    check_norms(&mut tensors, encoder)?;
    let weights = tensors.into_weights();
    let head = Head {
        pooling: *pooling,
        dense: linear_no_bias(
            encoder.hidden_size,
            encoder.hidden_size,
            weights.pp("head.dense"),
        )?,
        activation: HeadActivation::AsInEncoder(Activation::Gelu),
        norm: Some(norm(&weights, "head.norm", encoder)?),
        output: output_layer(&weights, encoder.hidden_size, "classifier", labels)?,
    };
    let model = ModernBert::load(weights, encoder)?;
    Ok((Box::new(model), head))
}

/// Candle applies the norm before attention wherever the file has one. The first layer's is the norm of
/// the embeddings, the others must be there.
fn check_norms(tensors: &mut Tensors, config: &Config) -> Result<(), EngineError> {
    let name = |layer: usize| format!("model.layers.{layer}.attn_norm.weight");
    tensors.0.remove(&name(0));
    let mut names = (1..config.num_hidden_layers).map(name);
    match names.find(|name| !tensors.0.contains_key(name)) {
        Some(missing) => Err(EngineError::missing_tensor(&missing)),
        None => Ok(()),
    }
}

fn norm(
    weights: &VarBuilder<'_>,
    name: &str,
    config: &Config,
) -> candle_core::Result<candle_nn::LayerNorm> {
    layer_norm_no_bias(config.hidden_size, config.layer_norm_eps, weights.pp(name))
}

impl Encoder for ModernBert {
    fn hidden(&self, rows: &PaddedRows) -> candle_core::Result<Tensor> {
        self.forward(&rows.ids, &rows.mask)
    }
}
