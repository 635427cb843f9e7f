//! Who may ask an enclave, and who may give it a key: Ed25519 keys, what they sign, and the list of clients.
//!
//! Knows no session and no wire: what a session signs is given to it as bytes.

#![forbid(unsafe_code)]

mod clients;
mod key;
mod signature;

pub use clients::{Client, Clients, ClientsError, LEAST_NOTES_PER_HOUR, MAX_CLIENTS, Quota};
pub use key::{KeyFileError, PrivateKey, PublicKey, PublicKeyError};
pub use signature::{EXPORTED_LEN, Role, SIGNATURE_LEN};

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
