//! The Sealnote client: verifies the enclave, seals notes to it, opens its answers.
//!
//! ```text
//! input → connection (verify, then seal) → submission (requests in flight) → output
//! ```

#![forbid(unsafe_code)]

pub mod cli;
pub mod connection;
pub mod input;
pub mod output;
pub mod submission;
