//! What the end-to-end tests and the benchmark are built of: the three programs' libraries in one
//! process, an attester that can be told to deviate, and a relay that watches and changes frames.

#![forbid(unsafe_code)]

pub mod attester;
pub mod enclave_end;
pub mod pair;
pub mod relay;
pub mod rig;
