//! Fixed events on standard error. None of them takes bytes that a peer sent.

use std::{
    fmt,
    io::{self, Write},
    sync::Mutex,
    time::{Duration, Instant},
};

/// Writes one line. A closed standard error is no reason to stop serving.
pub(crate) fn line(message: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "sealnote-parent: {message}");
}

/// Lets an event through at most once in [`QUIET`], so that a flood of connections is no flood of
/// lines.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    state: Mutex<State>,
}

/// The least time between two lines of one kind.
pub(crate) const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl RateLimit {
    /// How many events the line stands for, if one is due at `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.suppressed += 1;
        if state
            .last
            .is_some_and(|last| now.duration_since(last) < QUIET)
        {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_count() {
        let limit = RateLimit::default();
        let start = Instant::now();
        assert_eq!(limit.due(start), Some(1));
        assert_eq!(limit.due(start + QUIET / 2), None);
        assert_eq!(limit.due(start + QUIET / 2), None);
        assert_eq!(limit.due(start + QUIET), Some(3));
    }
}
