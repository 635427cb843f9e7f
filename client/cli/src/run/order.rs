//! Results in the order of the input.

use std::collections::BTreeMap;

use super::Done;

/// Results that wait for earlier ones.
pub(super) struct Ordered {
    waiting: BTreeMap<u64, Done>,
    next: u64,
}

impl Ordered {
    /// The first `done` have their results.
    pub(super) fn from(done: u64) -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: done,
        }
    }

    pub(super) fn put(&mut self, done: Done) {
        self.waiting.insert(done.pending.place, done);
    }

    /// The next one, if it is there.
    pub(super) fn pop(&mut self) -> Option<Done> {
        let done = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(done)
    }
}
