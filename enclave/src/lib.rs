//! The Sealnote enclave: attests, opens, classifies, seals, forgets.

pub mod engine;
pub mod model_store;
