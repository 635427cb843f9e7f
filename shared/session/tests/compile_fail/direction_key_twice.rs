//! A direction's key makes one counter.

use std::time::Instant;

use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::keys::{DirectionKey, SendKey};

fn twice(key: DirectionKey, limits: SessionLimits, now: Instant) -> [SendKey; 2] {
    [
        SendKey::new(key, limits, now),
        SendKey::new(key, limits, now),
    ]
}

fn main() {}
