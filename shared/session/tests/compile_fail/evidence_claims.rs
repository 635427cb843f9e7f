//! Claims cannot be read from evidence that is not verified.

use sealnote_session::Evidence;

fn believed(evidence: &Evidence) -> &[u8] {
    &evidence.answer.claims
}

fn main() {}
