//! Suites: how a session's secret is established. PROTOCOL.md, "Keys".
//!
//! A file a suite. Each gives the client a public key that encapsulates a secret, and the enclave a
//! private one that opens what came, or draws a secret in its place.

pub mod rsa_oaep;
pub mod xwing;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::session::Transcript;

/// A suite that this implementation speaks. A greater one is a stronger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Suite {
    /// RSA-3072 OAEP-SHA256, one key a boot. No forward secrecy.
    RsaOaep = 1,
    /// X-Wing (ML-KEM-768 and X25519), one key a connection.
    XWing = 2,
}

impl Suite {
    /// Every suite known here, weakest first.
    pub const ALL: [Self; 2] = [Self::RsaOaep, Self::XWing];

    /// The weakest suite that a client accepts unless its policy says otherwise.
    pub const DEFAULT_LEAST: Self = Self::XWing;

    /// The first of them.
    pub const WEAKEST: Self = Self::ALL[0];

    /// The number on the wire.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The suite of a number, if it is one known here.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The name for people, as `X-Wing`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::XWing => "X-Wing",
        }
    }

    /// What is said of its secrecy, in a few words.
    pub const fn secrecy(self) -> &'static str {
        match self {
            Self::RsaOaep => "no forward secrecy",
            Self::XWing => "forward secrecy, also against quantum computers",
        }
    }
}

impl core::fmt::Display for Suite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({}): {}", self.id(), self.name(), self.secrecy())
    }
}

/// The session's 32-byte secret, before the key schedule.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub(crate) [u8; 32]);

impl Secret {
    /// One that nobody else has: what the enclave goes on with where a key message does not open.
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Self([0; 32]);
        rng.fill_bytes(&mut secret.0);
        secret
    }
}

/// Why bytes are not a public key of a suite, or a key cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Suite 1.
    #[error(transparent)]
    RsaOaep(#[from] rsa_oaep::KeyError),
    /// Suite 2.
    #[error(transparent)]
    XWing(#[from] xwing::KeyError),
}

/// The enclave's public key for one session, as the client found it in evidence and claims.
#[derive(Debug)]
pub enum PublicKey {
    /// Suite 1.
    RsaOaep(rsa_oaep::PublicKey),
    /// Suite 2.
    XWing(Box<xwing::EncapsulationKey>),
}

impl PublicKey {
    /// The suite that it belongs to.
    pub fn suite(&self) -> Suite {
        match self {
            Self::RsaOaep(_) => Suite::RsaOaep,
            Self::XWing(_) => Suite::XWing,
        }
    }

    /// Draws a secret, and what to send for it. `transcript` has the frames so far: hello and answer.
    pub fn encapsulate(
        &self,
        transcript: &Transcript,
        rng: &mut impl CryptoRng,
    ) -> Result<(Secret, Vec<u8>), KeyError> {
        match self {
            Self::RsaOaep(key) => Ok(key.seal(rng)?),
            Self::XWing(key) => Ok(key.encapsulate(transcript, rng)?),
        }
    }
}
