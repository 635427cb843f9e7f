//! A challenge cannot be copied.

use sealnote_session::Challenge;

fn twice(challenge: &Challenge) -> Challenge {
    challenge.clone()
}

fn main() {}
