//! Suite 1: RSA-3072 OAEP-SHA256 as a key encapsulation. PROTOCOL.md, "Suite 1: RSA-OAEP".

use rand_core::CryptoRng;
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey};
use rsa::sha2::{Digest, Sha256};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Oaep};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Secret;

/// Bits of the modulus; no other length is accepted.
pub const MODULUS_BITS: u32 = 3072;

/// Length of a sealed secret in bytes: that of the modulus.
pub const SEALED_LEN: usize = MODULUS_BITS as usize / 8;

const PUBLIC_EXPONENT: u64 = 65537;
const OAEP_LABEL: &[u8] = b"sealnote/2 suite1 secret";

/// Why there is no suite-1 key, or no secret sealed to it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a SubjectPublicKeyInfo of an RSA key in strict DER.
    #[error("the public key is not an RSA SubjectPublicKeyInfo in strict DER")]
    Encoding,
    /// Another modulus length.
    #[error("the RSA modulus has {0} bits, not {MODULUS_BITS}")]
    Modulus(u32),
    /// Another public exponent.
    #[error("the RSA public exponent is not {PUBLIC_EXPONENT}")]
    Exponent,
    /// The claims name a key, and the evidence has none.
    #[error("the claims name an RSA key, and the evidence carries none")]
    Missing,
    /// The evidence has a key, and the claims name none.
    #[error("the evidence carries a public key that its claims do not name")]
    Unclaimed,
    /// The evidence has another key than the claims name.
    #[error("the evidence's public key is not the one that its claims name")]
    NotClaimed,
    /// Not a PKCS #8 private key.
    #[error("the private key is not PKCS #8 of an RSA key")]
    Private,
    /// No key came of the random numbers.
    #[error("no RSA key of {MODULUS_BITS} bits could be drawn")]
    Generation,
    /// The encryption failed.
    #[error("the session's secret could not be encrypted to the RSA key")]
    Sealing,
}

/// The enclave's private key: one a boot, used for nothing else.
pub struct PrivateKey {
    key: rsa::PrivateKey,
    spki: Vec<u8>,
}

impl PrivateKey {
    /// Draws a key; takes about a second.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let key =
            rsa::PrivateKey::new(rng, MODULUS_BITS as usize).map_err(|_| KeyError::Generation)?;
        Self::from_rsa(key)
    }

    /// Reads a key from PKCS #8 DER: for test vectors. An enclave always generates its own.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_rsa(rsa::PrivateKey::from_pkcs8_der(der).map_err(|_| KeyError::Private)?)
    }

    fn from_rsa(key: rsa::PrivateKey) -> Result<Self, KeyError> {
        check(key.as_public_key())?;
        let spki = key.as_public_key().to_public_key_der();
        let spki = spki.map_err(|_| KeyError::Encoding)?.into_vec();
        Ok(Self { key, spki })
    }

    /// The public key as SubjectPublicKeyInfo, DER (RFC 5280 §4.1, RFC 8017 A.1).
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Opens a sealed secret, or draws one: a client that sealed badly learns nothing from the
    /// difference but that its session does not work.
    ///
    /// Off-spec: RFC 8017 §7.1.2 step 3g also checks that the first byte of the encoded message is
    /// zero; the `rsa` crate does not. The label hash and the separator are checked.
    pub fn open(&self, sealed: &[u8], rng: &mut impl CryptoRng) -> Secret {
        // Drawn before decryption, so that both outcomes take the same draws.
        let mut secret = Secret::draw(rng);
        let opened = self
            .key
            .decrypt_blinded(rng, oaep(), sealed)
            .map(Zeroizing::new);
        if let Ok(opened) = opened
            && opened.len() == secret.0.len()
        {
            secret.0.copy_from_slice(&opened);
        }
        secret
    }
}

impl core::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

/// The enclave's public key, as the client uses it.
#[derive(Clone, Debug)]
pub struct PublicKey(rsa::PublicKey);

/// What the claims state of a key: SHA-256 over its SubjectPublicKeyInfo.
pub fn material(spki: &[u8]) -> [u8; 32] {
    Sha256::digest(spki).into()
}

impl PublicKey {
    /// The key in the evidence, if and only if the claims name it.
    pub(super) fn of(
        claimed: Option<&[u8]>,
        evidence_key: Option<&[u8]>,
    ) -> Result<Option<Self>, KeyError> {
        match (claimed, evidence_key) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(KeyError::Missing),
            (None, Some(_)) => Err(KeyError::Unclaimed),
            (Some(claimed), Some(spki)) => {
                let key = Self::from_spki(spki)?;
                match claimed == material(spki) {
                    true => Ok(Some(key)),
                    false => Err(KeyError::NotClaimed),
                }
            }
        }
    }

    /// Parses a SubjectPublicKeyInfo strictly: DER, RSA, 3072 bits, e = 65537, nothing else.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let key = rsa::PublicKey::from_public_key_der(der).map_err(|_| KeyError::Encoding)?;
        check(&key)?;
        // Encoding again catches whatever a lenient decoder let pass.
        let again = key.to_public_key_der().map_err(|_| KeyError::Encoding)?;
        if again.as_bytes() != der {
            return Err(KeyError::Encoding);
        }
        Ok(Self(key))
    }

    /// Draws a secret and seals it: first 32 bytes of `rng` for the secret, then 32 for OAEP's seed.
    pub fn seal(&self, rng: &mut impl CryptoRng) -> Result<(Secret, Vec<u8>), KeyError> {
        let secret = Secret::draw(rng);
        let sealed = self.0.encrypt(rng, oaep(), &secret.0[..]);
        Ok((secret, sealed.map_err(|_| KeyError::Sealing)?))
    }
}

fn oaep() -> Oaep<Sha256> {
    Oaep::new_with_label(OAEP_LABEL)
}

fn check(key: &rsa::PublicKey) -> Result<(), KeyError> {
    match key.n().bit_width() {
        MODULUS_BITS => {}
        bits => return Err(KeyError::Modulus(bits)),
    }
    if *key.e() != BoxedUint::from(PUBLIC_EXPONENT) {
        return Err(KeyError::Exponent);
    }
    Ok(())
}
