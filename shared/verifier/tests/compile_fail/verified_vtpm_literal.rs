//! A verified vTPM cannot be put together, not even from parts of another.

use sealnote_verifier::azure_vtpm::{Pcrs, VerifiedVtpm};

fn other_registers(vtpm: VerifiedVtpm) -> VerifiedVtpm {
    VerifiedVtpm {
        pcrs: Pcrs::new(),
        ..vtpm
    }
}

fn main() {}
