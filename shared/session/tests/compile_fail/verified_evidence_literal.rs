//! Only the check makes verified evidence.

use sealnote_protocol::claims::Claims;
use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::PublicKey;
use sealnote_session::VerifiedEvidence;
use sealnote_verifier::Facts;

fn forged(facts: Facts, claims: Claims, key: PublicKey) -> VerifiedEvidence {
    VerifiedEvidence {
        facts,
        claims,
        log: Default::default(),
        key,
        transcript: Transcript::new(),
    }
}

fn main() {}
