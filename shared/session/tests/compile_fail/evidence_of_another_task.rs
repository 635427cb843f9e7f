//! What was attested for one task opens no session of another: no note for an enclave that asks for a key, and no key for
//! one that classifies.

use std::time::Instant;

use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::task::{KeyReleaseClaims, ModelClaims};
use sealnote_session::{ClientSession, ReleaseSession, VerifiedEvidence};

fn notes(
    evidence: VerifiedEvidence<KeyReleaseClaims>,
    rng: &mut impl rand_core::CryptoRng,
    now: Instant,
) {
    let _ = ClientSession::establish(evidence, SessionLimits::default(), rng, now);
}

fn key(
    evidence: VerifiedEvidence<ModelClaims>,
    rng: &mut impl rand_core::CryptoRng,
    now: Instant,
) {
    let _ = ReleaseSession::establish(evidence, SessionLimits::default(), rng, now);
}

fn main() {}
