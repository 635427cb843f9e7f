//! Clients that come through a proxy which says whose they are, and those that say it wrongly.

use sealnote_parent::ProxyProtocol;

use super::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const PROXY: u8 = 0x21;
const LOCAL: u8 = 0x20;
const TCP_IPV4: u8 = 0x11;
const TCP_IPV6: u8 = 0x21;
const UNIX: u8 = 0x31;
/// Of the proxy, in every header here, with both ports.
const TO: [u8; 4] = [127, 0, 0, 9];

#[tokio::test]
async fn limits_count_by_the_address_in_the_header() {
    let mut rig = rig(|config| config.max_connections_per_address = NonZeroUsize::MIN).await;
    // All come from one address, the proxy's.
    let mut held = Vec::new();
    for client in [[192, 0, 2, 1], [192, 0, 2, 2]] {
        held.push(rig.pair_with(&ipv4(client)).await);
    }
    let mut again = rig.connect_with(&ipv4([192, 0, 2, 1])).await;
    assert_eq!(read_all(&mut again).await, FULL);
    assert_eq!(rig.counters().refused_by_address, 1);

    // An IPv4 address is one, also as an IPv6 address.
    let mapped = "::ffff:192.0.2.2".parse::<std::net::Ipv6Addr>().unwrap();
    let mut again = rig.connect_with(&ipv6(mapped.octets())).await;
    assert_eq!(read_all(&mut again).await, FULL);
    let other = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap();
    held.push(rig.pair_with(&ipv6(other.octets())).await);

    // Of what follows the header nothing is lost, and nothing of the header is passed on.
    let (mut client, mut enclave) = held.pop().unwrap();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"question");
}

#[tokio::test]
async fn a_proxy_that_speaks_for_itself_counts_as_itself() {
    let mut rig = rig(|config| config.max_connections_per_address = NonZeroUsize::MIN).await;
    // As HAProxy's health checks; and where the proxy knows no address.
    let local = header(LOCAL, 0, &[]);
    let held = rig.pair_with(&local).await;
    let unix = header(PROXY, UNIX, &[b'/'; 216]);
    for bytes in [&local, &header(PROXY, 0, b"ignored"), &unix] {
        let mut again = rig.connect_with(bytes).await;
        assert_eq!(read_all(&mut again).await, FULL);
    }
    drop(held);
    rig.until(|counters| counters.open == 0).await;
    rig.pair_with(&unix).await;
    // What a LOCAL header holds does not count, whatever it is.
    rig.pair_with_from("127.0.0.2", &header(LOCAL, 0x99, b"whatever"))
        .await;
}

