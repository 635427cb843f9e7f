//! One enclave: its connections, its counts and its health.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant as SystemInstant,
};

use sealnote_transport::{Endpoint, TransportError};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    health::{Change, Health, Pace},
    probe::{ProbeError, probe},
};
use crate::log::RateLimit;

/// What connections, probes and the choice of an enclave share.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) endpoint: Endpoint,
    /// Whether a client had bytes from it since a probe was thought of last.
    heard: AtomicBool,
    state: Mutex<State>,
    said: Said,
}

/// A line of each kind stands for several events.
#[derive(Debug, Default)]
struct Said {
    failed: RateLimit,
    ejected: RateLimit,
    returned: RateLimit,
}

#[derive(Debug)]
struct State {
    counts: Counts,
    /// Whether it gets no more connections, by order.
    leaving: bool,
    health: Health,
}

/// What is counted of an enclave, since it was named first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) open: u64,
    /// Of those that are open: to how many clients it has answered.
    pub(super) answered: u64,
    pub(super) connections: u64,
    pub(super) dial_failures: u64,
    pub(super) probes_passed: u64,
    pub(super) probes_failed: u64,
}

/// An enclave as it is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) counts: Counts,
    pub(super) leaving: bool,
    pub(super) ejected: bool,
    /// Whether a client that comes now can count on it.
    pub(super) ready: bool,
}

/// Has an enclave count one connection more until this is dropped.
#[derive(Debug)]
pub(super) struct InUse {
    upstream: Arc<Upstream>,
    /// How many bytes are missing until the enclave has answered.
    unanswered: u8,
}

/// A refusal, or word that there is no place, is one header long. Whoever sends more has answered a hello.
const ANSWERED: u8 = 9;

impl Upstream {
    pub(super) fn new(endpoint: Endpoint, pace: Pace, now: Instant) -> Arc<Self> {
        Arc::new(Upstream {
            endpoint,
            heard: AtomicBool::new(false),
            state: Mutex::new(State {
                counts: Counts::default(),
                leaving: false,
                health: Health::new(pace, now),
            }),
            said: Said::default(),
        })
    }

    pub(super) fn view(&self) -> View {
        let state = self.state();
        View {
            counts: state.counts,
            leaving: state.leaving,
            ejected: !state.health.is_in(),
            ready: !state.leaving && state.health.is_proven(),
        }
    }

    /// Counts a connection that is about to be made.
    pub(super) fn enter(self: &Arc<Self>) -> InUse {
        self.state().counts.open += 1;
        InUse {
            upstream: Arc::clone(self),
            unanswered: ANSWERED,
        }
    }

    pub(super) fn set_pace(&self, pace: Pace) {
        self.state().health.pace = pace;
    }

    /// Whether it is to have no more connections. Those that it has go on.
    pub(super) fn set_leaving(&self, leaving: bool, now: Instant) {
        let mut state = self.state();
        let changed = std::mem::replace(&mut state.leaving, leaving) != leaving;
        if changed && !leaving {
            state.health.renew(now);
        }
        let open = state.counts.open;
        drop(state);
        if changed && leaving {
            self.say_leaving(open);
        }
    }

