//! A parent with stand-ins for its enclaves, each of which behaves as it is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use sealnote_parent::{
    Config, Control, Enclave, Enclaves, Metrics, PROBE_HELLO, Parent, Upstreams,
};
use sealnote_transport::{Endpoint, Listener, Stream, connect};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::SECOND;
use crate::SOON;

/// A parent that runs, and its enclaves.
pub struct House {
    pub endpoint: Endpoint,
    pub enclaves: Vec<StandIn>,
    config: Config,
    control: Control,
    pub metrics: Arc<Metrics>,
    pub upstreams: Upstreams,
    running: JoinHandle<()>,
    _dir: TempDir,
}

impl House {
    /// With an enclave for each of these options.
    pub async fn start<const COUNT: usize>(
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
    pub async fn reload<const COUNT: usize>(&self, options: [Option<&str>; COUNT]) {
        let enclaves = named(&self.enclaves, options);
        let config = Config {
            enclaves,
            ..self.config.clone()
        };
        self.control.replace(config).await.unwrap();
    }

    /// A client that was answered.
    pub async fn client(&self) -> Client {
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
    pub fn open(&self) -> Vec<u64> {
        self.all("enclave_connections_open")
    }

    pub fn ejected(&self) -> Vec<u64> {
        self.all("enclave_ejected")
    }

    pub fn probes(&self, outcome: &str, enclave: usize) -> u64 {
        let outcome = format!(",outcome=\"{outcome}\"");
        self.value("enclave_probes_total", enclave, &outcome)
            .unwrap()
    }

    pub fn count(&self, metric: &str, enclave: usize) -> u64 {
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

    pub async fn until(&self, reached: impl Fn(&Self) -> bool) {
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

pub struct Client {
    stream: Stream,
    /// Which it got.
    pub enclave: usize,
}

impl Client {
    pub async fn echo(&mut self) {
        let mut echoed = [0; 4];
        self.stream.write_all(b"note").await.unwrap();
        let read = self.stream.read_exact(&mut echoed);
        timeout(SOON, read).await.unwrap().unwrap();
        assert_eq!(&echoed, b"note");
    }

    /// Ten seconds of it.
    pub async fn work(mut self) -> Client {
        for _ in 0..100 {
            self.echo().await;
            sleep(SECOND / 10).await;
        }
        self
    }
}

/// How a stand-in treats whoever connects from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
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
pub struct StandIn {
    pub endpoint: Endpoint,
    pub seen: Arc<Seen>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

pub struct Seen {
    number: u8,
    start: Instant,
    manner: Mutex<Manner>,
    /// When probes came, in seconds since the start.
    probes: Mutex<Vec<u64>>,
    /// Those probes that ended their connection after the answer.
    pub finished: AtomicUsize,
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

    pub async fn turn(&self, manner: Manner) {
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

    pub fn probes(&self) -> Vec<u64> {
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
pub const CLIENT_HELLO: [u8; PROBE_HELLO.len()] = {
    let mut hello = PROBE_HELLO;
    hello[13] ^= 1;
    hello
};

pub fn header(kind: u8, length: u8) -> Vec<u8> {
    vec![kind, 2, 0, 0, 0, 0, 0, length]
}
