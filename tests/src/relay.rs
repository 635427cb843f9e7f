//! The adversary on the way: sees every frame, and passes on what it likes.

use std::sync::{Arc, Mutex, PoisonError};

use sealnote_protocol::frame::{Frame, FrameBuffer, FrameError, FrameType};
use sealnote_transport::{Endpoint, Listener, ReceiveHalf, SendHalf, Stream, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::AbortHandle;

use crate::rig::Failure;

/// Which way a frame travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToEnclave,
    /// From the enclave.
    ToClient,
}

/// A frame as it arrived at the relay.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Number of the connection, from 0.
    pub connection: usize,
    /// Which way it travels.
    pub direction: Direction,
    /// Number of the frame on its connection, in its direction, from 0.
    pub index: usize,
    /// What its header says that it is.
    pub kind: FrameType,
    /// The whole frame, header included.
    pub bytes: Vec<u8>,
}

impl Seen {
    /// The frame.
    pub fn frame(&self) -> Result<Frame, FrameError> {
        Frame::from_bytes(self.bytes.clone(), usize::MAX)
    }
}

/// What the relay does with a frame.
pub enum Act {
    /// Passes it on.
    Pass,
    /// Passes on these bytes instead: none, two frames, no frame at all.
    Replace(Vec<u8>),
    /// Keeps it, and passes it on after the next of its direction.
    Hold,
    /// Neither passes it on nor reads any further.
    Stall,
    /// Passes on these bytes, and cuts the connection.
    Cut(Vec<u8>),
}

/// A relay that listens until it is dropped.
pub struct Relay {
    /// Where it listens.
    pub endpoint: Endpoint,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: AbortHandle,
}

impl Relay {
    /// Listens on `listen`, and joins everyone who comes to `target`.
    pub async fn start(
        listen: &Endpoint,
        target: Endpoint,
        tamper: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let listener = Listener::bind(listen).await?;
        let endpoint = listener.local_endpoint().clone();
        let seen = Arc::default();
        let eye = Eye {
            seen: Arc::clone(&seen),
            tamper: Arc::new(tamper),
        };
        let accept = async move {
            for connection in 0.. {
                let Ok(client) = listener.accept().await else {
                    return;
                };
                tokio::spawn(join(client, target.clone(), connection, eye.clone()));
            }
        };
        Ok(Self {
            endpoint,
            seen,
            task: tokio::spawn(accept).abort_handle(),
        })
    }

    /// Every frame so far, in the order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The kinds of the frames that left the client, all its connections together.
    pub fn from_client(&self) -> Vec<FrameType> {
        let seen = self.seen();
        let to_enclave = seen.iter().filter(|f| f.direction == Direction::ToEnclave);
        to_enclave.map(|frame| frame.kind).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Eye {
    seen: Arc<Mutex<Vec<Seen>>>,
    tamper: Arc<dyn Fn(&Seen) -> Act + Send + Sync>,
}

/// The connection is over, one way or another.
struct Cut;

async fn join(client: Stream, target: Endpoint, connection: usize, eye: Eye) {
    let Ok(enclave) = connect(&target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_enclave, to_enclave) = enclave.into_split();
    let _ = tokio::try_join!(
        pump(
            from_client,
            to_enclave,
            connection,
            Direction::ToEnclave,
            &eye
        ),
        pump(
            from_enclave,
            to_client,
            connection,
            Direction::ToClient,
            &eye
        ),
    );
}

async fn pump(
    mut from: ReceiveHalf,
    mut to: SendHalf,
    connection: usize,
    direction: Direction,
    eye: &Eye,
) -> Result<(), Cut> {
    let mut buffer = FrameBuffer::default();
    let mut chunk = vec![0; 16 * 1024];
    let mut held = Vec::new();
    let mut index = 0;
    loop {
        while let Some(frame) = buffer.pop(usize::MAX).map_err(|_| Cut)? {
            let seen = Seen {
                connection,
                direction,
                index,
                kind: frame.kind(),
                bytes: frame.into_bytes(),
            };
            index += 1;
            let act = (eye.tamper)(&seen);
            let bytes = seen.bytes.clone();
            let log = eye.seen.lock();
            log.unwrap_or_else(PoisonError::into_inner).push(seen);
            let mut out = match act {
                Act::Pass => bytes,
                Act::Replace(other) => other,
                Act::Hold => {
                    held = bytes;
                    continue;
                }
                Act::Stall => std::future::pending().await,
                Act::Cut(last) => {
                    let _ = to.write_all(&last).await;
                    let _ = to.shutdown().await;
                    return Err(Cut);
                }
            };
            out.append(&mut held);
            to.write_all(&out).await.map_err(|_| Cut)?;
        }
        match from.read(&mut chunk).await {
            Ok(0) => break,
            Ok(length) => buffer.push(&chunk[..length]),
            Err(_) => return Err(Cut),
        }
    }
    let _ = to.write_all(&held).await;
    to.shutdown().await.map_err(|_| Cut)
}
