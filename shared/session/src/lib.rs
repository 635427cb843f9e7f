//! The client's half of sealnote/2, without I/O: a session that only verified evidence can open.
//!
//! ```text
//! Challenge → (hello) → Evidence::verify → VerifiedEvidence → ClientSession::establish → (key message)
//!           → AwaitingReady::ready → ClientSender + ClientReceiver
//!                                  → AwaitingSignature::sign → (signature) → the same, where clients are known
//! ```
//!
//! Each step consumes the one before it: no note can be sealed before the evidence is verified and the enclave has
//! confirmed the session's keys. Bytes, times and random sources are arguments.

#![forbid(unsafe_code)]

mod binding;
mod classification;
mod client;
mod evidence;
mod release;
mod saved;

pub use binding::{BindingError, CHECKS};
pub use classification::{Classification, Outcome};
pub use client::{
    AwaitingReady, AwaitingSignature, ClientReceiver, ClientSender, ClientSession, Confirmed,
    Incoming, PendingReply, Reply, RequestError,
};
pub use evidence::{
    Challenge, Evidence, EvidenceError, Rejection, UnknownSuite, VerifiedEvidence, offered,
};
pub use release::{AwaitingOutcome, AwaitingRecipient, ReleaseSession, Releaser};
pub use saved::{Appraised, SavedEvidence};

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
