//! Signs attestation documents in the Nitro shape under a development root.
//!
//! For development without a Nitro machine. The documents are real: a verifier runs every check on
//! them, with [`SoftwareRoot`]'s certificate as one more trust anchor. They attest nothing, since
//! the keys are in this process's memory.
//!
//! The parts ([`ChainSpec`], [`Document`], [`cose`]) are public and can be edited before they are
//! signed, so that a verifier's tests make deviating documents by the same code.
//!
//! Time and randomness are passed in.

#![forbid(unsafe_code)]

mod attester;
mod certificate;
mod chain;
pub mod cose;
mod document;
mod error;
mod root;

pub use attester::{AttestationRequest, SoftwareAttester};
pub use certificate::{CertificateSpec, Link};
pub use chain::{Chain, ChainSpec, ModuleId};
pub use document::{Document, encode_fields};
pub use error::AttesterError;
pub use root::SoftwareRoot;

pub use p384::ecdsa::SigningKey;

/// Length of a register's value in bytes: that of a SHA-384 digest.
pub const MEASUREMENT_LEN: usize = 48;
