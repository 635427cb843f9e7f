//! The key schedule, and the two directions' record keys. PROTOCOL.md, "Key schedule".

use std::time::Instant;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Limit, SessionError, SessionLimits, Transcript};
use crate::claims::PROTOCOL;
use crate::frame::{Frame, FrameType, HEADER_LEN, header};
use crate::record::{CLOSE_LEN, Record, TAG_LEN, Unsealed};
use crate::suite::Suite;
use crate::suite::suite1::Secret;

const IV_LEN: usize = 12;

/// Everything derived from one handshake.
pub struct SessionKeys {
    /// Seals and opens what the client sends.
    pub client_to_enclave: DirectionKey,
    /// Seals and opens what the enclave sends.
    pub enclave_to_client: DirectionKey,
    /// For receipts and client authentication.
    pub exporter: ExporterSecret,
}

impl SessionKeys {
    /// HKDF-SHA256 with the transcript's hash as salt; labels as in PROTOCOL.md.
    pub fn derive(suite: Suite, secret: &Secret, transcript: Transcript) -> Self {
        let labelled = Zeroizing::new([&label(suite, "", "secret")[..], &secret.0].concat());
        let prk = Hkdf::<Sha256>::new(Some(&transcript.finish()), &labelled);
        let direction = |name| DirectionKey {
            key: expand(&prk, suite, name, "key"),
            iv: expand(&prk, suite, name, "iv"),
        };
        Self {
            client_to_enclave: direction("client to enclave"),
            enclave_to_client: direction("enclave to client"),
            exporter: ExporterSecret(expand(&prk, suite, "", "exporter")),
        }
    }
}

/// A direction's key and IV, before it is known which side seals and which opens.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DirectionKey {
    key: [u8; 32],
    iv: [u8; IV_LEN],
}

/// A secret of this session for uses beyond its records; both sides hold it, nobody else.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ExporterSecret([u8; 32]);

impl ExporterSecret {
    /// A 32-byte value for one use, named by `purpose`.
    pub fn export(&self, suite: Suite, purpose: &str) -> Zeroizing<[u8; 32]> {
        let Ok(prk) = Hkdf::<Sha256>::from_prk(&self.0) else {
            unreachable!("32 bytes are a PRK of SHA-256");
        };
        Zeroizing::new(expand(&prk, suite, "exporter", purpose))
    }
}

/// Seals the records of one direction. Not `Clone`: a counter must never be used twice.
pub struct SendKey(Direction);

/// Opens the records of one direction.
pub struct RecvKey(Direction);

impl SendKey {
    /// Takes the direction over at counter 0.
    pub fn new(key: DirectionKey, limits: SessionLimits, now: Instant) -> Self {
        Self(Direction::new(key, limits, now))
    }

    /// Seals a plaintext in place. The last record within the limits is kept for the close.
    pub fn seal(&mut self, mut record: Unsealed, now: Instant) -> Result<Frame, SessionError> {
        let mut bytes = core::mem::take(&mut record.bytes);
        let payload_len = bytes.len() - HEADER_LEN + TAG_LEN;
        let index = self.0.counter;
        if let Err(limit) = self
            .0
            .admit(index, HEADER_LEN + payload_len, record.is_close, now)
        {
            bytes.zeroize();
            return Err(SessionError::Limit(limit));
        }
        let head = header(FrameType::Record, payload_len);
        let (head_room, plaintext) = bytes.split_at_mut(HEADER_LEN);
        head_room.copy_from_slice(&head);
        let nonce = self.0.next_nonce();
        match self
            .0
            .cipher
            .encrypt_inout_detached(&nonce, &head, plaintext.into())
        {
            Ok(tag) => bytes.extend_from_slice(&tag),
            Err(_) => {
                bytes.zeroize();
                return Err(SessionError::Over);
            }
        }
        Ok(Frame::assemble(FrameType::Record, bytes))
    }
}

impl RecvKey {
    /// Takes the direction over at counter 0.
    pub fn new(key: DirectionKey, limits: SessionLimits, now: Instant) -> Self {
        Self(Direction::new(key, limits, now))
    }

