//! What the operator chooses.

use std::num::NonZeroUsize;

/// The window's limit unless [`EngineOptions`] says otherwise, in tokens.
pub const DEFAULT_WINDOW: usize = 256;

/// Choices of the operator; the enclave attests what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Greatest number of tokens in a window, special tokens included.
    pub window: usize,
    /// Bytes of memory that must be left when the model is loaded, for what is not the engine's.
    pub reserved_memory: u64,
    /// How the encoder is computed.
    pub computation: Computation,
    /// Threads that compute it; as many as there are processors unless set. Candle, which computes
    /// [`Computation::Reference`] and the types that have no other way, has its own.
    pub threads: Option<NonZeroUsize>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            window: DEFAULT_WINDOW,
            reserved_memory: 0,
            computation: Computation::Fastest,
            threads: None,
        }
    }
}

/// How the encoder is computed.
///
/// ModernBERT and DeBERTa-v2 have no native backend: [`F32`](Self::F32) is the reference there, and
/// [`Int8`](Self::Int8) is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Computation {
    /// In 8 bits where there is a way, else in f32.
    Fastest,
    /// In f32 on candle: slow, and what the others are tested against.
    Reference,
    /// In f32; logits within 1e-4 of the reference's.
    F32,
    /// The encoder's linear layers in 8 bits, everything else in f32; the default model's logits within 0.75 of the
    /// reference's.
    Int8,
}
