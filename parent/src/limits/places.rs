//! How many connections at a time, in all and of one origin.

use std::{
    collections::{HashMap, hash_map::Entry},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard},
};

use super::Origin;

/// The places that are taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Counts>);

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    counts: Arc<Counts>,
    origin: Option<Origin>,
}

/// No place is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPlace;

impl Places {
    /// A place, as long as fewer than `cap` are taken. Nobody queues: a client that is told at once can go elsewhere.
    pub(crate) fn take(&self, cap: NonZeroUsize) -> Result<Place, NoPlace> {
        let mut taken = self.0.taken();
        if taken.in_all >= cap.get() {
            return Err(NoPlace);
        }
        taken.in_all += 1;
        Ok(Place {
            counts: Arc::clone(&self.0),
            origin: None,
        })
    }

    /// How many are taken now.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken().in_all
    }
}

impl Place {
    /// Counts it as one of `origin`'s too, as long as those are fewer than `cap`. A place is counted so once.
    pub(crate) fn count_for(&mut self, origin: Origin, cap: NonZeroUsize) -> Result<(), NoPlace> {
        debug_assert!(self.origin.is_none());
        let mut taken = self.counts.taken();
        let of_origin = taken.by_origin.entry(origin).or_default();
        if *of_origin >= cap.get() {
            return Err(NoPlace);
        }
        *of_origin += 1;
        self.origin = Some(origin);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.counts.taken();
        taken.in_all -= 1;
        // Who has gone is forgotten.
        if let Some(Entry::Occupied(mut of_origin)) =
            self.origin.map(|origin| taken.by_origin.entry(origin))
        {
            *of_origin.get_mut() -= 1;
            if *of_origin.get() == 0 {
                of_origin.remove();
            }
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    taken: Mutex<Taken>,
}

/// No origin has a count of zero, so there are no more of them than connections.
#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_origin: HashMap<Origin, usize>,
}

impl Counts {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
    const MANY: NonZeroUsize = NonZeroUsize::new(9).unwrap();

    #[test]
    fn places_are_counted_and_given_back() {
        let places = Places::default();
        let first = places.take(TWO).unwrap();
        let _second = places.take(TWO).unwrap();
        assert_eq!(places.take(TWO).unwrap_err(), NoPlace);
        drop(first);
        assert!(places.take(TWO).is_ok());
    }

    #[test]
    fn one_origin_has_no_more_than_its_share() {
        let places = Places::default();
        let take = |address: &str| {
            let mut place = places.take(MANY).unwrap();
            let origin = address.parse::<std::net::IpAddr>().unwrap().into();
            place.count_for(origin, TWO).map(|()| place)
        };
        let one = take("192.0.2.1").unwrap();
        let two = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.1").unwrap_err(), NoPlace);
        // Who is refused takes nothing, from nobody.
        let _other = take("192.0.2.2").unwrap();
        let _nameless = [(); 3].map(|()| places.take(MANY).unwrap());
        drop(one);
        let again = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.1").unwrap_err(), NoPlace);
        drop((two, again));
        assert_eq!(places.0.taken().by_origin.len(), 1);
        assert_eq!(places.0.taken().in_all, 4);
    }
}
