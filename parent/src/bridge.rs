//! One client joined to the enclave: bytes both ways, as they come.
//!
//! A connection is one future, polled by hand: it holds no buffer while nothing is under way, and no lock, channel or
//! second task ever.

mod buffer;
#[cfg(test)]
mod tests;
mod way;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};

pub use self::buffer::BUFFER_BYTES;
use self::way::{Fault, Way};
use crate::metrics::Metrics;

/// How much a connection may carry, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// It ends when nothing has moved in either direction for so long.
    pub(crate) idle: Duration,
    /// It ends at this age, whatever moves.
    pub(crate) lifetime: Option<Duration>,
    /// So many bytes pass, of both directions together; the first beyond them ends it, and what is under way is dropped.
    pub(crate) bytes: Option<u64>,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both directions came to their end.
    Finished,
    /// The client reset the connection, or vanished.
    ClientFailed,
    /// The enclave did.
    EnclaveFailed,
    /// [`Limits::idle`].
    Idle,
    /// [`Limits::lifetime`].
    Lifetime,
    /// [`Limits::bytes`].
    Bytes,
}

/// Copies until both directions have ended, one side fails, or a limit is reached.
///
/// The end of one direction is passed on as the end of that direction alone. When the enclave
/// fails, what it had sent still reaches the client, for up to [`LINGER`]; when the client fails,
/// the enclave is let go at once, so that it stops working for nobody.
pub(crate) async fn bridge<C, E>(client: C, enclave: E, limits: Limits, metrics: &Metrics) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    E: AsyncRead + AsyncWrite + Unpin,
{
    let start = Instant::now();
    let mut bridge = Bridge {
        client,
        enclave,
        to_enclave: Way::default(),
        to_client: Way::default(),
        allowance: limits.bytes.unwrap_or(u64::MAX),
        start,
        moved: start,
        enclave_failed: None,
        limits,
    };
    let mut timer = pin!(sleep_until(bridge.deadline().0));
    poll_fn(|cx| bridge.poll(cx, timer.as_mut(), metrics)).await
}

/// How long a client may take to read the last that a failed enclave had sent. The client's own
/// bytes are read and dropped meanwhile: a TCP socket closed with unread input resets the
/// connection, and the reset would overtake those last bytes.
const LINGER: Duration = Duration::from_secs(5);

/// Nothing lasts longer, so that no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

struct Bridge<C, E> {
    client: C,
    enclave: E,
    to_enclave: Way,
    to_client: Way,
    /// How many bytes may still be read.
    allowance: u64,
    start: Instant,
    /// When bytes last moved, in either direction.
    moved: Instant,
    enclave_failed: Option<Instant>,
    limits: Limits,
}

impl<C, E> Bridge<C, E>
where
    C: AsyncRead + AsyncWrite + Unpin,
    E: AsyncRead + AsyncWrite + Unpin,
{
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
        metrics: &Metrics,
    ) -> Poll<Ended> {
        let failed_before = self.enclave_failed;
        let copied = self.copy(cx);
        // What all connections share, and the clock, are touched once a poll.
        let up = self.to_enclave.carried(metrics.to_enclave());
        let down = self.to_client.carried(metrics.to_client());
        if up || down {
            self.moved = Instant::now();
        }
        if let Poll::Ready(ended) = copied {
            return Poll::Ready(ended);
        }

        // The timer is not moved with every byte: it goes off too early, and is set anew.
        if self.enclave_failed != failed_before {
            timer.as_mut().reset(self.deadline().0);
        }
        while timer.as_mut().poll(cx).is_ready() {
            let (deadline, ended) = self.deadline();
            if deadline <= Instant::now() {
                return Poll::Ready(ended);
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// As far as it goes without waiting. The directions take turns, so that neither starves the other.
    fn copy(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let (mut up, mut down) = (true, true);
        while up || down {
            if up {
                let (from, to) = (&mut self.client, &mut self.enclave);
                match self.to_enclave.poll(cx, from, to, &mut self.allowance) {
                    Poll::Pending => up = false,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(Fault::Source)) => return Poll::Ready(self.client_failed()),
                    Poll::Ready(Err(Fault::Sink)) => self.fail_enclave(),
                    Poll::Ready(Err(Fault::Allowance)) => return Poll::Ready(Ended::Bytes),
                }
            }
            if down {
                let (from, to) = (&mut self.enclave, &mut self.client);
                match self.to_client.poll(cx, from, to, &mut self.allowance) {
                    Poll::Pending => down = false,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(Fault::Source)) => {
                        self.to_client.end();
                        self.fail_enclave();
                        up = true;
                    }
                    Poll::Ready(Err(Fault::Sink)) => return Poll::Ready(self.client_failed()),
                    Poll::Ready(Err(Fault::Allowance)) => return Poll::Ready(Ended::Bytes),
                }
            }
            if self.is_over() {
                return Poll::Ready(match self.enclave_failed {
                    Some(_) => Ended::EnclaveFailed,
                    None => Ended::Finished,
                });
            }
        }
        Poll::Pending
    }

    /// Whether nothing is left to copy. The last direction's end is told by the drop of the sockets, which follows: to shut
    /// it down before would wake this program once more, for nothing.
    fn is_over(&self) -> bool {
        self.to_enclave.has_read_all() && self.to_client.has_ended()
            || self.to_enclave.has_ended() && self.to_client.has_read_all()
    }

    fn fail_enclave(&mut self) {
        self.enclave_failed.get_or_insert_with(Instant::now);
        self.to_enclave.discard();
    }

    /// Who failed first is who ended it.
    fn client_failed(&self) -> Ended {
        match self.enclave_failed {
            Some(_) => Ended::EnclaveFailed,
            None => Ended::ClientFailed,
        }
    }

    /// When it will end if nothing moves, and why.
    fn deadline(&self) -> (Instant, Ended) {
        let after = |start: Instant, limit: Duration| start + limit.min(LONGEST);
        let idle = (after(self.moved, self.limits.idle), Ended::Idle);
        let lifetime = self.limits.lifetime;
        let lifetime = lifetime.map(|limit| (after(self.start, limit), Ended::Lifetime));
        let linger = self.enclave_failed;
        let linger = linger.map(|failed| (after(failed, LINGER), Ended::EnclaveFailed));
        [lifetime, linger]
            .into_iter()
            .flatten()
            .fold(
                idle,
                |first, other| if other.0 < first.0 { other } else { first },
            )
    }
}
