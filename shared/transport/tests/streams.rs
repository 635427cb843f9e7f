//! The same behaviour over each address family that this machine has.

use std::{
    fs,
    num::NonZeroUsize,
    os::unix::{fs::PermissionsExt, net::UnixListener as StdUnixListener},
    time::{Duration, Instant},
};

use sealnote_transport::{
    Endpoint, Listener, PROBE_TIMEOUT, PeerAddress, Stream, TransportError, VSOCK_BACKLOG,
    VSOCK_BUFFER, connect, connect_within, probe_vsock_loopback,
};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// One endpoint to listen on for each family; vsock only where the kernel loops it back.
async fn endpoints(dir: &tempfile::TempDir) -> Vec<Endpoint> {
    let mut found = vec![
        "tcp:127.0.0.1:0".parse().unwrap(),
        "tcp:[::1]:0".parse().unwrap(),
        unix_endpoint(dir),
    ];
    if probe_vsock_loopback().await.is_ok() {
        found.push("vsock:1:0".parse().unwrap());
    }
    found
}

fn unix_endpoint(dir: &tempfile::TempDir) -> Endpoint {
    format!("unix:{}", dir.path().join("s").display())
        .parse()
        .unwrap()
}

#[tokio::test]
async fn halves_close_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    for endpoint in endpoints(&dir).await {
        let listener = match Listener::bind(&endpoint).await {
            Ok(listener) => listener,
            // A machine without IPv6.
            Err(TransportError::Bind { .. }) if endpoint.to_string().contains('[') => continue,
            Err(error) => panic!("{error}"),
        };
        let local = listener.local_endpoint().clone();
        assert!(!local.to_string().ends_with(":0"), "{local}");
        let (near, far) = tokio::join!(connect(&local), listener.accept());
        let (mut receive, mut send) = near.unwrap().into_split();
        let (mut far_receive, mut far_send) = far.unwrap().into_split();

        send.write_all(b"question").await.unwrap();
        send.shutdown().await.unwrap();
        let mut got = Vec::new();
        far_receive.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"question", "{local}");

        // The other direction is still open, and takes more than one vsock write.
        let answer: Vec<u8> = (0..1_000_000_u32).map(|i| i as u8).collect();
        let sender = {
            let answer = answer.clone();
            tokio::spawn(async move {
                far_send.write_all(&answer).await.unwrap();
                far_send.shutdown().await.unwrap();
            })
        };
        let mut got = Vec::new();
        receive.read_to_end(&mut got).await.unwrap();
        sender.await.unwrap();
        assert!(got == answer, "{local}");
    }
}

