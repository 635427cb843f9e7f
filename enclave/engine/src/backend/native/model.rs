//! The packed model.

use sealnote_kernels::attention::Heads;
use sealnote_kernels::{Activation, Isa, LayerNorm, dense};
use sealnote_model::Precision;

use super::linear::Linear;
use super::table::Table;
use crate::config::HeadActivation;

/// BERT's encoder and a classifier of two linear layers.
pub(super) struct Model {
    pub(super) isa: Isa,
    pub(super) precision: Precision,
    pub(super) heads: Heads,
    pub(super) intermediate: usize,
    pub(super) activation: Activation,
    pub(super) embeddings: Embeddings,
    pub(super) layers: Vec<Layer>,
    /// The classifier's first layer; BERT's pooler.
    pub(super) pooler: dense::Matrix,
    pub(super) pooler_activation: HeadActivation,
    pub(super) classifier: dense::Matrix,
}

pub(super) struct Embeddings {
    pub(super) words: Table,
    pub(super) positions: Table,
    /// DistilBERT has none.
    pub(super) types: Option<Table>,
    pub(super) norm: LayerNorm,
}

pub(super) struct Layer {
    pub(super) query: Linear,
    /// Of each token its key, and then its value.
    pub(super) key_value: Linear,
    pub(super) attention_output: Linear,
    pub(super) attention_norm: LayerNorm,
    pub(super) intermediate: Linear,
    pub(super) output: Linear,
    pub(super) output_norm: LayerNorm,
}
