//! The parent between a client and a stand-in for the enclave, in one process.

#[path = "parent/admin.rs"]
mod admin;
#[path = "parent/dashboard.rs"]
mod dashboard;
#[path = "parent/documented.rs"]
mod documented;
#[path = "parent/egress.rs"]
mod egress;
#[path = "parent/endorsements.rs"]
mod endorsements;
#[path = "parent/limits.rs"]
mod limits;
#[path = "parent/program.rs"]
mod program;
#[path = "parent/proxy_protocol.rs"]
mod proxy_protocol;
#[path = "parent/upgrade.rs"]
mod upgrade;
#[path = "parent/upstreams.rs"]
mod upstreams;

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use sealnote_parent::{Config, Control, Parent, ParentError, Snapshot};
use sealnote_transport::{Endpoint, Listener, Stream, connect};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Longer than anything here takes, and short enough to notice what hangs.
const SOON: Duration = Duration::from_secs(20);

/// The frame that says that there is no place: PROTOCOL.md, section 1.
const FULL: [u8; 8] = [6, 2, 0, 0, 0, 0, 0, 0];

#[tokio::test]
async fn each_direction_ends_by_itself() {
    // The client ends first, and is answered all the same.
    let mut rig = Rig::start(|_| {}).await;
    let (mut client, mut enclave) = rig.pair().await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"question");
    enclave.write_all(b"answer").await.unwrap();
    enclave.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, b"answer");

    // The enclave ends first, and is still spoken to.
    let (mut client, mut enclave) = rig.pair().await;
    enclave.write_all(b"greeting").await.unwrap();
    enclave.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, b"greeting");
    client.write_all(b"reply").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"reply");

    rig.until(|counters| counters.open == 0).await;
    let counters = rig.stop().await;
    assert_eq!(
        (counters.accepted, counters.refused, counters.open),
        (2, 0, 0)
    );
    assert_eq!(
        (counters.to_enclave_bytes, counters.to_client_bytes),
        (13, 14)
    );
}

#[tokio::test]
async fn a_large_transfer_arrives_whole_both_ways_at_once() {
    const LENGTH: usize = 16 * 1024 * 1024;
    let mut rig = Rig::start(|config| config.listen = "tcp:127.0.0.1:0".parse().unwrap()).await;
    let (client, enclave) = rig.pair().await;
    let (at_client, at_enclave) = timeout(SOON, async {
        tokio::join!(exchange(client, 1, LENGTH), exchange(enclave, 2, LENGTH))
    })
    .await
    .unwrap();
    assert!(at_client == noise(2, LENGTH));
    assert!(at_enclave == noise(1, LENGTH));
}

#[tokio::test]
async fn a_reader_that_stalls_stops_the_writer() {
    const BLOCK: usize = 64 * 1024;
    // Three sockets' buffers and the parent's own: Unix sockets hold some 208 KiB each.
    const BOUND: usize = 2 * 1024 * 1024;
    let mut rig = Rig::start(|_| {}).await;
    let (client, mut enclave) = rig.pair().await;
    let (_keep, mut send) = client.into_split();

    let mut sent = 0;
    let block = noise(3, BLOCK);
    let mut at = 0;
    while let Ok(written) = timeout(Duration::from_secs(1), send.write(&block[at..])).await {
        let written = written.unwrap();
        sent += written;
        at = (at + written) % BLOCK;
        assert!(sent < BOUND, "the writer is not held back");
    }
    // And it goes on where it stopped, with nothing lost.
    let mut got = vec![0; sent];
    timeout(SOON, enclave.read_exact(&mut got))
        .await
        .unwrap()
        .unwrap();
    assert!(got.iter().zip(block.iter().cycle()).all(|(a, b)| a == b));
    timeout(SOON, send.write_all(&block))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_client_waits_while_the_enclave_boots() {
    let mut rig = Rig::start(|_| {}).await;
    rig.enclave = None;
    let mut client = connect(&rig.parent).await.unwrap();
    client.write_all(b"early").await.unwrap();
    sleep(Duration::from_millis(300)).await;

    let listener = Listener::bind(&rig.enclave_endpoint).await.unwrap();
    let mut enclave = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut enclave).await, b"early");
    assert!(rig.counters().dial_failures > 0);
}

