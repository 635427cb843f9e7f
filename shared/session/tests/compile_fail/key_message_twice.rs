//! A connection takes one key message.

use std::time::Instant;

use sealnote_protocol::frame::Frame;
use sealnote_protocol::session::enclave::AwaitingKey;

fn twice(state: AwaitingKey, frame: &Frame, rng: &mut impl rand_core::CryptoRng, now: Instant) {
    let _ = state.key(frame, rng, now);
    let _ = state.key(frame, rng, now);
}

fn main() {}