#[tokio::test]
async fn the_header_may_come_with_the_rest_and_in_pieces() {
    let mut rig = rig(|_| {}).await;
    let mut bytes = ipv4([192, 0, 2, 1]);
    bytes.extend(b"hello");
    let (_client, mut enclave) = rig.pair_with(&bytes).await;
    let mut hello = [0; 5];
    enclave.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");

    // With extensions, and as long as it may be.
    let mut addresses = [192, 0, 2, 1].to_vec();
    addresses.extend(TO);
    addresses.extend([0, 80, 1, 187]);
    addresses.resize(536 - 16, 4);
    let longest = header(PROXY, TCP_IPV4, &addresses);
    let mut client = connect(&rig.parent).await.unwrap();
    for piece in longest.chunks(100) {
        client.write_all(piece).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    client.write_all(b"hello").await.unwrap();
    let accepted = rig.enclave.as_ref().unwrap().accept();
    let mut enclave = timeout(SOON, accepted).await.unwrap().unwrap();
    enclave.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
}

#[tokio::test]
async fn what_is_no_header_of_version_2_is_closed_and_reaches_no_enclave() {
    let rig = rig(|_| {}).await;
    let mut version_3 = ipv4([192, 0, 2, 1]);
    version_3[12] = 0x31;
    let mut signature = ipv4([192, 0, 2, 1]);
    signature[11] ^= 1;
    let cases: [&[u8]; 11] = [
        b"PROXY TCP4 192.0.2.1 127.0.0.9 80 443\r\nhello",
        b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
        &[1, 2, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &version_3,
        &signature,
        // An unknown command, an unknown family, datagrams.
        &header(0x22, TCP_IPV4, &[0; 12]),
        &header(PROXY, 0x41, &[0; 64]),
        &header(PROXY, 0x12, &[0; 12]),
        // Too short for its addresses.
        &header(PROXY, TCP_IPV4, &[0; 11]),
        &header(PROXY, TCP_IPV6, &[0; 35]),
        // One byte longer than may be.
        &header(PROXY, TCP_IPV4, &[0; 536 - 16 + 1]),
    ];
    for (number, bytes) in (1..).zip(cases) {
        let mut client = rig.connect_with(bytes).await;
        let mut answer = Vec::new();
        // A reset is as good an end: nothing is owed to it.
        let _ = timeout(SOON, client.read_to_end(&mut answer))
            .await
            .unwrap();
        assert_eq!(answer, b"", "case {number}");
        rig.until(|counters| counters.refused_by_proxy_header == number && counters.open == 0)
            .await;
    }
    let nobody = rig.enclave.as_ref().unwrap().accept();
    assert!(timeout(Duration::from_millis(50), nobody).await.is_err());
    assert_eq!(rig.counters().accepted, 0);
}

#[tokio::test]
async fn a_header_that_never_ends_is_not_waited_for() {
    const MOMENT: Duration = Duration::from_millis(400);
    let rig = rig(|config| config.handshake_timeout = MOMENT).await;
    let whole = ipv4([192, 0, 2, 1]);
    let start = Instant::now();
    // Nothing; a part; and a length that lies, as long as no more comes.
    let mut liar = whole.clone();
    liar[15] += 1;
    for bytes in [&[], &whole[..7], &whole[..20], &liar] {
        let mut client = rig.connect_with(bytes).await;
        assert_eq!(read_all(&mut client).await, b"");
    }
    assert!(start.elapsed() >= MOMENT * 4);
    // A byte at a time gains nothing.
    let mut client = connect(&rig.parent).await.unwrap();
    let start = Instant::now();
    for byte in &whole {
        if client.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(MOMENT / 10).await;
    }
    rig.until(|counters| counters.refused_by_proxy_header == 5)
        .await;
    assert!(start.elapsed() < MOMENT * 3);
}

#[tokio::test]
async fn without_the_setting_a_header_is_bytes_like_any() {
    let mut rig = Rig::start(|_| {}).await;
    let header = ipv4([192, 0, 2, 1]);
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(&header).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, header);
}

async fn rig(adjust: impl FnOnce(&mut Config)) -> Rig {
    Rig::start(|config| {
        config.listen = "tcp:127.0.0.1:0".parse().unwrap();
        config.proxy_protocol = ProxyProtocol::V2;
        adjust(config);
    })
    .await
}

impl Rig {
    async fn connect_with(&self, bytes: &[u8]) -> Stream {
        self.connect_with_from("127.0.0.1", bytes).await
    }

    async fn connect_with_from(&self, address: &str, bytes: &[u8]) -> Stream {
        let mut client = self.connect_from(address).await;
        client.write_all(bytes).await.unwrap();
        client
    }

    async fn pair_with(&mut self, bytes: &[u8]) -> (Stream, Stream) {
        self.pair_with_from("127.0.0.1", bytes).await
    }

    async fn pair_with_from(&mut self, address: &str, bytes: &[u8]) -> (Stream, Stream) {
        let client = self.connect_with_from(address, bytes).await;
        let accepted = self.enclave.as_ref().unwrap().accept();
        (client, timeout(SOON, accepted).await.unwrap().unwrap())
    }
}

fn ipv4(from: [u8; 4]) -> Vec<u8> {
    let rest = [&from[..], &TO, &[0xC0, 0, 1, 187]].concat();
    header(PROXY, TCP_IPV4, &rest)
}

fn ipv6(from: [u8; 16]) -> Vec<u8> {
    let rest = [&from[..], &[0; 16], &[0xC0, 0, 1, 187]].concat();
    header(PROXY, TCP_IPV6, &rest)
}

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}
