//! What candle's models have in common.

use candle_core::{Device, Tensor};

use crate::tokenizer::Window;

/// A model up to its classifier.
pub(super) trait Encoder: Send + Sync {
    /// The last hidden state: (rows, longest, hidden).
    fn hidden(&self, rows: &PaddedRows) -> candle_core::Result<Tensor>;
}

/// Sequences as rows, padded to the longest; each tensor is (rows, longest).
pub(super) struct PaddedRows {
    pub(super) ids: Tensor,
    pub(super) type_ids: Tensor,
    /// 1 of tokens, 0 of padding, in f32.
    pub(super) mask: Tensor,
}

impl PaddedRows {
    pub(super) fn new(windows: &[&Window], pad_token: u32) -> candle_core::Result<Self> {
        let rows = windows.len();
        let longest = windows.iter().map(|window| window.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(rows * longest);
        let mut type_ids = Vec::with_capacity(rows * longest);
        let mut mask = Vec::with_capacity(rows * longest);
        for (row, window) in windows.iter().enumerate() {
            let end = (row + 1) * longest;
            mask.resize(row * longest + window.len(), 1f32);
            mask.resize(end, 0.0);
            ids.extend_from_slice(&window.ids);
            ids.resize(end, pad_token);
            type_ids.extend_from_slice(&window.type_ids);
            type_ids.resize(end, 0);
        }
        let shape = (rows, longest);
        Ok(Self {
            ids: Tensor::from_vec(ids, shape, &Device::Cpu)?,
            type_ids: Tensor::from_vec(type_ids, shape, &Device::Cpu)?,
            mask: Tensor::from_vec(mask, shape, &Device::Cpu)?,
        })
    }
}
