//! Appraisal of attestation evidence, and the client session that only verified evidence can open.
//!
//! [`Policy::check_document`] is the one door to a [`VerifiedDocument`]. It runs the numbered steps
//! of [`Check`] in the order that [`appraisal`] states, with the trust anchors and the clock passed
//! in. [`inspect`] reads a document without believing it.
//!
//! Nothing here opens a socket or reads a clock.

#![forbid(unsafe_code)]

pub mod appraisal;
pub mod chain;
mod check;
pub mod classification;
pub mod document;
pub mod evidence;
mod log;
pub mod policy;
mod rejection;
pub mod session;
mod time;

pub use appraisal::VerifiedDocument;
pub use chain::{RootKind, TrustRoots};
pub use check::Check;
pub use document::{UnverifiedDocument, inspect};
pub use policy::{Policy, PolicyError};
pub use rejection::Rejection;
pub use time::{ParseTimeError, UnixTime};
