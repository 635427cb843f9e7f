//! The Sealnote client: verifies the enclave, seals notes to it, opens its answers.
//!
//! ```text
//! input → connection (verify, then open a session) → submission (a session after the other) → output
//! ```

#![forbid(unsafe_code)]

pub mod cli;
pub mod connection;
pub mod input;
pub mod other_model;
pub mod output;
pub mod session;
pub mod submission;
pub mod wire;
