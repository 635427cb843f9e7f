//! A session: one hello, one key message, then records until a close. PROTOCOL.md, "Session".

pub mod enclave;
pub mod keys;
mod transcript;

use core::time::Duration;
use thiserror::Error;

pub use transcript::Transcript;

use crate::denial::Denial;
use crate::record::Malformed;

/// When a session ends. The values are the protocol's; tests set lower ones.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Records in one direction, the close included.
    pub records: u64,
    /// Bytes of frames in one direction, headers and tags included.
    pub bytes: u64,
    /// Time since the session's keys were made.
    pub lifetime: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            records: 1 << 20,
            bytes: 1 << 38,
            lifetime: Duration::from_secs(3600),
        }
    }
}

/// Which limit ended a session. A new handshake, with new evidence, goes on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Limit {
    /// [`SessionLimits::records`].
    #[error("records")]
    Records,
    /// [`SessionLimits::bytes`].
    #[error("bytes")]
    Bytes,
    /// [`SessionLimits::lifetime`].
    #[error("time")]
    Lifetime,
}

/// Why a session is over. After any of these its keys are erased.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// A frame that is not a record arrived.
    #[error("a frame other than a record arrived inside the session")]
    Unexpected,
    /// The record did not open: it was changed, dropped, repeated, reordered, resized or retyped on
    /// the way, or the peers do not share keys.
    #[error("a record does not authenticate: it, or one before it, was changed on the way")]
    NotAuthentic,
    /// The record opened, but its content breaks the protocol.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The session has reached its limit of records, bytes or time.
    #[error("the session has reached its limit of {0}")]
    Limit(Limit),
    /// The enclave knows its clients, and serves this one no longer.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The session had ended before.
    #[error("the session is over")]
    Over,
}
