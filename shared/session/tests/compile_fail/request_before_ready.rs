//! No note can be sealed before the enclave has confirmed the keys.

use std::time::Instant;

use sealnote_session::AwaitingReady;

fn early(mut session: AwaitingReady, now: Instant) {
    let _ = session.request(&[b"a note"], now);
}

fn main() {}
