//! How an enclave gets its model's key: from a service outside, against evidence.
//!
//! ```text
//! Locator (measured) + Way (the parent's egress) + Evidence (the machine) → Released { key, clients }
//! ```
//!
//! The locator says which service, and grants no trust; who may release is measured with it. A folder a service. The
//! checks K1 to K13 are named where they are made; PROTOCOL.md, "Key release", lists them.

#![forbid(unsafe_code)]

pub mod aws_kms;
pub mod evidence;
pub mod http;
pub mod kbs;
pub mod locator;
pub mod owner;
pub mod tls;

use sealnote_encrypted_model::KeyId;
use sealnote_model::ModelDigest;

pub use evidence::{Evidence, EvidenceError};
pub use locator::{Locator, LocatorError};
/// What a service gave.
pub use sealnote_protocol::task::key_release::Released;

/// What is asked for: measured, as the locator is.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The key's id.
    pub key_id: KeyId,
    /// The digest of the model's plaintext, which the register shows already (K9).
    pub model: ModelDigest,
}
