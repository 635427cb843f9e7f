//! The sealnote/2 protocol: frames, messages, keys and the enclave's session. No I/O.
//!
//! Nothing here opens a socket, reads a clock or draws randomness from the system: bytes, times and
//! random sources are arguments. PROTOCOL.md is the specification; its sections are named where
//! they are implemented.

#![forbid(unsafe_code)]

mod cbor;
pub mod claims;
pub mod denial;
mod erase;
pub mod frame;
pub mod handshake;
pub mod limits;
pub mod plaintext;
pub mod record;
pub mod session;
pub mod suite;
pub mod task;

pub use cbor::NotDeterministic;

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
