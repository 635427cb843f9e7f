//! A request is answered once.

use std::time::Instant;

use sealnote_protocol::session::enclave::{EnclaveSender, ReplySlot};

fn twice(sender: &mut EnclaveSender, slot: ReplySlot, now: Instant) {
    let _ = sender.answer(slot, Vec::new(), now);
    let _ = sender.answer(slot, Vec::new(), now);
}

fn main() {}
