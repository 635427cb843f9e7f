//! A KBS's encryption, written anew from RFC 7516 and RFC 7518, so that it can deviate: what is deviating is still
//! encrypted and authenticated as it says.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use aes_kw::KwAes256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use getrandom::SysRng;
use p256::elliptic_curve::Generate;
use p256::{PublicKey, SecretKey};
use rand_core::{Rng, UnwrapErr};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The five parts, decoded.
#[derive(Clone)]
pub struct Sealed {
    /// JSON.
    pub header: Vec<u8>,
    pub encrypted_key: Vec<u8>,
    pub iv: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub tag: Vec<u8>,
}

impl Sealed {
    /// `content` to `recipient`, under the header that `header` makes of the sender's public key.
    pub fn new(recipient: &PublicKey, content: &[u8], header: impl FnOnce(Value) -> Value) -> Self {
        let sender = SecretKey::generate_from_rng(&mut UnwrapErr(SysRng));
        let header = header(epk(&sender.public_key())).to_string().into_bytes();
        Self::by(&sender, recipient, content, header)
    }

    /// By this sender, under these bytes as the header, whatever they say.
    pub fn by(sender: &SecretKey, recipient: &PublicKey, content: &[u8], header: Vec<u8>) -> Self {
        let shared = sender.diffie_hellman(recipient);
        let mut info = vec![0, 0, 0, 1];
        info.extend_from_slice(shared.raw_secret_bytes());
        info.extend_from_slice(&[0, 0, 0, 14]);
        info.extend_from_slice(b"ECDH-ES+A256KW");
        info.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let wrapping: [u8; 32] = Sha256::digest(info).into();

        let (mut key, mut iv) = ([0; 32], [0; 12]);
        UnwrapErr(SysRng).fill_bytes(&mut key);
        UnwrapErr(SysRng).fill_bytes(&mut iv);
        let mut encrypted_key = [0; 40];
        KwAes256::new(&wrapping.into())
            .wrap_key(&key, &mut encrypted_key)
            .unwrap();
        let aad = BASE64.encode(&header);
        let payload = Payload {
            msg: content,
            aad: aad.as_bytes(),
        };
        let mut ciphertext = Aes256Gcm::new(&key.into())
            .encrypt(&Nonce::from(iv), payload)
            .unwrap();
        let tag = ciphertext.split_off(content.len());
        Self {
            header,
            encrypted_key: encrypted_key.to_vec(),
            iv: iv.to_vec(),
            ciphertext,
            tag,
        }
    }

    /// The form that Trustee sends.
    pub fn json(&self) -> Value {
        json!({
            "protected": BASE64.encode(&self.header),
            "encrypted_key": BASE64.encode(&self.encrypted_key),
            "iv": BASE64.encode(&self.iv),
            "ciphertext": BASE64.encode(&self.ciphertext),
            "tag": BASE64.encode(&self.tag),
        })
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.json().to_string().into_bytes()
    }
}

/// The header that Trustee makes.
pub fn header(epk: Value) -> Value {
    json!({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "epk": epk})
}

pub fn epk(key: &PublicKey) -> Value {
    use p256::elliptic_curve::sec1::ToSec1Point;
    let point = key.to_sec1_point(false);
    let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
    json!({"crv": "P-256", "kty": "EC", "x": BASE64.encode(x), "y": BASE64.encode(y)})
}

/// The key that a JWK says.
pub fn public_key(x: &str, y: &str) -> Option<PublicKey> {
    let (x, y) = (BASE64.decode(x).ok()?, BASE64.decode(y).ok()?);
    PublicKey::from_sec1_bytes(&[&[4], x.as_slice(), y.as_slice()].concat()).ok()
}
