//! One connection to the owner's service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::PublicKey;
use sealnote_frame_io::{FrameReader, FrameWriter, ReadError};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_CLIENT_HANDSHAKE;
use sealnote_protocol::session::enclave::{AwaitingEvidence, AwaitingKey, Enclave};
use sealnote_protocol::task::KeyReleaseClaims;
use sealnote_transport::{Endpoint, connect_within};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{OwnerError, Step};
use crate::{Evidence, Released};

/// What one attempt needs.
pub(super) struct Attempt {
    pub(super) enclave: Arc<Enclave<KeyReleaseClaims>>,
    pub(super) evidence: Arc<dyn Evidence>,
    /// How long to wait for the connection, and for each frame.
    pub(super) step: Duration,
}

impl Attempt {
    /// From the first byte to the key.
    pub(super) async fn run(
        self,
        way: &Endpoint,
        releaser: &PublicKey,
    ) -> Result<Released, OwnerError> {
        let limit = self.enclave.max_record();
        let stream = connect_within(way, self.step).await?;
        let (reader, writer) = sealnote_frame_io::split(stream);
        let mut wire = Wire {
            reader,
            writer,
            patience: self.step,
        };
        let hello = wire
            .next(Step::Hello, FrameType::Hello, MAX_CLIENT_HANDSHAKE)
            .await?;
        let awaiting = self.enclave.hello(&hello, &mut UnwrapErr(SysRng))?;
        let (awaiting, answer) = attest(awaiting, self.evidence).await?;
        wire.send(Step::Key, &answer).await?;
        let key = wire
            .next(Step::Key, FrameType::Key, MAX_CLIENT_HANDSHAKE)
            .await?;
        let (recipient, ready) = awaiting.key(&key, &mut UnwrapErr(SysRng), Instant::now())?;
        wire.send(Step::Release, &ready).await?;
        let record = wire.next(Step::Release, FrameType::Record, limit).await?;
        let (released, answer) = recipient.take(record, releaser, Instant::now())?;
        // The service logs the outcome. If it no longer listens, the key is none the worse.
        let _ = wire.send(Step::Release, &answer).await;
        let _ = timeout(self.step, wire.writer.shutdown()).await;
        Ok(released?)
    }
}

/// The machine takes its time, and is not to hold up the runtime.
async fn attest(
    awaiting: AwaitingEvidence<KeyReleaseClaims>,
    evidence: Arc<dyn Evidence>,
) -> Result<(AwaitingKey<KeyReleaseClaims>, Frame), OwnerError> {
    let attested = spawn_blocking(move || {
        let given = evidence.session(awaiting.binding())?;
        Ok(awaiting.answer(given.kind, given.evidence, given.endorsements)?)
    });
    attested.await.unwrap_or(Err(OwnerError::Thread))
}

struct Wire {
    reader: FrameReader,
    writer: FrameWriter,
    patience: Duration,
}

impl Wire {
    /// Sends a frame; `step` is what is due after it.
    async fn send(&mut self, step: Step, frame: &Frame) -> Result<(), OwnerError> {
        let sent = timeout(self.patience, self.writer.send(frame)).await;
        let sent = sent.map_err(|_| self.slow(step))?;
        match sent {
            // What the service said before it went is worth more than that it went.
            Err(_) => Err(self.farewell(step).await),
            Ok(()) => Ok(()),
        }
    }

    async fn next(
        &mut self,
        step: Step,
        due: FrameType,
        limit: usize,
    ) -> Result<Frame, OwnerError> {
        let next = timeout(self.patience, self.reader.next(due, limit)).await;
        match next.map_err(|_| self.slow(step))? {
            Ok(frame) if frame.kind() == FrameType::Refusal => Err(OwnerError::Refused(step)),
            Ok(frame) if frame.kind() == FrameType::Full => Err(OwnerError::Full),
            Ok(frame) => Ok(frame),
            Err(error @ ReadError::Frame(_)) => Err(OwnerError::NoReleaser { step, error }),
            Err(error) => Err(OwnerError::Ended { step, error }),
        }
    }

    /// Why nothing can be sent any more.
    async fn farewell(&mut self, step: Step) -> OwnerError {
        match self.next(step, FrameType::Refusal, 0).await {
            Err(error) => error,
            Ok(_) => OwnerError::Refused(step),
        }
    }

    fn slow(&self, step: Step) -> OwnerError {
        OwnerError::Slow {
            step,
            after: self.patience,
        }
    }
}
