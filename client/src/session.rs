//! An open session: requests out and records in, at the same time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sealnote_protocol::denial::Denial;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionError;
use sealnote_session::{ClientReceiver, ClientSender, Incoming, PendingReply, Reply, RequestError};
use thiserror::Error;
use tokio::time::timeout;

use crate::evidence::EvidenceDigest;
use crate::wire::{Happened, Wire, WireError};

/// How long the enclave's close is waited for, at most: it has nothing else left to do.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

/// A session that the enclave has confirmed, for those who want to see each request. Dropped, it is gone without a
/// close.
///
/// A [`Submission`](crate::Submission) needs none of this: it batches, keeps requests in flight, and goes on with
/// further sessions.
pub struct Session {
    sender: ClientSender,
    channel: Channel,
    evidence: EvidenceDigest,
}

/// A session whose close is on its way: no further request can be made.
pub struct Closing {
    channel: Channel,
}

/// Why a session ended without the enclave's close.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionEnd {
    /// No further frame comes.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A record did not open, or is not what the protocol allows.
    #[error(transparent)]
    Record(#[from] SessionError),
    /// The enclave serves only clients that it knows, and ends the session with this one. What it has not answered it has
    /// not computed, and not counted.
    #[error(transparent)]
    Denied(Denial),
    /// The enclave answered what was not asked.
    #[error("the enclave sent an answer that no request awaits")]
    Unasked,
}

/// Why a request was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// It cannot be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The session ended.
    #[error(transparent)]
    Session(#[from] SessionEnd),
    /// A request before it was not taken.
    #[error(
        "the connection takes no further request; what the server sent before can still be read"
    )]
    Lost,
}

impl SessionEnd {
    /// Whether somebody on the way may have caused it. Anything else is the enclave's own doing.
    pub fn may_be_the_carriers(&self) -> bool {
        match self {
            Self::Wire(_) => true,
            Self::Record(error) => matches!(error, SessionError::NotAuthentic),
            Self::Denied(_) | Self::Unasked => false,
        }
    }
}

impl Session {
    pub(crate) fn new(
        sender: ClientSender,
        receiver: ClientReceiver,
        wire: Wire,
        limits: Limits,
        evidence: EvidenceDigest,
    ) -> Self {
        let channel = Channel {
            receiver,
            wire,
            limits,
            early: VecDeque::new(),
        };
        Self {
            sender,
            channel,
            evidence,
        }
    }

    /// What this session's enclave takes.
    pub fn limits(&self) -> &Limits {
        &self.channel.limits
    }

    /// The evidence that the session stands on.
    pub fn evidence(&self) -> EvidenceDigest {
        self.evidence
    }

    /// Seals notes as one request and sends it. What the enclave sends meanwhile is kept for [`next`](Self::next).
    /// The enclave reads only so many requests ahead of its answers as [`limits`](Self::limits) say.
    ///
    /// Not cancel safe: the claim to the answer would be lost.
    pub async fn request(&mut self, notes: &[&[u8]]) -> Result<PendingReply, SendError> {
        if !self.can_request() {
            return Err(SendError::Lost);
        }
        let pending = self.start_request(notes)?;
        self.channel.send_started().await?;
        Ok(pending)
    }

    /// The next answer, or the enclave's close, after which nothing comes. Cancel safe.
    pub async fn next(&mut self) -> Result<Incoming, SessionEnd> {
        self.channel.next().await
    }

    /// Ends a session whose requests are all answered, and waits for the enclave's close.
    pub async fn close(self) -> Result<(), SessionEnd> {
        let mut closing = self.start_close()?;
        let closed = timeout(CLOSE_PATIENCE, closing.next()).await;
        match closed.unwrap_or(Err(WireError::Timeout(CLOSE_PATIENCE).into()))? {
            None => Ok(()),
            Some(_) => Err(SessionEnd::Unasked),
        }
    }

    /// Ends a session with requests in flight, whose answers still come. The close is sent by [`Closing::next`].
    pub fn start_close(self) -> Result<Closing, SessionEnd> {
        let Self {
            sender,
            mut channel,
            ..
        } = self;
        channel.wire = channel.wire.at_most(CLOSE_PATIENCE);
        // Where a write has failed, the enclave's own close may have come before.
        if channel.wire.can_start() {
            channel.wire.start(sender.close(Instant::now())?);
        }
        Ok(Closing { channel })
    }

    /// Whether the request before was sent whole, so that the next one may follow.
    pub(crate) fn can_request(&self) -> bool {
        self.channel.wire.can_start()
    }

    /// Seals a request; [`step`](Self::step) sends it.
    pub(crate) fn start_request(&mut self, notes: &[&[u8]]) -> Result<PendingReply, RequestError> {
        let (pending, frame) = self.sender.request(notes, Instant::now())?;
        self.channel.wire.start(frame);
        Ok(pending)
    }

    /// Sends and receives, until one of them is done: what came, or `None` if a request is sent or lost. Cancel safe.
    pub(crate) async fn step(&mut self) -> Result<Option<Incoming>, SessionEnd> {
        self.channel.step().await
    }

    /// The same where nothing is due: it waits for as long as it takes.
    pub(crate) async fn idle_step(&mut self) -> Result<Option<Incoming>, SessionEnd> {
        self.channel.idle_step().await
    }
}

impl Closing {
    /// The next answer, or `None`: the enclave has closed, too. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<Reply>, SessionEnd> {
        match self.channel.next().await? {
            Incoming::Reply(reply) => Ok(Some(reply)),
            Incoming::Close => Ok(None),
        }
    }

    /// Sends the close, and ends the stream in this direction. Nobody needs it: a close says the same, and is
    /// authenticated.
    pub async fn end_stream(&mut self) -> Result<(), SessionEnd> {
        self.channel.send_started().await?;
        Ok(self.channel.wire.shutdown().await?)
    }
}

/// Both directions of a session, but for what seals.
struct Channel {
    receiver: ClientReceiver,
    wire: Wire,
    limits: Limits,
    /// What came while something was sent.
    early: VecDeque<Incoming>,
}

impl Channel {
    async fn next(&mut self) -> Result<Incoming, SessionEnd> {
        if let Some(incoming) = self.early.pop_front() {
            return Ok(incoming);
        }
        loop {
            if let Some(incoming) = self.step().await? {
                return Ok(incoming);
            }
        }
    }

    /// Sends what was started, or loses it.
    async fn send_started(&mut self) -> Result<(), SessionEnd> {
        while self.wire.is_sending() {
            if let Some(incoming) = self.step().await? {
                let closed = matches!(incoming, Incoming::Close);
                self.early.push_back(incoming);
                if closed {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<Option<Incoming>, SessionEnd> {
        let happened = self.wire.step(self.limits.max_to_client()).await?;
        self.open(happened)
    }

    async fn idle_step(&mut self) -> Result<Option<Incoming>, SessionEnd> {
        let happened = self.wire.idle_step(self.limits.max_to_client()).await?;
        self.open(happened)
    }

    fn open(&mut self, happened: Happened) -> Result<Option<Incoming>, SessionEnd> {
        let frame = match happened {
            Happened::Wrote => return Ok(None),
            Happened::Received(frame) => frame,
        };
        match self.receiver.open(frame, Instant::now()) {
            // An answer beyond the session's limit, as after its last second. It counts as none: ask again.
            Err(SessionError::Limit(_)) => Ok(Some(Incoming::Close)),
            Err(SessionError::Denied(denial)) => Err(SessionEnd::Denied(denial)),
            opened => Ok(Some(opened?)),
        }
    }
}
