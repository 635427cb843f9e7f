//! Who is let in, and until when the service runs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealnote_access::{Clients, PrivateKey};
use sealnote_client::release::no_place;
use sealnote_transport::{Listener, Stream};
use sealnote_verifier::{Policy, TrustRoots};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::log::{Line, Outcome};
use super::{Caps, Keys, Log};
use crate::exit::{Exit, Failure};

/// All that is read at the start. Keys alone are read when they are released.
pub(crate) struct Service {
    pub(crate) policy: Policy,
    pub(crate) roots: TrustRoots,
    pub(crate) keys: Keys,
    pub(crate) signer: PrivateKey,
    pub(crate) clients: Option<Clients>,
    pub(crate) caps: Mutex<Caps>,
    pub(crate) log: Log,
    pub(crate) evidence_out: Option<PathBuf>,
    /// Rejected evidence that may yet be kept: anybody can send some, and the disk has an end.
    pub(crate) rejected_to_keep: AtomicU32,
    /// For each step of a connection.
    pub(crate) patience: Duration,
    /// Connections at the same time.
    pub(crate) connections: usize,
    /// Whether the one release was made, if there is to be one.
    pub(crate) once: Option<tokio::sync::Mutex<bool>>,
}

/// Rejected evidence that one run keeps.
pub(crate) const REJECTED_KEPT: u32 = 1000;

/// Connections that are told that there is no place, at the same time; others are closed.
const TOLD: usize = 64;

impl Service {
    /// Serves until it is asked to end, or its one release is made.
    pub(crate) async fn run(self, listener: Listener) -> Result<(), Failure> {
        let service = Arc::new(self);
        let places = Arc::new(Semaphore::new(service.connections));
        let told = Arc::new(Semaphore::new(TOLD));
        let mut signals = Signals::listen().map_err(|error| {
            Exit::Internal.because(format!("signals cannot be listened for: {error}"))
        })?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let stream = accepted.map_err(|error| Exit::Internal.because(error.to_string()))?;
                    match places.clone().try_acquire_owned() {
                        Ok(place) => {
                            let service = service.clone();
                            connections.spawn(async move {
                                let _place = place;
                                service.serve(stream).await
                            });
                        }
                        Err(_) => service.full(stream, told.clone().try_acquire_owned().ok())?,
                    }
                }
                Some(done) = connections.join_next() => {
                    let released = service.ended(done)?;
                    if let Some(once) = &service.once && *once.lock().await {
                        return match released {
                            true => Ok(()),
                            false => Err(Exit::Unreachable.because(
                                "the key was sent, and the enclave did not confirm that it took it; the log has the line",
                            )),
                        };
                    }
                }
                number = signals.next() => {
                    drop(listener);
                    return service.end(number, connections, signals).await;
                }
            }
        }
    }

    /// Whether a key was released.
    fn ended(
        &self,
        done: Result<std::io::Result<bool>, tokio::task::JoinError>,
    ) -> Result<bool, Failure> {
        match done {
            Ok(Ok(released)) => Ok(released),
            Ok(Err(error)) => Err(log_failed(&error)),
            Err(_) => Err(Exit::Internal.because("a connection's task ended abnormally")),
        }
    }

    fn full(&self, stream: Stream, told: Option<OwnedSemaphorePermit>) -> Result<(), Failure> {
        let line = Line::of(stream.peer_address()).came(Outcome::Full);
        let line = line.because("--connections are in use");
        self.log
            .write_strangers(line)
            .map_err(|error| log_failed(&error))?;
        if let Some(told) = told {
            tokio::spawn(async move {
                let _told = told;
                no_place(stream).await;
            });
        }
        Ok(())
    }

    /// Lets connections come to their end, unless it is asked once more.
    async fn end(
        &self,
        number: u8,
        mut connections: JoinSet<std::io::Result<bool>>,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let mut released = false;
        let rest = async {
            while let Some(done) = connections.join_next().await {
                released |= self.ended(done)?;
            }
            Ok::<(), Failure>(())
        };
        tokio::select! {
            rest = timeout(self.patience, rest) => rest.unwrap_or(Ok(()))?,
            _ = signals.next() => {}
        }
        match self.once.is_some() && !released {
            true => Err(Exit::Signal(number).because("ended by a signal; no key was released")),
            false => Ok(()),
        }
    }

    /// Whether this evidence is to be kept.
    pub(super) fn may_keep(&self, is_accepted: bool) -> bool {
        let left = |left: u32| left.checked_sub(1);
        let order = Ordering::Relaxed;
        is_accepted
            || self
                .rejected_to_keep
                .fetch_update(order, order, left)
                .is_ok()
    }
}

fn log_failed(error: &std::io::Error) -> Failure {
    Exit::Output.because(format!(
        "the log cannot be written, and without it no key is released: {error}"
    ))
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one's number.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}
