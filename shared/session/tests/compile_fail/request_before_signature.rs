//! Where the enclave asks for a signature, no note can be sealed before the client has signed, and it signs once.

use std::time::Instant;

use sealnote_access::PrivateKey;
use sealnote_session::AwaitingSignature;

fn early(mut session: AwaitingSignature, now: Instant) {
    let _ = session.request(&[b"a note"], now);
}

fn twice(session: AwaitingSignature, key: &PrivateKey, now: Instant) {
    let _ = session.sign(key, now);
    let _ = session.sign(key, now);
}

fn main() {}
