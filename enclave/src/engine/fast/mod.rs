//! BERT's encoder and a classifier of two linear layers, on `sealnote-kernels`: BERT, DistilBERT, RoBERTa
//! and XLM-RoBERTa.
//!
//! The tokens of a batch are one matrix without padding, cut into as many shares of rows as there are
//! threads. All that a layer does is done row by row, but for attention, which needs the keys and values of
//! the whole sequence: so each thread works through its share alone, and those that share a sequence meet once a
//! layer, when they have published the keys and values of their rows.
//!
//! Of the last layer only the first token of each sequence is computed beyond its keys and values, since
//! the classifier reads no other.
//!
//! A window's logits are the same to the bit whatever the batch and however many threads there are.

mod batch;
mod linear;
mod meeting;
mod model;
mod parts;
mod pool;
mod table;
mod worker;

use std::num::NonZeroUsize;

use sealnote_model::Precision;

pub(super) use self::parts::Parts;

use self::batch::Batch;
use self::pool::Pool;
use super::error::EngineError;
use super::tokenizer::Window;

/// Tokens of a batch for each thread.
const TOKENS_A_THREAD: usize = 128;
/// Tokens of a batch, at most, with few threads: a window of the greatest length that is usual.
const LEAST_BATCH: usize = 256;

/// `transformers`' `BertForSequenceClassification`, and those of the types that share BERT's encoder:
/// linear(activation(linear(hidden state of the first token))).
pub(super) struct FastBert {
    pool: Pool,
}

impl FastBert {
    /// Puts the model together and starts its threads, one fewer than `threads`: the caller of
    /// [`logits`](Self::logits) is one of them. Unless told otherwise they are as many as there are processors, and
    /// each is kept on its own.
    pub(super) fn build(parts: Parts, threads: Option<NonZeroUsize>) -> Result<Self, EngineError> {
        let pool = Pool::start(parts.into_model()?, threads).map_err(EngineError::Threads)?;
        Ok(Self { pool })
    }

    pub(super) fn precision(&self) -> Precision {
        self.pool.precision()
    }

    pub(super) fn instruction_set(&self) -> &'static str {
        self.pool.instruction_set()
    }

    /// Tokens of a batch, at most: so many for each thread that a product of its rows fills its processor. More gain
    /// nothing, and others would wait for them.
    pub(super) fn batch_tokens(&self) -> usize {
        (TOKENS_A_THREAD * self.pool.threads()).max(LEAST_BATCH)
    }

    /// Keeps the calling thread, which will call [`logits`](Self::logits), on its processor.
    pub(super) fn settle(&self) {
        self.pool.settle();
    }

    /// The logits of each window, in their order, one for each label.
    pub(super) fn logits(&self, windows: &[Window]) -> Vec<Vec<f32>> {
        if windows.is_empty() {
            return Vec::new();
        }
        self.pool.run(|threads| Batch::new(windows, threads))
    }
}

#[cfg(test)]
mod tests;