#[tokio::test]
async fn a_client_is_let_go_when_the_enclave_never_comes() {
    let mut rig = Rig::start(|config| config.connect_timeout = Duration::from_millis(400)).await;
    rig.enclave = None;
    let start = Instant::now();
    let mut client = connect(&rig.parent).await.unwrap();
    assert_eq!(read_all(&mut client).await, b"");
    assert!(start.elapsed() < Duration::from_secs(5));
    rig.until(|counters| counters.open == 0).await;
    assert_eq!(rig.stop().await.unreached, 1);
}

#[tokio::test]
async fn one_too_many_is_told_and_closed_at_once() {
    let mut rig = Rig::start(|config| config.max_connections = NonZeroUsize::new(2).unwrap()).await;
    let first = rig.pair().await;
    let mut second = rig.pair().await;
    let mut third = connect(&rig.parent).await.unwrap();
    assert_eq!(read_all(&mut third).await, FULL);
    assert_eq!(rig.counters().refused, 1);

    // The others are not disturbed, and a place that is given back is taken.
    second.0.write_all(b"x").await.unwrap();
    assert_eq!(second.1.read_u8().await.unwrap(), b'x');
    drop(first);
    rig.until(|counters| counters.open == 1).await;
    let mut fourth = rig.pair().await;
    fourth.1.write_all(b"y").await.unwrap();
    assert_eq!(fourth.0.read_u8().await.unwrap(), b'y');
}

#[tokio::test]
async fn one_address_has_no_more_than_its_share() {
    let mut rig = Rig::start(|config| {
        config.listen = "tcp:127.0.0.1:0".parse().unwrap();
        config.max_connections_per_address = NonZeroUsize::new(2).unwrap();
    })
    .await;
    let mine = rig.pair_from("127.0.0.1").await;
    let _mine_too = rig.pair_from("127.0.0.1").await;
    let mut too_many = rig.connect_from("127.0.0.1").await;
    assert_eq!(read_all(&mut too_many).await, FULL);
    let counters = rig.counters();
    assert_eq!((counters.refused_by_address, counters.refused), (1, 0));

    // Another address is served, and so is this one again when it has let go.
    let mut other = rig.pair_from("127.0.0.2").await;
    other.0.write_all(b"x").await.unwrap();
    assert_eq!(other.1.read_u8().await.unwrap(), b'x');
    drop(mine);
    rig.until(|counters| counters.open == 2).await;
    let mut again = rig.pair_from("127.0.0.1").await;
    again.0.write_all(b"y").await.unwrap();
    assert_eq!(again.1.read_u8().await.unwrap(), b'y');
}

#[tokio::test]
async fn clients_without_an_address_have_only_the_cap_on_all() {
    let one = NonZeroUsize::new(1).unwrap();
    let mut rig = Rig::start(|config| config.max_connections_per_address = one).await;
    let _first = rig.pair().await;
    let mut second = rig.pair().await;
    second.0.write_all(b"x").await.unwrap();
    assert_eq!(second.1.read_u8().await.unwrap(), b'x');
    assert_eq!(rig.counters().refused_by_address, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_a_time_do_not_mix() {
    const CLIENTS: u32 = 64;
    const LENGTH: usize = 256 * 1024;
    let mut rig = Rig::start(|_| {}).await;
    let listener = rig.enclave.take().unwrap();
    let enclave = tokio::spawn(async move {
        for _ in 0..CLIENTS {
            let stream = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut receive, mut send) = stream.into_split();
                tokio::io::copy(&mut receive, &mut send).await.unwrap();
                send.shutdown().await.unwrap();
            });
        }
    });
    let clients: Vec<JoinHandle<()>> = (0..CLIENTS)
        .map(|seed| {
            let parent = rig.parent.clone();
            tokio::spawn(async move {
                let bytes = noise(seed, LENGTH);
                let (mut receive, mut send) = connect(&parent).await.unwrap().into_split();
                let mut echoed = Vec::new();
                let sending = async {
                    send.write_all(&bytes).await.unwrap();
                    send.shutdown().await.unwrap();
                };
                let (_, read) = tokio::join!(sending, receive.read_to_end(&mut echoed));
                read.unwrap();
                assert!(echoed == bytes);
            })
        })
        .collect();
    for client in clients {
        timeout(SOON, client).await.unwrap().unwrap();
    }
    enclave.await.unwrap();
    let total = u64::from(CLIENTS) * LENGTH as u64;
    rig.until(|counters| counters.open == 0).await;
    let counters = rig.stop().await;
    assert_eq!(
        (counters.to_enclave_bytes, counters.to_client_bytes),
        (total, total)
    );
}

