//! What the machine's vendor signed about it, which clients want beside the evidence. The parent fetches it and hands it
//! over beforehand; here it is opaque bytes, which go into each answer, so that the transcript covers them. Nothing is
//! lost if they are false: a client checks them, and refuses.
//!
//! PROTOCOL.md, "Hand-over of endorsements".

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sealnote_protocol::handshake::MAX_EVIDENCE;
use sealnote_transport::{Cid, Listener, Stream, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::log::{self, Seldom};

/// The greatest length of endorsements, in bytes.
pub const MAX_ENDORSEMENTS: usize = MAX_EVIDENCE;

/// The endorsements of one kind of evidence, as they were handed over last.
pub struct Endorsements {
    /// The name under which they are handed over; `None` for evidence that needs none.
    name: Option<&'static str>,
    current: watch::Sender<Option<Arc<[u8]>>>,
    missing: Seldom,
}

/// The evidence needs endorsements, and none were handed over yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing;

impl Endorsements {
    /// Those that are handed over under this name; none of evidence that needs none.
    pub fn new(name: Option<&'static str>) -> Arc<Self> {
        Arc::new(Self {
            name,
            current: watch::Sender::default(),
            missing: Seldom::default(),
        })
    }

    /// Waits for the first to be handed over; at once where evidence needs none.
    pub async fn first(&self) -> Option<Arc<[u8]>> {
        self.name?;
        let mut current = self.current.subscribe();
        let first = current.wait_for(Option::is_some).await.ok()?;
        first.clone()
    }

    /// What an answer is to have. Says on standard error, now and then, if that is missing.
    pub(super) fn current(&self) -> Result<Option<Arc<[u8]>>, Missing> {
        let Some(name) = self.name else {
            return Ok(None);
        };
        let current = self.current.borrow().clone();
        match current {
            Some(bytes) => Ok(Some(bytes)),
            None => {
                self.missing.line(format_args!(
                    "a client was refused, since no endorsements for {name} were handed over yet; see \
                     `sealnote-parent --endorsements`"
                ));
                Err(Missing)
            }
        }
    }

    /// Takes what the parent hands over, one connection at a time, until the listener dies. A connection from elsewhere
    /// than `peer_cids`, over vsock, is closed at once.
    pub async fn take(
        &self,
        listener: &Listener,
        peer_cids: &[Cid],
        limit: Duration,
    ) -> TransportError {
        loop {
            let stream = match listener.accept().await {
                Ok(stream) => stream,
                Err(error) => return error,
            };
            if stream.peer_cid().is_none_or(|cid| peer_cids.contains(&cid)) {
                // Whatever is wrong with one hand-over, its sender learns from the answer that is missing.
                let _ = timeout(limit, self.take_one(stream)).await;
            }
        }
    }

    async fn take_one(&self, mut stream: Stream) -> io::Result<()> {
        let handed_over = HandOver::read(&mut stream).await?;
        let taken = self.replace(handed_over);
        stream.write_all(&[u8::from(taken)]).await?;
        stream.shutdown().await
    }

    /// Whether they are of the kind that is due.
    fn replace(&self, handed_over: HandOver) -> bool {
        let Some(name) = self.name.filter(|name| name.as_bytes() == handed_over.name) else {
            return false;
        };
        let new: Arc<[u8]> = handed_over.bytes.into();
        let len = new.len();
        let first = self.current.send_replace(Some(new)).is_none();
        if first {
            log::line(format_args!("endorsements for {name} came: {len} bytes"));
        }
        true
    }
}

/// One hand-over: `u8 length ‖ name ‖ u32 length ‖ bytes`.
#[derive(Debug, PartialEq, Eq)]
struct HandOver {
    name: Vec<u8>,
    bytes: Vec<u8>,
}

impl HandOver {
    async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Self> {
        let name = stream.read_u8().await?;
        let name = exactly(stream, name.into()).await?;
        let len = stream.read_u32().await? as usize;
        if !(1..=MAX_ENDORSEMENTS).contains(&len) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let bytes = exactly(stream, len).await?;
        Ok(Self { name, bytes })
    }
}

/// Grows with what comes, and not by what was declared.
async fn exactly(stream: &mut (impl AsyncReadExt + Unpin), len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(len as u64).read_to_end(&mut bytes).await?;
    match bytes.len() == len {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand_over(name: &str, declared: u32, bytes: &[u8]) -> Vec<u8> {
        let mut message = vec![name.len() as u8];
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(&declared.to_be_bytes());
        message.extend_from_slice(bytes);
        message
    }

    #[tokio::test]
    async fn a_hand_over_is_a_name_and_1_to_65536_bytes() {
        for len in [1, 65_536] {
            let bytes = vec![7; len];
            let message = hand_over("sev-snp", len as u32, &bytes);
            let read = HandOver::read(&mut &message[..]).await.unwrap();
            let name = b"sev-snp".to_vec();
            assert_eq!(read, HandOver { name, bytes });
            for end in [0, 1, 7, 8, 11, 12, message.len() - 1] {
                let cut = HandOver::read(&mut &message[..end]).await;
                let cut = cut.map_err(|error| error.kind());
                assert_eq!(cut, Err(io::ErrorKind::UnexpectedEof), "{end}");
            }
        }
        for declared in [0, 65_537, u32::MAX] {
            let message = hand_over("sev-snp", declared, &[7; 70_000]);
            let read = HandOver::read(&mut &message[..]).await;
            let read = read.map_err(|error| error.kind());
            assert_eq!(read, Err(io::ErrorKind::InvalidData), "{declared}");
        }
    }

    #[test]
    fn the_last_of_the_right_kind_counts() {
        let endorsements = Endorsements::new(Some("tdx"));
        let hand_over = |name: &str, byte| {
            endorsements.replace(HandOver {
                name: name.into(),
                bytes: vec![byte; 3],
            })
        };
        let current = || endorsements.current().map(|bytes| bytes.unwrap().to_vec());
        assert_eq!(current(), Err(Missing));
        for other in ["sev-snp", "", "tdx2", "TDX", "tdx\0"] {
            assert!(!hand_over(other, 1), "{other:?}");
        }
        assert_eq!(current(), Err(Missing));
        for byte in [1, 2] {
            assert!(hand_over("tdx", byte));
            assert_eq!(current(), Ok(vec![byte; 3]));
            assert!(!hand_over("token", 9));
            assert_eq!(current(), Ok(vec![byte; 3]));
        }
    }

    #[test]
    fn evidence_that_needs_none_takes_none() {
        let endorsements = Endorsements::new(None);
        let handed_over = HandOver {
            name: Vec::new(),
            bytes: vec![1],
        };
        assert!(!endorsements.replace(handed_over));
        assert_eq!(endorsements.current(), Ok(None));
    }
}
