//! Which listener leads where: `vsock:any:8443=kms.eu-central-1.amazonaws.com:443`.

use std::{collections::HashSet, fmt, str::FromStr};

use sealnote_transport::{Endpoint, ParseEndpointError};
use thiserror::Error;

use super::{Allowlist, Destination, ParseDestinationError};

/// A listener, and the one destination of its connections. [`Display`](fmt::Display) and [`FromStr`] are inverse to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where the enclave connects to.
    pub listen: Endpoint,
    /// Where its bytes go.
    pub destination: Destination,
}

/// Routes to allowed destinations, and no two from one listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

/// Text that is no route.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseRouteError {
    /// No `=` stands in it.
    #[error("an egress is ADDR=HOST:PORT, as vsock:any:8443=kms.eu-central-1.amazonaws.com:443")]
    NoDestination,
    /// What stands before the `=` is no address.
    #[error(transparent)]
    Listen(#[from] ParseEndpointError),
    /// What stands after it is no destination.
    #[error(transparent)]
    Destination(#[from] ParseDestinationError),
}

/// Why routes are not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RoutesError {
    /// Two have one listener.
    #[error("two egresses listen on {0}; give each destination a listener of its own")]
    Twice(Endpoint),
    /// The allow list has no such destination.
    #[error(
        "the egress to {0} is not on the allow list; if it may be, add `- {{address: \"{host}\", port: {port}}}` to the list",
        host = .0.host(),
        port = .0.port()
    )]
    NotAllowed(Destination),
}

impl Routes {
    /// These, if `allowlist` has each destination. Names are compared as they are written, and not resolved.
    pub fn allowed(routes: Vec<Route>, allowlist: &Allowlist) -> Result<Self, RoutesError> {
        let mut listeners = HashSet::new();
        for Route {
            listen,
            destination,
        } in &routes
        {
            if !listeners.insert(listen) {
                return Err(RoutesError::Twice(listen.clone()));
            }
            if !allowlist.allows(destination) {
                return Err(RoutesError::NotAllowed(destination.clone()));
            }
        }
        Ok(Routes(routes))
    }

    /// In the order in which they were named.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.0.iter()
    }
}

impl FromStr for Route {
    type Err = ParseRouteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A path may have a `=` in it, and a destination has none.
        let (listen, destination) = text
            .rsplit_once('=')
            .ok_or(ParseRouteError::NoDestination)?;
        Ok(Route {
            listen: listen.parse()?,
            destination: destination.parse()?,
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.listen, self.destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "vsock:any:8443=kms.eu-central-1.amazonaws.com:443",
            "vsock:3:0=192.0.2.1:443",
            "tcp:[::1]:8443=[2001:db8::1]:443",
            "unix:/run/a=b=key.example:7000",
        ] {
            assert_eq!(text.parse::<Route>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let fault = |text: &str| text.parse::<Route>().unwrap_err();
        assert_eq!(fault("vsock:any:8443"), ParseRouteError::NoDestination);
        assert!(matches!(fault("8443=host:443"), ParseRouteError::Listen(_)));
        for text in [
            "vsock:any:8443=",
            "vsock:any:8443=host",
            "vsock:any:8443=host:0",
        ] {
            assert!(
                matches!(fault(text), ParseRouteError::Destination(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn only_what_is_on_the_list_becomes_a_route_and_no_listener_has_two() {
        let list: Allowlist =
            "allowlist: [{address: Key.Example, port: 443}, {address: '2001:db8::1', port: 1}]"
                .parse()
                .unwrap();
        let routes = |texts: &[&str]| {
            let routes = texts.iter().map(|text| text.parse().unwrap());
            Routes::allowed(routes.collect(), &list)
        };
        let good = routes(&[
            "unix:a=KEY.example:443",
            "unix:b=[2001:DB8::1]:1",
            "unix:c=key.example:443",
        ]);
        assert_eq!(good.unwrap().iter().len(), 3);
        for (text, shown) in [
            (
                "unix:b=key.example:444",
                "address: \"key.example\", port: 444",
            ),
            (
                "unix:b=other.example:443",
                "address: \"other.example\", port: 443",
            ),
            (
                "unix:b=sub.key.example:443",
                "address: \"sub.key.example\", port: 443",
            ),
            (
                "unix:b=key.example.:443",
                "address: \"key.example.\", port: 443",
            ),
        ] {
            let error = routes(&["unix:a=key.example:443", text]).unwrap_err();
            assert!(matches!(error, RoutesError::NotAllowed(_)), "{text}");
            assert!(error.to_string().contains(shown), "{error}");
        }
        let twice = routes(&["unix:a=key.example:443", "unix:a=[2001:db8::1]:1"]);
        assert_eq!(twice, Err(RoutesError::Twice("unix:a".parse().unwrap())));
    }
}