#[tokio::test]
async fn shutdown_after_the_peer_left_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    for endpoint in endpoints(&dir).await {
        let Ok(listener) = Listener::bind(&endpoint).await else {
            continue;
        };
        let (near, far) = tokio::join!(connect(listener.local_endpoint()), listener.accept());
        let (mut receive, mut send) = near.unwrap().into_split();
        drop(far);
        let _ = receive.read_u8().await;
        let _ = send.write_all(b"to nobody").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        send.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_has_the_address_that_it_came_from() {
    let dir = tempfile::tempdir().unwrap();
    for endpoint in endpoints(&dir).await {
        let Ok(listener) = Listener::bind(&endpoint).await else {
            continue;
        };
        let (_near, far) = tokio::join!(connect(listener.local_endpoint()), listener.accept());
        let expected = match &endpoint {
            Endpoint::Tcp { host, .. } => Some(PeerAddress::Ip(host.parse().unwrap())),
            Endpoint::Unix { .. } => None,
            Endpoint::Vsock { cid, .. } => Some(PeerAddress::Vsock(*cid)),
        };
        assert_eq!(far.unwrap().peer_address(), expected, "{endpoint}");
    }
    // One IPv4 address, whichever kind of socket it comes to.
    if let Ok(listener) = Listener::bind(&"tcp:[::]:0".parse().unwrap()).await {
        let Endpoint::Tcp { port, .. } = *listener.local_endpoint() else {
            unreachable!();
        };
        let host = "127.0.0.1".to_owned();
        let ipv4 = Endpoint::Tcp { host, port };
        let (_near, far) = tokio::join!(connect(&ipv4), listener.accept());
        let expected = PeerAddress::Ip("127.0.0.1".parse().unwrap());
        assert_eq!(far.unwrap().peer_address(), Some(expected));
    }
}

/// Of what is accepted it is inherited from the listener, which is what Linux does and no standard promises.
#[tokio::test]
async fn both_ends_of_tcp_are_prompt_and_notice_who_has_vanished() {
    let listener = Listener::bind(&"tcp:127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let (near, far) = tokio::join!(connect(listener.local_endpoint()), listener.accept());
    for end in [near.unwrap(), far.unwrap()] {
        let Stream::Tcp(stream) = &end else {
            unreachable!();
        };
        let socket = SockRef::from(stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(60)
        );
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(15)
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    }
}

/// In a guest only: it takes a kernel that loops vsock back.
#[tokio::test]
async fn one_write_hands_a_vsock_no_more_than_it_may() {
    if probe_vsock_loopback().await.is_err() {
        return;
    }
    let listener = Listener::bind(&"vsock:1:0".parse().unwrap()).await.unwrap();
    let (near, far) = tokio::join!(connect(listener.local_endpoint()), listener.accept());
    let (mut near, _far) = (near.unwrap(), far.unwrap());
    near.set_max_vsock_write(NonZeroUsize::new(7).unwrap());
    assert_eq!(near.write(&[0; 100]).await.unwrap(), 7);
    let (_receive, mut send) = near.into_split();
    assert_eq!(send.write(&[0; 100]).await.unwrap(), 7);
}

/// In a guest only: it takes a kernel that loops vsock back.
#[tokio::test]
async fn a_vsock_peer_that_is_not_read_is_held_back_early() {
    if probe_vsock_loopback().await.is_err() {
        return;
    }
    let listener = Listener::bind(&"vsock:1:0".parse().unwrap()).await.unwrap();
    let (near, far) = tokio::join!(connect(listener.local_endpoint()), listener.accept());
    let (_far, (_near, mut send)) = (far.unwrap(), near.unwrap().into_split());
    let (mut sent, block) = (0, [0; 1000]);
    while let Ok(written) = timeout(Duration::from_millis(300), send.write(&block)).await {
        sent += written.unwrap() as u64;
        assert!(sent <= VSOCK_BUFFER, "the peer is not held back");
    }
    assert_eq!(sent, VSOCK_BUFFER);
}

/// In a guest only.
#[tokio::test]
async fn few_vsock_connections_wait_to_be_accepted() {
    if probe_vsock_loopback().await.is_err() {
        return;
    }
    let listener = Listener::bind(&"vsock:1:0".parse().unwrap()).await.unwrap();
    let mut waiting = Vec::new();
    // The kernel takes one more than it was told.
    for _ in 0..=VSOCK_BACKLOG {
        waiting.push(connect(listener.local_endpoint()).await.unwrap());
    }
    let error = connect(listener.local_endpoint()).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error}");
    // A place in the queue is free again with each that is accepted.
    listener.accept().await.unwrap();
    connect(listener.local_endpoint()).await.unwrap();
}

#[tokio::test]
async fn listening_addresses_are_not_connected_to() {
    for text in ["vsock:any:5005", "vsock:1:0", "tcp:127.0.0.1:0"] {
        let error = connect(&text.parse().unwrap()).await.unwrap_err();
        assert!(
            matches!(error, TransportError::NotConnectable { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn absent_peers_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let free = Listener::bind(&"tcp:127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let gone = free.local_endpoint().clone();
    drop(free);
    for endpoint in [gone, unix_endpoint(&dir)] {
        let error = connect(&endpoint).await.unwrap_err();
        assert!(matches!(error, TransportError::Connect { .. }), "{error}");
        assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    }
    // CID 2^31 is no machine: refused at once, or never answered.
    let start = Instant::now();
    let nobody = "vsock:2147483648:5005".parse().unwrap();
    connect_within(&nobody, Duration::from_millis(200))
        .await
        .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_unix_socket_is_private_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = unix_endpoint(&dir);
    let path = dir.path().join("s");
    let listener = Listener::bind(&endpoint).await.unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn only_a_dead_socket_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = unix_endpoint(&dir);
    let path = dir.path().join("s");

    // Left behind by a process that was killed.
    drop(StdUnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let living = Listener::bind(&endpoint).await.unwrap();

    let error = Listener::bind(&endpoint).await.unwrap_err();
    assert!(matches!(error, TransportError::InUse { .. }), "{error}");
    assert!(connect(&endpoint).await.is_ok());

    // A listener whose file was replaced by another's leaves the other's alone.
    fs::remove_file(&path).unwrap();
    let heir = Listener::bind(&endpoint).await.unwrap();
    drop(living);
    assert!(connect(&endpoint).await.is_ok());
    drop(heir);

    fs::write(&path, "precious").unwrap();
    let error = Listener::bind(&endpoint).await.unwrap_err();
    assert!(
        matches!(error, TransportError::NotASocket { .. }),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn the_probe_ends_in_time_and_leaves_nothing_that_holds_the_process() {
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(probe_vsock_loopback());
    drop(runtime);
    assert!(
        start.elapsed() < PROBE_TIMEOUT + Duration::from_secs(1),
        "{outcome:?}"
    );
}
