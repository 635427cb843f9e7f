//! Protocol frames over a transport's stream, as both the enclave and the client need them.
//!
//! A crate of its own, since the protocol does no I/O, and the transport knows no frames: the
//! parent, which uses it, must not be able to read them.

#![forbid(unsafe_code)]

use std::io::{self, Cursor};

use sealnote_protocol::frame::{Frame, FrameBuffer, FrameError, FrameType};
use sealnote_transport::{ReceiveHalf, SendHalf, Stream};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes taken from the connection at once.
const READ: usize = 16 * 1024;

/// Why no further frame comes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream ended, between two frames or within one.
    #[error("the connection ended")]
    Ended,
    /// What came is not a frame, or not one that is due.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// The two directions of a connection.
pub fn split(stream: Stream) -> (FrameReader, FrameWriter) {
    let (receive, send) = stream.into_split();
    let reader = FrameReader {
        half: receive,
        buffer: FrameBuffer::default(),
        chunk: Box::new([0; READ]),
    };
    let writer = FrameWriter {
        half: send,
        unsent: None,
        between_frames: true,
    };
    (reader, writer)
}

/// Reads frames.
pub struct FrameReader {
    half: ReceiveHalf,
    buffer: FrameBuffer,
    chunk: Box<[u8; READ]>,
}

impl FrameReader {
    /// The next frame, which must be of the type `due`, or a farewell (refusal, full), and have at most
    /// `limit` bytes of payload. Any other is an error as soon as its header is there. Cancel safe: no byte is lost.
    pub async fn next(&mut self, due: FrameType, limit: usize) -> Result<Frame, ReadError> {
        loop {
            match self.buffer.next_kind(limit)? {
                Some(kind) if kind != due && !kind.is_farewell() => {
                    return Err(FrameError::OutOfPlace(kind).into());
                }
                _ => {}
            }
            if let Some(frame) = self.buffer.pop(limit)? {
                return Ok(frame);
            }
            match self.half.read(&mut self.chunk[..]).await? {
                0 => return Err(ReadError::Ended),
                n => self.buffer.push(&self.chunk[..n]),
            }
        }
    }

    /// What comes while no frame is due: the end of the stream as a rule, else an error of what broke the protocol.
    /// Cancel safe, as [`next`](Self::next).
    pub async fn unexpected(&mut self) -> ReadError {
        // Nobody may send a refusal here, so no frame is let through.
        match self.next(FrameType::Refusal, 0).await {
            Ok(refusal) => FrameError::OutOfPlace(refusal.kind()).into(),
            Err(error) => error,
        }
    }

    /// Reads and drops what comes until the stream ends.
    pub async fn drain(&mut self) {
        while let Ok(1..) = self.half.read(&mut self.chunk[..]).await {}
    }
}

/// Writes frames.
pub struct FrameWriter {
    half: SendHalf,
    /// What was started; the cursor is behind what was sent.
    unsent: Option<Cursor<Vec<u8>>>,
    between_frames: bool,
}

impl FrameWriter {
    /// Sends a whole frame. If this is dropped or fails half-way, the stream is of no further use.
    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.between_frames = false;
        self.half.write_all(frame.as_bytes()).await?;
        self.half.flush().await?;
        self.between_frames = true;
        Ok(())
    }

    /// Takes a frame for [`finish`](Self::finish) to send, which may be interrupted to read meanwhile.
    ///
    /// # Panics
    /// If the frame before was not sent to its end.
    pub fn start(&mut self, frame: Frame) {
        assert!(self.is_between_frames(), "a frame within a frame");
        self.unsent = Some(Cursor::new(frame.into_bytes()));
    }

    /// Sends what was started. Cancel safe: called again, it goes on where it was. If it fails, the
    /// stream is of no further use.
    pub async fn finish(&mut self) -> io::Result<()> {
        let Some(unsent) = &mut self.unsent else {
            return Ok(());
        };
        self.between_frames = false;
        let sent = self.half.write_all_buf(unsent).await;
        let sent = match sent {
            Ok(()) => self.half.flush().await,
            failed => failed,
        };
        self.unsent = None;
        self.between_frames = sent.is_ok();
        sent
    }

    /// Whether a frame was started and neither sent nor lost.
    pub fn is_sending(&self) -> bool {
        self.unsent.is_some()
    }

    /// Whether every frame so far was sent whole, so that another may follow.
    pub fn is_between_frames(&self) -> bool {
        self.between_frames && self.unsent.is_none()
    }

    /// Ends this direction: the peer reads what was sent, then an end.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.half.shutdown().await
    }
}

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
