//! BERT, and the description that all models with its encoder share.

use serde::Deserialize;

use super::activation::{Activation, HeadActivation};
use super::inputs::{Inputs, Positions};
use super::keys::{head_width, parse, positive, unsupported};
use crate::error::EngineError;

/// BERT's encoder with a classifier of two linear layers on its first token.
pub(crate) struct BertConfig {
    pub(crate) names: &'static Names,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    /// Elements of each head.
    pub(crate) head_width: usize,
    pub(crate) intermediate: usize,
    pub(crate) activation: Activation,
    pub(crate) head_activation: HeadActivation,
    pub(crate) epsilon: f64,
}

impl BertConfig {
    pub(crate) fn hidden(&self) -> usize {
        self.heads * self.head_width
    }
}

/// A module with tensors, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Words,
    Positions,
    Types,
    Norm,
    Layer(usize, LayerPart),
    /// The classifier's first linear layer; BERT's pooler.
    HeadDense,
    /// Its second, of a row for each label.
    HeadOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LayerPart {
    Query,
    Key,
    Value,
    AttentionOutput,
    AttentionNorm,
    Intermediate,
    Output,
    OutputNorm,
}

/// What a type calls the modules.
pub(crate) struct Names {
    pub(super) words: &'static str,
    pub(super) positions: &'static str,
    pub(super) types: &'static str,
    pub(super) norm: &'static str,
    /// A layer's number follows, a dot, and one of `in_layer`.
    pub(super) layers: &'static str,
    pub(super) in_layer: &'static LayerNames,
    pub(super) head_dense: &'static str,
    pub(super) head_output: &'static str,
}

pub(super) struct LayerNames {
    pub(super) query: &'static str,
    pub(super) key: &'static str,
    pub(super) value: &'static str,
    pub(super) attention_output: &'static str,
    pub(super) attention_norm: &'static str,
    pub(super) intermediate: &'static str,
    pub(super) output: &'static str,
    pub(super) output_norm: &'static str,
}

impl Names {
    /// The name of a module.
    pub(crate) fn module(&self, part: Part) -> String {
        let name = match part {
            Part::Words => self.words,
            Part::Positions => self.positions,
            Part::Types => self.types,
            Part::Norm => self.norm,
            Part::Layer(index, part) => {
                return format!("{}{index}.{}", self.layers, self.in_layer.name(part));
            }
            Part::HeadDense => self.head_dense,
            Part::HeadOutput => self.head_output,
        };
        name.to_owned()
    }

    /// The module of a tensor, and which of its tensors it is (`weight`, `bias`); `None` of a tensor that
    /// is none of the model's.
    pub(crate) fn part<'a>(&self, tensor: &'a str) -> Option<(Part, &'a str)> {
        let (module, kind) = tensor.rsplit_once('.')?;
        if let Some(in_layers) = module.strip_prefix(self.layers) {
            let (index, name) = in_layers.split_once('.')?;
            let part = LayerPart::ALL
                .into_iter()
                .find(|&part| self.in_layer.name(part) == name)?;
            let part = Part::Layer(index.parse().ok()?, part);
            // `01` and `+1` are numbers, and no names of a layer.
            return (self.module(part) == module).then_some((part, kind));
        }
        let part = Part::OUTSIDE
            .into_iter()
            .find(|&part| self.module(part) == module)?;
        Some((part, kind))
    }
}

impl LayerNames {
    fn name(&self, part: LayerPart) -> &'static str {
        match part {
            LayerPart::Query => self.query,
            LayerPart::Key => self.key,
            LayerPart::Value => self.value,
            LayerPart::AttentionOutput => self.attention_output,
            LayerPart::AttentionNorm => self.attention_norm,
            LayerPart::Intermediate => self.intermediate,
            LayerPart::Output => self.output,
            LayerPart::OutputNorm => self.output_norm,
        }
    }
}

impl Part {
    /// All that are not in a layer.
    const OUTSIDE: [Self; 6] = [
        Self::Words,
        Self::Positions,
        Self::Types,
        Self::Norm,
        Self::HeadDense,
        Self::HeadOutput,
    ];
}

impl LayerPart {
    const ALL: [Self; 8] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOutput,
        Self::AttentionNorm,
        Self::Intermediate,
        Self::Output,
        Self::OutputNorm,
    ];
}

pub(crate) const NAMES: Names = Names {
    words: "bert.embeddings.word_embeddings",
    positions: "bert.embeddings.position_embeddings",
    types: "bert.embeddings.token_type_embeddings",
    norm: "bert.embeddings.LayerNorm",
    layers: "bert.encoder.layer.",
    in_layer: &IN_LAYER,
    head_dense: "bert.pooler.dense",
    head_output: "classifier",
};

/// RoBERTa's, too.
pub(super) const IN_LAYER: LayerNames = LayerNames {
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_norm: "output.LayerNorm",
};

/// The keys of `BertConfig`, `RobertaConfig` and `XLMRobertaConfig`.
#[derive(Deserialize)]
struct RawConfig {
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    intermediate_size: Option<usize>,
    hidden_act: Option<String>,
    max_position_embeddings: Option<usize>,
    type_vocab_size: Option<usize>,
    layer_norm_eps: Option<f64>,
    pad_token_id: Option<u32>,
    position_embedding_type: Option<String>,
}

/// In what the three types differ.
pub(super) struct Variant {
    pub(super) names: &'static Names,
    pub(super) positions: Positions,
    /// Defaults.
    pub(super) vocab_size: usize,
    pub(super) pad_token: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<(BertConfig, Inputs), EngineError> {
    read_variant(
        bytes,
        &Variant {
            names: &NAMES,
            positions: Positions::Places,
            vocab_size: 30522,
            pad_token: 0,
        },
    )
}

pub(super) fn read_variant(
    bytes: &[u8],
    variant: &Variant,
) -> Result<(BertConfig, Inputs), EngineError> {
    let raw: RawConfig = parse(bytes)?;
    if let Some(found) = raw.position_embedding_type
        && found != "absolute"
    {
        return Err(unsupported("position_embedding_type", found, "absolute"));
    }
    let hidden = raw.hidden_size.unwrap_or(768);
    let layers = raw.num_hidden_layers.unwrap_or(12);
    let heads = raw.num_attention_heads.unwrap_or(12);
    let intermediate = raw.intermediate_size.unwrap_or(3072);
    let types = raw.type_vocab_size.unwrap_or(2);
    positive(&[
        ("hidden_size", hidden),
        ("num_hidden_layers", layers),
        ("num_attention_heads", heads),
        ("intermediate_size", intermediate),
        ("type_vocab_size", types),
    ])?;
    let multiple = "a multiple of num_attention_heads";
    let config = BertConfig {
        names: variant.names,
        layers,
        heads,
        head_width: head_width("hidden_size", hidden, heads, multiple)?,
        intermediate,
        activation: Activation::read("hidden_act", raw.hidden_act.as_deref())?,
        head_activation: HeadActivation::Tanh,
        epsilon: raw.layer_norm_eps.unwrap_or(1e-12),
    };
    let inputs = Inputs {
        vocab_size: raw.vocab_size.unwrap_or(variant.vocab_size),
        types: Some(types),
        max_positions: raw.max_position_embeddings.unwrap_or(512),
        pad_token: raw.pad_token_id.unwrap_or(variant.pad_token),
        positions: variant.positions,
    };
    Ok((config, inputs))
}
