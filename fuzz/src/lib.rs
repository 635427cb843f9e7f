//! What the fuzz targets and their seeds share: an allocator with a limit, fixed randomness, a document that is accepted,
//! images and records written a second time, evidence of other kinds by machines in software, and the values of PROTOCOL.md's
//! worked example.
//!
//! A target is a file in `fuzz_targets/`. `make fuzz` runs all of them.

#![forbid(unsafe_code)]

mod allocation;
pub mod encrypted_model;
pub mod fixture;
pub mod image;
pub mod layout;

mod rng;
pub mod signers;
pub mod tdx;
pub mod token;
pub mod vtpm;
pub mod worked_example;

pub use allocation::within;
pub use rng::Seeded;
