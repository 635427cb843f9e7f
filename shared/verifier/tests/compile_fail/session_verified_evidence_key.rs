//! The key to seal to does not leave verified evidence but through a session.

use sealnote_protocol::suite::suite1::Suite1PublicKey;
use sealnote_verifier::evidence::VerifiedEvidence;

fn taken(evidence: VerifiedEvidence) -> Suite1PublicKey {
    evidence.key
}

fn main() {}
