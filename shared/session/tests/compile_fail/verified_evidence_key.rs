//! The key to seal to does not leave verified evidence but through a session.

use sealnote_protocol::suite::PublicKey;
use sealnote_session::VerifiedEvidence;

fn taken(evidence: VerifiedEvidence) -> PublicKey {
    evidence.key
}

fn main() {}
