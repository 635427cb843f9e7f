//! How much of the input is held at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of records and of their scores between the source and the results: the reader waits while too many are held. Records leave in
/// the input's order, so what is admitted first is what the others wait for, and the run always goes on.
#[derive(Clone)]
pub(super) struct Budget {
    shared: Arc<(Mutex<State>, Condvar)>,
    limit: usize,
}

struct State {
    held: usize,
    closed: bool,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        let state = State {
            held: 0,
            closed: false,
        };
        Self {
            shared: Arc::new((Mutex::new(state), Condvar::new())),
            limit,
        }
    }

    /// Waits until there is room; a record that is larger than the whole budget is admitted alone. `false`: nothing
    /// more is to be read.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let (_, changed) = &*self.shared;
        let full = |state: &mut State| {
            !state.closed && state.held > 0 && state.held.saturating_add(bytes) > self.limit
        };
        let waited = changed.wait_while(self.state(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.held = state.held.saturating_add(bytes);
        !state.closed
    }

    /// Holds more bytes, of what came of a record that was admitted: it does not wait, but the reader does.
    pub(super) fn add(&self, bytes: usize) {
        let mut state = self.state();
        state.held = state.held.saturating_add(bytes);
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, bytes: usize) {
        let mut state = self.state();
        state.held = state.held.saturating_sub(bytes);
        self.shared.1.notify_one();
    }

    /// From here on the reader ends.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.shared.1.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_waits_for_what_came_of_records_too() {
        let budget = Budget::new(100);
        assert!(budget.take(10));
        budget.add(80);
        let reader = budget.clone();
        let reading = std::thread::spawn(move || reader.take(11));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!reading.is_finished(), "101 bytes are held of 100");
        budget.give_back(90);
        assert!(reading.join().unwrap());
    }

    #[test]
    fn the_reader_waits_for_room_and_ends_when_closed() {
        let budget = Budget::new(100);
        assert!(budget.take(1000), "alone, even what is larger");
        let reader = budget.clone();
        let reading =
            std::thread::spawn(move || (reader.take(60), reader.take(40), reader.take(1)));
        budget.give_back(1000);
        while budget.state().held < 100 {
            std::thread::yield_now();
        }
        assert!(!reading.is_finished(), "101 bytes are held of 100");
        budget.close();
        assert_eq!(reading.join().unwrap(), (true, true, false));
    }
}
