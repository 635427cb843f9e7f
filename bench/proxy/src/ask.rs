//! What a client asks of the backend with the first bytes of a connection.

use std::io::{self, Read, Write};

use socket2::Socket;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// One byte back.
    Answer,
    /// Whatever comes, back.
    Echo,
    /// Read so many bytes, then one byte back.
    Sink(u64),
    /// Write so many bytes.
    Source(u64),
    /// Read so many bytes and write as many at the same time; then one byte back.
    Both(u64),
    /// Read until the client's end, and keep the connection.
    Stay,
    /// Read until the client's end; a second later write so many bytes, and end.
    AfterEnd(u64),
    /// Write one byte and end, then read until the client's end, and report how much that was.
    EndFirst,
    /// Write until nobody takes more, report how much that was, and keep the connection.
    Fill,
}

const BYTES: usize = 9;

impl Ask {
    pub fn send(self, mut socket: &Socket) -> io::Result<()> {
        socket.write_all(&self.encode())
    }

    /// `None` if the client ended without asking.
    pub fn receive(mut socket: &Socket) -> io::Result<Option<Self>> {
        let mut bytes = [0; BYTES];
        match socket.read_exact(&mut bytes) {
            Ok(()) => Self::decode(bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn encode(self) -> [u8; BYTES] {
        let (kind, count) = match self {
            Self::Answer => (0, 0),
            Self::Echo => (1, 0),
            Self::Sink(count) => (2, count),
            Self::Source(count) => (3, count),
            Self::Both(count) => (4, count),
            Self::Stay => (5, 0),
            Self::AfterEnd(count) => (6, count),
            Self::EndFirst => (7, 0),
            Self::Fill => (8, 0),
        };
        let mut bytes = [kind; BYTES];
        bytes[1..].copy_from_slice(&u64::to_le_bytes(count));
        bytes
    }

    fn decode(bytes: [u8; BYTES]) -> io::Result<Self> {
        let [kind, count @ ..] = bytes;
        let count = u64::from_le_bytes(count);
        Ok(match kind {
            0 => Self::Answer,
            1 => Self::Echo,
            2 => Self::Sink(count),
            3 => Self::Source(count),
            4 => Self::Both(count),
            5 => Self::Stay,
            6 => Self::AfterEnd(count),
            7 => Self::EndFirst,
            8 => Self::Fill,
            _ => return Err(io::Error::other("the client asks for nothing known")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_received() {
        for ask in [
            Ask::Answer,
            Ask::Echo,
            Ask::Sink(1),
            Ask::Source(u64::MAX),
            Ask::Both(1 << 40),
            Ask::Stay,
            Ask::AfterEnd(7),
            Ask::EndFirst,
            Ask::Fill,
        ] {
            assert_eq!(Ask::decode(ask.encode()).unwrap(), ask);
        }
    }
}
