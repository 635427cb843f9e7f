//! How many new connections in a second.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// A token bucket that holds what comes in a second: so many at once, then as many a second.
///
/// Kept as the moment at which it is full again (the generic cell rate algorithm, ATM Forum's TM 4.0), so that its state is
/// one instant, and an instant that has passed is as good as none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full_at: Option<Instant>,
}

/// How long a bucket needs, from empty to full.
pub(crate) const REFILL: Duration = Duration::from_secs(1);

impl Bucket {
    /// Takes a token, if there is one. Who gets none takes nothing.
    pub(crate) fn take(&mut self, now: Instant, a_second: NonZeroU32) -> bool {
        let token = REFILL / a_second.get();
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now)) + token;
        let there_is_one = full_at - now <= REFILL;
        if there_is_one {
            self.full_at = Some(full_at);
        }
        there_is_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: NonZeroU32 = NonZeroU32::new(4).unwrap();

    #[test]
    fn a_bucket_is_emptied_at_once_and_filled_in_a_second() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let mut taken = |at: Duration| (0..9).filter(|_| bucket.take(start + at, FOUR)).count();
        assert_eq!(taken(Duration::ZERO), 4);
        assert_eq!(taken(REFILL / 4 - Duration::from_nanos(1)), 0);
        assert_eq!(taken(REFILL / 4), 1);
        assert_eq!(taken(REFILL * 3 / 4), 2);
        // It holds no more than a second's.
        assert_eq!(taken(REFILL * 60), 4);
    }

    #[test]
    fn a_rate_beyond_the_clock_holds_nobody_back() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert!((0..1000).all(|_| bucket.take(now, NonZeroU32::MAX)));
    }
}
