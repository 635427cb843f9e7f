//! DeBERTa-v2 and -v3.

use candle_core::Tensor;
use candle_transformers::models::debertav2::{DebertaV2Embeddings, DebertaV2Encoder};

use super::encoder::{Encoder, PaddedRows};
use super::head::Head;
use super::tensors::Tensors;
use crate::config::DebertaConfig;
use crate::error::EngineError;

pub(super) fn load(
    tensors: Tensors,
    config: &DebertaConfig,
    labels: usize,
) -> Result<(Box<dyn Encoder>, Head), EngineError> {
    let weights = tensors.into_weights();
    let head = Head::on_first_token(
        &weights,
        config.encoder.hidden_size,
        ("pooler.dense", config.head_activation),
        ("classifier", labels),
    )?;
    let weights = weights.pp("deberta");
    let model = Deberta {
        embeddings: DebertaV2Embeddings::load(weights.pp("embeddings"), &config.encoder)?,
        encoder: DebertaV2Encoder::load(weights.pp("encoder"), &config.encoder)?,
    };
    Ok((Box::new(model), head))
}

/// Candle's `DebertaV2Model`, but for the positions: left to itself, it makes one row of them, and adds it
/// to batches of one row only.
struct Deberta {
    embeddings: DebertaV2Embeddings,
    encoder: DebertaV2Encoder,
}

impl Encoder for Deberta {
    fn hidden(&self, rows: &PaddedRows) -> candle_core::Result<Tensor> {
        let PaddedRows {
            ids,
            type_ids,
            mask,
        } = rows;
        let (rows, longest) = ids.dims2()?;
        let positions = Tensor::arange(0, longest as u32, ids.device())?;
        let positions = positions.broadcast_as((rows, longest))?.contiguous()?;
        let embedded = (self.embeddings).forward(
            Some(ids),
            Some(type_ids),
            Some(&positions),
            Some(mask),
            None,
        )?;
        self.encoder.forward(&embedded, mask, None, None)
    }
}
