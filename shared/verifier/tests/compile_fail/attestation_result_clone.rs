//! An attestation result cannot be copied.

fn twice(result: &sealnote_verifier::AttestationResult) -> sealnote_verifier::AttestationResult {
    result.clone()
}

fn main() {}