    /// When to ask for the next [probe](Upstream::probe_is_due); `None` as long as it is leaving.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        let state = self.state();
        let at = state.health.probe_at()?;
        (!state.leaving).then_some(at)
    }

    pub(super) fn probe_is_due(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state.leaving || state.health.probe_at().is_none_or(|at| now < at) {
            return false;
        }
        let heard = self.heard.swap(false, Relaxed);
        state.health.probe_is_due(now, heard)
    }

    pub(super) async fn probe(&self) {
        let limit = self.state().health.pace.probe_limit();
        match probe(&self.endpoint, limit).await {
            Ok(()) => self.passed(|counts| counts.probes_passed += 1),
            Err(error) => self.failed(
                |counts| counts.probes_failed += 1,
                "enclave failed a probe",
                &error,
                matches!(&error, ProbeError::Connect(error) if is_queue_full(error)),
            ),
        }
    }

    fn passed(&self, count: impl FnOnce(&mut Counts)) {
        let mut state = self.state();
        count(&mut state.counts);
        let change = state.health.passed();
        drop(state);
        if let Some(Change::Returned) = change
            && let Some(times) = self.said.returned.due(SystemInstant::now())
        {
            info!(enclave = %self.endpoint, times, "enclave returned");
        }
    }

    /// A connection that the kernel refuses for want of room in the enclave's queue says nothing against an enclave that
    /// serves others: strangers who fill its queue would have it left out. If it has died, those others have ended.
    fn failed(
        &self,
        count: impl FnOnce(&mut Counts),
        event: &'static str,
        reason: &dyn fmt::Display,
        is_queue_full: bool,
    ) {
        let mut state = self.state();
        count(&mut state.counts);
        let change = match is_queue_full && state.counts.answered > 0 {
            true => None,
            false => state.health.failed(Instant::now()),
        };
        drop(state);
        let (enclave, now) = (&self.endpoint, SystemInstant::now());
        if let Some(failures) = self.said.failed.due(now) {
            warn!(%enclave, failures, "{event}: {reason}");
        }
        if let Some(Change::Ejected) = change
            && let Some(times) = self.said.ejected.due(now)
        {
            warn!(%enclave, times, "enclave ejected: {reason}");
        }
    }

    fn say_leaving(&self, open: u64) {
        let enclave = &self.endpoint;
        match open {
            0 => info!(%enclave, "enclave drained"),
            _ => info!(%enclave, open, "enclave draining"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl InUse {
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.upstream.endpoint
    }

    pub(super) fn connected(&self) {
        self.upstream.state().counts.connections += 1;
    }

    /// The connection was not made. Returns to which enclave.
    pub(super) fn not_connected(self, error: &TransportError) -> Arc<Upstream> {
        let upstream = Arc::clone(&self.upstream);
        upstream.failed(
            |counts| counts.dial_failures += 1,
            "enclave not reached",
            error,
            is_queue_full(error),
        );
        upstream
    }

    /// So many bytes came from the enclave. Told of each read, this is how it is known that sessions succeed.
    pub(super) fn received(&mut self, bytes: usize) {
        if self.unanswered > 0 {
            let bytes = u8::try_from(bytes).unwrap_or(u8::MAX);
            self.unanswered = self.unanswered.saturating_sub(bytes);
            if self.unanswered > 0 {
                return;
            }
            self.upstream.passed(|counts| counts.answered += 1);
        }
        // Read first: all connections share it, and it is written once in a period.
        if !self.upstream.heard.load(Relaxed) {
            self.upstream.heard.store(true, Relaxed);
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = self.upstream.state();
        state.counts.open -= 1;
        match self.unanswered {
            0 => state.counts.answered -= 1,
            _ => state.health.doubt(),
        }
        let drained = state.leaving && state.counts.open == 0;
        drop(state);
        if drained {
            self.upstream.say_leaving(0);
        }
    }
}

/// How connect(2) fails over vsock and over a Unix socket when the listener's queue is full.
fn is_queue_full(error: &TransportError) -> bool {
    let TransportError::Connect { reason, .. } = error else {
        return false;
    };
    matches!(
        reason.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::WouldBlock
    )
}

#[cfg(test)]
impl Upstream {
    /// Has it left out, as failures would.
    pub(super) fn eject(&self) {
        let mut state = self.state();
        let start = Instant::now();
        for second in 0.. {
            let later = start + std::time::Duration::from_secs(second);
            if state.health.failed(later).is_some() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn strangers_that_fill_its_queue_do_not_have_an_enclave_left_out() {
        let endpoint: Endpoint = "vsock:16:5005".parse().unwrap();
        let pace = Pace(Some(Duration::from_secs(10)));
        let upstream = Upstream::new(endpoint.clone(), pace, Instant::now());
        let reset = TransportError::Connect {
            endpoint,
            reason: io::ErrorKind::ConnectionReset.into(),
        };
        let fail = async |times: usize| {
            for _ in 0..times {
                tokio::time::sleep(Duration::from_secs(2)).await;
                upstream.enter().not_connected(&reset);
            }
        };
        let mut session = upstream.enter();
        session.received(usize::from(ANSWERED));
        fail(9).await;
        assert!(!upstream.view().ejected);
        assert_eq!(upstream.view().counts.dial_failures, 9);
        // One that has died serves nobody.
        drop(session);
        fail(3).await;
        assert!(upstream.view().ejected);
    }
}
