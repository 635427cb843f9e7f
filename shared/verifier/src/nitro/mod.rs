//! Kind 1: the attestation document of an AWS Nitro Enclave.
//!
//! [`Rules::check_document`] is the one door to a [`VerifiedDocument`]. It runs the numbered steps of
//! [`checks`] in the order that [`appraisal`] states. [`inspect`] reads a document without believing it.

pub mod appraisal;
pub mod chain;
pub mod checks;
pub mod document;
mod measurement;
pub(crate) mod nitro_cli;
mod rejection;
pub mod rules;

pub use appraisal::VerifiedDocument;
pub use chain::{RootError, RootKind, TrustRoots};
pub use document::{MAX_DOCUMENT, UnverifiedDocument, inspect};
pub use measurement::{MODEL_REGISTER, Measurement};
pub use rejection::Rejection;
pub use rules::{MeasurementSet, Rules};
