//! A request has one answer.

use sealnote_session::{PendingReply, Reply};

fn twice(pending: PendingReply, first: Reply, second: Reply) {
    let _ = pending.accept(first);
    let _ = pending.accept(second);
}

fn main() {}
