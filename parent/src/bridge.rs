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

use prometheus_client::metrics::counter::Counter;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};

pub use self::buffer::BUFFER_BYTES;
use self::way::{Fault, Way};

/// How much a connection may carry, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// It ends at this moment if nothing has come from the client.
    pub(crate) client_speaks_by: Instant,
    /// It ends after so long if nothing has come from the enclave.
    pub(crate) enclave_speaks_within: Duration,
    /// It ends when nothing has moved in either direction for so long.
    pub(crate) idle: Duration,
    /// It ends at this age, whatever moves.
    pub(crate) lifetime: Option<Duration>,
    /// So many bytes pass, of both directions together; the first beyond them ends it, and what is under way is dropped.
    pub(crate) bytes: Option<u64>,
}

/// Where bytes are counted, once they have been handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) to_enclave: &'a Counter,
    pub(crate) to_client: &'a Counter,
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
    /// [`Limits::client_speaks_by`].
    ClientSilent,
    /// [`Limits::enclave_speaks_within`].
    EnclaveSilent,
    /// The client did not take what the enclave had sent, for [`STALLED`].
    ClientStalled,
    /// [`Limits::idle`].
    Idle,
    /// [`Limits::lifetime`].
    Lifetime,
    /// [`Limits::bytes`].
    Bytes,
}

impl Ended {
    pub(crate) const COUNT: usize = Ended::Bytes as usize + 1;

    /// What ended it, if that is a limit.
    pub(crate) fn limit(self) -> Option<&'static str> {
        match self {
            Ended::Finished | Ended::ClientFailed | Ended::EnclaveFailed => None,
            Ended::ClientSilent => Some("nothing came from the client within handshake-timeout"),
            Ended::EnclaveSilent => Some("nothing came from the enclave within handshake-timeout"),
            Ended::ClientStalled => {
                Some("the client took nothing of what it was sent for a minute")
            }
            Ended::Idle => Some("nothing moved for idle-timeout"),
            Ended::Lifetime => Some("it lasted for lifetime-timeout"),
            Ended::Bytes => Some("it was to carry more than max-bytes-per-connection"),
        }
    }
}

/// Copies until both directions have ended, one side fails, or a limit is reached.
///
/// The end of one direction is passed on as the end of that direction alone. When the enclave
/// fails, what it had sent still reaches the client, for up to [`LINGER`]; when the client fails,
/// the enclave is let go at once, so that it stops working for nobody.
pub(crate) fn bridge<C, E>(
    client: C,
    enclave: E,
    limits: Limits,
    counted: Counted<'_>,
) -> impl Future<Output = Ended>
where
    C: AsyncRead + AsyncWrite + Unpin,
    E: AsyncRead + AsyncWrite + Unpin,
{
    let start = Instant::now();
    // Out here, since an async function keeps its arguments beside what they were moved into.
    let mut bridge = Bridge {
        client,
        enclave,
        to_enclave: Way::default(),
        to_client: Way::default(),
        client_spoke: false,
        enclave_spoke: false,
        allowance: limits.bytes.unwrap_or(u64::MAX),
        start,
        moved: start,
        client_took: start,
        enclave_failed: None,
        limits,
    };
    async move {
        let mut timer = pin!(sleep_until(bridge.deadline().0));
        poll_fn(|cx| bridge.poll(cx, timer.as_mut(), counted)).await
    }
}

/// How long a client may take to read the last that a failed enclave had sent. The client's own
/// bytes are read and dropped meanwhile: a TCP socket closed with unread input resets the
/// connection, and the reset would overtake those last bytes.
const LINGER: Duration = Duration::from_secs(5);

/// How long the client may say nothing more once the enclave has ended its direction. An enclave of ours takes nothing then
/// (PROTOCOL.md, section 7), and a vsock that was closed looks like a direction that was ended: without this, a client that the
/// enclave has let go would keep its place here for [`Limits::idle`].
const AFTER_THE_ENCLAVES_END: Duration = Duration::from_secs(30);

/// How long a client may take nothing of what it was sent. An enclave of ours gives such a client up after 30 s, which is not
/// seen here while there are bytes to be written.
const STALLED: Duration = Duration::from_secs(60);

/// Nothing lasts longer, so that no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

struct Bridge<C, E> {
    client: C,
    enclave: E,
    to_enclave: Way,
    to_client: Way,
    /// Whether bytes came from it.
    client_spoke: bool,
    enclave_spoke: bool,
    /// How many bytes may still be read.
    allowance: u64,
    start: Instant,
    /// When bytes last moved, in either direction.
    moved: Instant,
    /// When the client last took bytes, or some came for it.
    client_took: Instant,
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
        counted: Counted<'_>,
    ) -> Poll<Ended> {
        let before = self.phase();
        let copied = self.copy(cx);
        // What all connections share, and the clock, are touched once a poll.
        let up = self.to_enclave.carried(counted.to_enclave);
        let down = self.to_client.carried(counted.to_client);
        if up || down {
            self.moved = Instant::now();
            self.client_spoke |= up;
            self.enclave_spoke |= down;
            if down {
                self.client_took = self.moved;
            }
        }
        if let Poll::Ready(ended) = copied {
            return Poll::Ready(ended);
        }
        // Not left to the timer: where bytes never stop, a poll uses up what tokio lets it do, the timer's part included.
        if up || down {
            let (deadline, ended) = self.deadline();
            if deadline <= self.moved {
                return Poll::Ready(ended);
            }
        }

        // The timer is not moved with every byte: it goes off too early, and is set anew.
        if self.phase() != before {
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

    /// What brings the end nearer: the timer is set anew when it changes.
    fn phase(&self) -> (bool, bool, bool) {
        (
            self.enclave_failed.is_some(),
            self.to_client.has_read_all(),
            self.to_client.is_writing(),
        )
    }

    /// When it will end if nothing moves, and why.
    fn deadline(&self) -> (Instant, Ended) {
        let after = |start: Instant, limit: Duration| start + limit.min(LONGEST);
        let idle = (after(self.moved, self.limits.idle), Ended::Idle);
        let client = (self.limits.client_speaks_by, Ended::ClientSilent);
        let client = (!self.client_spoke).then_some(client);
        let enclave = after(self.start, self.limits.enclave_speaks_within);
        let enclave = (!self.enclave_spoke).then_some((enclave, Ended::EnclaveSilent));
        let lifetime = self.limits.lifetime;
        let lifetime = lifetime.map(|limit| (after(self.start, limit), Ended::Lifetime));
        let linger = self.enclave_failed;
        let linger = linger.map(|failed| (after(failed, LINGER), Ended::EnclaveFailed));
        let ended = self.to_client.has_read_all();
        let ended = ended.then(|| (after(self.moved, AFTER_THE_ENCLAVES_END), Ended::Finished));
        let stalled = self.to_client.is_writing();
        let stalled = stalled.then(|| (after(self.client_took, STALLED), Ended::ClientStalled));
        [client, enclave, ended, stalled, lifetime, linger]
            .into_iter()
            .flatten()
            .fold(
                idle,
                |first, other| if other.0 < first.0 { other } else { first },
            )
    }
}
