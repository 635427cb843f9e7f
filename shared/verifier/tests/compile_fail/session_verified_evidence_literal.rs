//! Only the check makes verified evidence.

use sealnote_protocol::claims::Claims;
use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::PublicKey;
use sealnote_verifier::VerifiedDocument;
use sealnote_verifier::evidence::VerifiedEvidence;

fn forged(document: VerifiedDocument, claims: Claims, key: PublicKey) -> VerifiedEvidence {
    VerifiedEvidence {
        document,
        claims,
        passed: Default::default(),
        key,
        transcript: Transcript::new(),
    }
}

fn main() {}
