//! Rules have no default, which could only be empty ones.

fn main() {
    let _ = sealnote_verifier::azure_vtpm::Rules::default();
}
