//! Frames: the only shape that travels on a connection. PROTOCOL.md, "Frames".
//!
//! ```text
//! type (1) | version = 2 (1) | reserved = 0 (2) | payload length (4, big-endian) | payload
//! ```

use thiserror::Error;

/// Length of a frame's header in bytes.
pub const HEADER_LEN: usize = 8;

/// The version byte of every header.
const VERSION: u8 = 2;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    /// Client to enclave, first: the challenge and the suites.
    Hello = 1,
    /// Enclave to client: evidence and claims.
    Answer = 2,
    /// Client to enclave: the chosen suite and the sealed secret.
    Key = 3,
    /// Either way: an encrypted record.
    Record = 4,
    /// Enclave to client: the one opaque refusal, with an empty payload.
    Refusal = 5,
    /// Enclave or parent to client, in place of answer or ready: there is no place. Empty, too.
    Full = 6,
}

impl FrameType {
    /// Whether it ends a connection and says nothing more: its payload is empty wherever it comes.
    pub const fn is_farewell(self) -> bool {
        matches!(self, Self::Refusal | Self::Full)
    }
}

/// A whole frame, header included, as it travels.
#[derive(PartialEq, Eq)]
pub struct Frame {
    kind: FrameType,
    bytes: Vec<u8>,
}

/// Why bytes are not a frame.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The type byte is not assigned.
    #[error("frame type {0} is not assigned")]
    Type(u8),
    /// The version byte is not 2.
    #[error("frame version {0} is not {VERSION}; the peer does not speak sealnote/{VERSION}")]
    Version(u8),
    /// The reserved bytes are not zero.
    #[error("the reserved bytes of a frame header are not zero")]
    Reserved,
    /// The declared payload is longer than this state of the connection allows.
    #[error("a frame declares {declared} bytes of payload, and at most {limit} are due here")]
    TooLong {
        /// The payload length in the header, in bytes.
        declared: usize,
        /// The greatest payload length that is accepted, in bytes.
        limit: usize,
    },
    /// The frame is not of the type that is due.
    #[error("a frame of type {0:?} is out of place here")]
    OutOfPlace(FrameType),
    /// The bytes are fewer or more than the header declares.
    #[error("the bytes are not one whole frame")]
    Length,
}

impl Frame {
    /// A frame around `payload`.
    pub fn new(kind: FrameType, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        bytes.extend_from_slice(&header(kind, payload.len()));
        bytes.extend_from_slice(payload);
        Self { kind, bytes }
    }

    /// The one refusal: it says nothing but that the enclave ends the connection.
    pub fn refusal() -> Self {
        Self::new(FrameType::Refusal, &[])
    }

    /// Says that there is no place for the client now.
    pub fn full() -> Self {
        Self::new(FrameType::Full, &[])
    }

    /// Parses exactly one frame of at most `limit` payload bytes.
    pub fn from_bytes(bytes: Vec<u8>, limit: usize) -> Result<Self, FrameError> {
        let (kind, len) = parse_header(bytes.first_chunk().ok_or(FrameError::Length)?, limit)?;
        if bytes.len() != HEADER_LEN + len {
            return Err(FrameError::Length);
        }
        Ok(Self { kind, bytes })
    }

    /// A frame whose payload is written, and later sealed, in place after the header.
    pub(crate) fn assemble(kind: FrameType, bytes: Vec<u8>) -> Self {
        debug_assert_eq!(bytes[..HEADER_LEN], header(kind, bytes.len() - HEADER_LEN));
        Self { kind, bytes }
    }

    /// What the frame carries.
    pub fn kind(&self) -> FrameType {
        self.kind
    }

