//! Claims cannot be read from evidence that is not verified.

use sealnote_verifier::evidence::Evidence;

fn believed(evidence: &Evidence) -> &[u8] {
    &evidence.claims
}

fn main() {}
