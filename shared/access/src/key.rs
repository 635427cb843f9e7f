//! A key pair, as files and policies have it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::signature::{self, EXPORTED_LEN, Role, SIGNATURE_LEN};

const PREFIX: &str = "ed25519:";

/// Who signs. Written as `ed25519:` and the key's 32 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The other half. Erased on drop.
pub struct PrivateKey(SigningKey);

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// Another form.
    #[error(
        "a public key is written as ed25519: and 44 characters of base64, as `sealnote key show` prints it"
    )]
    Form,
    /// Right in form, and not a key that anybody could sign with.
    #[error(
        "the 32 bytes are no Ed25519 public key, or one of small order, under which anybody can sign"
    )]
    Point,
}

/// Why a text is no private key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "this is no Ed25519 private key in PKCS#8 PEM (\"BEGIN PRIVATE KEY\"), as `sealnote key new` and \
     `openssl genpkey -algorithm ed25519` write it"
)]
pub struct KeyFileError;

impl PublicKey {
    /// The key with these bytes (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`PublicKeyError::Point`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(PublicKeyError::Point),
        }
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether this key signed in this role, in the session that exported `exported`, this message. A client signs no
    /// message.
    pub fn verify(
        &self,
        role: Role,
        exported: &[u8; EXPORTED_LEN],
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> bool {
        signature::verify(&self.0, role, exported, message, signature)
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|rest| {
            let bytes = STANDARD.decode(rest).ok()?;
            <[u8; 32]>::try_from(bytes).ok()
        });
        Self::from_bytes(&bytes.ok_or(PublicKeyError::Form)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PrivateKey {
    /// A fresh one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self(SigningKey::from_bytes(&seed))
    }

    /// Of a file in PKCS#8 PEM (RFC 8410).
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyFileError> {
        SigningKey::from_pkcs8_pem(pem)
            .map(Self)
            .map_err(|_| KeyFileError)
    }

    /// As a file holds it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        match self.0.to_pkcs8_pem(LineEnding::LF) {
            Ok(pem) => pem,
            Err(error) => unreachable!("48 bytes are always encoded: {error}"),
        }
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs in a role, in the session that exported `exported`. A client signs no message.
    pub fn sign(
        &self,
        role: Role,
        exported: &[u8; EXPORTED_LEN],
        message: &[u8],
    ) -> [u8; SIGNATURE_LEN] {
        signature::sign(&self.0, role, exported, message)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;

    use super::*;

    fn key() -> PrivateKey {
        PrivateKey::generate(&mut UnwrapErr(SysRng))
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = key();
        let read = PrivateKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(read.public(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }

    /// RFC 8410 has this private key (§10.3) and its public half (§10.1).
    #[test]
    fn the_key_of_rfc_8410() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let key = PrivateKey::from_pem(pem).unwrap();
        let public = "ed25519:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
        assert_eq!(key.public().to_string(), public);
    }

    #[test]
    fn other_texts_are_no_keys() {
        let text = key().public().to_string();
        let wrong = [
            "",
            "ed25519:",
            &text[1..],
            &text[..text.len() - 1],
            &text.replace("ed25519:", "ED25519:"),
            &format!("{text} "),
        ];
        for wrong in wrong {
            assert_eq!(
                wrong.parse::<PublicKey>(),
                Err(PublicKeyError::Form),
                "{wrong}"
            );
        }
        // The neutral element, of order 1, and bytes that are no point.
        let mut small = [0; 32];
        small[0] = 1;
        for bytes in [small, [0; 32], [2; 32]] {
            let text = format!("{PREFIX}{}", STANDARD.encode(bytes));
            assert_eq!(text.parse::<PublicKey>(), Err(PublicKeyError::Point));
        }
    }

    #[test]
    fn a_signature_is_of_one_key_role_session_and_message() {
        let (key, other) = (key(), key());
        let (exported, message) = ([3; 32], b"message");
        let signature = key.sign(Role::Releaser, &exported, message);
        let public = key.public();
        assert!(public.verify(Role::Releaser, &exported, message, &signature));
        assert!(!public.verify(Role::Client, &exported, message, &signature));
        assert!(!public.verify(Role::Releaser, &[4; 32], message, &signature));
        assert!(!public.verify(Role::Releaser, &exported, b"another", &signature));
        assert!(
            !other
                .public()
                .verify(Role::Releaser, &exported, message, &signature)
        );
        for bit in 0..8 * SIGNATURE_LEN {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !public.verify(Role::Releaser, &exported, message, &changed),
                "bit {bit}"
            );
        }
    }
}
