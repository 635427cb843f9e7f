//! DistilBERT: BERT's encoder without token types, and a head of its own instead of a pooler.

use serde::Deserialize;

use super::activation::{Activation, HeadActivation};
use super::bert::{BertConfig, LayerNames, Names};
use super::inputs::{Inputs, Positions};
use super::keys::{head_width, parse, positive};
use crate::error::EngineError;

const NAMES: Names = Names {
    words: "distilbert.embeddings.word_embeddings",
    positions: "distilbert.embeddings.position_embeddings",
    // There is none: `Inputs::types`.
    types: "distilbert.embeddings.token_type_embeddings",
    norm: "distilbert.embeddings.LayerNorm",
    layers: "distilbert.transformer.layer.",
    in_layer: &LayerNames {
        query: "attention.q_lin",
        key: "attention.k_lin",
        value: "attention.v_lin",
        attention_output: "attention.out_lin",
        attention_norm: "sa_layer_norm",
        intermediate: "ffn.lin1",
        output: "ffn.lin2",
        output_norm: "output_layer_norm",
    },
    head_dense: "pre_classifier",
    head_output: "classifier",
};

/// `DistilBertConfig`'s, with its aliases. `sinusoidal_pos_embds` is not among them: such a table is in the
/// file of weights, too.
#[derive(Deserialize)]
struct RawConfig {
    vocab_size: Option<usize>,
    #[serde(alias = "hidden_size")]
    dim: Option<usize>,
    #[serde(alias = "num_hidden_layers")]
    n_layers: Option<usize>,
    #[serde(alias = "num_attention_heads")]
    n_heads: Option<usize>,
    hidden_dim: Option<usize>,
    activation: Option<String>,
    max_position_embeddings: Option<usize>,
    pad_token_id: Option<u32>,
}

pub(super) fn read(bytes: &[u8]) -> Result<(BertConfig, Inputs), EngineError> {
    let raw: RawConfig = parse(bytes)?;
    let hidden = raw.dim.unwrap_or(768);
    let layers = raw.n_layers.unwrap_or(6);
    let heads = raw.n_heads.unwrap_or(12);
    let intermediate = raw.hidden_dim.unwrap_or(4 * 768);
    positive(&[
        ("dim", hidden),
        ("n_layers", layers),
        ("n_heads", heads),
        ("hidden_dim", intermediate),
    ])?;
    let config = BertConfig {
        names: &NAMES,
        layers,
        heads,
        head_width: head_width("dim", hidden, heads, "a multiple of n_heads")?,
        intermediate,
        activation: Activation::read("activation", raw.activation.as_deref())?,
        head_activation: HeadActivation::AsInEncoder(Activation::Relu),
        // In the code and not in the configuration.
        epsilon: 1e-12,
    };
    let inputs = Inputs {
        vocab_size: raw.vocab_size.unwrap_or(30522),
        types: None,
        max_positions: raw.max_position_embeddings.unwrap_or(512),
        pad_token: raw.pad_token_id.unwrap_or(0),
        positions: Positions::Places,
    };
    Ok((config, inputs))
}
