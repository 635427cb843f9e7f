//! The Sealnote enclave: attests, opens, classifies, seals, forgets.
//!
//! `init` is the machine's first process, where the image is our own; `server` takes connections and
//! drives the protocol's session; `attester` gives evidence; `model_store` and `engine` load the model
//! and classify.

pub mod attester;
pub mod boot;
mod contain;
pub mod engine;
pub mod init;
pub mod memory;
pub mod model_store;
pub mod panics;
pub mod process;
pub mod server;
