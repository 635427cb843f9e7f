//! Several enclaves behind one parent. Time is tokio's own here: it passes only while everybody waits.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use sealnote_parent::{
    Balance, Config, Control, Enclave, Enclaves, Metrics, PROBE_HELLO, Parent, Upstreams,
};
use sealnote_transport::{Endpoint, Listener, Stream, connect};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{SOON, read_all};

const SECOND: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(10);
/// The rest of a period in which a client was answered, a period until the next probe, and three that fail slowly.
const UNTIL_EJECTED: Duration = Duration::from_secs(55);

#[tokio::test(start_paused = true)]
async fn clients_are_shared_out_by_weight() {
    for balance in [Balance::LeastConnections, Balance::RoundRobin] {
        let house = House::start(["", ",weight=2", ",weight=3"], |config| {
            config.balance = balance;
        })
        .await;
        let mut clients = Vec::new();
        for _ in 0..12 {
            clients.push(house.client().await);
        }
        assert_eq!(house.open(), [2, 4, 6]);
        // Those of the last leave, and as many come. Only one of the two minds.
        clients.retain(|client| client.enclave != 2);
        house.until(|house| house.open() == [2, 4, 0]).await;
        for _ in 0..6 {
            clients.push(house.client().await);
        }
        let expected = match balance {
            Balance::LeastConnections => [2, 4, 6],
            Balance::RoundRobin => [3, 6, 3],
        };
        assert_eq!(house.open(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_is_not_reached_is_followed_by_the_next_without_a_wait() {
    let house = House::start(["", ""], |_| {}).await;
    house.enclaves[0].turn(Manner::Down).await;
    let start = Instant::now();
    for _ in 0..6 {
        assert_eq!(house.client().await.enclave, 1);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(house.count("enclave_dial_failures_total", 0) > 0);
    assert_eq!(house.metrics.snapshot().unreached, 0);
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_fails_gets_nobody_until_it_is_back() {
    let house = House::start(["", ""], |_| {}).await;
    let before = house.client().await;
    assert_eq!(before.enclave, 0);
    for manner in [
        Manner::Down,
        Manner::Silent,
        Manner::Resets,
        Manner::Refuses,
        Manner::Web,
        Manner::Cut,
    ] {
        house.enclaves[1].turn(manner).await;
        sleep(UNTIL_EJECTED).await;
        assert_eq!(house.ejected(), [0, 1], "{manner:?}");
        let failures = house.count("enclave_dial_failures_total", 1);
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(house.client().await);
            assert_eq!(clients.last().unwrap().enclave, 0, "{manner:?}");
        }
        assert_eq!(house.count("enclave_dial_failures_total", 1), failures);

        // It is probed once in a minute by now at the latest.
        house.enclaves[1].turn(Manner::Answers).await;
        sleep(SECOND * 60).await;
        assert_eq!(house.ejected(), [0, 0], "{manner:?}");
        assert_eq!(house.client().await.enclave, 1, "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_enclave_without_a_place_is_alive() {
    let house = House::start([""], |_| {}).await;
    house.enclaves[0].turn(Manner::Full).await;
    sleep(UNTIL_EJECTED).await;
    assert_eq!(house.ejected(), [0]);
    assert!(house.upstreams.ready());
    assert_eq!(house.probes("passed", 0), 6);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_left_out_clients_wait_for_any_and_bring_it_back() {
    let house = House::start(["", ""], |config| config.connect_timeout = SECOND * 60).await;
    house.enclaves[0].turn(Manner::Down).await;
    house.enclaves[1].turn(Manner::Down).await;
    sleep(UNTIL_EJECTED).await;
    assert_eq!(house.ejected(), [1, 1]);
    let (client, ()) = tokio::join!(house.client(), async {
        sleep(SECOND * 2).await;
        // Its next probe is later than that.
        house.enclaves[1].turn(Manner::Answers).await;
        assert_eq!(house.ejected(), [1, 1]);
    });
    assert_eq!(client.enclave, 1);
    assert_eq!(house.ejected(), [1, 0]);
    assert_eq!(house.probes("passed", 1), 0);
    assert!(house.upstreams.ready());
}

#[tokio::test(start_paused = true)]
async fn an_idle_enclave_is_probed_once_in_ten_seconds_and_let_go_at_once() {
    let house = House::start([""], |_| {}).await;
    assert!(!house.upstreams.ready());
    sleep(SECOND * 2).await;
    assert!(house.upstreams.ready());
    sleep(SECOND * 100).await;
    assert_eq!(
        house.enclaves[0].probes(),
        [1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 101]
    );
    assert_eq!(house.probes("passed", 0), 11);
    // Each was read to its end, and ended.
    assert_eq!(house.enclaves[0].seen.finished.load(Relaxed), 11);
    assert_eq!(house.count("enclave_connections_total", 0), 0);
}

#[tokio::test(start_paused = true)]
async fn an_enclave_that_answers_clients_is_not_probed() {
    let house = House::start([""], |_| {}).await;
    // Clients that come and go, and then one that stays.
    for _ in 0..50 {
        house.client().await;
        assert!(house.upstreams.ready());
        sleep(SECOND).await;
    }
    let mut client = house.client().await;
    for _ in 0..50 {
        client.echo().await;
        sleep(SECOND).await;
    }
    assert!(house.enclaves[0].probes().is_empty());
    // It falls silent.
    sleep(PERIOD * 2).await;
    assert_eq!(house.enclaves[0].probes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_session_does_not_hide_that_new_ones_get_no_answer() {
    let house = House::start([""], |_| {}).await;
    let mut old = house.client().await;
    house.enclaves[0].turn(Manner::Refuses).await;
    for _ in 0..60 {
        old.echo().await;
        let mut refused = connect(&house.endpoint).await.unwrap();
        refused.write_all(&CLIENT_HELLO).await.unwrap();
        assert_eq!(read_all(&mut refused).await, header(5, 0));
        sleep(SECOND).await;
    }
    assert_eq!(house.ejected(), [1]);
    old.echo().await;
    assert_eq!(house.ejected(), [1], "it says nothing of new ones");
    house.enclaves[0].turn(Manner::Answers).await;
    sleep(SECOND * 60).await;
    assert_eq!(house.ejected(), [0]);
}

#[tokio::test(start_paused = true)]
async fn strangers_that_say_nothing_have_no_enclave_left_out() {
    let house = House::start([""], |_| {}).await;
    for _ in 0..100 {
        drop(connect(&house.endpoint).await.unwrap());
        sleep(SECOND).await;
    }
    assert_eq!(house.ejected(), [0]);
    // They are a reason to look, and no more than any other.
    assert_eq!(house.enclaves[0].probes().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_enclave_is_drained_under_load_and_nothing_is_dropped() {
    // Once by order, and once by being named no more; then it is there again.
    for drained in [Some(",drain"), None] {
        let house = House::start(["", ""], |_| {}).await;
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(house.client().await);
        }
        let working: Vec<JoinHandle<Client>> = clients
            .into_iter()
            .map(|client| tokio::spawn(client.work()))
            .collect();
        sleep(SECOND).await;
        house.reload([drained, Some("")]);
        for _ in 0..4 {
            assert_eq!(house.client().await.enclave, 1, "nobody new gets it");
        }
        assert_eq!(house.open()[..1], [4]);
        for client in working {
            drop(timeout(SOON, client).await.unwrap().unwrap());
        }
        house
            .until(|house| house.open().iter().sum::<u64>() == 0)
            .await;
        // It is said of one that is named only.
        assert_eq!(house.open().len(), 1 + usize::from(drained.is_some()));
        let probed = house.enclaves[0].probes().len();
        sleep(PERIOD * 5).await;
        assert_eq!(house.enclaves[0].probes().len(), probed);

        house.reload([Some(""), Some("")]);
        sleep(PERIOD).await;
        let first = house.client().await.enclave;
        assert_ne!(house.client().await.enclave, first);
        house.enclaves[0].turn(Manner::Down).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_every_enclave_is_drained_a_client_waits_for_one_that_is_not() {
    let house = House::start([",drain"], |_| {}).await;
    let (client, ()) = tokio::join!(house.client(), async {
        sleep(SECOND * 5).await;
        assert!(!house.upstreams.ready());
        house.reload([Some("")]);
    });
    assert_eq!(client.enclave, 0);
    assert!(house.upstreams.ready());
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_an_enclave_is_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _here = tracing::subscriber::set_default(lines);
    let house = House::start(["", ""], |_| {}).await;
    house.enclaves[0].turn(Manner::Down).await;
    sleep(UNTIL_EJECTED).await;
    house.enclaves[0].turn(Manner::Answers).await;
    sleep(SECOND * 60).await;
    let client = house.client().await;
    house.reload([Some(",drain"), Some(",drain")]);
    sleep(SECOND).await;
    drop(client);
    sleep(SECOND).await;
    let log = log.text();
    let said = |event: &str, of: usize| {
        let of = format!("enclave={}", house.enclaves[of].endpoint);
        let lines = log
            .lines()
            .filter(|line| line.contains(event) && line.contains(&of));
        lines.count()
    };
    for (event, first, second) in [
        ("enclave failed a probe: ", 1, 0),
        ("enclave ejected: ", 1, 0),
        ("enclave returned", 1, 0),
        ("enclave draining", 1, 0),
        ("enclave drained", 1, 1),
    ] {
        assert_eq!(
            (said(event, 0), said(event, 1)),
            (first, second),
            "{event}\n{log}"
        );
    }
}

/// A parent that runs, and its enclaves.
struct House {
    endpoint: Endpoint,
    enclaves: Vec<StandIn>,
    config: Config,
    control: Control,
    metrics: Arc<Metrics>,
    upstreams: Upstreams,
    running: JoinHandle<()>,
    _dir: TempDir,
}

impl House {
    /// With an enclave for each of these options.
    async fn start<const COUNT: usize>(
        options: [&str; COUNT],
        adjust: impl FnOnce(&mut Config),
    ) -> House {
        let dir = tempfile::tempdir().unwrap();
        let unix = |name: String| -> Endpoint {
            let path = dir.path().join(name);
            format!("unix:{}", path.display()).parse().unwrap()
        };
        let mut enclaves = Vec::new();
        for number in 0..COUNT {
            let endpoint = unix(format!("enclave{number}"));
            enclaves.push(StandIn::start(number as u8, endpoint).await);
        }
        let list = named(&enclaves, options.map(Some));
        let mut config = Config::with(unix("parent".into()).into(), list);
        adjust(&mut config);
        let parent = Parent::bind(config.clone()).await.unwrap();
        House {
            endpoint: parent.local_endpoint().clone(),
            enclaves,
            config,
            control: parent.control(),
            metrics: parent.metrics(),
            upstreams: parent.upstreams(),
            running: tokio::spawn(async move {
                parent.run(std::future::pending()).await.unwrap();
            }),
            _dir: dir,
        }
    }

    /// Has the parent go on with those that have options.
    fn reload<const COUNT: usize>(&self, options: [Option<&str>; COUNT]) {
        let enclaves = named(&self.enclaves, options);
        let config = Config {
            enclaves,
            ..self.config.clone()
        };
        self.control.replace(config).unwrap();
    }

    /// A client that was answered.
    async fn client(&self) -> Client {
        let answered = async {
            let mut stream = connect(&self.endpoint).await.unwrap();
            stream.write_all(&CLIENT_HELLO).await.unwrap();
            let mut answer = [0; 8 + ANSWER];
            stream.read_exact(&mut answer).await.unwrap();
            let enclave = answer[8].into();
            Client { stream, enclave }
        };
        timeout(SOON, answered).await.unwrap()
    }

    /// Connections by enclave, of those that there are.
    fn open(&self) -> Vec<u64> {
        self.all("enclave_connections_open")
    }

    fn ejected(&self) -> Vec<u64> {
        self.all("enclave_ejected")
    }

    fn probes(&self, outcome: &str, enclave: usize) -> u64 {
        let outcome = format!(",outcome=\"{outcome}\"");
        self.value("enclave_probes_total", enclave, &outcome)
            .unwrap()
    }

    fn count(&self, metric: &str, enclave: usize) -> u64 {
        self.value(metric, enclave, "").unwrap()
    }

    fn all(&self, metric: &str) -> Vec<u64> {
        let enclaves = 0..self.enclaves.len();
        enclaves
            .filter_map(|enclave| self.value(metric, enclave, ""))
            .collect()
    }

    /// As it is scraped.
    fn value(&self, metric: &str, enclave: usize, labels: &str) -> Option<u64> {
        let endpoint = &self.enclaves[enclave].endpoint;
        let name = format!("sealnote_parent_{metric}{{enclave=\"{endpoint}\"{labels}}} ");
        let scrape = self.metrics.encode();
        let value = scrape.lines().find_map(|line| line.strip_prefix(&name))?;
        Some(value.parse().unwrap())
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        let wait = async {
            while !reached(self) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, wait).await.unwrap();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn named<const COUNT: usize>(enclaves: &[StandIn], options: [Option<&str>; COUNT]) -> Enclaves {
    let named = enclaves
        .iter()
        .zip(options)
        .filter_map(|(enclave, options)| {
            let text = format!("{}{}", enclave.endpoint, options?);
            Some(text.parse::<Enclave>().unwrap())
        });
    Enclaves::try_from(named.collect::<Vec<_>>()).unwrap()
}

struct Client {
    stream: Stream,
    /// Which it got.
    enclave: usize,
}

impl Client {
    async fn echo(&mut self) {
        let mut echoed = [0; 4];
        self.stream.write_all(b"note").await.unwrap();
        let read = self.stream.read_exact(&mut echoed);
        timeout(SOON, read).await.unwrap().unwrap();
        assert_eq!(&echoed, b"note");
    }

    /// Ten seconds of it.
    async fn work(mut self) -> Client {
        for _ in 0..100 {
            self.echo().await;
            sleep(SECOND / 10).await;
        }
        self
    }
}

/// How a stand-in treats whoever connects from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Answers,
    Full,
    Refuses,
    /// Accepts, and never answers.
    Silent,
    Resets,
    /// It answers as another kind of server does.
    Web,
    /// It ends in the middle of its answer.
    Cut,
    /// Nobody listens.
    Down,
}

/// What stands for an enclave.
struct StandIn {
    endpoint: Endpoint,
    seen: Arc<Seen>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Seen {
    number: u8,
    start: Instant,
    manner: Mutex<Manner>,
    /// When probes came, in seconds since the start.
    probes: Mutex<Vec<u64>>,
    /// Those probes that ended their connection after the answer.
    finished: AtomicUsize,
}

impl StandIn {
    async fn start(number: u8, endpoint: Endpoint) -> StandIn {
        let seen = Seen {
            number,
            start: Instant::now(),
            manner: Mutex::new(Manner::Down),
            probes: Mutex::default(),
            finished: AtomicUsize::new(0),
        };
        let stand_in = StandIn {
            endpoint,
            seen: Arc::new(seen),
            listening: Mutex::new(None),
        };
        stand_in.turn(Manner::Answers).await;
        stand_in
    }

    async fn turn(&self, manner: Manner) {
        *self.seen.manner.lock().unwrap() = manner;
        let before = self.listening.lock().unwrap().take();
        let listening = match (before, manner) {
            (Some(listening), Manner::Down) => {
                listening.abort();
                let _ = listening.await;
                None
            }
            (None, Manner::Down) => None,
            (Some(listening), _) => Some(listening),
            (None, _) => {
                let listener = Listener::bind(&self.endpoint).await.unwrap();
                Some(tokio::spawn(Arc::clone(&self.seen).listen(listener)))
            }
        };
        *self.listening.lock().unwrap() = listening;
    }

    fn probes(&self) -> Vec<u64> {
        self.seen.probes.lock().unwrap().clone()
    }
}

impl Seen {
    async fn listen(self: Arc<Self>, listener: Listener) {
        loop {
            let stream = listener.accept().await.unwrap();
            tokio::spawn(Arc::clone(&self).meet(stream));
        }
    }

    async fn meet(self: Arc<Self>, mut stream: Stream) {
        let manner = *self.manner.lock().unwrap();
        if manner == Manner::Resets {
            return;
        }
        let mut hello = [0; PROBE_HELLO.len()];
        if stream.read_exact(&mut hello).await.is_err() {
            return;
        }
        let probe = hello == PROBE_HELLO;
        if probe {
            let time = self.start.elapsed().as_secs();
            self.probes.lock().unwrap().push(time);
        }
        let mut answer = header(2, ANSWER as u8);
        answer.extend([self.number; ANSWER]);
        let said = match manner {
            Manner::Answers => answer,
            Manner::Full => header(6, 0),
            Manner::Refuses => header(5, 0),
            Manner::Silent => return sleep(SECOND * 1000).await,
            Manner::Web => b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
            Manner::Cut => answer[..12].to_vec(),
            Manner::Resets | Manner::Down => return,
        };
        stream.write_all(&said).await.unwrap();
        if manner != Manner::Answers {
            return;
        }
        let (mut receive, mut send) = stream.into_split();
        let echoed = tokio::io::copy(&mut receive, &mut send).await;
        if probe && matches!(echoed, Ok(0)) {
            self.finished.fetch_add(1, Relaxed);
        }
    }
}

/// The length of a stand-in's answer, which is its number over and over.
const ANSWER: usize = 8;

/// As a client's own: its challenge is another than a probe's.
const CLIENT_HELLO: [u8; PROBE_HELLO.len()] = {
    let mut hello = PROBE_HELLO;
    hello[13] ^= 1;
    hello
};

fn header(kind: u8, length: u8) -> Vec<u8> {
    vec![kind, 2, 0, 0, 0, 0, 0, length]
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
