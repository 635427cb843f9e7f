//! The backend: a process of its own, with its own open files and its own death.

use std::{
    io::{self, BufRead, BufReader, Lines, Write},
    net::Shutdown,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use socket2::Socket;

use crate::{address::Address, ask::Ask, bytes};

/// The first so many connections are kept, and so many bytes of each are sent back first.
#[derive(Clone, Copy, Default)]
pub struct Hold {
    pub connections: usize,
    pub bytes: u64,
}

/// A running backend; dropped, it ends, and it ends too when this process does.
pub struct Backend {
    process: Child,
    orders: Option<ChildStdin>,
    reports: Lines<BufReader<ChildStdout>>,
}

impl Backend {
    pub fn start(program: &Path, address: &Address, hold: Hold) -> anyhow::Result<Self> {
        let mut process = Command::new(program)
            .args(["backend", &address.to_string()])
            .args([hold.connections.to_string(), hold.bytes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the backend does not start")?;
        let orders = process.stdin.take();
        let reports = process.stdout.take().context("no pipe")?;
        let mut backend = Self {
            process,
            orders,
            reports: BufReader::new(reports).lines(),
        };
        backend.report("listening")?;
        Ok(backend)
    }

    /// Returns once all that are to be held are there.
    pub fn wait_until_held(&mut self) -> anyhow::Result<()> {
        self.report("held").map(drop)
    }

    /// Closes the connections that are held.
    pub fn release(&mut self) -> anyhow::Result<()> {
        let orders = self.orders.as_mut().context("the backend was killed")?;
        orders.write_all(b"release\n")?;
        self.report("released").map(drop)
    }

    /// The number in the next line that the backend prints, which begins with `word`.
    pub fn report(&mut self, word: &str) -> anyhow::Result<u64> {
        let line = self.reports.next().context("the backend has ended")??;
        let (first, number) = line.split_once(' ').context("not a report")?;
        ensure!(first == word, "the backend says {first}, not {word}");
        Ok(number.parse()?)
    }

    /// At once, as a machine's loss of power would end it.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(drop)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

/// What the process does.
pub fn run(address: &Address, hold: Hold) -> anyhow::Result<()> {
    let listener = Arc::new(address.listen().context("the backend cannot listen")?);
    let held = Arc::new(Mutex::new(Vec::new()));
    thread::spawn({
        let held = Arc::clone(&held);
        move || obey(&held)
    });
    say("listening", 0);

    for _ in 0..hold.connections {
        let socket = listener.accept()?;
        // The smallest possible of what may be read at a time, so that a proxy's buffers are what is measured.
        bytes::read(&socket, hold.bytes).context("a connection that was to be held")?;
        bytes::write(&socket, hold.bytes)?;
        held.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(socket);
    }
    if hold.connections > 0 {
        say("held", hold.connections as u64);
    }

    let workers = (0..WORKERS).map(|_| {
        let listener = Arc::clone(&listener);
        let work = move || {
            loop {
                match listener.accept() {
                    // A client that goes away in the middle is the client's to report.
                    Ok(socket) => drop(serve(&socket)),
                    Err(error) => return error,
                }
            }
        };
        thread::Builder::new().stack_size(STACK).spawn(work)
    });
    let workers: Vec<_> = workers.collect::<io::Result<_>>()?;
    for worker in workers {
        if let Ok(error) = worker.join() {
            bail!("the backend accepts no more: {error}");
        }
    }
    bail!("the backend's threads have panicked")
}

/// More than there are clients in any row; each waits in `accept`, which is cheaper than a thread a connection.
const WORKERS: usize = 160;
const STACK: usize = 4 * bytes::CHUNK;

fn obey(held: &Mutex<Vec<Socket>>) {
    for order in io::stdin().lines() {
        if order.is_ok_and(|order| order == "release") {
            let all = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
            let count = all.len();
            drop(all);
            say("released", count as u64);
        }
    }
    exit(0)
}

fn serve(mut socket: &Socket) -> io::Result<()> {
    let Some(ask) = Ask::receive(socket)? else {
        return Ok(());
    };
    match ask {
        Ask::Answer => socket.write_all(b"."),
        Ask::Echo => bytes::echo(socket),
        Ask::Sink(count) => {
            bytes::read(socket, count)?;
            socket.write_all(b".")
        }
        Ask::Source(count) => bytes::write(socket, count),
        Ask::Both(count) => {
            thread::scope(|scope| {
                let writing = scope.spawn(|| bytes::write(socket, count));
                bytes::read(socket, count)?;
                writing.join().map_err(|_| io::Error::other("panic"))?
            })?;
            socket.write_all(b".")
        }
        Ask::Stay => {
            let _ = bytes::read_to_end(socket);
            stay()
        }
        Ask::AfterEnd(count) => {
            bytes::read_to_end(socket).1?;
            thread::sleep(Duration::from_secs(1));
            bytes::write(socket, count)
        }
        Ask::EndFirst => {
            socket.write_all(b".")?;
            socket.shutdown(Shutdown::Write)?;
            say("counted", bytes::read_to_end(socket).0);
            return Ok(());
        }
        Ask::Fill => {
            socket.set_write_timeout(Some(Duration::from_millis(300)))?;
            let chunk = [0x5a; 4096];
            let mut sent = 0;
            while let Ok(length) = socket.write(&chunk) {
                sent += length as u64;
            }
            say("sent", sent);
            stay()
        }
    }?;
    // The client closes first, and it is the client's port that then rests.
    bytes::read_to_end(socket).1
}

fn stay() -> ! {
    loop {
        thread::park();
    }
}

fn say(word: &str, number: u64) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{word} {number}").and_then(|()| out.flush());
}
