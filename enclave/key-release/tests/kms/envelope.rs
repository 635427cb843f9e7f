//! CMS as KMS makes it, from bytes of our own: BER with indefinite lengths. Each part can be another one.

use aes::Aes256;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use getrandom::SysRng;
use rand_core::{Rng, UnwrapErr};
use rsa::pkcs8::DecodePublicKey;
use rsa::{Oaep, PublicKey};
use sha2::Sha256;

pub const ENVELOPED_DATA: &str = "06092a864886f70d010703";
pub const DATA: &str = "06092a864886f70d010701";
pub const OAEP: &str = "06092a864886f70d010107";
pub const AES_256_CBC: &str = "060960864801650304012a";
const SHA_256: &str = "300d06096086480165030402010500";
const MGF1: &str = "06092a864886f70d010108";

/// The parts, each as it stands in the message.
#[derive(Clone)]
pub struct Parts {
    pub outer_type: Vec<u8>,
    pub version: Vec<u8>,
    pub originator: Vec<u8>,
    /// How often the recipient is there.
    pub recipients: usize,
    pub recipient_tag: u8,
    pub recipient_version: Vec<u8>,
    pub name: Vec<u8>,
    pub key_algorithm: Vec<u8>,
    pub encrypted_key: Vec<u8>,
    pub content_type: Vec<u8>,
    pub content_algorithm: Vec<u8>,
    pub content: Option<Vec<u8>>,
    /// The content in pieces of so many bytes.
    pub pieces: usize,
    pub attributes: Vec<u8>,
}

impl Parts {
    /// Of an answer that carries `plaintext` to `spki`.
    pub fn sealed(plaintext: &[u8], spki: &[u8]) -> Self {
        let mut key = [0; 32];
        UnwrapErr(SysRng).fill_bytes(&mut key);
        Self::sealed_under(&key, plaintext, spki)
    }

    /// The same under a content key that is given, of any length.
    pub fn sealed_under(key: &[u8], plaintext: &[u8], spki: &[u8]) -> Self {
        let mut rng = UnwrapErr(SysRng);
        let mut iv = [0; 16];
        rng.fill_bytes(&mut iv);
        let cipher_key: [u8; 32] = std::array::from_fn(|i| key.get(i).copied().unwrap_or(0));
        let cipher = cbc::Encryptor::<Aes256>::new(&cipher_key.into(), &iv.into());
        let mut content = plaintext.to_vec();
        content.resize(plaintext.len() + 16, 0);
        let content = cipher.encrypt_padded::<Pkcs7>(&mut content, plaintext.len());
        let content = content.unwrap().to_vec();
        let recipient = PublicKey::from_public_key_der(spki).unwrap();
        let encrypted_key = recipient.encrypt(&mut rng, Oaep::<Sha256>::new(), key);
        Self::of(encrypted_key.unwrap(), &iv, content)
    }

    pub fn of(encrypted_key: Vec<u8>, iv: &[u8], content: Vec<u8>) -> Self {
        Self {
            outer_type: hex(ENVELOPED_DATA),
            version: hex("020102"),
            originator: vec![],
            recipients: 1,
            recipient_tag: 0x30,
            recipient_version: hex("020102"),
            name: tlv(0x80, &[0xab; 32]),
            key_algorithm: algorithm(OAEP, &oaep(SHA_256, &[])),
            encrypted_key: tlv(0x04, &encrypted_key),
            content_type: hex(DATA),
            content_algorithm: algorithm(AES_256_CBC, &tlv(0x04, iv)),
            content: Some(content),
            pieces: 1000,
            attributes: vec![],
        }
    }

    pub fn ber(&self) -> Vec<u8> {
        let recipient = [
            &self.recipient_version[..],
            &self.name,
            &self.key_algorithm,
            &self.encrypted_key,
        ];
        let recipient = tlv(self.recipient_tag, &recipient.concat());
        let recipients = tlv(0x31, &recipient.repeat(self.recipients));
        let content = self.content.as_ref().map(|content| {
            let pieces = content.chunks(self.pieces).map(|piece| tlv(0x04, piece));
            indefinite(0xa0, &pieces.collect::<Vec<_>>().concat())
        });
        let content = [
            &self.content_type[..],
            &self.content_algorithm,
            &content.unwrap_or_default(),
        ];
        let data = [
            &self.version[..],
            &self.originator,
            &recipients,
            &indefinite(0x30, &content.concat()),
            &self.attributes,
        ];
        let data = indefinite(0xa0, &indefinite(0x30, &data.concat()));
        indefinite(0x30, &[&self.outer_type[..], &data].concat())
    }
}

/// RSAES-OAEP's parameters: hash, MGF1 of SHA-256, and what follows.
pub fn oaep(hash: &str, label: &[u8]) -> Vec<u8> {
    let mask = tlv(0x30, &[hex(MGF1), hex(SHA_256)].concat());
    let parameters = [tlv(0xa0, &hex(hash)), tlv(0xa1, &mask), label.to_vec()];
    tlv(0x30, &parameters.concat())
}

pub fn algorithm(oid: &str, parameters: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&hex(oid)[..], parameters].concat())
}

pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let len = value.len();
    let head = match len {
        0..0x80 => vec![tag, len as u8],
        0x80..0x100 => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    [&head[..], value].concat()
}

pub fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn indefinite(tag: u8, value: &[u8]) -> Vec<u8> {
    [&[tag, 0x80][..], value, &[0, 0]].concat()
}
