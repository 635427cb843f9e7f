//! A token bucket for each origin, in bounded memory.

use std::{collections::HashMap, mem, num::NonZeroU32, time::Instant};

use super::{
    Origin,
    rate::{Bucket, REFILL},
};

/// The buckets of those that came lately.
///
/// A bucket that was left alone for [`REFILL`] is full, as is that of an origin which was never seen; so it is forgotten. To
/// find those without looking at all of them there are two generations: a bucket that is used moves to the younger, and
/// what is in the older when [`REFILL`] has passed is dropped as a whole.
#[derive(Debug)]
pub(crate) struct AddressRates {
    since: Instant,
    younger: HashMap<Origin, Bucket>,
    older: HashMap<Origin, Bucket>,
}

/// Of one generation. With as many addresses in a second nobody is held back by this limit, only by the one on all; the
/// memory, some 2 MiB for both generations, is what it must not cost.
const MAX_ORIGINS: usize = 16 * 1024;

impl AddressRates {
    pub(crate) fn new(now: Instant) -> Self {
        AddressRates {
            since: now,
            younger: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Takes a token of `origin`'s, if there is one.
    pub(crate) fn take(&mut self, origin: Origin, now: Instant, a_second: NonZeroU32) -> bool {
        if now.duration_since(self.since) >= REFILL || self.younger.len() >= MAX_ORIGINS {
            self.older = mem::take(&mut self.younger);
            self.since = now;
        }
        let before = self.older.get(&origin).copied().unwrap_or_default();
        let bucket = self.younger.entry(origin).or_insert(before);
        bucket.take(now, a_second)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();

    #[test]
    fn each_origin_has_its_own_rate() {
        let start = Instant::now();
        let mut rates = AddressRates::new(start);
        let mut taken = |number, at| {
            let tries = (0..5).filter(|_| rates.take(origin(number), start + at, TWO));
            tries.count()
        };
        assert_eq!(taken(1, Duration::ZERO), 2);
        assert_eq!(taken(2, Duration::ZERO), 2);
        // Across the change of generations nobody gains.
        assert_eq!(taken(1, REFILL * 3 / 4), 1);
        assert_eq!(taken(1, REFILL), 1);
        assert_eq!(taken(1, REFILL * 5 / 4), 0);
        assert_eq!(taken(2, REFILL * 5 / 4), 2);
    }

    #[test]
    fn who_is_gone_is_forgotten_and_a_crowd_is_bounded() {
        let start = Instant::now();
        let mut rates = AddressRates::new(start);
        for number in 0..3 * MAX_ORIGINS as u32 {
            assert!(rates.take(origin(number), start, TWO));
            assert!(rates.younger.len() <= MAX_ORIGINS && rates.older.len() <= MAX_ORIGINS);
        }
        for seconds in 1..3 {
            rates.take(origin(0), start + REFILL * seconds, TWO);
        }
        assert_eq!((rates.younger.len(), rates.older.len()), (1, 1));
    }

    fn origin(number: u32) -> Origin {
        Origin::Ipv4(Ipv4Addr::from(number))
    }
}
