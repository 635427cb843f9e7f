//! ModernBERT.

use candle_transformers::models::modernbert;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::inputs::{Inputs, Positions};
use super::keys::{head_width, parse, positive, refuse_unless, unsupported};
use crate::error::EngineError;

/// ModernBERT's encoder and a classifier of two linear layers on the pooled tokens.
pub(crate) struct ModernBertConfig {
    pub(crate) encoder: modernbert::Config,
    pub(crate) pooling: Pooling,
}

/// What of a sequence goes into the classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The first token.
    First,
    /// The mean of all tokens.
    Mean,
}

/// `ModernBertConfig`'s keys, old and new.
#[derive(Deserialize)]
struct RawConfig {
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_activation: Option<String>,
    max_position_embeddings: Option<usize>,
    norm_eps: Option<f64>,
    norm_bias: Option<bool>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    pad_token_id: Option<u32>,
    layer_types: Option<Vec<String>>,
    global_attn_every_n_layers: Option<usize>,
    local_attention: Option<usize>,
    rope_parameters: Option<RopeParameters>,
    global_rope_theta: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    local_rope_theta: Option<Option<f64>>,
    rope_scaling: Option<IgnoredAny>,
    classifier_pooling: Option<String>,
    classifier_bias: Option<bool>,
    classifier_activation: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RopeParameters {
    full_attention: Option<Rope>,
    sliding_attention: Option<Rope>,
}

#[derive(Deserialize)]
struct Rope {
    rope_type: Option<String>,
    r#type: Option<String>,
    rope_theta: Option<f64>,
}

const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

pub(super) fn read(bytes: &[u8]) -> Result<(ModernBertConfig, Inputs), EngineError> {
    let raw: RawConfig = parse(bytes)?;
    raw.check()?;
    let hidden_size = raw.hidden_size.unwrap_or(768);
    let num_hidden_layers = raw.num_hidden_layers.unwrap_or(22);
    let num_attention_heads = raw.num_attention_heads.unwrap_or(12);
    let intermediate_size = raw.intermediate_size.unwrap_or(1152);
    positive(&[
        ("hidden_size", hidden_size),
        ("num_hidden_layers", num_hidden_layers),
        ("num_attention_heads", num_attention_heads),
        ("intermediate_size", intermediate_size),
    ])?;
    // Rotation takes elements in pairs.
    let even = "an even multiple of num_attention_heads";
    let halves = num_attention_heads.saturating_mul(2);
    let pairs = head_width("hidden_size", hidden_size, halves, even)?;
    if let Some(found) = raw.head_dim
        && found != 2 * pairs
    {
        const SUPPORTED: &str = "hidden_size / num_attention_heads";
        return Err(unsupported("head_dim", found.to_string(), SUPPORTED));
    }
    // It once meant the global one, and means nothing now.
    if raw.local_rope_theta == Some(None) {
        return Err(unsupported("local_rope_theta", "null", "a number"));
    }
    let ropes = raw.rope_parameters.as_ref();
    let full = ropes.and_then(|ropes| ropes.full_attention.as_ref());
    let sliding = ropes.and_then(|ropes| ropes.sliding_attention.as_ref());
    let inputs = Inputs {
        vocab_size: raw.vocab_size.unwrap_or(50368),
        types: None,
        max_positions: raw.max_position_embeddings.unwrap_or(8192),
        pad_token: raw.pad_token_id.unwrap_or(50283),
        positions: Positions::Places,
    };
    let encoder = modernbert::Config {
        vocab_size: inputs.vocab_size,
        hidden_size,
        num_hidden_layers,
        num_attention_heads,
        intermediate_size,
        max_position_embeddings: inputs.max_positions,
        layer_norm_eps: raw.norm_eps.unwrap_or(1e-5),
        pad_token_id: inputs.pad_token,
        global_attn_every_n_layers: raw.full_attention_every(num_hidden_layers)?,
        global_rope_theta: theta(full, raw.global_rope_theta, 160_000.0)?,
        local_attention: raw.local_attention.unwrap_or(128),
        local_rope_theta: theta(sliding, raw.local_rope_theta.flatten(), 10_000.0)?,
        classifier_config: None,
    };
    let pooling = match raw.classifier_pooling.as_deref() {
        None | Some("cls") => Pooling::First,
        Some("mean") => Pooling::Mean,
        Some(found) => return Err(unsupported("classifier_pooling", found, "cls, mean")),
    };
    let config = ModernBertConfig { encoder, pooling };
    Ok((config, inputs))
}

impl RawConfig {
    /// Candle's model has no biases and one activation.
    fn check(&self) -> Result<(), EngineError> {
        for (key, found) in [
            ("norm_bias", self.norm_bias),
            ("attention_bias", self.attention_bias),
            ("mlp_bias", self.mlp_bias),
            ("classifier_bias", self.classifier_bias),
        ] {
            refuse_unless(key, found, false)?;
        }
        for (key, found) in [
            ("hidden_activation", &self.hidden_activation),
            ("classifier_activation", &self.classifier_activation),
        ] {
            if let Some(found) = found
                && found != "gelu"
            {
                return Err(unsupported(key, found, "gelu"));
            }
        }
        if self.rope_scaling.is_some() {
            return Err(unsupported("rope_scaling", "an object", "none"));
        }
        Ok(())
    }

    /// The layers whose numbers are multiples of this attend to the whole sequence, the others to tokens
    /// nearby.
    fn full_attention_every(&self, layers: usize) -> Result<usize, EngineError> {
        let Some(types) = &self.layer_types else {
            let every = self.global_attn_every_n_layers.unwrap_or(3);
            positive(&[("global_attn_every_n_layers", every)])?;
            return Ok(every);
        };
        let full = |name: &String| name == FULL;
        let every = types.iter().skip(1).position(full);
        let every = every.map_or(layers, |between| between + 1);
        let of_layer = |index: usize| {
            if index.is_multiple_of(every) {
                FULL
            } else {
                SLIDING
            }
        };
        if types.len() == layers && (0..layers).all(|index| types[index] == of_layer(index)) {
            return Ok(every);
        }
        const SUPPORTED: &str = "for each layer full_attention or sliding_attention, the first and \
                                 then every n-th full";
        Err(unsupported("layer_types", types.join(", "), SUPPORTED))
    }
}

/// Tells a null from what is absent.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// The base of the rotations' wavelengths: where it is now, where it used to be, or the default.
fn theta(rope: Option<&Rope>, old: Option<f64>, default: f64) -> Result<f64, EngineError> {
    if let Some(rope) = rope
        && let Some(found) = rope.rope_type.as_ref().or(rope.r#type.as_ref())
        && found != "default"
    {
        return Err(unsupported("rope_type", found, "default"));
    }
    let new = rope.and_then(|rope| rope.rope_theta);
    Ok(new.or(old).unwrap_or(default))
}
