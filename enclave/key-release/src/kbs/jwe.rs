//! The key of one run, and the one message that it opens. Check K10.
//!
//! A KBS encrypts what it releases as a JWE (RFC 7516, flattened JSON) to the key that the evidence is bound to, by the
//! algorithm that the key names. There is one: [`ALGORITHM`] on P-256 with [`ENCRYPTION`], the default of Confidential
//! Containers' own client. P-256 and not RSA, whose decryption has a time that depends on the key, and whose keys take
//! seconds to make.
//!
//! Nothing is negotiated and nothing is optional: a header with another algorithm, a compression (`zip`), an extension
//! (`crit`), party info or any other member is refused, whatever it encrypts.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use aes_kw::KwAes256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::{FromSec1Point, ToSec1Point};
use p256::{PublicKey, Sec1Point, SecretKey};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// How the content's key is wrapped (RFC 7518, section 4.6): `alg`.
pub const ALGORITHM: &str = "ECDH-ES+A256KW";
/// How the content is encrypted (RFC 7518, section 5.3): `enc`.
pub const ENCRYPTION: &str = "A256GCM";

const CURVE: &str = "P-256";
const KEY_TYPE: &str = "EC";
const COORDINATE_LEN: usize = 32;
const CONTENT_KEY_LEN: usize = 32;
/// RFC 3394 adds eight bytes.
const WRAPPED_LEN: usize = CONTENT_KEY_LEN + 8;
const IV_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// The private key of one run: drawn for it, and used up by the one message that it opens.
pub struct TeeKey(SecretKey);

/// A public key as a KBS takes it (RFC 7517). Members in the order of their names, as RFC 8785 wants them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    alg: &'static str,
    crv: &'static str,
    kty: &'static str,
    x: String,
    y: String,
}

/// Why a JWE is not opened.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JweError {
    /// Another form.
    #[error("it is no flattened JWE of protected, encrypted_key, iv, ciphertext and tag alone")]
    Form,
    /// The header has other members.
    #[error("its header is not of alg, enc and epk alone, and epk of kty, crv, x and y")]
    Header,
    /// Another algorithm than the key's.
    #[error("its alg is not {ALGORITHM}, which was asked for")]
    Algorithm,
    /// Another cipher.
    #[error("its enc is not {ENCRYPTION}")]
    Encryption,
    /// The sender's key is none.
    #[error("its epk is no point of P-256")]
    Point,
    /// A part has another length.
    #[error("its {part} has not {expected} bytes")]
    Length {
        /// The part.
        part: &'static str,
        /// How many bytes there must be.
        expected: usize,
    },
    /// It does not open: it is to another key, or was changed.
    #[error("it does not open by this run's key: it was made for another, or changed on the way")]
    Opens,
}

impl TeeKey {
    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretKey::generate_from_rng(rng))
    }

    /// Its public half.
    pub fn public(&self) -> PublicJwk {
        let point = self.0.public_key().to_sec1_point(false);
        let bytes = point.as_bytes();
        // 0x04, x, y.
        let (x, y) = bytes[1..].split_at(COORDINATE_LEN);
        PublicJwk {
            alg: ALGORITHM,
            crv: CURVE,
            kty: KEY_TYPE,
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        }
    }

    /// Opens `jwe`. The key is gone afterwards, whether it opened or not.
    ///
    /// # Errors
    /// Any deviation from the one form.
    pub fn open(self, jwe: &[u8]) -> Result<Zeroizing<Vec<u8>>, JweError> {
        let jwe: Jwe<'_> = serde_json::from_slice(jwe).map_err(|_| JweError::Form)?;
        let sender = sender(jwe.protected)?;
        let mut wrapped = [0; WRAPPED_LEN];
        decode(jwe.encrypted_key, &mut wrapped, "encrypted_key")?;
        let mut iv = [0; IV_LEN];
        decode(jwe.iv, &mut iv, "iv")?;
        let mut tag = [0; TAG_LEN];
        decode(jwe.tag, &mut tag, "tag")?;
        let mut content = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(jwe.ciphertext)
                .map_err(|_| JweError::Form)?,
        );

        let shared = self.0.diffie_hellman(&sender);
        let wrapping = concat_kdf::<32>(shared.raw_secret_bytes(), ALGORITHM, b"", b"");
        let mut key = Zeroizing::new([0; CONTENT_KEY_LEN]);
        KwAes256::new((&*wrapping).into())
            .unwrap_key(&wrapped, &mut *key)
            .map_err(|_| JweError::Opens)?;
        // The header is authenticated as it came, not as it was understood.
        Aes256Gcm::new((&*key).into())
            .decrypt_inout_detached(
                &iv.into(),
                jwe.protected.as_bytes(),
                content.as_mut_slice().into(),
                &tag.into(),
            )
            .map_err(|_| JweError::Opens)?;
        Ok(content)
    }
}

