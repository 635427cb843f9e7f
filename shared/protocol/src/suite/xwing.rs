//! Suite 2: X-Wing as a key encapsulation, through HPKE. PROTOCOL.md, "Suite 2: X-Wing".
//!
//! draft-connolly-cfrg-xwing-kem (ML-KEM-768 of FIPS 203, and X25519); RFC 9180 and
//! draft-ietf-hpke-pq: mode Base, KEM 0x647a, HKDF-SHA256, export only.

use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Secret;
use crate::erase::erasing_stack;
use crate::session::Transcript;

/// Length of an encapsulation key in bytes.
pub const ENCAPSULATION_KEY_LEN: usize = 1216;

/// Length of an encapsulated secret in bytes.
pub const ENCAPSULATED_LEN: usize = 1120;

const DECAPSULATION_KEY_LEN: usize = 32;

const INFO_LABEL: &[u8] = b"sealnote/2 suite2\0";
const SECRET_LABEL: &[u8] = b"sealnote/2 suite2 secret";

/// Why an encapsulation key cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Another length than [`ENCAPSULATION_KEY_LEN`].
    #[error("the X-Wing encapsulation key has {0} bytes, not {ENCAPSULATION_KEY_LEN}")]
    Length(usize),
    /// The ML-KEM part fails the modulus check of FIPS 203 §7.2.
    #[error("the X-Wing encapsulation key is invalid: a coefficient is not reduced")]
    Modulus,
    /// HPKE failed, which it has no reason to.
    #[error("no secret could be encapsulated to the X-Wing key")]
    Encapsulation,
}

/// The enclave's key for one connection, consumed by the one message that it opens.
///
/// On the heap and never moved from there, so that erasing it on drop erases all of it.
pub struct DecapsulationKey {
    seed: Box<Zeroizing<[u8; DECAPSULATION_KEY_LEN]>>,
    encapsulation_key: Vec<u8>,
}

impl DecapsulationKey {
    /// Draws a key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Box::new(Zeroizing::new([0; DECAPSULATION_KEY_LEN]));
        rng.fill_bytes(&mut seed[..]);
        let encapsulation_key =
            erasing_stack(|| XWing::sk_to_pk(&expand(&seed)).to_bytes().to_vec());
        Self {
            seed,
            encapsulation_key,
        }
    }

    /// What the claims state: [`ENCAPSULATION_KEY_LEN`] bytes.
    pub fn encapsulation_key(&self) -> &[u8] {
        &self.encapsulation_key
    }

    /// Opens an encapsulated secret, or draws one: a client that sent something else learns nothing from
    /// the difference but that its session does not work. `transcript` has hello and answer.
    pub fn open(self, sealed: &[u8], transcript: &Transcript, rng: &mut impl CryptoRng) -> Secret {
        let mut secret = Secret::draw(rng);
        erasing_stack(|| {
            if let Ok(encapsulated) = Deserializable::from_bytes(sealed)
                && let Ok(context) = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(
                    &OpModeR::Base,
                    &expand(&self.seed),
                    &encapsulated,
                    &info(transcript),
                )
            {
                let mut exported = Zeroizing::new([0; 32]);
                if context.export(SECRET_LABEL, &mut exported[..]).is_ok() {
                    *secret.0 = *exported;
                }
            }
        });
        secret
    }
}

impl core::fmt::Debug for DecapsulationKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DecapsulationKey(redacted)")
    }
}

/// The enclave's key for one connection, as the client uses it.
#[derive(Debug)]
pub struct EncapsulationKey(<XWing as Kem>::PublicKey);

impl EncapsulationKey {
    /// Reads the claims' key material, and checks it as FIPS 203 §7.2 demands.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != ENCAPSULATION_KEY_LEN {
            return Err(KeyError::Length(bytes.len()));
        }
        match Deserializable::from_bytes(bytes) {
            Ok(key) => Ok(Self(key)),
            Err(_) => Err(KeyError::Modulus),
        }
    }

    /// Draws a secret, and what to send for it: 64 bytes of `rng`, 32 for ML-KEM, then 32 for X25519.
    pub(super) fn encapsulate(
        &self,
        transcript: &Transcript,
        rng: &mut impl CryptoRng,
    ) -> Result<(Secret, Vec<u8>), KeyError> {
        let (encapsulated, context) = hpke::setup_sender_with_rng::<
            ExportOnlyAead,
            HkdfSha256,
            XWing,
        >(&OpModeS::Base, &self.0, &info(transcript), rng)
        .map_err(|_| KeyError::Encapsulation)?;
        let mut secret = Secret::zero();
        context
            .export(SECRET_LABEL, &mut secret.0[..])
            .map_err(|_| KeyError::Encapsulation)?;
        Ok((secret, encapsulated.to_bytes().to_vec()))
    }
}

fn expand(seed: &[u8; DECAPSULATION_KEY_LEN]) -> <XWing as Kem>::PrivateKey {
    match Deserializable::from_bytes(seed) {
        Ok(key) => key,
        Err(_) => unreachable!("any 32 bytes are an X-Wing decapsulation key"),
    }
}

fn info(transcript: &Transcript) -> Vec<u8> {
    [INFO_LABEL, &transcript.hash()].concat()
}