    /// Opens a record in place: its plaintext, erased on drop.
    pub fn open(&mut self, frame: Frame, now: Instant) -> Result<Zeroizing<Vec<u8>>, SessionError> {
        if frame.kind() != FrameType::Record {
            return Err(SessionError::Unexpected);
        }
        let mut bytes = Zeroizing::new(frame.into_bytes());
        let wire_len = bytes.len();
        let (head, sealed) = bytes.split_at_mut(HEADER_LEN);
        let (sealed, tag) = sealed
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(SessionError::NotAuthentic)?;
        let index = self.0.counter;
        let nonce = self.0.next_nonce();
        self.0
            .cipher
            .decrypt_inout_detached(&nonce, head, sealed.into(), &Tag::<Aes256Gcm>::from(*tag))
            .map_err(|_| SessionError::NotAuthentic)?;
        let is_close = Record::is_close(sealed);
        bytes.truncate(wire_len - TAG_LEN);
        bytes.drain(..HEADER_LEN);
        match self.0.admit(index, wire_len, is_close, now) {
            Ok(()) => Ok(bytes),
            Err(limit) => Err(SessionError::Limit(limit)),
        }
    }
}

/// What sealing and opening share: the key, the counter that never travels, and the limits.
struct Direction {
    cipher: Aes256Gcm,
    iv: Zeroizing<[u8; IV_LEN]>,
    counter: u64,
    bytes: u64,
    limits: SessionLimits,
    since: Instant,
}

impl Direction {
    fn new(key: DirectionKey, limits: SessionLimits, now: Instant) -> Self {
        Self {
            cipher: Aes256Gcm::new(&key.key.into()),
            iv: Zeroizing::new(key.iv),
            counter: 0,
            bytes: 0,
            limits,
            since: now,
        }
    }

    /// The IV XOR the counter in its last eight bytes, as in TLS 1.3 (RFC 8446 §5.3).
    fn next_nonce(&mut self) -> Nonce<Aes256Gcm> {
        let mut nonce = *self.iv;
        for (byte, count) in nonce[IV_LEN - 8..]
            .iter_mut()
            .zip(self.counter.to_be_bytes())
        {
            *byte ^= count;
        }
        self.counter += 1;
        nonce.into()
    }
}

impl Direction {
    /// Counts record number `index` of `wire_len` bytes, if the limits allow it. A close is allowed
    /// beyond the lifetime and in the room that every other record must leave for it.
    fn admit(
        &mut self,
        index: u64,
        wire_len: usize,
        is_close: bool,
        now: Instant,
    ) -> Result<(), Limit> {
        const CLOSE_WIRE_LEN: u64 = (HEADER_LEN + CLOSE_LEN + TAG_LEN) as u64;
        let (records, bytes) = match is_close {
            true => (1, 0),
            false => (2, CLOSE_WIRE_LEN),
        };
        let total = self.bytes + wire_len as u64;
        if index + records > self.limits.records {
            return Err(Limit::Records);
        }
        if total + bytes > self.limits.bytes {
            return Err(Limit::Bytes);
        }
        if !is_close && now.saturating_duration_since(self.since) >= self.limits.lifetime {
            return Err(Limit::Lifetime);
        }
        self.bytes = total;
        Ok(())
    }
}

/// Protocol, suite, direction and purpose, each with its length, so that no two labels are alike.
fn label(suite: Suite, direction: &str, purpose: &str) -> Vec<u8> {
    let mut label = Vec::new();
    for part in [
        PROTOCOL.as_bytes(),
        &suite.id().to_be_bytes(),
        direction.as_bytes(),
        purpose.as_bytes(),
    ] {
        label.extend_from_slice(&(part.len() as u16).to_be_bytes());
        label.extend_from_slice(part);
    }
    label
}

/// HKDF-Expand with the output's length before the label, as in RFC 9180 §4 (LabeledExpand).
fn expand<const N: usize>(
    prk: &Hkdf<Sha256>,
    suite: Suite,
    direction: &str,
    purpose: &str,
) -> [u8; N] {
    let info = [
        &(N as u16).to_be_bytes()[..],
        &label(suite, direction, purpose),
    ]
    .concat();
    let mut out = [0; N];
    match prk.expand(&info, &mut out) {
        Ok(()) => out,
        Err(_) => unreachable!("{N} bytes are within HKDF's 255 blocks"),
    }
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )*};
}
redacted!(SessionKeys, DirectionKey, ExporterSecret, SendKey, RecvKey);
