//! Documents in the shape of an AWS Nitro Security Module's, and the certificates under them.
//!
//! The parts ([`ChainSpec`], [`Document`], [`cose`]) are public and can be edited before they are
//! signed, so that a verifier's tests make deviating documents by the same code.

mod attester;
mod chain;
pub mod cose;
mod document;
mod root;

pub use attester::{AttestationRequest, SoftwareAttester};
pub use chain::{Chain, ChainSpec, ModuleId};
pub use document::{Document, encode_fields};
pub use root::SoftwareRoot;

pub use p384::ecdsa::SigningKey;

/// Length of a register's value in bytes: that of a SHA-384 digest.
pub const MEASUREMENT_LEN: usize = 48;