#[tokio::test]
async fn an_enclave_that_dies_takes_its_clients_along() {
    let mut rig = Rig::start(|config| config.listen = "tcp:127.0.0.1:0".parse().unwrap()).await;
    let (mut client, mut enclave) = rig.pair().await;
    enclave.write_all(b"half an ans").await.unwrap();
    drop(enclave);
    assert_eq!(read_all(&mut client).await, b"half an ans");
    drop(client);
    rig.until(|counters| counters.open == 0).await;
}

#[tokio::test]
async fn the_last_words_of_an_enclave_reach_a_client_that_is_still_sending() {
    let mut rig = Rig::start(|config| config.listen = "tcp:127.0.0.1:0".parse().unwrap()).await;
    let (client, mut enclave) = rig.pair().await;
    let (mut receive, mut send) = client.into_split();
    let sending = tokio::spawn(async move {
        let block = noise(4, 64 * 1024);
        while send.write_all(&block).await.is_ok() {}
    });
    enclave.write_all(b"refused").await.unwrap();
    // Unread input and all: the harshest way to leave.
    drop(enclave);
    let mut got = [0; 7];
    timeout(SOON, receive.read_exact(&mut got))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&got, b"refused");
    timeout(SOON, sending).await.unwrap().unwrap();
    rig.until(|counters| counters.open == 0).await;
}

#[tokio::test]
async fn a_client_that_dies_lets_the_enclave_go() {
    let mut rig = Rig::start(|_| {}).await;
    let (client, enclave) = rig.pair().await;
    drop(client);
    let (_keep, mut send) = enclave.into_split();
    let block = noise(5, 64 * 1024);
    timeout(SOON, async {
        while send.write_all(&block).await.is_ok() {}
    })
    .await
    .unwrap();
    rig.until(|counters| counters.open == 0).await;
}

#[tokio::test]
async fn what_does_not_move_is_closed() {
    let mut rig = Rig::start(|config| config.idle_timeout = Duration::from_millis(600)).await;
    let (mut client, mut enclave) = rig.pair().await;
    // Traffic in one direction keeps both open.
    for _ in 0..4 {
        sleep(Duration::from_millis(300)).await;
        client.write_all(b".").await.unwrap();
        enclave.read_u8().await.unwrap();
    }
    let start = Instant::now();
    assert_eq!(read_all(&mut client).await, b"");
    assert!(start.elapsed() > Duration::from_millis(300));
}

#[tokio::test]
async fn on_shutdown_open_connections_have_a_while_and_no_longer() {
    let mut rig = Rig::start(|config| config.drain_timeout = Duration::from_millis(800)).await;
    let (mut finishing, mut answering) = rig.pair().await;
    let (mut lingering, _silent) = rig.pair().await;
    let parent = rig.parent.clone();
    let stopping = tokio::spawn(rig.stop());
    sleep(Duration::from_millis(200)).await;

    assert!(connect(&parent).await.is_err(), "nobody new is let in");
    finishing.write_all(b"last").await.unwrap();
    finishing.shutdown().await.unwrap();
    assert_eq!(read_all(&mut answering).await, b"last");
    drop(answering);
    assert_eq!(read_all(&mut lingering).await, b"");
    let counters = timeout(SOON, stopping).await.unwrap().unwrap();
    assert_eq!((counters.open, counters.accepted), (0, 2));
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let rig = Rig::start(|_| {}).await;
    let config = Config::new(rig.parent.clone(), rig.enclave_endpoint.clone());
    let error = Parent::bind(config).await.unwrap_err();
    assert!(matches!(error, ParentError::Bind(_)));
    assert!(
        error.to_string().contains(&rig.parent.to_string()),
        "{error}"
    );
}

