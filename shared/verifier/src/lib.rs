//! Appraisal of attestation evidence (RFC 9334's Verifier): strict, numbered checks against a policy, with
//! the trust anchors and the clock passed in. It knows no protocol, opens no socket and reads no clock.
//!
//! A Nitro document, checked:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let pcr = "11".repeat(48);
//! # let json = format!(r#"{{"Measurements": {{"PCR0": "{pcr}", "PCR1": "{pcr}", "PCR2": "{pcr}"}}}}"#);
//! # let (document, challenge) = (b"\x84".as_slice(), [0; 32]);
//! use sealnote_verifier::{Policy, TrustRoots, UnixTime};
//!
//! let policy = Policy::from_json(json)?; // what `nitro-cli build-enclave` printed
//! let roots = TrustRoots::vendors();
//! let now = UnixTime::from_seconds(1_795_000_000);
//! match policy.check_document(document, &roots, Some(&challenge), now) {
//!     Ok(verified) => println!("{} runs {}", verified.module_id(), verified.measurement_set()),
//!     Err(rejection) => println!("rejected, check {}: {rejection}", rejection.check()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Policy::check_document`] is the one door to a [`nitro::VerifiedDocument`], and [`Policy::appraise`] to an
//! [`AttestationResult`], for evidence of any kind that is bound to a session.

#![forbid(unsafe_code)]

mod appraisal;
pub mod azure_vtpm;
mod check;
pub mod ear;
mod hex;
mod kinds;
pub mod nitro;
mod pem;
pub mod policy;
mod schema;
pub mod sev_snp;
pub mod tdx;
mod time;
pub mod token;
mod validity;

pub use appraisal::AttestationResult;
pub use check::{Check, CheckLog};
pub use hex::HexFault;
pub use kinds::{
    DevelopmentRootError, EvidenceFile, EvidenceRulesError, Facts, Kind, P1, RawEvidence,
    Rejection, TrustRoots,
};
pub use policy::{Policy, PolicyError};
pub use schema::{ShapeError, TimeFile};
pub use sealnote_evidence::Binding;
pub use time::{ParseTimeError, UnixTime};

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
