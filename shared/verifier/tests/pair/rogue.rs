//! Section 5 and 6 of PROTOCOL.md, written a second time, for a peer that seals what it likes.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use hkdf::Hkdf;
use sealnote_protocol::frame::Frame;
use sha2::{Digest, Sha256};

/// The keys of a session whose secret is known.
pub struct Schedule {
    prk: [u8; 32],
}

/// Which way a record goes.
#[derive(Clone, Copy, Debug)]
pub enum Direction {
    ToEnclave,
    ToClient,
}

impl Schedule {
    /// From the three handshake frames as they travelled.
    pub fn new(frames: &[Vec<u8>; 3], secret: &[u8; 32]) -> Self {
        let mut transcript = Sha256::new_with_prefix(b"sealnote/1 transcript\0");
        for frame in frames {
            transcript.update(frame);
        }
        let ikm = [&label("", "secret")[..], secret].concat();
        let (prk, _) = Hkdf::<Sha256>::extract(Some(&transcript.finalize()), &ikm);
        Self { prk: prk.into() }
    }

    /// The record that carries `plaintext` as number `counter` of its direction.
    pub fn seal(&self, direction: Direction, counter: u64, plaintext: &[u8]) -> Frame {
        let len = plaintext.len() as u32 + 16;
        let header = [&[4, 1, 0, 0][..], &len.to_be_bytes()].concat();
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
        let info = [&(N as u16).to_be_bytes()[..], &label(direction, purpose)].concat();
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

fn label(direction: &str, purpose: &str) -> Vec<u8> {
    let lp = |part: &[u8]| [&(part.len() as u16).to_be_bytes()[..], part].concat();
    [
        lp(b"sealnote/1"),
        lp(&1u16.to_be_bytes()),
        lp(direction.as_bytes()),
        lp(purpose.as_bytes()),
    ]
    .concat()
}
