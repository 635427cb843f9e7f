//! Whom connections are counted by.

use std::net::{IpAddr, Ipv4Addr};

use sealnote_transport::{Cid, PeerAddress};

/// One host, as far as addresses tell. One host has a whole network of IPv6 addresses, and so counts as its
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
            PeerAddress::Ip(address) => address.into(),
            PeerAddress::Vsock(cid) => Origin::Vsock(cid),
        }
    }
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Origin::Ipv4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Origin::Ipv6Network([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_host_is_its_network_and_a_vsock_peer_its_cid() {
        let ip = |address: &str| Origin::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(ip("2001:db8:0:1::1"), ip("2001:db8:0:1:ffff::2"));
        assert_ne!(ip("2001:db8:0:1::1"), ip("2001:db8:0:2::1"));
        assert_ne!(ip("192.0.2.1"), ip("192.0.2.2"));
        // Mapped addresses are all in one /64.
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
        let vsock = |cid| Origin::from(PeerAddress::Vsock(Cid(cid)));
        assert_eq!(vsock(3), vsock(3));
        assert_ne!(vsock(3), vsock(4));
    }
}