/// A running parent, and the listener that stands for the enclave.
struct Rig {
    parent: Endpoint,
    enclave_endpoint: Endpoint,
    enclave: Option<Listener>,
    metrics_endpoint: Option<Endpoint>,
    egress: Vec<Endpoint>,
    config: Config,
    control: Control,
    metrics: std::sync::Arc<sealnote_parent::Metrics>,
    shutdown: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<Snapshot, ParentError>>,
    _dir: TempDir,
}

impl Rig {
    async fn start(adjust: impl FnOnce(&mut Config)) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let unix = |name: &str| -> Endpoint {
            format!("unix:{}", dir.path().join(name).display())
                .parse()
                .unwrap()
        };
        let enclave_endpoint = unix("enclave");
        let mut config = Config::new(unix("parent"), enclave_endpoint.clone());
        // What a test's enclave accepts is clients alone.
        config.probe_interval = None;
        adjust(&mut config);
        let parent = Parent::bind(config.clone()).await.unwrap();
        let (shutdown, stopped) = oneshot::channel();
        Rig {
            egress: parent.egress_endpoints().to_vec(),
            config,
            control: parent.control(),
            parent: parent.local_endpoint().clone(),
            enclave: Some(Listener::bind(&enclave_endpoint).await.unwrap()),
            enclave_endpoint,
            metrics_endpoint: parent.metrics_endpoint().cloned(),
            metrics: parent.metrics(),
            shutdown: Some(shutdown),
            running: tokio::spawn(parent.run(async {
                let _ = stopped.await;
            })),
            _dir: dir,
        }
    }

    /// A client and the enclave's end of its connection.
    async fn pair(&mut self) -> (Stream, Stream) {
        let enclave = self.enclave.as_ref().unwrap();
        let joined = async { tokio::join!(connect(&self.parent), enclave.accept()) };
        let (client, enclave) = timeout(SOON, joined).await.unwrap();
        (client.unwrap(), enclave.unwrap())
    }

    /// The same from an address of this machine.
    async fn pair_from(&mut self, address: &str) -> (Stream, Stream) {
        let client = self.connect_from(address).await;
        let enclave = self.enclave.as_ref().unwrap();
        (
            client,
            timeout(SOON, enclave.accept()).await.unwrap().unwrap(),
        )
    }

    async fn connect_from(&self, address: &str) -> Stream {
        let Endpoint::Tcp { host, port } = &self.parent else {
            panic!("{} is not over TCP", self.parent);
        };
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(address.parse().unwrap(), 0))
            .unwrap();
        let server = SocketAddr::new(host.parse().unwrap(), *port);
        Stream::Tcp(socket.connect(server).await.unwrap())
    }

    /// What Prometheus reads of one counter, with its labels.
    fn counter(&self, name: &str) -> u64 {
        let scrape = self.metrics.encode();
        let name = format!("sealnote_parent_{name} ");
        let line = scrape.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("no {name} in:\n{scrape}"))
            .parse()
            .unwrap()
    }

    async fn until_counter(&self, name: &str, value: u64) {
        let wait = async {
            while self.counter(name) != value {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, wait).await.unwrap();
    }

    fn counters(&self) -> Snapshot {
        self.metrics.snapshot()
    }

    async fn until(&self, reached: impl Fn(Snapshot) -> bool) {
        let wait = async {
            while !reached(self.counters()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, wait).await.unwrap();
    }

    /// Gives the order to stop.
    fn shut_down(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }

    async fn stop(mut self) -> Snapshot {
        self.shut_down();
        timeout(SOON, self.running).await.unwrap().unwrap().unwrap()
    }
}

async fn read_all(stream: &mut Stream) -> Vec<u8> {
    let mut got = Vec::new();
    timeout(SOON, stream.read_to_end(&mut got))
        .await
        .unwrap()
        .unwrap();
    got
}

/// Sends `length` bytes of noise and reads all that comes, both at once.
async fn exchange(stream: Stream, seed: u32, length: usize) -> Vec<u8> {
    let (mut receive, mut send) = stream.into_split();
    let sending = async {
        send.write_all(&noise(seed, length)).await.unwrap();
        send.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let (_, read) = tokio::join!(sending, receive.read_to_end(&mut received));
    read.unwrap();
    received
}

/// Bytes that differ by seed and place (Marsaglia's xorshift32).
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
