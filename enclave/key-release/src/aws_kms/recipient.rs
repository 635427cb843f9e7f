//! Whom KMS answers: an RSA key of its own for each request. Check K3.

use std::fmt;

use rand_core::CryptoRng;
use rsa::Oaep;
use rsa::pkcs8::EncodePublicKey;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use crate::evidence::{Evidence, EvidenceError};

/// Bits of its modulus: those of every genuine answer of KMS that there is to see. What the key guards is inside TLS still,
/// and the key is erased with the answer.
pub const MODULUS_BITS: usize = 2048;

const DOMAIN: &[u8] = b"sealnote kms\0";

/// A key for one answer: [`open`](Self::open) consumes it, and the key is erased.
pub(super) struct Recipient {
    key: rsa::PrivateKey,
    spki: Vec<u8>,
}

impl Recipient {
    /// Draws a key; takes a good part of a second.
    pub fn draw(rng: &mut impl CryptoRng) -> Option<Self> {
        let key = rsa::PrivateKey::new(rng, MODULUS_BITS).ok()?;
        let spki = key.as_public_key().to_public_key_der().ok()?;
        let spki = spki.into_vec();
        Some(Self { key, spki })
    }

    /// The document that tells KMS of this key, and is of use for `arn` alone.
    pub fn document(&self, arn: &str, evidence: &dyn Evidence) -> Result<Vec<u8>, EvidenceError> {
        evidence.nitro_document(&self.spki, &user_data(arn))
    }

    /// What was encrypted to this key: RSAES-OAEP, SHA-256, MGF1 of SHA-256, no label.
    pub fn open(self, sealed: &[u8], rng: &mut impl CryptoRng) -> Option<Zeroizing<Vec<u8>>> {
        // Blinded: the time that it takes says nothing of the key.
        let opened = self.key.decrypt_blinded(rng, Oaep::<Sha256>::new(), sealed);
        opened.ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(redacted)")
    }
}

/// A domain of its own: no document for KMS is one for a client, nor one for another KMS key.
fn user_data(arn: &str) -> [u8; 48] {
    let hash = Sha384::new().chain_update(DOMAIN).chain_update(arn);
    hash.finalize().into()
}
