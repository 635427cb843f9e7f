//! Who is let in.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{
    Origin,
    address_rates::AddressRates,
    places::{NoPlace, Place, Places},
    rate::Bucket,
};
use crate::Config;

/// The limits that a client meets as it comes.
#[derive(Debug)]
pub(crate) struct Entrance {
    places: Places,
    rate: Mutex<Bucket>,
    address_rates: Mutex<AddressRates>,
}

/// Which of them a client is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// On connections at a time.
    Connections,
    /// On those of one origin.
    ConnectionsOfAddress,
    /// On new connections in a second.
    Rate,
    /// On those of one origin.
    RateOfAddress,
}

impl Default for Entrance {
    fn default() -> Self {
        Entrance {
            places: Places::default(),
            rate: Mutex::default(),
            address_rates: Mutex::new(AddressRates::new(Instant::now())),
        }
    }
}

impl Entrance {
    /// A place for one more, whoever it is.
    pub(crate) fn enter(&self, config: &Config) -> Result<Place, Limit> {
        let place = self.places.take(config.max_connections);
        place.map_err(|NoPlace| Limit::Connections)
    }

    /// Lets one that has a place keep it, once it is known whose it is, if anybody's.
    pub(crate) fn admit(
        &self,
        place: &mut Place,
        origin: Option<Origin>,
        config: &Config,
        now: Instant,
    ) -> Result<(), Limit> {
        if let Some(origin) = origin {
            let counted = place.count_for(origin, config.max_connections_per_address);
            counted.map_err(|NoPlace| Limit::ConnectionsOfAddress)?;
            if let Some(rate) = config.max_connection_rate_per_address {
                let rates = self.address_rates.lock();
                let mut rates = rates.unwrap_or_else(PoisonError::into_inner);
                if !rates.take(origin, now, rate) {
                    return Err(Limit::RateOfAddress);
                }
            }
        }
        // The last, since all share it: who is turned away by a limit of its own uses up nothing of it.
        if let Some(rate) = config.max_connection_rate {
            let mut bucket = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
            if !bucket.take(now, rate) {
                return Err(Limit::Rate);
            }
        }
        Ok(())
    }
}

impl Limit {
    pub(crate) const ALL: [Limit; 4] = [
        Limit::Connections,
        Limit::ConnectionsOfAddress,
        Limit::Rate,
        Limit::RateOfAddress,
    ];

    /// What `config` says of it.
    pub(crate) fn value(self, config: &Config) -> usize {
        let rate = |a_second: Option<NonZeroU32>| a_second.map_or(0, |some| some.get() as usize);
        match self {
            Limit::Connections => config.max_connections.get(),
            Limit::ConnectionsOfAddress => config.max_connections_per_address.get(),
            Limit::Rate => rate(config.max_connection_rate),
            Limit::RateOfAddress => rate(config.max_connection_rate_per_address),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Connections => "too many connections",
            Limit::ConnectionsOfAddress => "too many connections from one address",
            Limit::Rate => "too many new connections in a second",
            Limit::RateOfAddress => "too many new connections from one address in a second",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn who_is_turned_away_holds_no_place_and_uses_up_no_rate() {
        let (entrance, now) = (Entrance::default(), Instant::now());
        let mut config = config();
        config.max_connection_rate = 2.try_into().ok();
        let admit = |config: &Config, origin| {
            let mut place = entrance.enter(config)?;
            let admitted = entrance.admit(&mut place, origin, config, now);
            admitted.map(|()| place)
        };
        let origin: Origin = "192.0.2.1".parse::<IpAddr>().unwrap().into();
        let held = admit(&config, Some(origin)).unwrap();
        config.max_connections_per_address = 1.try_into().unwrap();
        for _ in 0..3 {
            let refused = admit(&config, Some(origin)).unwrap_err();
            assert_eq!(refused, Limit::ConnectionsOfAddress);
        }
        config.max_connections = 1.try_into().unwrap();
        for _ in 0..3 {
            assert_eq!(admit(&config, None).unwrap_err(), Limit::Connections);
        }
        drop(held);
        drop(admit(&config, None).unwrap());
        assert_eq!(admit(&config, None).unwrap_err(), Limit::Rate);
        config.max_connection_rate = None;
        assert!(admit(&config, None).is_ok(), "a place was kept");
    }

    #[test]
    fn one_address_at_its_rate_leaves_the_others_theirs() {
        let (entrance, now) = (Entrance::default(), Instant::now());
        let mut config = config();
        config.max_connection_rate_per_address = 2.try_into().ok();
        config.max_connections_per_address = 3.try_into().unwrap();
        let admit = |address: &str| {
            let origin = address.parse::<IpAddr>().unwrap().into();
            let mut place = entrance.enter(&config).unwrap();
            entrance
                .admit(&mut place, Some(origin), &config, now)
                .map(|()| place)
        };
        let _held = [admit("192.0.2.1").unwrap(), admit("192.0.2.1").unwrap()];
        assert_eq!(admit("192.0.2.1").unwrap_err(), Limit::RateOfAddress);
        let others = [admit("192.0.2.2").unwrap(), admit("192.0.2.2").unwrap()];
        drop(others);
        assert_eq!(admit("192.0.2.2").unwrap_err(), Limit::RateOfAddress);
    }

    fn config() -> Config {
        let nowhere: sealnote_transport::Endpoint = "tcp:127.0.0.1:1".parse().unwrap();
        Config::new(nowhere.clone(), nowhere)
    }
}