/// RFC 7516, section 7.2.2, without what is optional: `aad`, `header` and `unprotected` are no part of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwe<'a> {
    protected: &'a str,
    encrypted_key: &'a str,
    iv: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    epk: Option<Epk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Epk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

/// The sender's public key: a point of the curve, and not the one at infinity, which has no coordinates.
fn sender(protected: &str) -> Result<PublicKey, JweError> {
    let json = URL_SAFE_NO_PAD
        .decode(protected)
        .map_err(|_| JweError::Header)?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| JweError::Header)?;
    if header.alg != ALGORITHM {
        return Err(JweError::Algorithm);
    }
    if header.enc != ENCRYPTION {
        return Err(JweError::Encryption);
    }
    let epk = header.epk.ok_or(JweError::Header)?;
    if epk.kty != KEY_TYPE || epk.crv != CURVE {
        return Err(JweError::Point);
    }
    let (mut x, mut y) = ([0; COORDINATE_LEN], [0; COORDINATE_LEN]);
    decode(&epk.x, &mut x, "epk's x")?;
    decode(&epk.y, &mut y, "epk's y")?;
    let point = Sec1Point::from_affine_coordinates(&x.into(), &y.into(), false);
    Option::from(PublicKey::from_sec1_point(&point)).ok_or(JweError::Point)
}

fn decode(text: &str, to: &mut [u8], part: &'static str) -> Result<(), JweError> {
    let expected = to.len();
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| JweError::Form)?;
    if bytes.len() != expected {
        return Err(JweError::Length { part, expected });
    }
    to.copy_from_slice(&bytes);
    Ok(())
}

/// The Concat KDF of NIST SP 800-56A with SHA-256, as RFC 7518, section 4.6.2 uses it, for up to one digest.
///
/// Crate `concat-kdf` is on the hash traits of a generation ago.
fn concat_kdf<const LEN: usize>(
    shared: &[u8],
    algorithm: &str,
    party_u: &[u8],
    party_v: &[u8],
) -> Zeroizing<[u8; LEN]> {
    const { assert!(LEN <= 32, "one round gives 32 bytes") };
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(shared);
    for info in [algorithm.as_bytes(), party_u, party_v] {
        // Each is shorter than a header, which is shorter than an answer.
        hash.update((info.len() as u32).to_be_bytes());
        hash.update(info);
    }
    hash.update((LEN as u32 * 8).to_be_bytes());
    let digest = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
    let mut key = Zeroizing::new([0; LEN]);
    key.copy_from_slice(&digest[..LEN]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518, appendix C: another algorithm, party info, and half the length.
    #[test]
    fn concat_kdf_is_that_of_the_rfc() {
        let shared = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49,
            110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let derived = concat_kdf::<16>(&shared, "A128GCM", b"Alice", b"Bob");
        assert_eq!(URL_SAFE_NO_PAD.encode(*derived), "VqqN6vgjbSBcIijNcacQGg");
    }

    /// Made by joserfc 1.6.5; tests/kbs/README.md says how.
    #[test]
    fn another_implementations_message_is_opened() {
        let private: Vec<u8> = (1..=32).collect();
        let key = TeeKey(SecretKey::from_slice(&private).unwrap());
        assert_eq!(
            serde_json::to_string(&key.public()).unwrap(),
            r#"{"alg":"ECDH-ES+A256KW","crv":"P-256","kty":"EC","x":"UVw9brnjlrkE0_7Kf1T9zQzB6Ze_N13KUVrQpsO0A18","y":"RTa-OlDzGPv5pUdZAqIhUCvvDVfgjFOyzApW8X2fk1Q"}"#
        );
        let opened = key.open(include_bytes!("../../tests/kbs/joserfc.json"));
        assert_eq!(*opened.unwrap(), (0xa0..0xc0).collect::<Vec<u8>>());
    }
}
