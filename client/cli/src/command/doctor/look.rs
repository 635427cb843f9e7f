//! What a server that is no Sealnote server looks like, from the first bytes that it says. They are compared, and not
//! shown.

use std::time::Duration;

use sealnote_transport::{Endpoint, connect_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long a server may think before it speaks.
const BANNER: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Http,
    Tls,
    Ssh,
    /// It says something else before it is asked.
    SpeaksFirst,
    /// It answers something else.
    Other,
    /// It ends the connection.
    Closes,
    Silent,
    Gone,
}

impl Look {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Http => "it speaks HTTP",
            Self::Tls => "it speaks TLS",
            Self::Ssh => "it speaks SSH",
            Self::SpeaksFirst => "it speaks before it is asked, as no Sealnote server does",
            Self::Other => "it answers in a protocol that is not known here",
            Self::Closes => "it takes the connection and closes it",
            Self::Silent => "it takes the connection and says nothing",
            Self::Gone => "it cannot be reached any more",
        }
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Http | Self::Tls | Self::Ssh | Self::SpeaksFirst | Self::Other => {
                "the address is another service's: look at the port. A proxy on the way must pass bytes as they are, \
                 without TLS or HTTP of its own"
            }
            Self::Closes | Self::Gone => {
                "a parent does so whose enclave does not run or still boots, or whose places are all taken: look at its \
                 log for dial_failures and refusals, and try again"
            }
            Self::Silent => {
                "the enclave may be overloaded, or something on the way swallows what is sent"
            }
        }
    }
}

/// Connects once more, listens, and then asks as a browser would: in the clear, and by TLS.
pub(super) async fn look(server: &Endpoint, patience: Duration) -> Look {
    match ask(server, patience, b"GET / HTTP/1.0\r\n\r\n").await {
        // Some that speak TLS do so without a word.
        Look::Closes => match ask(server, patience, &CLIENT_HELLO).await {
            Look::Tls => Look::Tls,
            _ => Look::Closes,
        },
        look => look,
    }
}

/// One that every server of TLS answers, be it by an alert: TLS 1.2, one suite, a random of zeros (RFC 5246, section
/// 7.4.1.2).
const CLIENT_HELLO: [u8; 50] = {
    let mut hello = [0; 50];
    let header = [0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    let mut at = 0;
    while at < header.len() {
        hello[at] = header[at];
        at += 1;
    }
    // After 32 bytes of the random, and a session id of none.
    let suites = [0, 2, 0xc0, 0x2f, 1, 0];
    let mut at = 0;
    while at < suites.len() {
        hello[44 + at] = suites[at];
        at += 1;
    }
    hello
};

async fn ask(server: &Endpoint, patience: Duration, question: &[u8]) -> Look {
    let Ok(mut stream) = connect_within(server, patience).await else {
        return Look::Gone;
    };
    let mut said = [0; 16];
    match timeout(BANNER, stream.read(&mut said)).await {
        Ok(Ok(0) | Err(_)) => return Look::Closes,
        Ok(Ok(n)) if said[..n].starts_with(b"SSH-") => return Look::Ssh,
        Ok(Ok(_)) => return Look::SpeaksFirst,
        Err(_) => {}
    }
    if stream.write_all(question).await.is_err() {
        return Look::Closes;
    }
    match timeout(ANSWER.min(patience), stream.read(&mut said)).await {
        Ok(Ok(0) | Err(_)) => Look::Closes,
        Ok(Ok(n)) => of(&said[..n]),
        Err(_) => Look::Silent,
    }
}

fn of(said: &[u8]) -> Look {
    match said {
        [b'H', b'T', b'T', b'P', b'/', ..] => Look::Http,
        // An alert or a handshake of TLS: RFC 8446, section 5.1.
        [0x15 | 0x16, 0x03, ..] => Look::Tls,
        _ => Look::Other,
    }
}
