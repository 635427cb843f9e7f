//! Evidence under development roots: a folder a kind.
//!
//! For development without a confidential computer. The evidence is real: a verifier runs every
//! check on it, with the development root as one more trust anchor. It attests nothing, since the
//! keys are in this process's memory.
//!
//! What is signed is public and can be edited before, so that a verifier's tests make deviating
//! evidence by the same code.
//!
//! Time and randomness are passed in.

#![forbid(unsafe_code)]

pub mod azure_vtpm;
mod certificate;
mod error;
pub mod nitro;
pub mod sev_snp;
pub mod tdx;

pub use certificate::{CertificateSpec, Link, ca_extensions};
pub use error::AttesterError;
