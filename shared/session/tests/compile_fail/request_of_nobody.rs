//! An enclave that has a list of clients receives no request, and answers none, before it knows whose it is.

use std::time::Instant;

use sealnote_protocol::frame::Frame;
use sealnote_protocol::session::enclave::{AwaitingClient, ReplySlot};

fn receive(mut session: AwaitingClient, frame: Frame, now: Instant) {
    let _ = session.open(frame, now);
}

fn answer(mut session: AwaitingClient, slot: ReplySlot, now: Instant) {
    let _ = session.answer(slot, Vec::new(), now);
}

fn receiver(session: AwaitingClient) {
    let _ = session.receiver;
}

fn main() {}
