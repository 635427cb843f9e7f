//! How many connections at a time, in all and of whom.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard},
};

use sealnote_transport::{Cid, PeerAddress};

use crate::Config;

/// The caps on connections: in all, and of one [`Origin`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Counts>);

/// A place under both caps, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    counts: Arc<Counts>,
    origin: Option<Origin>,
}

/// Which cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The one on all connections.
    All,
    /// The one on connections of one origin.
    Origin,
}

/// Whom connections are counted by. One host has a whole network of IPv6 addresses, and so counts as its
/// /64 (RFC 4291, section 2.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Ipv4(Ipv4Addr),
    Ipv6Network([u16; 4]),
    Vsock(Cid),
}

impl From<PeerAddress> for Origin {
    fn from(address: PeerAddress) -> Self {
        match address {
            PeerAddress::Ip(IpAddr::V4(address)) => Origin::Ipv4(address),
            PeerAddress::Ip(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Origin::Ipv6Network([a, b, c, d])
            }
            PeerAddress::Vsock(cid) => Origin::Vsock(cid),
        }
    }
}

impl Places {
    /// A place if one is free now. Nobody queues: a client that is told at once can go elsewhere.
    /// Without an origin, only the cap on all connections counts.
    pub(crate) fn take(&self, origin: Option<Origin>, caps: &Config) -> Result<Place, Full> {
        let mut taken = self.0.taken();
        if taken.in_all >= caps.max_connections.get() {
            return Err(Full::All);
        }
        if let Some(origin) = origin {
            let of_origin = taken.by_origin.entry(origin).or_default();
            if *of_origin >= caps.max_connections_per_address.get() {
                return Err(Full::Origin);
            }
            *of_origin += 1;
        }
        taken.in_all += 1;
        Ok(Place {
            counts: Arc::clone(&self.0),
            origin,
        })
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
    use sealnote_transport::Endpoint;

    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let (places, caps) = (Places::default(), caps(2, 2));
        let first = places.take(None, &caps).unwrap();
        let _second = places.take(ip("192.0.2.1"), &caps).unwrap();
        assert_eq!(places.take(None, &caps).unwrap_err(), Full::All);
        drop(first);
        assert!(places.take(None, &caps).is_ok());
    }

    #[test]
    fn one_origin_has_no_more_than_its_share() {
        let (places, caps) = (Places::default(), caps(9, 2));
        let one = places.take(ip("192.0.2.1"), &caps).unwrap();
        let two = places.take(ip("192.0.2.1"), &caps).unwrap();
        assert_eq!(
            places.take(ip("192.0.2.1"), &caps).unwrap_err(),
            Full::Origin
        );
        // Who is refused takes nothing, from nobody.
        let _other = places.take(ip("192.0.2.2"), &caps).unwrap();
        let _nameless = [(); 3].map(|()| places.take(None, &caps).unwrap());
        drop(one);
        let again = places.take(ip("192.0.2.1"), &caps).unwrap();
        assert_eq!(
            places.take(ip("192.0.2.1"), &caps).unwrap_err(),
            Full::Origin
        );
        drop((two, again));
        assert_eq!(places.0.taken().by_origin.len(), 1);
        assert_eq!(places.0.taken().in_all, 4);
    }

    #[test]
    fn an_ipv6_host_is_its_network_and_a_vsock_peer_its_cid() {
        assert_eq!(ip("2001:db8:0:1::1"), ip("2001:db8:0:1:ffff::2"));
        assert_ne!(ip("2001:db8:0:1::1"), ip("2001:db8:0:2::1"));
        let vsock = |cid| Some(Origin::from(PeerAddress::Vsock(Cid(cid))));
        let (places, caps) = (Places::default(), caps(9, 1));
        let _held = ["2001:db8:0:1::1", "2001:db8:0:2::1", "192.0.2.1"]
            .map(|address| places.take(ip(address), &caps).unwrap());
        let _guest = places.take(vsock(3), &caps).unwrap();
        assert_eq!(places.take(vsock(3), &caps).unwrap_err(), Full::Origin);
        assert!(places.take(vsock(4), &caps).is_ok());
    }

    fn caps(in_all: usize, by_origin: usize) -> Config {
        let nowhere: Endpoint = "tcp:127.0.0.1:1".parse().unwrap();
        let mut config = Config::new(nowhere.clone(), nowhere);
        config.max_connections = in_all.try_into().unwrap();
        config.max_connections_per_address = by_origin.try_into().unwrap();
        config
    }

    fn ip(address: &str) -> Option<Origin> {
        Some(PeerAddress::Ip(address.parse().unwrap()).into())
    }
}
