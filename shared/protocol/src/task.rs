//! Tasks: what an enclave does with a request. PROTOCOL.md, "Claims" and "Records".
//!
//! A file a task: its parameters in the claims, what they ask of the limits, and how its requests and answers
//! are laid out. A new one is registered here.

pub mod sequence_classification;

use crate::cbor::{self, NotDeterministic};
use crate::limits::Limits;

pub use sequence_classification::ModelClaims;

/// A task with its parameters, as claims name it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Notes in, a score for each label out.
    SequenceClassification(ModelClaims),
}

/// Why a task is not one that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskError {
    Unknown(u16),
    Encoding(NotDeterministic),
}

impl Task {
    const SEQUENCE_CLASSIFICATION: u16 = 1;

    /// The number on the wire.
    pub const fn number(&self) -> u16 {
        match self {
            Self::SequenceClassification(_) => Self::SEQUENCE_CLASSIFICATION,
        }
    }

    /// For people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SequenceClassification(_) => "sequence classification",
        }
    }

    /// The model that does it.
    pub fn model(&self) -> &ModelClaims {
        match self {
            Self::SequenceClassification(model) => model,
        }
    }

    pub(crate) fn parameters(&self) -> Vec<u8> {
        match self {
            Self::SequenceClassification(model) => cbor::encode(model),
        }
    }

    pub(crate) fn decode(number: u16, parameters: &[u8]) -> Result<Self, TaskError> {
        match number {
            Self::SEQUENCE_CLASSIFICATION => cbor::decode(parameters)
                .map(Self::SequenceClassification)
                .map_err(TaskError::Encoding),
            unknown => Err(TaskError::Unknown(unknown)),
        }
    }

    /// What of its parameters is out of range, or of limits that do not fit it.
    pub(crate) fn fault(&self, limits: &Limits) -> Option<&'static str> {
        match self {
            Self::SequenceClassification(model) => model.fault(limits),
        }
    }
}
