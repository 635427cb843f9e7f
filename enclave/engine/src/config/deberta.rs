//! DeBERTa-v2, which is DeBERTa-v3 too.

use candle_transformers::models::debertav2;
use serde::Deserialize;

use super::activation::{Activation, HeadActivation};
use super::inputs::{Inputs, Positions};
use super::keys::{head_width, parse, positive, unsupported};
use crate::error::EngineError;

/// DeBERTa's encoder with a classifier of two linear layers on its first token.
pub(crate) struct DebertaConfig {
    pub(crate) encoder: debertav2::Config,
    pub(crate) head_activation: HeadActivation,
}

/// `DebertaV2Config`'s keys, and those that the model reads beside them.
#[derive(Deserialize)]
struct RawConfig {
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    attention_head_size: Option<usize>,
    intermediate_size: Option<usize>,
    embedding_size: Option<usize>,
    hidden_act: Option<String>,
    max_position_embeddings: Option<usize>,
    type_vocab_size: Option<usize>,
    layer_norm_eps: Option<f64>,
    pad_token_id: Option<u32>,
    relative_attention: Option<bool>,
    max_relative_positions: Option<i32>,
    position_buckets: Option<i32>,
    position_biased_input: Option<bool>,
    pos_att_type: Option<Terms>,
    share_att_key: Option<bool>,
    norm_rel_ebd: Option<String>,
    conv_kernel_size: Option<usize>,
    pooler_hidden_act: Option<String>,
    pooler_hidden_size: Option<usize>,
}

/// A list, or a string of what would be in it with `|` in between.
#[derive(Deserialize)]
#[serde(untagged)]
enum Terms {
    Joined(String),
    List(Vec<String>),
}

pub(super) fn read(bytes: &[u8]) -> Result<(Box<DebertaConfig>, Inputs), EngineError> {
    let raw: RawConfig = parse(bytes)?;
    let hidden_size = raw.hidden_size.unwrap_or(1536);
    let num_hidden_layers = raw.num_hidden_layers.unwrap_or(24);
    let num_attention_heads = raw.num_attention_heads.unwrap_or(24);
    let intermediate_size = raw.intermediate_size.unwrap_or(6144);
    positive(&[
        ("hidden_size", hidden_size),
        ("num_hidden_layers", num_hidden_layers),
        ("num_attention_heads", num_attention_heads),
        ("intermediate_size", intermediate_size),
    ])?;
    let multiple = "a multiple of num_attention_heads";
    let width = head_width("hidden_size", hidden_size, num_attention_heads, multiple)?;
    for (key, found, computed, supported) in [
        (
            "attention_head_size",
            raw.attention_head_size,
            width,
            "hidden_size / num_attention_heads",
        ),
        (
            "embedding_size",
            raw.embedding_size,
            hidden_size,
            "hidden_size",
        ),
        (
            "pooler_hidden_size",
            raw.pooler_hidden_size,
            hidden_size,
            "hidden_size",
        ),
        // Candle has no such layer.
        ("conv_kernel_size", raw.conv_kernel_size, 0, "0"),
    ] {
        match found {
            Some(found) if found != computed => {
                return Err(unsupported(key, found.to_string(), supported));
            }
            _ => {}
        }
    }
    let inputs = Inputs {
        vocab_size: raw.vocab_size.unwrap_or(128_100),
        types: raw.type_vocab_size.filter(|&types| types > 0),
        max_positions: raw.max_position_embeddings.unwrap_or(512),
        pad_token: raw.pad_token_id.unwrap_or(0),
        positions: Positions::Places,
    };
    let hidden_act = match Activation::read("hidden_act", raw.hidden_act.as_deref())? {
        Activation::Gelu => debertav2::HiddenAct::Gelu,
        Activation::GeluTanh => debertav2::HiddenAct::GeluApproximate,
        Activation::Relu => debertav2::HiddenAct::Relu,
    };
    let encoder = debertav2::Config {
        vocab_size: inputs.vocab_size,
        hidden_size,
        num_hidden_layers,
        num_attention_heads,
        intermediate_size,
        hidden_act,
        max_position_embeddings: inputs.max_positions,
        type_vocab_size: inputs.types.unwrap_or(0),
        layer_norm_eps: raw.layer_norm_eps.unwrap_or(1e-7),
        relative_attention: raw.relative_attention.unwrap_or(false),
        max_relative_positions: raw.max_relative_positions.unwrap_or(-1) as isize,
        position_buckets: raw.buckets(inputs.max_positions)?,
        position_biased_input: raw.position_biased_input.unwrap_or(true),
        pos_att_type: raw.attention_terms()?,
        share_att_key: raw.share_att_key,
        norm_rel_ebd: raw.norm_of_relative_embeddings()?,
        pad_token_id: Some(inputs.pad_token as usize),
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        initializer_range: 0.02,
        attention_head_size: None,
        embedding_size: None,
        conv_kernel_size: None,
        conv_groups: None,
        conv_act: None,
        id2label: None,
        label2id: None,
        pooler_dropout: None,
        pooler_hidden_act: None,
        pooler_hidden_size: None,
        cls_dropout: None,
    };
    let head_activation = match raw.pooler_hidden_act.as_deref() {
        Some("tanh") => HeadActivation::Tanh,
        name => HeadActivation::AsInEncoder(Activation::read("pooler_hidden_act", name)?),
    };
    let config = DebertaConfig {
        encoder,
        head_activation,
    };
    Ok((Box::new(config), inputs))
}

impl RawConfig {
    /// Far positions share buckets if there are any. Half of the buckets are for near ones, and the
    /// formula divides by the logarithm of the farthest over that half.
    fn buckets(&self, max_positions: usize) -> Result<Option<isize>, EngineError> {
        let Some(buckets) = self.position_buckets.filter(|&buckets| buckets > 0) else {
            return Ok(None);
        };
        let buckets = buckets as usize;
        let farthest = match self.max_relative_positions {
            Some(positions) if positions > 0 => positions as usize,
            _ => max_positions,
        };
        if buckets < 2 || buckets / 2 + 1 >= farthest {
            return Err(EngineError::Number {
                key: "position_buckets",
                found: buckets,
                expected: "at least 2, and less than twice the relative positions",
            });
        }
        Ok(Some(buckets as isize))
    }

    /// The terms of attention beside that of content to content.
    fn attention_terms(&self) -> Result<Vec<String>, EngineError> {
        let terms: Vec<String> = match &self.pos_att_type {
            None => Vec::new(),
            Some(Terms::List(names)) => names.clone(),
            Some(Terms::Joined(names)) => split(names),
        };
        match terms
            .iter()
            .find(|name| !["c2p", "p2c"].contains(&name.as_str()))
        {
            Some(found) => Err(unsupported("pos_att_type", found, "c2p, p2c")),
            None => Ok(terms),
        }
    }

    fn norm_of_relative_embeddings(&self) -> Result<Option<String>, EngineError> {
        const NORM: &str = "layer_norm";
        let names = self.norm_rel_ebd.as_deref().map(split).unwrap_or_default();
        match names
            .iter()
            .find(|name| ![NORM, "none"].contains(&name.as_str()))
        {
            Some(found) => Err(unsupported("norm_rel_ebd", found, "layer_norm, none")),
            None => Ok(names.into_iter().find(|name| name == NORM)),
        }
    }
}

fn split(names: &str) -> Vec<String> {
    let names = names.split('|');
    names.map(|name| name.trim().to_lowercase()).collect()
}
