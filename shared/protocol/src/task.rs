//! Tasks: what an enclave does with a request. PROTOCOL.md, "Claims" and "Records".
//!
//! A file a task: its parameters in the claims, what they ask of the limits, and how its requests and answers
//! are laid out. Claims, evidence and sessions are of one task by their type, so that nothing that one task's claims
//! opened is used for another.

pub mod key_release;
pub mod sequence_classification;

use minicbor::{Decode, Encode};
use sealnote_model::{ModelDigest, Precision};

use crate::limits::Limits;
use crate::suite::Suite;

pub use key_release::KeyReleaseClaims;
pub use sequence_classification::ModelClaims;

/// A task, as its parameters in the claims.
pub trait Task: Clone + core::fmt::Debug + Encode<()> + for<'b> Decode<'b, ()> {
    /// The number on the wire.
    const NUMBER: u16;

    /// For people: what an enclave does that claims it.
    const NAME: &'static str;

    /// The least suite that its sessions may have, whatever a policy accepts.
    const LEAST_SUITE: Suite;

    /// Whether an enclave that does it may ask its clients for signatures.
    const HAS_CLIENTS: bool;

    /// The model that it is about.
    fn model(&self) -> ModelDigest;

    /// How the model is computed, if the task computes.
    fn precision(&self) -> Option<Precision>;

    /// What of the parameters is out of range, or of limits that do not fit them.
    fn fault(&self, limits: &Limits) -> Option<&'static str>;
}

/// The name of a task that is known here.
pub(crate) fn name(number: u16) -> Option<&'static str> {
    match number {
        ModelClaims::NUMBER => Some(ModelClaims::NAME),
        KeyReleaseClaims::NUMBER => Some(KeyReleaseClaims::NAME),
        _ => None,
    }
}
