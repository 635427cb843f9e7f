//! Protocol frames over a transport's stream, as both the enclave and the client need them.
//!
//! A crate of its own, since the protocol does no I/O, and the transport knows no frames: the
//! parent, which uses it, must not be able to read them.

#![forbid(unsafe_code)]

use std::io;

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
    /// The next frame, which must be of the type `due`, or a refusal, and have at most `limit` bytes
    /// of payload. Any other is an error as soon as its header is there. Cancel safe: no byte is lost.
    pub async fn next(&mut self, due: FrameType, limit: usize) -> Result<Frame, ReadError> {
        loop {
            match self.buffer.next_kind(limit)? {
                Some(kind) if kind != due && kind != FrameType::Refusal => {
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
}

/// Writes frames.
pub struct FrameWriter {
    half: SendHalf,
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

    /// Whether every frame so far was sent whole, so that another may follow.
    pub fn is_between_frames(&self) -> bool {
        self.between_frames
    }

    /// Ends this direction: the peer reads what was sent, then an end.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.half.shutdown().await
    }
}
