//! A verified vTPM cannot come from nothing.

fn main() {
    let _ = sealnote_verifier::azure_vtpm::VerifiedVtpm::default();
}
