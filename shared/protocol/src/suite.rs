//! Suites: how a session's secret is established. PROTOCOL.md, "Keys".
//!
//! A file a suite. Each gives the client a public key that encapsulates a secret, and the enclave a
//! private one that opens what came, or draws a secret in its place. A new one is registered here.

pub mod rsa_oaep;
pub mod xwing;

use std::collections::BTreeMap;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
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

/// The session's 32-byte secret, before the key schedule. On the heap and never moved from there, so that erasing it
/// on drop erases all of it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub(crate) Box<[u8; 32]>);

impl Secret {
    /// One that nobody else has: what the enclave goes on with where a key message does not open.
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Self::zero();
        rng.fill_bytes(&mut secret.0[..]);
        secret
    }

    /// To be filled.
    pub(crate) fn zero() -> Self {
        Self(Box::new([0; 32]))
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

/// What the claims state of each suite's key, by the suite's number; of suites that are not known here too.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct KeyMaterial(#[n(0)] BTreeMap<u16, ByteVec>);

/// An enclave's keys that last a boot, for the suites that have such.
#[derive(Debug)]
pub struct BootKeys {
    rsa_oaep: Option<rsa_oaep::PrivateKey>,
}

/// An enclave's keys for one connection, for the suites that have such: consumed by the one message that they open.
#[derive(Debug)]
pub struct ConnectionKeys {
    xwing: xwing::DecapsulationKey,
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

impl KeyMaterial {
    /// Of these suites.
    pub fn new<'a>(suites: impl IntoIterator<Item = (Suite, &'a [u8])>) -> Self {
        let suites = suites.into_iter();
        Self(
            suites
                .map(|(suite, bytes)| (suite.id(), bytes.to_vec().into()))
                .collect(),
        )
    }

    /// That of a suite; `None` if it is not claimed.
    pub fn of(&self, suite: Suite) -> Option<&[u8]> {
        self.0.get(&suite.id()).map(|bytes| bytes.as_slice())
    }

    pub(crate) fn is_in_range(&self) -> bool {
        let lengths = self
            .0
            .values()
            .all(|bytes| (1..=2048).contains(&bytes.len()));
        (1..=16).contains(&self.0.len()) && !self.0.contains_key(&0) && lengths
    }

    pub(crate) fn public_keys(
        &self,
        evidence_key: Option<&[u8]>,
    ) -> Result<Vec<PublicKey>, KeyError> {
        let rsa_oaep = rsa_oaep::PublicKey::of(self.of(Suite::RsaOaep), evidence_key)?;
        let xwing = self
            .of(Suite::XWing)
            .map(xwing::EncapsulationKey::from_bytes);
        let keys = [
            rsa_oaep.map(PublicKey::RsaOaep),
            xwing
                .transpose()?
                .map(|key| PublicKey::XWing(Box::new(key))),
        ];
        Ok(keys.into_iter().flatten().collect())
    }
}

impl BootKeys {
    /// With a key of suite 1, or of an image without suite 1: then it is neither claimed nor spoken, and the
    /// evidence holds no key.
    pub fn new(rsa_oaep: Option<rsa_oaep::PrivateKey>) -> Self {
        Self { rsa_oaep }
    }

    /// The public key that the evidence must hold, as SubjectPublicKeyInfo.
    pub fn evidence_key(&self) -> Option<&[u8]> {
        self.rsa_oaep.as_ref().map(|key| key.spki())
    }

    /// What no connection has, of the lengths that all have: to see whether claims can be made.
    pub(crate) fn sample_material(&self) -> KeyMaterial {
        self.material_with(&[0; xwing::ENCAPSULATION_KEY_LEN])
    }

    fn material_with(&self, xwing: &[u8]) -> KeyMaterial {
        let rsa_oaep = self.evidence_key().map(rsa_oaep::material);
        let suites = [
            rsa_oaep
                .as_ref()
                .map(|digest| (Suite::RsaOaep, &digest[..])),
            Some((Suite::XWing, xwing)),
        ];
        KeyMaterial::new(suites.into_iter().flatten())
    }

    /// Whether a session of this suite can be had, whatever a client offers.
    pub(crate) fn speaks(&self, suite: Suite) -> bool {
        match suite {
            Suite::RsaOaep => self.rsa_oaep.is_some(),
            Suite::XWing => true,
        }
    }
}

impl ConnectionKeys {
    /// Draws them. Of all suites, whatever a client offers: the claims are the same for all.
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Self {
        Self {
            xwing: xwing::DecapsulationKey::generate(rng),
        }
    }

    /// What to claim.
    pub(crate) fn material(&self, boot: &BootKeys) -> KeyMaterial {
        boot.material_with(self.xwing.encapsulation_key())
    }

    /// Opens an encapsulated secret, or draws one in its place; `None` if the suite is not spoken.
    pub(crate) fn open(
        self,
        suite: Suite,
        sealed: &[u8],
        boot: &BootKeys,
        transcript: &Transcript,
        rng: &mut impl CryptoRng,
    ) -> Option<Secret> {
        match suite {
            Suite::RsaOaep => Some(boot.rsa_oaep.as_ref()?.open(sealed, rng)),
            Suite::XWing => Some(self.xwing.open(sealed, transcript, rng)),
        }
    }
}
