//! A probe: the first step of a handshake, whose answer is looked at and verified by nobody.
//!
//! It is the one place in which the parent knows the protocol's shape, and it knows a constant hello and the eight bytes of a
//! header (PROTOCOL.md, sections 1 and 2). Whether an enclave is the right one is the client's to find out, on each connection.

use std::{io, time::Duration};

use sealnote_transport::{Endpoint, Stream, TransportError, connect_within};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    time::timeout,
};

use super::ATTEMPT_TIMEOUT;

/// The hello of every probe, with its header. Its challenge is no secret and not fresh: evidence that answers it proves
/// nothing, and no client accepts it. It offers every suite that there is.
pub const PROBE_HELLO: [u8; 48] =
    *b"\x01\x02\0\0\0\0\0\x28\xa2\x01\x58\x20sealnote-parent readiness probe!\x02\x82\x01\x02";

/// The greatest payload of an answer, in bytes.
pub const MAX_ANSWER: u32 = 3 * 64 * 1024 + 32;

/// Why a probe has failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There was no connection.
    #[error(transparent)]
    Connect(#[from] TransportError),
    /// It ended before the answer did.
    #[error("the enclave ended a probe's connection before it had answered: {0}")]
    Cut(#[from] io::Error),
    /// It does not answer.
    #[error("the enclave did not answer a probe within {} ms", after.as_millis())]
    Silent {
        /// How long it had.
        after: Duration,
    },
    /// It has let nobody in since it has no evidence to show.
    #[error("the enclave refuses a hello; an enclave that waits for its endorsements does so")]
    Refused,
    /// What came is no answer to a hello.
    #[error("what listens there does not answer as an enclave does")]
    NotAnAnswer,
}

/// Whether what listens there takes a hello, within `limit`. That it has no place for a client (`full`) is an answer, too.
pub async fn probe(enclave: &Endpoint, limit: Duration) -> Result<(), ProbeError> {
    let silent = ProbeError::Silent { after: limit };
    timeout(limit, ask(enclave)).await.unwrap_or(Err(silent))
}

/// How long the payload is that this header announces, if it is that of an answer or of `full`.
pub fn answer_length(header: [u8; 8]) -> Result<u32, ProbeError> {
    let [kind, version, reserved @ .., l3, l2, l1, l0] = header;
    let length = u32::from_be_bytes([l3, l2, l1, l0]);
    match (kind, version, reserved) {
        (ANSWER, VERSION, [0, 0]) if length <= MAX_ANSWER => Ok(length),
        (FULL, VERSION, [0, 0]) if length == 0 => Ok(length),
        (REFUSAL, VERSION, [0, 0]) if length == 0 => Err(ProbeError::Refused),
        _ => Err(ProbeError::NotAnAnswer),
    }
}

const VERSION: u8 = 2;
const ANSWER: u8 = 2;
const REFUSAL: u8 = 5;
const FULL: u8 = 6;

async fn ask(enclave: &Endpoint) -> Result<(), ProbeError> {
    let mut stream = connect_within(enclave, ATTEMPT_TIMEOUT).await?;
    stream.write_all(&PROBE_HELLO).await?;
    stream.flush().await?;
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    let length = answer_length(header)?.into();
    discard(&mut stream, length).await?;
    // The enclave waits for a key message now, and holds a place for it: it is told at once that none will come.
    let _ = stream.shutdown().await;
    Ok(())
}

/// Reads the answer to its end, so that the enclave is not left in the middle of a write.
async fn discard(stream: &mut Stream, length: u64) -> io::Result<()> {
    match copy(&mut stream.take(length), &mut sink()).await? {
        read if read == length => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_what_is_none() {
        let header = |kind, length: u32| {
            let [l3, l2, l1, l0] = length.to_be_bytes();
            [kind, 2, 0, 0, l3, l2, l1, l0]
        };
        assert_eq!(answer_length(header(2, MAX_ANSWER)).unwrap(), MAX_ANSWER);
        assert_eq!(answer_length(header(6, 0)).unwrap(), 0);
        let refused = answer_length(header(5, 0)).unwrap_err();
        assert!(matches!(refused, ProbeError::Refused));
        for wrong in [
            header(2, MAX_ANSWER + 1),
            header(6, 1),
            header(5, 1),
            header(1, 40),
            [2, 1, 0, 0, 0, 0, 0, 9],
            [2, 2, 1, 0, 0, 0, 0, 9],
            [2, 2, 0, 1, 0, 0, 0, 9],
            *b"HTTP/1.1",
        ] {
            let error = answer_length(wrong).unwrap_err();
            assert!(matches!(error, ProbeError::NotAnAnswer), "{wrong:?}");
        }
    }
}
