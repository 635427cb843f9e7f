//! One program after another on one socket, which the test keeps open as systemd does: nobody is refused, nothing is lost.

use std::{
    net::TcpListener,
    os::unix::net::UnixDatagram,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use rustix::process::Signal;
use sealnote_transport::{Endpoint, Listener, Stream, connect};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{SOON, noise, program::Program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_notice_no_upgrade() {
    let systemd = Systemd::new();
    let enclave = tokio::spawn(echo(Listener::bind(&systemd.enclave()).await.unwrap()));
    let mut first = systemd.start();
    systemd.expect("READY=1");
    let load = Load::start(&systemd.clients(), 6);
    load.more(50).await;
    let mut long: Vec<Stream> = Vec::new();
    for _ in 0..4 {
        let mut session = connect(&systemd.clients()).await.unwrap();
        ping(&mut session).await;
        long.push(session);
    }

    // The second takes clients before the first takes no more.
    let mut second = systemd.start();
    systemd.expect("READY=1");
    first.signal(Signal::TERM);
    systemd.expect("STOPPING=1");
    load.more(200).await;
    for session in &mut long {
        ping(session).await;
    }
    drop(long);
    assert!(first.end().success());

    // One after the other: clients wait in the socket's queue while there is none.
    second.signal(Signal::TERM);
    systemd.expect("STOPPING=1");
    assert!(second.end().success());
    sleep(Duration::from_millis(300)).await;
    let mut third = systemd.start();
    systemd.expect("READY=1");
    load.more(50).await;

    third.signal(Signal::HUP);
    let told = systemd.told();
    assert!(told.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{told}");
    systemd.expect("READY=1");
    let served = 4 + load.stop().await;
    third.signal(Signal::TERM);
    assert!(third.end().success());
    let accepted = [first, second, third].map(|mut program| accepted(&program.rest()));
    assert!(accepted.iter().all(|count| *count > 20), "{accepted:?}");
    assert_eq!(accepted.iter().sum::<u64>(), served);
    enclave.abort();
}

/// Clients that come one after the other, a few at a time, and want all that they sent back.
struct Load {
    served: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(parent: &Endpoint, at_a_time: u32) -> Load {
        let (served, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let clients = (0..at_a_time).map(|seed| {
            let (parent, served, stop) = (parent.clone(), Arc::clone(&served), Arc::clone(&stop));
            tokio::spawn(async move {
                let sent = noise(seed, 10_000 + 30_000 * seed as usize);
                while !stop.load(SeqCst) {
                    let (mut receive, mut send) = connect(&parent).await.unwrap().into_split();
                    let sending = async {
                        send.write_all(&sent).await.unwrap();
                        send.shutdown().await.unwrap();
                    };
                    let mut echoed = Vec::new();
                    let exchange =
                        async { tokio::join!(sending, receive.read_to_end(&mut echoed)) };
                    timeout(SOON, exchange).await.unwrap().1.unwrap();
                    assert!(echoed == sent, "{} of {}", echoed.len(), sent.len());
                    served.fetch_add(1, SeqCst);
                    // So that the ports of this machine last.
                    sleep(Duration::from_millis(2)).await;
                }
            })
        });
        Load {
            clients: clients.collect(),
            served,
            stop,
        }
    }

    /// Waits until so many more are served.
    async fn more(&self, count: u64) {
        let enough = self.served.load(SeqCst) + count;
        let served = async {
            while self.served.load(SeqCst) < enough {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, served).await.unwrap();
    }

    /// How many were served in all; none of them was refused or cut off.
    async fn stop(self) -> u64 {
        self.stop.store(true, SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
        self.served.load(SeqCst)
    }
}

/// What systemd is to a program: a socket, and somebody to tell.
struct Systemd {
    dir: TempDir,
    socket: TcpListener,
    notify: UnixDatagram,
}

impl Systemd {
    fn new() -> Systemd {
        let dir = tempfile::tempdir().unwrap();
        let notify = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(SOON)).unwrap();
        Systemd {
            socket: TcpListener::bind("127.0.0.1:0").unwrap(),
            notify,
            dir,
        }
    }

    fn start(&self) -> Program {
        let socket = self.socket.try_clone().unwrap().into();
        let enclave = self.enclave().to_string();
        let arguments = ["--listen", "systemd", "--enclave", &enclave];
        Program::start_with_socket(socket, &self.path("notify"), &arguments)
    }

    fn told(&self) -> String {
        let mut buffer = [0; 1024];
        let length = self.notify.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    fn expect(&self, state: &str) {
        assert_eq!(self.told(), format!("{state}\n"));
    }

    fn clients(&self) -> Endpoint {
        format!("tcp:{}", self.socket.local_addr().unwrap())
            .parse()
            .unwrap()
    }

    fn enclave(&self) -> Endpoint {
        Endpoint::Unix {
            path: self.path("enclave"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

async fn echo(listener: Listener) {
    loop {
        let stream = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let (mut receive, mut send) = stream.into_split();
            let _ = tokio::io::copy(&mut receive, &mut send).await;
            let _ = send.shutdown().await;
        });
    }
}

async fn ping(session: &mut Stream) {
    session.write_all(b"x").await.unwrap();
    let answer = timeout(SOON, session.read_u8()).await.unwrap();
    assert_eq!(answer.unwrap(), b'x');
}

/// Of the log's last line.
fn accepted(log: &str) -> u64 {
    let last = log.lines().last().unwrap();
    let counters = last
        .split_once("stopped ")
        .unwrap_or_else(|| panic!("{last}"))
        .1;
    let count = counters
        .split(' ')
        .find_map(|field| field.strip_prefix("accepted="));
    count.unwrap().parse().unwrap()
}
