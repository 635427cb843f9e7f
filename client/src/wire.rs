//! The connection's frames, with a limit on how long to wait for the next thing to happen.

use std::time::Duration;

use sealnote_frame_io::{FrameReader, FrameWriter, ReadError};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_transport::Stream;
use thiserror::Error;
use tokio::time::timeout;

/// Why no further frame comes. None of it is authenticated: anyone on the way can cause it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WireError {
    /// The connection ended or failed, or what came is no frame that is due.
    #[error(transparent)]
    Read(ReadError),
    /// The peer neither took nor sent anything.
    #[error("no reply within {} s", .0.as_secs())]
    Timeout(Duration),
    /// A refusal, which does not say why.
    #[error("the server refused to go on")]
    Refused,
    /// There is no place for this client.
    #[error(
        "the server is full, or whoever is on the way says so; try again later, or another server"
    )]
    Full,
}

pub(crate) struct Wire {
    reader: FrameReader,
    writer: FrameWriter,
    patience: Duration,
}

/// What happened first.
pub(crate) enum Happened {
    /// What was started is sent, or lost because the peer no longer reads. What the peer sent before may
    /// still arrive.
    Wrote,
    /// A frame came.
    Received(Frame),
}

impl Wire {
    pub(crate) fn new(stream: Stream, patience: Duration) -> Self {
        let (reader, writer) = sealnote_frame_io::split(stream);
        Self {
            reader,
            writer,
            patience,
        }
    }

    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// With no more patience than this.
    pub(crate) fn at_most(self, patience: Duration) -> Self {
        let patience = self.patience.min(patience);
        self.with_patience(patience)
    }

    /// Sends a frame to a peer that is to read it before it says anything.
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<(), WireError> {
        let sent = timeout(self.patience, self.writer.send(frame)).await;
        let sent = sent.map_err(|_| WireError::Timeout(self.patience))?;
        sent.map_err(|error| WireError::Read(error.into()))
    }

    /// The next frame, which must be of the type `due` and have at most `limit` bytes of payload.
    pub(crate) async fn next(&mut self, due: FrameType, limit: usize) -> Result<Frame, WireError> {
        let next = timeout(self.patience, self.reader.next(due, limit)).await;
        accept(next.map_err(|_| WireError::Timeout(self.patience))?)
    }

    /// Whether a frame can be started: all before it were sent whole.
    pub(crate) fn can_start(&self) -> bool {
        self.writer.is_between_frames()
    }

    /// Whether a frame was started and neither sent nor lost.
    pub(crate) fn is_sending(&self) -> bool {
        self.writer.is_sending()
    }

    /// Starts to send a frame; [`step`](Self::step) goes on with it.
    pub(crate) fn start(&mut self, frame: Frame) {
        self.writer.start(frame);
    }

    /// Sends what was started and reads at the same time, until one of them is done. A peer may send its
    /// answers before it reads on; if this only wrote, each would wait for the other. Cancel safe.
    pub(crate) async fn step(&mut self, limit: usize) -> Result<Happened, WireError> {
        let patience = self.patience;
        let step = timeout(patience, self.idle_step(limit)).await;
        step.unwrap_or(Err(WireError::Timeout(patience)))
    }

    /// The same, for as long as it takes.
    pub(crate) async fn idle_step(&mut self, limit: usize) -> Result<Happened, WireError> {
        let Self { reader, writer, .. } = self;
        tokio::select! {
            biased;
            frame = reader.next(FrameType::Record, limit) => match accept(frame) {
                // It has no place in a session, and anyone can send it.
                Err(WireError::Full) => Err(WireError::Refused),
                frame => frame.map(Happened::Received),
            },
            _ = writer.finish(), if writer.is_sending() => Ok(Happened::Wrote),
        }
    }

    /// Ends this direction.
    pub(crate) async fn shutdown(&mut self) -> Result<(), WireError> {
        let ended = self.writer.shutdown().await;
        ended.map_err(|error| WireError::Read(error.into()))
    }
}

fn accept(frame: Result<Frame, ReadError>) -> Result<Frame, WireError> {
    match frame {
        Ok(frame) if frame.kind() == FrameType::Refusal => Err(WireError::Refused),
        Ok(frame) if frame.kind() == FrameType::Full => Err(WireError::Full),
        Ok(frame) => Ok(frame),
        Err(error) => Err(WireError::Read(error)),
    }
}
