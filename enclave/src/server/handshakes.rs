//! Attestations and RSA decryptions, one at a time, and how many connections may wait for them.
//!
//! One thread does them, so that no number of handshakes takes more than one thread's share of the processors from
//! the sessions. Key messages go ahead of hellos: they take milliseconds, there is at most one for each hello that
//! was answered, and a client that has come so far is not to lose its handshake to others that say hello.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::session::enclave::{AwaitingEvidence, AwaitingKey, Keyed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ServerLimits;
use super::endorsements::Endorsements;
use super::worker::Worker;
use crate::attester::Attester;
use crate::log::Seldom;

/// What can be asked of the thread, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key,
    Hello,
}

/// The way to the thread.
pub(super) struct Handshakes {
    worker: Worker<Step>,
    attester: Arc<dyn Attester>,
    endorsements: Arc<Endorsements>,
    half_open: HalfOpen,
    failures: Arc<Seldom>,
}

impl Handshakes {
    /// # Errors
    /// When the system refuses to start a thread.
    pub(super) fn start(
        attester: Arc<dyn Attester>,
        endorsements: Arc<Endorsements>,
        limits: &ServerLimits,
    ) -> io::Result<Self> {
        Ok(Self {
            worker: Worker::start("sealnote-handshakes")?,
            attester,
            endorsements,
            half_open: HalfOpen::new(limits),
            failures: Arc::default(),
        })
    }

    /// Waits until one more connection may be half-open; it is so until what it returns is dropped.
    pub(super) async fn admit(&self) -> Admitted {
        self.half_open.admit().await
    }

    /// The answer to a hello. Dropping this future before it is the hello's turn takes the hello back.
    pub(super) async fn attest(&self, state: AwaitingEvidence) -> Option<(AwaitingKey, Frame)> {
        // Without them no client would take the evidence, so none is made.
        let handed_over = self.endorsements.current().ok()?;
        let (attester, mean) = (self.attester.clone(), self.half_open.mean.clone());
        let failures = self.failures.clone();
        let attest = move || {
            let begun = Instant::now();
            let evidence = attester.attest(state.binding());
            mean.add(begun.elapsed());
            let evidence = evidence
                .inspect_err(|error| failures.line(format_args!("no evidence: {error}")))
                .ok()?;
            let endorsements = attester.endorsements().or(handed_over);
            let endorsements = endorsements.map(|bytes| bytes.to_vec());
            state.answer(attester.kind(), evidence, endorsements).ok()
        };
        self.worker.run(Step::Hello, attest).await?
    }

    /// What the key leads to, and the record to send first.
    pub(super) async fn open_key(&self, state: AwaitingKey, key: Frame) -> Option<(Keyed, Frame)> {
        let open = move || state.key(&key, &mut UnwrapErr(SysRng), Instant::now());
        self.worker.run(Step::Key, open).await?.ok()
    }
}

/// A connection that is half-open until this is dropped.
pub(super) struct Admitted {
    _connection: OwnedSemaphorePermit,
    /// Of the time for attestations.
    share: Option<OwnedSemaphorePermit>,
}

impl Admitted {
    /// The connection's attestation is done: others may wait for theirs.
    pub(super) fn attested(&mut self) {
        self.share = None;
    }
}

/// How many connections may be half-open, and how many of these may still want an attestation: the half of a
/// handshake's time that goes to waiting for attestations, as permits of a microsecond each. A connection takes as
/// many as an attestation has taken here of late, so that the attestations of all that want one fit into that half;
/// the other is the client's.
struct HalfOpen {
    connections: Arc<Semaphore>,
    budget: Arc<Semaphore>,
    whole: u32,
    mean: Arc<Mean>,
}

/// So many connections may want an attestation however long one takes.
const LEAST_HALF_OPEN: u32 = 4;

impl HalfOpen {
    fn new(limits: &ServerLimits) -> Self {
        let whole = micros(limits.handshake_time / 2).max(1);
        Self {
            budget: Arc::new(Semaphore::new(whole as usize)),
            connections: Arc::new(Semaphore::new(limits.half_open.max(1))),
            whole,
            mean: Arc::default(),
        }
    }

    async fn admit(&self) -> Admitted {
        let connection = self.connections.clone().acquire_owned().await;
        let share = self.mean.get().min(self.whole / LEAST_HALF_OPEN).max(1);
        let share = self.budget.clone().acquire_many_owned(share).await;
        let (Ok(connection), Ok(share)) = (connection, share) else {
            unreachable!("the semaphores are never closed");
        };
        Admitted {
            _connection: connection,
            share: Some(share),
        }
    }
}

/// How long an attestation takes, in microseconds: a mean in which each counts for an eighth, and those before it
/// for the rest (as TCP's round-trip time, RFC 6298 §2).
struct Mean(AtomicU32);

impl Default for Mean {
    /// What the Nitro Security Module takes, about.
    fn default() -> Self {
        Self(AtomicU32::new(100_000))
    }
}

impl Mean {
    /// Called by one thread only.
    fn add(&self, took: Duration) {
        let mean = self.get();
        self.0
            .store(mean - mean / 8 + micros(took) / 8, Ordering::Relaxed);
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// More than an hour is an hour.
fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(3_600_000_000)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// How many connections may be half-open once attestations have taken so many milliseconds for a while.
    async fn most_half_open(millis: u64, limits: &ServerLimits) -> usize {
        let half_open = HalfOpen::new(limits);
        (0..50).for_each(|_| half_open.mean.add(Duration::from_millis(millis)));
        let mut held = Vec::new();
        while let Ok(admitted) = timeout(Duration::ZERO, half_open.admit()).await {
            held.push(admitted);
            // A task that never waits is made to, and would take that for a timeout.
            tokio::task::yield_now().await;
        }
        held.len()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_attested_makes_room_for_the_next_attestation() {
        let half_open = HalfOpen::new(&ServerLimits::default());
        half_open.mean.0.store(2_000_000, Ordering::Relaxed);
        let mut held = Vec::new();
        for _ in 0..64 {
            let admitted = timeout(Duration::ZERO, half_open.admit()).await;
            let mut admitted = admitted.expect("attestations of those before are done");
            admitted.attested();
            held.push(admitted);
            tokio::task::yield_now().await;
        }
        assert!(timeout(Duration::ZERO, half_open.admit()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_attestations_of_all_that_are_half_open_fit_into_half_of_a_handshakes_time() {
        let limits = ServerLimits::default();
        for (millis, most) in [(2, 64), (90, 55), (500, 10), (1000, 5), (60_000, 4)] {
            let is = most_half_open(millis, &limits).await;
            // A mean is near, and not there.
            assert!(is.abs_diff(most) <= 1 && is <= 64, "{millis} ms: {is}");
        }
        let few = ServerLimits {
            half_open: 2,
            ..limits
        };
        assert_eq!(most_half_open(2, &few).await, 2);
        assert_eq!(most_half_open(60_000, &few).await, 2);
    }

    #[test]
    fn one_slow_attestation_weighs_little() {
        let mean = Mean::default();
        mean.add(Duration::from_millis(900));
        assert_eq!(mean.get(), 200_000);
        mean.add(Duration::MAX);
        assert!(mean.get() < 1_000_000_000);
    }
}
