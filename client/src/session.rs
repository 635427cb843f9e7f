//! An open session: requests out and records in, at the same time.

use std::time::{Duration, Instant};

use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionError;
use sealnote_session::{ClientReceiver, ClientSender, Incoming, PendingReply, Reply, RequestError};
use thiserror::Error;
use tokio::time::timeout;

use crate::wire::{Happened, Wire, WireError};

/// How long the enclave's close is waited for, at most: it has nothing else left to do.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

/// A session that the enclave has confirmed.
pub struct Session {
    sender: ClientSender,
    receiver: ClientReceiver,
    wire: Wire,
    limits: Limits,
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
    /// The enclave answered what was not asked.
    #[error("the enclave sent an answer that no request awaits")]
    Unasked,
}

/// What happened first.
pub(crate) enum Step {
    /// The request is sent, or lost.
    Wrote,
    /// An answer came.
    Reply(Reply),
    /// The enclave's close came.
    Close,
}

impl SessionEnd {
    /// Whether somebody on the way may have caused it. Anything else is the enclave's own doing.
    pub fn may_be_the_carriers(&self) -> bool {
        match self {
            Self::Wire(_) => true,
            Self::Record(error) => matches!(error, SessionError::NotAuthentic),
            Self::Unasked => false,
        }
    }
}

impl Session {
    pub(crate) fn new(
        sender: ClientSender,
        receiver: ClientReceiver,
        wire: Wire,
        limits: Limits,
    ) -> Self {
        Self {
            sender,
            receiver,
            wire,
            limits,
        }
    }

    /// What this session's enclave takes.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the request before was sent whole, so that the next one may follow.
    pub(crate) fn can_request(&self) -> bool {
        self.wire.can_start()
    }

    /// Seals a request; [`step`](Self::step) sends it.
    pub(crate) fn request(&mut self, notes: &[&[u8]]) -> Result<PendingReply, RequestError> {
        let (pending, frame) = self.sender.request(notes, Instant::now())?;
        self.wire.start(frame);
        Ok(pending)
    }

    /// Sends and receives, until one of them is done. Cancel safe.
    pub(crate) async fn step(&mut self) -> Result<Step, SessionEnd> {
        step(&mut self.wire, &mut self.receiver, &self.limits).await
    }

    /// Ends a session whose requests are all answered.
    pub async fn close(self) -> Result<(), SessionEnd> {
        let mut receiver = self.receiver;
        let mut wire = self.wire.at_most(CLOSE_PATIENCE);
        // Where a write has failed, the enclave's own close may have come before.
        if wire.can_start() {
            wire.start(self.sender.close(Instant::now())?);
        }
        let closed = async {
            loop {
                match step(&mut wire, &mut receiver, &self.limits).await? {
                    Step::Wrote => {}
                    Step::Reply(_) => return Err(SessionEnd::Unasked),
                    Step::Close => return Ok(()),
                }
            }
        };
        let closed = timeout(CLOSE_PATIENCE, closed).await;
        closed.unwrap_or(Err(WireError::Timeout(CLOSE_PATIENCE).into()))
    }
}

async fn step(
    wire: &mut Wire,
    receiver: &mut ClientReceiver,
    limits: &Limits,
) -> Result<Step, SessionEnd> {
    let frame = match wire.step(limits.max_to_client()).await? {
        Happened::Wrote => return Ok(Step::Wrote),
        Happened::Received(frame) => frame,
    };
    match receiver.open(frame, Instant::now()) {
        Ok(Incoming::Reply(reply)) => Ok(Step::Reply(reply)),
        Ok(Incoming::Close) => Ok(Step::Close),
        // An answer beyond the session's limit, as after its last second. It counts as none: ask again.
        Err(SessionError::Limit(_)) => Ok(Step::Close),
        Err(error) => Err(error.into()),
    }
}
