//! A verified vTPM cannot be copied.

use sealnote_verifier::azure_vtpm::VerifiedVtpm;

fn twice(vtpm: &VerifiedVtpm) -> VerifiedVtpm {
    vtpm.clone()
}

fn main() {}
