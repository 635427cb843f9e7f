//! How many keys go out in an hour: whoever restarts enclaves gets more quotas, and these caps are what bounds them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sealnote_encrypted_model::KeyId;

const HOUR: Duration = Duration::from_secs(3600);

/// Counts releases of the last hour. A restart of the service forgets them.
#[derive(Debug)]
pub(crate) struct Caps {
    of_all: u32,
    of_each: u32,
    released: VecDeque<(Instant, KeyId)>,
}

/// Which cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Capped {
    #[error("--releases-per-hour {0} is reached: in the hour before this, so many keys went out")]
    All(u32),
    #[error(
        "--releases-per-hour-of-a-key {0} is reached: in the hour before this, this key went out so often"
    )]
    Each(u32),
}

impl Caps {
    pub(crate) fn new(of_all: u32, of_each: u32) -> Self {
        Self {
            of_all,
            of_each,
            released: VecDeque::new(),
        }
    }

    /// Counts a release that is about to be made. Whether it arrives is not known, so none is taken back.
    pub(crate) fn count(&mut self, key: &KeyId, now: Instant) -> Result<(), Capped> {
        let is_old = |(at, _): &(Instant, KeyId)| now.saturating_duration_since(*at) >= HOUR;
        while self.released.front().is_some_and(is_old) {
            self.released.pop_front();
        }
        if self.released.len() >= self.of_all as usize {
            return Err(Capped::All(self.of_all));
        }
        let of_key = self.released.iter().filter(|(_, id)| id == key).count();
        if of_key >= self.of_each as usize {
            return Err(Capped::Each(self.of_each));
        }
        self.released.push_back((now, key.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hour_has_more_releases_than_the_caps_say() {
        let (a, b): (KeyId, KeyId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let mut caps = Caps::new(3, 2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(caps.count(&a, at(0)), Ok(()));
        assert_eq!(caps.count(&a, at(600)), Ok(()));
        assert_eq!(caps.count(&a, at(600)), Err(Capped::Each(2)));
        assert_eq!(caps.count(&b, at(1200)), Ok(()));
        // What was turned down did not count, and there is no more for any.
        for id in [&a, &b] {
            assert_eq!(caps.count(id, at(3599)), Err(Capped::All(3)));
        }
        // The first is an hour ago, and no other.
        assert_eq!(caps.count(&a, at(3600)), Ok(()));
        assert_eq!(caps.count(&b, at(3601)), Err(Capped::All(3)));
        assert_eq!(caps.count(&b, at(4200)), Ok(()));
    }
}
