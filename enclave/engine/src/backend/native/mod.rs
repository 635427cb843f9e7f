//! BERT's encoder and a classifier of two linear layers, on `sealnote-kernels`: BERT, DistilBERT, RoBERTa
//! and XLM-RoBERTa.
//!
//! The tokens of a batch are one matrix without padding, cut into as many shards of rows as there are
//! threads. All that a layer does is done row by row, but for attention, which needs the keys and values of
//! the whole sequence: so each thread works through its shard alone, and those that share a sequence wait for each other
//! once a layer, when they have published the keys and values of their rows.
//!
//! Of the last layer only the first token of each sequence is computed beyond its keys and values, since
//! the classifier reads no other.
//!
//! A window's logits are the same to the bit whatever the batch and however many threads there are.

mod batch;
mod cpus;
mod linear;
mod model;
mod parts;
mod pool;
mod table;
#[cfg(test)]
mod tests;
mod worker;

use std::num::NonZeroUsize;

use sealnote_kernels::Isa;
use sealnote_model::Precision;

use self::batch::Batch;
use self::parts::Parts;
use self::pool::Pool;
use super::{Backend, batching};
use crate::config::{Architecture, ModelConfig};
use crate::error::EngineError;
use crate::model_files::HashedFile;
use crate::options::{Computation, EngineOptions};
use crate::tokenizer::Window;
use crate::weights;

/// Tokens of a batch for each thread.
const TOKENS_A_THREAD: usize = 128;
/// Tokens of a batch, at most, with few threads: a window of the greatest length that is usual.
const LEAST_BATCH: usize = 256;

/// Computes the types that have BERT's encoder, in 8 bits and in f32.
pub(super) fn load(
    weights: &mut HashedFile,
    config: &ModelConfig,
    options: &EngineOptions,
) -> Result<Option<Box<dyn Backend>>, EngineError> {
    let Architecture::Bert(bert) = &config.architecture else {
        return Ok(None);
    };
    let precision = match options.computation {
        Computation::Fastest | Computation::Int8 => Precision::Int8,
        Computation::F32 => Precision::F32,
        Computation::Reference => return Ok(None),
    };
    let mut parts = Parts::new(bert, config, precision, Isa::detect());
    weights::read(weights, options.reserved_memory, &mut parts)?;
    let model = Native::build(parts, options.threads)?;
    Ok(Some(Box::new(model)))
}

/// `transformers`' `BertForSequenceClassification`, and those of the types that share BERT's encoder:
/// linear(activation(linear(hidden state of the first token))).
struct Native {
    pool: Pool,
}

impl Native {
    /// Puts the model together and starts its threads, one fewer than `threads`: the caller of
    /// [`logits`](Backend::logits) is one of them. Unless told otherwise they are as many as there are processors, and
    /// each is kept on its own.
    fn build(parts: Parts, threads: Option<NonZeroUsize>) -> Result<Self, EngineError> {
        let pool = Pool::start(parts.into_model()?, threads).map_err(EngineError::Threads)?;
        Ok(Self { pool })
    }
}

impl Backend for Native {
    fn precision(&self) -> Precision {
        self.pool.precision()
    }

    fn instruction_set(&self) -> Option<&'static str> {
        Some(self.pool.instruction_set())
    }

    /// Keeps the thread on its processor.
    fn settle(&self) {
        self.pool.settle();
    }

    /// So many for each thread that a product of its rows fills its processor. More gain nothing, and others would
    /// wait for them.
    fn batch_tokens(&self) -> usize {
        (TOKENS_A_THREAD * self.pool.threads()).max(LEAST_BATCH)
    }

    fn logits(&self, windows: &[Window]) -> Vec<Option<Vec<f32>>> {
        let lengths: Vec<usize> = windows.iter().map(Window::len).collect();
        let batches = batching::in_order(&lengths, self.batch_tokens()).into_iter();
        let run = |windows| self.pool.run(|threads| Batch::new(windows, threads));
        let computed = batches.flat_map(|batch| run(&windows[batch]));
        computed.map(Some).collect()
    }
}
