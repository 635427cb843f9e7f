//! No key can be sealed before the enclave has confirmed the session's keys, and then only once.

use std::time::Instant;

use sealnote_access::PrivateKey;
use sealnote_encrypted_model::ModelKey;
use sealnote_session::{AwaitingRecipient, Releaser};

fn early(session: AwaitingRecipient, key: &ModelKey, signer: &PrivateKey, now: Instant) {
    let _ = session.release(key, None, signer, now);
}

fn twice(session: Releaser, key: &ModelKey, signer: &PrivateKey, now: Instant) {
    let _ = session.release(key, None, signer, now);
    let _ = session.release(key, None, signer, now);
}

fn main() {}
