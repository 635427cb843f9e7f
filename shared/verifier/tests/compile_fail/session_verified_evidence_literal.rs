//! Only the check makes verified evidence.

use sealnote_protocol::claims::Claims;
use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::Suite;
use sealnote_protocol::suite::suite1::Suite1PublicKey;
use sealnote_verifier::VerifiedDocument;
use sealnote_verifier::evidence::VerifiedEvidence;

fn forged(document: VerifiedDocument, claims: Claims, key: Suite1PublicKey) -> VerifiedEvidence {
    VerifiedEvidence {
        document,
        claims,
        passed: Default::default(),
        suite: Suite::One,
        key,
        transcript: Transcript::new(),
    }
}

fn main() {}
