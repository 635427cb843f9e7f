//! RoBERTa and XLM-RoBERTa: BERT's encoder with other positions, and a head of its own instead of a pooler.

use super::bert::{BertConfig, IN_LAYER, Names, Variant, read_variant};
use super::inputs::{Inputs, Positions};
use crate::error::EngineError;

const NAMES: Names = Names {
    words: "roberta.embeddings.word_embeddings",
    positions: "roberta.embeddings.position_embeddings",
    types: "roberta.embeddings.token_type_embeddings",
    norm: "roberta.embeddings.LayerNorm",
    layers: "roberta.encoder.layer.",
    in_layer: &IN_LAYER,
    head_dense: "classifier.dense",
    head_output: "classifier.out_proj",
};

pub(super) fn read(bytes: &[u8]) -> Result<(BertConfig, Inputs), EngineError> {
    read_variant(bytes, &variant(50265))
}

pub(super) fn read_xlm(bytes: &[u8]) -> Result<(BertConfig, Inputs), EngineError> {
    read_variant(bytes, &variant(30522))
}

fn variant(vocab_size: usize) -> Variant {
    Variant {
        names: &NAMES,
        positions: Positions::AfterPadding,
        vocab_size,
        pad_token: 1,
    }
}
