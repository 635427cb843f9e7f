//! The classifier: pooling, a linear layer, an activation, in one type a norm, and a linear layer.

use candle_core::{D, IndexOp, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder, linear};

use super::tensors::Tensors;
use crate::config::{Activation, BertConfig, HeadActivation, Part, Pooling};
use crate::error::EngineError;

pub(super) struct Head {
    pub(super) pooling: Pooling,
    pub(super) dense: Linear,
    pub(super) activation: HeadActivation,
    pub(super) norm: Option<LayerNorm>,
    pub(super) output: Linear,
}

impl Head {
    pub(super) fn of_bert(
        tensors: &Tensors,
        config: &BertConfig,
        labels: usize,
    ) -> Result<Self, EngineError> {
        let weights = tensors.clone().into_weights();
        let [dense, output] =
            [Part::HeadDense, Part::HeadOutput].map(|part| config.names.module(part));
        Self::on_first_token(
            &weights,
            config.hidden(),
            (&dense, config.head_activation),
            (&output, labels),
        )
    }

    /// The head of most types, on the first token; `dense` and `output` are its modules' names.
    pub(super) fn on_first_token(
        weights: &VarBuilder<'_>,
        hidden: usize,
        (dense, activation): (&str, HeadActivation),
        (output, labels): (&str, usize),
    ) -> Result<Self, EngineError> {
        Ok(Self {
            pooling: Pooling::First,
            dense: linear(hidden, hidden, weights.pp(dense))?,
            activation,
            norm: None,
            output: output_layer(weights, hidden, output, labels)?,
        })
    }

    /// (rows, labels) of (rows, tokens, hidden). `mask` is 1 of tokens and 0 of padding.
    pub(super) fn logits(&self, hidden: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let pooled = match self.pooling {
            Pooling::First => hidden.i((.., 0, ..))?.contiguous()?,
            Pooling::Mean => {
                let sums = hidden.broadcast_mul(&mask.unsqueeze(D::Minus1)?)?.sum(1)?;
                sums.broadcast_div(&mask.sum_keepdim(1)?)?
            }
        };
        let dense = self.dense.forward(&pooled)?;
        let mut pooled = match self.activation {
            HeadActivation::Tanh => dense.tanh()?,
            HeadActivation::AsInEncoder(Activation::Gelu) => dense.gelu_erf()?,
            HeadActivation::AsInEncoder(Activation::GeluTanh) => dense.gelu()?,
            HeadActivation::AsInEncoder(Activation::Relu) => dense.relu()?,
        };
        if let Some(norm) = &self.norm {
            pooled = norm.forward(&pooled)?;
        }
        self.output.forward(&pooled)
    }
}

/// The last layer, of a row for each label.
pub(super) fn output_layer(
    weights: &VarBuilder<'_>,
    hidden: usize,
    name: &str,
    labels: usize,
) -> Result<Linear, EngineError> {
    let tensor = format!("{name}.weight");
    let weight = weights.get_unchecked(&tensor)?;
    let rows = weight.dims().first().copied().unwrap_or(0);
    if rows != labels {
        return Err(EngineError::ClassifierRows {
            tensor,
            rows,
            labels,
        });
    }
    Ok(linear(hidden, labels, weights.pp(name))?)
}