    /// The bytes after the header.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// The whole frame as it travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole frame as it travels, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Frame({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// The header of a frame with `payload_len` bytes of payload.
///
/// Every payload that this crate makes is bounded far below `u32::MAX` by the claims' limits.
pub(crate) fn header(kind: FrameType, payload_len: usize) -> [u8; HEADER_LEN] {
    let mut header = [kind as u8, VERSION, 0, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&(payload_len as u32).to_be_bytes());
    header
}

fn parse_header(header: &[u8; HEADER_LEN], limit: usize) -> Result<(FrameType, usize), FrameError> {
    let [kind, version, reserved @ .., l3, l2, l1, l0] = *header;
    let kind = match kind {
        1 => FrameType::Hello,
        2 => FrameType::Answer,
        3 => FrameType::Key,
        4 => FrameType::Record,
        5 => FrameType::Refusal,
        6 => FrameType::Full,
        other => return Err(FrameError::Type(other)),
    };
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    if reserved != [0, 0] {
        return Err(FrameError::Reserved);
    }
    let declared = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
    let limit = if kind.is_farewell() { 0 } else { limit };
    if declared > limit {
        return Err(FrameError::TooLong { declared, limit });
    }
    Ok((kind, declared))
}

/// Collects received bytes and gives them back frame by frame.
///
/// It never holds more than what was received: a declared length allocates nothing. A caller
/// that pops after every push holds at most one frame and one read.
#[derive(Default)]
pub struct FrameBuffer {
    received: Vec<u8>,
}

impl FrameBuffer {
    /// Adds bytes as they came from the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next whole frame, `None` while it is incomplete, or an error as soon as its header
    /// shows that it will not be accepted: `limit` is the greatest payload due now, in bytes.
    pub fn pop(&mut self, limit: usize) -> Result<Option<Frame>, FrameError> {
        let Some(header) = self.received.first_chunk() else {
            return Ok(None);
        };
        let (kind, len) = parse_header(header, limit)?;
        let whole = HEADER_LEN + len;
        if self.received.len() < whole {
            return Ok(None);
        }
        let rest = self.received.split_off(whole);
        let bytes = core::mem::replace(&mut self.received, rest);
        Ok(Some(Frame { kind, bytes }))
    }

    /// The type of the next frame, as soon as its header is there and has been found in order.
    pub fn next_kind(&self, limit: usize) -> Result<Option<FrameType>, FrameError> {
        match self.received.first_chunk() {
            Some(header) => Ok(Some(parse_header(header, limit)?.0)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_byte_by_byte_delivery() {
        let first = Frame::new(FrameType::Hello, b"abc");
        let second = Frame::refusal();
        let wire = [first.as_bytes(), second.as_bytes()].concat();
        let mut buffer = FrameBuffer::default();
        let mut got = Vec::new();
        for byte in wire {
            buffer.push(&[byte]);
            got.extend(buffer.pop(3).unwrap());
        }
        assert_eq!(got, [first, second]);
        assert_eq!(buffer.next_kind(3), Ok(None));
    }

    #[test]
    fn a_header_is_refused_before_its_payload_arrives() {
        let cases: [(&[u8], FrameError); 5] = [
            (&[9, 2, 0, 0, 0, 0, 0, 0], FrameError::Type(9)),
            (&[1, 1, 0, 0, 0, 0, 0, 0], FrameError::Version(1)),
            (&[1, 2, 0, 1, 0, 0, 0, 0], FrameError::Reserved),
            (
                &[6, 2, 0, 0, 0, 0, 0, 1],
                FrameError::TooLong {
                    declared: 1,
                    limit: 0,
                },
            ),
            (
                &[1, 2, 0, 0, 0xff, 0xff, 0xff, 0xff],
                FrameError::TooLong {
                    declared: 0xffff_ffff,
                    limit: 10,
                },
            ),
        ];
        for (header, expected) in cases {
            let mut buffer = FrameBuffer::default();
            buffer.push(header);
            assert_eq!(buffer.pop(10), Err(expected));
        }
    }

    #[test]
    fn from_bytes_wants_exactly_one_frame() {
        let bytes = Frame::new(FrameType::Key, b"abc").into_bytes();
        assert!(Frame::from_bytes(bytes.clone(), 3).is_ok());
        assert_eq!(
            Frame::from_bytes([bytes.clone(), vec![0]].concat(), 3),
            Err(FrameError::Length)
        );
        assert_eq!(
            Frame::from_bytes(bytes[..9].to_vec(), 3),
            Err(FrameError::Length)
        );
    }
}
