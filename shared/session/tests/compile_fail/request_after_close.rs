//! Nothing is sealed after the close.

use std::time::Instant;

use sealnote_session::ClientSender;

fn late(mut sender: ClientSender, now: Instant) {
    let _ = sender.close(now);
    let _ = sender.request(&[b"a note"], now);
}

fn main() {}
