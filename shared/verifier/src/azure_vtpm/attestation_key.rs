//! V4, and the signature of V6: the vTPM's attestation key, as `var_data` has it (a JWK, RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::BoxedUint;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use serde::Deserialize;
use sha2::Sha256;

use super::checks;
use crate::check::Check;

/// The name that the paravisor gives the key.
const KEY_ID: &str = "HCLAkPub";

const MODULUS_LEN: usize = 256;
const MODULUS_BITS: u32 = 2048;

/// 65537 in base64url, which has one way to write it.
const PUBLIC_EXPONENT: &str = "AQAB";

/// `var_data` without the one key that is due.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not JSON with keys.
    #[error("var_data is not a JSON object with a list of keys")]
    VarData,
    /// None, or several, which could be told apart by nothing.
    #[error("var_data has {found} keys named {KEY_ID}, not one")]
    Count {
        /// How many.
        found: usize,
    },
    /// Another kind of key.
    #[error("the attestation key is not an RSA key of {MODULUS_BITS} bits for signatures")]
    Unfit,
}

impl KeyError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        checks::V4
    }
}

/// The vTPM's attestation key.
pub(super) struct AttestationKey(VerifyingKey<Sha256>);

#[derive(Deserialize)]
struct VarData {
    keys: Vec<Jwk>,
}

/// The paravisor's other keys may be of any kind.
#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: Option<String>,
    key_ops: Option<Vec<String>>,
    e: Option<String>,
    n: Option<String>,
}

impl AttestationKey {
    /// V4.
    pub(super) fn from_var_data(var_data: &[u8]) -> Result<Self, KeyError> {
        let VarData { mut keys } =
            serde_json::from_slice(var_data).map_err(|_| KeyError::VarData)?;
        keys.retain(|key| key.kid == KEY_ID);
        match keys.as_slice() {
            [key] => key.read().ok_or(KeyError::Unfit),
            keys => Err(KeyError::Count { found: keys.len() }),
        }
    }

    /// Whether this key signed the message: RSASSA-PKCS1-v1_5 with SHA-256, the one scheme that Azure's key has. The
    /// evidence has no say in it.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == MODULUS_LEN
            && Signature::try_from(signature)
                .is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl Jwk {
    fn read(&self) -> Option<AttestationKey> {
        let is_rsa = self.kty.as_deref() == Some("RSA");
        let signs_alone = self.key_ops.as_deref()? == ["sign"];
        let modulus = URL_SAFE_NO_PAD.decode(self.n.as_ref()?).ok()?;
        if !is_rsa || !signs_alone || self.e.as_deref() != Some(PUBLIC_EXPONENT) {
            return None;
        }
        let modulus = BoxedUint::from_be_slice(&modulus, MODULUS_BITS).ok()?;
        // The highest bit too: a shorter modulus is another, weaker key.
        if modulus.bit_width() != MODULUS_BITS {
            return None;
        }
        let key = rsa::PublicKey::new(modulus, BoxedUint::from(65537_u64)).ok()?;
        Some(AttestationKey(VerifyingKey::new(key)))
    }
}
