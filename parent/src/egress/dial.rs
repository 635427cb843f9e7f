//! Reaching a destination.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use sealnote_transport::{Endpoint, Stream, TransportError, connect_within};
use thiserror::Error;
use tokio::{
    net::lookup_host,
    time::{Instant, timeout_at},
};

use super::Destination;

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum DialError {
    #[error("its name does not resolve: {0}")]
    Name(io::Error),
    #[error("its name was not resolved in time")]
    SlowName,
    #[error("its name has no address")]
    NoAddress,
    #[error(
        "its name resolves to this machine or its link alone, where no name may lead; list the address itself if it is meant"
    )]
    Near,
    /// The last address that was tried.
    #[error(transparent)]
    Unreached(#[from] TransportError),
}

/// Connects to one of the addresses that the destination has now. They are looked up each time, by the system's resolver and
/// in its order, IPv4 and IPv6: a service moves, and what this process kept would be older than what the resolver keeps.
pub(super) async fn dial(destination: &Destination, within: Duration) -> Result<Stream, DialError> {
    let deadline = Instant::now() + within;
    let resolving = lookup_host((destination.host(), destination.port()));
    let resolved = timeout_at(deadline, resolving).await;
    let addresses = resolved
        .map_err(|_| DialError::SlowName)?
        .map_err(DialError::Name)?;
    let mut addresses: Vec<SocketAddr> = addresses.take(MAX_ADDRESSES).collect();
    // Whoever holds a name decides where it leads: not to this machine, nor to the instance's metadata on its link. An address
    // that the operator has listed as such is the operator's own choice.
    if !names_this_machine(destination.host()) && destination.host().parse::<IpAddr>().is_err() {
        addresses.retain(|address| !is_near(address.ip()));
        if addresses.is_empty() {
            return Err(DialError::Near);
        }
    }
    dial_each(&addresses, deadline).await
}

/// RFC 6761 §6.3: `localhost` means this machine to everybody.
fn names_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

/// This machine, its link, or everybody on it; and the metadata service's IPv6 address (EC2 User Guide, "Access instance
/// metadata"). Private networks are not: a service may well be there.
fn is_near(address: IpAddr) -> bool {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == METADATA
        }
    }
}

/// More are not tried.
const MAX_ADDRESSES: usize = 8;

/// One after the other; none takes more than its share of the time, so that one that swallows packets leaves some for the next.
async fn dial_each(addresses: &[SocketAddr], deadline: Instant) -> Result<Stream, DialError> {
    let mut error = DialError::NoAddress;
    for (address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        let endpoint = Endpoint::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        };
        match connect_within(&endpoint, share).await {
            Ok(stream) => return Ok(stream),
            Err(reason) => error = reason.into(),
        }
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(300);

    #[test]
    fn a_name_may_not_lead_to_this_machine_or_its_link() {
        let near = |text: &str| is_near(text.parse().unwrap());
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
        ] {
            assert!(near(address), "{address}");
        }
        for address in [
            "10.0.0.7",
            "192.168.1.1",
            "172.16.0.1",
            "8.8.8.8",
            "fd00:ec2::253",
            "2001:db8::1",
        ] {
            assert!(!near(address), "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_that_fails_leaves_time_for_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refuses = gone.local_addr().unwrap();
        drop(gone);
        let (swallows, _queue) = full().await;
        for addresses in [
            vec![live],
            vec![refuses, live],
            vec![swallows, refuses, live],
        ] {
            let deadline = Instant::now() + 4 * MOMENT;
            let dialled = dial_each(&addresses, deadline).await;
            assert!(Instant::now() < deadline, "the first has had all the time");
            let (_, peer) = listener.accept().await.unwrap();
            let Ok(Stream::Tcp(stream)) = dialled else {
                panic!("{addresses:?}: {dialled:?}");
            };
            assert_eq!(stream.local_addr().unwrap(), peer);
        }
        let start = Instant::now();
        let error = dial_each(&[refuses, swallows], start + MOMENT)
            .await
            .unwrap_err();
        let expected = format!("cannot connect to tcp:{swallows}: no answer within ");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(start.elapsed() >= MOMENT);
        let error = dial_each(&[], start).await.unwrap_err();
        assert!(matches!(error, DialError::NoAddress));
    }

    /// An address whose listener takes no more connections: the system answers nobody else.
    async fn full() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(MOMENT, TcpStream::connect(address)).await {
            queue.push(stream);
            assert!(queue.len() < 64, "the queue has no end");
        }
        (address, (listener, queue))
    }
}
