//! How long to wait before an enclave is started again.

use std::time::Duration;

/// Doubles the pause from start to start, until one has held.
#[derive(Clone, Debug)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
    /// An enclave that was up for so long has started well: the next pause is the first again.
    pub proven: Duration,
    next: Option<Duration>,
}

impl Default for Backoff {
    /// From 1 s to 60 s, and anew after 10 minutes.
    fn default() -> Self {
        Backoff::new(
            Duration::from_secs(1),
            Duration::from_secs(60),
            Duration::from_secs(600),
        )
    }
}

impl Backoff {
    /// From `first` to `longest`, and anew after `proven`.
    pub fn new(first: Duration, longest: Duration, proven: Duration) -> Self {
        Backoff {
            first,
            longest,
            proven,
            next: None,
        }
    }

    /// The pause after an enclave that was up for `up`; nothing for one that did not start.
    pub(super) fn after(&mut self, up: Duration) -> Duration {
        if up >= self.proven {
            self.reset();
        }
        let pause = self.next.unwrap_or(self.first).min(self.longest);
        self.next = Some(pause.saturating_mul(2));
        pause
    }

    /// The next pause is the first again.
    pub(super) fn reset(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_minute_and_begin_anew_after_ten_minutes_up() {
        let mut backoff = Backoff::default();
        let mut after = |up| backoff.after(Duration::from_secs(up)).as_secs();
        let pauses = [0, 0, 5, 0, 599, 0, 0, 0].map(&mut after);
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!([600, 0].map(after), [1, 2]);
    }
}
