//! An attestation result has no default.

fn main() {
    let _ = sealnote_verifier::AttestationResult::default();
}
