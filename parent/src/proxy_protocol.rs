//! PROXY protocol, version 2: whose connection it is, by the word of the proxy that it comes through.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, section 2.2. The header is a claim: whoever reaches the
//! listener can write one, so it is for a listener that nobody but the proxy reaches.

use std::{io, net::IpAddr};

use clap::ValueEnum;
use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Whether clients come through a proxy that says whose connection it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyProtocol {
    /// They come by themselves.
    #[default]
    Off,
    /// Each connection begins with a header of version 2, or is closed.
    V2,
}

/// Why there is no header. None of its bytes are in here.
#[derive(Debug, Error)]
pub(crate) enum HeaderError {
    #[error("the connection ended or failed within the PROXY header")]
    Ended(#[from] io::Error),
    #[error("the connection does not begin with a PROXY header of version 2")]
    NotVersion2,
    #[error("a PROXY header of {0} bytes; at most {MAX_HEADER} are taken")]
    TooLong(usize),
    #[error("a PROXY header with an unknown command or family, or too short for its addresses")]
    Malformed,
    #[error("a PROXY header for datagrams, on a stream")]
    Datagrams,
    #[error("the PROXY header did not come in time")]
    Late,
}

/// Reads the header, and no byte of what follows it: the address that the proxy gives for the client; none where it speaks
/// for itself (LOCAL, as in a health check), or knows no IP address.
pub(crate) async fn read_header(
    client: &mut (impl AsyncRead + Unpin),
) -> Result<Option<IpAddr>, HeaderError> {
    let mut header = [0; MAX_HEADER];
    client.read_exact(&mut header[..FIXED]).await?;
    if !header.starts_with(SIGNATURE) {
        return Err(HeaderError::NotVersion2);
    }
    let length = FIXED + usize::from(u16::from_be_bytes([header[14], header[15]]));
    let rest = header
        .get_mut(FIXED..length)
        .ok_or(HeaderError::TooLong(length))?;
    client.read_exact(rest).await?;
    source(&header[..length])
}

/// The most bytes of a header: the smallest segment that every TCP takes, into which the specification has it fit. The
/// longest addresses take 216 of them.
const MAX_HEADER: usize = 536;

/// Signature, version and command, family, and the length of the rest.
const FIXED: usize = 16;

/// Version 2, and the command for which the family and the addresses do not count.
const LOCAL: u8 = 0x20;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn source(header: &[u8]) -> Result<Option<IpAddr>, HeaderError> {
    if header[FIXED - 4] == LOCAL {
        return Ok(None);
    }
    let config = ParseConfig {
        include_tlvs: false,
        allow_v1: false,
        allow_v2: true,
    };
    let (header, _) = ProxyHeader::parse(header, config).map_err(|_| HeaderError::Malformed)?;
    match header.proxied_address() {
        Some(address) if address.protocol == Protocol::Stream => Ok(Some(address.source.ip())),
        Some(_) => Err(HeaderError::Datagrams),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEHIND: &[u8] = b"what follows";

    #[tokio::test]
    async fn any_byte_may_be_another_and_nothing_behind_the_header_is_read() {
        let headers = [
            (0x21, 0x11, 12),
            (0x21, 0x21, 36),
            (0x21, 0x31, 216),
            (0x20, 0, 0),
        ];
        for (command, family, length) in headers {
            let mut header = [SIGNATURE, &[command, family, 0, length]].concat();
            header.extend(1..=length);
            for place in 0..header.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = header.clone();
                    changed[place] = byte;
                    let declared =
                        FIXED + usize::from(changed[14]) * 256 + usize::from(changed[15]);
                    let sent = [&changed, BEHIND].concat();
                    let mut rest = &sent[..];
                    match read_header(&mut rest).await {
                        Ok(_) => assert_eq!(rest.len(), sent.len() - declared),
                        Err(HeaderError::NotVersion2) => assert!(place < SIGNATURE.len()),
                        Err(HeaderError::TooLong(length)) => assert_eq!(length, declared),
                        Err(HeaderError::Ended(_)) => assert!(declared > sent.len()),
                        Err(_) => assert!((12..16).contains(&place), "byte {place} is {byte}"),
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn a_header_is_taken_whole_or_not_at_all() {
        let mut header = [SIGNATURE, &[0x21, 0x11, 0, 12]].concat();
        header.extend([192, 0, 2, 1, 127, 0, 0, 1, 0, 80, 1, 187]);
        for length in 0..header.len() {
            let ended = read_header(&mut &header[..length]).await;
            assert!(matches!(ended, Err(HeaderError::Ended(_))), "{length}");
        }
        let source = read_header(&mut &header[..]).await.unwrap();
        assert_eq!(source, Some([192, 0, 2, 1].into()));
    }
}
