//! Evidence opens no session before it is verified.

use std::time::Instant;

use sealnote_protocol::session::SessionLimits;
use sealnote_session::{ClientSession, Evidence};

fn unverified(evidence: Evidence, rng: &mut impl rand_core::CryptoRng, now: Instant) {
    let _ = ClientSession::establish(evidence, SessionLimits::default(), rng, now);
}

fn main() {}
