//! Quotes in the shape of an Intel TDX guest's, and the collateral for them. [`SoftwareAttester`] gives what passes every
//! check. Every part of its [`Machine`] can be edited before it is signed.

mod attester;
mod certificates;
mod collateral;
mod layout;
mod machine;

pub use attester::SoftwareAttester;
pub use certificates::{
    Platform, ca_extensions, leaf_extensions, name, sgx_extension, system_time, time,
};
pub use collateral::date;
pub use layout::*;
pub use machine::{Event, Form, Machine, Signers};

/// Seconds in a day.
pub const DAY: u64 = 24 * 3600;
/// The made-up platform's FMSPC.
pub const FMSPC: [u8; 6] = [0xd0, 0xd0, 0x6f, 0, 0, 0];
/// Its PPID.
pub const PPID: [u8; 16] = [0x99; 16];
