//! A challenge cannot be copied.

use sealnote_verifier::evidence::Challenge;

fn twice(challenge: &Challenge) -> Challenge {
    challenge.clone()
}

fn main() {}
