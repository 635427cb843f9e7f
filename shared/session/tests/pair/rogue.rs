//! Section 5 and 6 of PROTOCOL.md, written a second time, for a peer that seals what it likes.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use hkdf::Hkdf;
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::Key;
use sealnote_protocol::suite::Suite;
use sha2::{Digest, Sha256};

/// The keys of a session whose secret is known.
pub struct Schedule {
    suite: u16,
    prk: [u8; 32],
}

/// The secret of a session of suite 2, by HPKE as section 5 has it: from the enclave's decapsulation key and
/// the handshake's frames.
pub fn xwing_secret(key: &[u8], frames: &[Vec<u8>; 3]) -> [u8; 32] {
    let [hello, answer, message] = frames;
    let key = hpke::Deserializable::from_bytes(key).expect("32 bytes");
    let encapsulated = Key::from_frame(&parse(message.clone())).expect("a key message");
    let encapsulated = hpke::Deserializable::from_bytes(&encapsulated.encapsulated);
    let transcript = transcript(&[hello, answer]);
    let info = [b"sealnote/2 suite2\0", &transcript[..]].concat();
    let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(
        &hpke::OpModeR::Base,
        &key,
        &encapsulated.expect("1,120 bytes"),
        &info,
    );
    let mut secret = [0; 32];
    let label = b"sealnote/2 suite2 secret";
    context
        .expect("a context")
        .export(label, &mut secret)
        .expect("32 bytes");
    secret
}

/// The hash of these frames.
pub fn transcript(frames: &[&Vec<u8>]) -> [u8; 32] {
    let mut transcript = Sha256::new_with_prefix(b"sealnote/2 transcript\0");
    for frame in frames {
        transcript.update(frame);
    }
    transcript.finalize().into()
}

/// Which way a record goes.
#[derive(Clone, Copy, Debug)]
pub enum Direction {
    ToEnclave,
    ToClient,
}

impl Schedule {
    /// From the three handshake frames as they travelled.
    pub fn new(suite: Suite, frames: &[Vec<u8>; 3], secret: &[u8; 32]) -> Self {
        let suite = suite.id();
        let transcript = transcript(&frames.each_ref());
        let ikm = [&label(suite, "", "secret")[..], secret].concat();
        let (prk, _) = Hkdf::<Sha256>::extract(Some(&transcript), &ikm);
        let prk = prk.into();
        Self { suite, prk }
    }

    /// The record that carries `plaintext` as number `counter` of its direction.
    pub fn seal(&self, direction: Direction, counter: u64, plaintext: &[u8]) -> Frame {
        let len = plaintext.len() as u32 + 16;
        let header = [&[4, 2, 0, 0][..], &len.to_be_bytes()].concat();
        let payload = Payload {
            msg: plaintext,
            aad: &header,
        };
        let (cipher, nonce) = self.cipher(direction, counter);
        let sealed = cipher.encrypt(&nonce, payload).expect("sealed");
        parse([header, sealed].concat())
    }

    /// The plaintext of a record, if it is number `counter` of its direction.
    pub fn open(&self, direction: Direction, counter: u64, frame: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: &frame[8..],
            aad: &frame[..8],
        };
        let (cipher, nonce) = self.cipher(direction, counter);
        cipher.decrypt(&nonce, payload).ok()
    }

    /// What the session exports for a purpose.
    pub fn export(&self, purpose: &str) -> [u8; 32] {
        let prk: [u8; 32] = self.derive("", "exporter");
        let exporter = Self { prk, ..*self };
        exporter.derive("exporter", purpose)
    }

    fn cipher(&self, direction: Direction, counter: u64) -> (Aes256Gcm, Nonce<Aes256Gcm>) {
        let direction = match direction {
            Direction::ToEnclave => "client to enclave",
            Direction::ToClient => "enclave to client",
        };
        let key: [u8; 32] = self.derive(direction, "key");
        let mut nonce: [u8; 12] = self.derive(direction, "iv");
        for (byte, count) in nonce[4..].iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= count;
        }
        (Aes256Gcm::new(&key.into()), nonce.into())
    }

    fn derive<const N: usize>(&self, direction: &str, purpose: &str) -> [u8; N] {
        let info = [
            &(N as u16).to_be_bytes()[..],
            &label(self.suite, direction, purpose),
        ]
        .concat();
        let mut out = [0; N];
        let prk = Hkdf::<Sha256>::from_prk(&self.prk).expect("a PRK");
        prk.expand(&info, &mut out).expect("short enough");
        out
    }
}

/// A whole frame of any length.
pub fn parse(bytes: Vec<u8>) -> Frame {
    Frame::from_bytes(bytes, usize::MAX).expect("a frame")
}

fn label(suite: u16, direction: &str, purpose: &str) -> Vec<u8> {
    let lp = |part: &[u8]| [&(part.len() as u16).to_be_bytes()[..], part].concat();
    [
        lp(b"sealnote/2"),
        lp(&suite.to_be_bytes()),
        lp(direction.as_bytes()),
        lp(purpose.as_bytes()),
    ]
    .concat()
}
