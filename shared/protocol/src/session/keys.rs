//! The key schedule, and the two directions' record keys. PROTOCOL.md, "Key schedule".

use std::time::Instant;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Limit, SessionError, SessionLimits, Transcript};
use crate::claims::PROTOCOL;
use crate::erase::erasing_stack;
use crate::frame::{Frame, FrameType, HEADER_LEN, header};
use crate::record::{CLOSE_LEN, Record, TAG_LEN, Unsealed};
use crate::suite::{Secret, Suite};

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
        erasing_stack(|| {
            let labelled =
                Zeroizing::new([&label(suite, "", "secret")[..], &secret.0[..]].concat());
            let prk = Hkdf::<Sha256>::new(Some(&transcript.hash()), &labelled);
            let direction = |name| DirectionKey {
                key: expand(&prk, suite, name, "key"),
                iv: expand(&prk, suite, name, "iv"),
            };
            Self {
                client_to_enclave: direction("client to enclave"),
                enclave_to_client: direction("enclave to client"),
                exporter: ExporterSecret(expand(&prk, suite, "", "exporter")),
            }
        })
    }
}

/// A direction's key and IV, before it is known which side seals and which opens.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DirectionKey {
    key: Box<[u8; 32]>,
    iv: Box<[u8; IV_LEN]>,
}

/// A secret of this session for uses beyond its records; both sides hold it, nobody else.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ExporterSecret(Box<[u8; 32]>);

impl ExporterSecret {
    /// A 32-byte value for one use, named by `purpose`.
    pub fn export(&self, suite: Suite, purpose: &str) -> Zeroizing<[u8; 32]> {
        let Ok(prk) = Hkdf::<Sha256>::from_prk(&self.0[..]) else {
            unreachable!("32 bytes are a PRK of SHA-256");
        };
        let mut exported = expand(&prk, suite, "exporter", purpose);
        let value = Zeroizing::new(*exported);
        exported.zeroize();
        value
    }
}

/// Seals the records of one direction. Not `Clone`: a counter must never be used twice.
pub struct SendKey(Direction);

/// Opens the records of one direction. The first record that does not open erases the key.
pub struct RecvKey(Option<Direction>);

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
            .admit(index, HEADER_LEN + payload_len, record.is_last, now)
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
        Self(Some(Direction::new(key, limits, now)))
    }

    /// Opens a record in place: its plaintext, erased on drop. After an error there is no other record.
    pub fn open(&mut self, frame: Frame, now: Instant) -> Result<Zeroizing<Vec<u8>>, SessionError> {
        let mut direction = self.0.take().ok_or(SessionError::Over)?;
        if frame.kind() != FrameType::Record {
            return Err(SessionError::Unexpected);
        }
        let mut bytes = Zeroizing::new(frame.into_bytes());
        let wire_len = bytes.len();
        let (head, sealed) = bytes.split_at_mut(HEADER_LEN);
        let (sealed, tag) = sealed
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(SessionError::NotAuthentic)?;
        let index = direction.counter;
        let nonce = direction.next_nonce();
        direction
            .cipher
            .decrypt_inout_detached(&nonce, head, sealed.into(), &Tag::<Aes256Gcm>::from(*tag))
            .map_err(|_| SessionError::NotAuthentic)?;
        let is_last = Record::is_last(sealed);
        bytes.truncate(wire_len - TAG_LEN);
        bytes.drain(..HEADER_LEN);
        direction
            .admit(index, wire_len, is_last, now)
            .map_err(SessionError::Limit)?;
        self.0 = Some(direction);
        Ok(bytes)
    }
}

/// What sealing and opening share: the key, the counter that never travels, and the limits.
struct Direction {
    cipher: Box<Aes256Gcm>,
    iv: Box<Zeroizing<[u8; IV_LEN]>>,
    counter: u64,
    bytes: u64,
    limits: SessionLimits,
    since: Instant,
}

impl Direction {
    fn new(key: DirectionKey, limits: SessionLimits, now: Instant) -> Self {
        let (cipher, iv) = erasing_stack(|| {
            (
                Box::new(Aes256Gcm::new((&*key.key).into())),
                Box::new(Zeroizing::new(*key.iv)),
            )
        });
        Self {
            cipher,
            iv,
            counter: 0,
            bytes: 0,
            limits,
            since: now,
        }
    }

    /// The IV XOR the counter in its last eight bytes, as in TLS 1.3 (RFC 8446 §5.3).
    fn next_nonce(&mut self) -> Nonce<Aes256Gcm> {
        let mut nonce = **self.iv;
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
        is_last: bool,
        now: Instant,
    ) -> Result<(), Limit> {
        const CLOSE_WIRE_LEN: u64 = (HEADER_LEN + CLOSE_LEN + TAG_LEN) as u64;
        let (records, bytes) = match is_last {
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
        if !is_last && now.saturating_duration_since(self.since) >= self.limits.lifetime {
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
) -> Box<[u8; N]> {
    let info = [
        &(N as u16).to_be_bytes()[..],
        &label(suite, direction, purpose),
    ]
    .concat();
    let mut out = Box::new([0; N]);
    match prk.expand(&info, &mut out[..]) {
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

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use aes_gcm::aead::{Aead, Payload};

    use super::*;

    const UNLIMITED: SessionLimits = SessionLimits {
        records: u64::MAX,
        bytes: u64::MAX,
        lifetime: Duration::MAX,
    };

    fn keys() -> SessionKeys {
        SessionKeys::derive(Suite::XWing, &Secret(Box::new([7; 32])), Transcript::new())
    }

    /// Both ends of one direction.
    fn ends(limits: SessionLimits, now: Instant) -> (SendKey, RecvKey) {
        let send = SendKey::new(keys().client_to_enclave, limits, now);
        let receive = RecvKey::new(keys().client_to_enclave, limits, now);
        (send, receive)
    }

    #[test]
    fn no_bit_of_a_record_can_change_nor_any_be_missing() {
        let now = Instant::now();
        let (mut send, _) = ends(UNLIMITED, now);
        let frame = send.seal(Unsealed::close(3), now).unwrap();
        let open = |payload: &[u8]| {
            let (_, mut receive) = ends(UNLIMITED, now);
            receive.open(Frame::new(FrameType::Record, payload), now)
        };
        for bit in 0..8 * frame.payload().len() {
            let mut payload = frame.payload().to_vec();
            payload[bit / 8] ^= 1 << (bit % 8);
            let error = open(&payload).unwrap_err();
            assert_eq!(error, SessionError::NotAuthentic, "bit {bit}");
        }
        for len in 0..frame.payload().len() {
            let error = open(&frame.payload()[..len]).unwrap_err();
            assert_eq!(error, SessionError::NotAuthentic, "{len} bytes");
        }
        assert!(open(frame.payload()).is_ok());
    }

    #[test]
    fn a_record_shorter_than_its_tag() {
        let now = Instant::now();
        for len in 0..=TAG_LEN {
            let (_, mut receive) = ends(UNLIMITED, now);
            let frame = Frame::new(FrameType::Record, &vec![0; len]);
            let error = receive.open(frame, now).unwrap_err();
            assert_eq!(error, SessionError::NotAuthentic, "{len}");
        }
    }

    #[test]
    fn only_records_are_opened() {
        let now = Instant::now();
        for kind in [
            FrameType::Hello,
            FrameType::Answer,
            FrameType::Key,
            FrameType::Refusal,
        ] {
            let (mut send, mut receive) = ends(UNLIMITED, now);
            let sealed = send.seal(Unsealed::close(0), now).unwrap();
            let frame = Frame::new(kind, sealed.payload());
            let error = receive.open(frame, now).unwrap_err();
            assert_eq!(error, SessionError::Unexpected);
        }
    }

    /// Across the carry from the last byte of the counter to the one before.
    #[test]
    fn every_record_has_its_own_nonce() {
        let now = Instant::now();
        let mut direction = Direction::new(keys().client_to_enclave, UNLIMITED, now);
        let iv = **direction.iv;
        let mut seen = std::collections::HashSet::new();
        for counter in 0..70_000u64 {
            let nonce: [u8; IV_LEN] = direction.next_nonce().into();
            assert!(seen.insert(nonce));
            let mut expected = [0; IV_LEN];
            expected[4..].copy_from_slice(&counter.to_be_bytes());
            let count: Vec<u8> = iv.iter().zip(nonce).map(|(a, b)| a ^ b).collect();
            assert_eq!(count, expected);
        }
    }

    /// A refused record uses no counter: what follows still opens.
    #[test]
    fn a_record_over_the_limit_leaves_the_counter() {
        let now = Instant::now();
        let limits = SessionLimits {
            bytes: 5000,
            ..UNLIMITED
        };
        let (mut send, mut receive) = ends(limits, now);
        let error = send.seal(Unsealed::request(0, 8192, |_| ()), now);
        assert_eq!(error.unwrap_err(), SessionError::Limit(Limit::Bytes));
        let frame = send.seal(Unsealed::request(0, 4096, |_| ()), now).unwrap();
        assert!(receive.open(frame, now).is_ok());
        let frame = send.seal(Unsealed::close(1), now).unwrap();
        assert!(receive.open(frame, now).is_ok());
    }

    /// Not even the close has room beyond the last record and the last byte.
    #[test]
    fn the_close_has_room_once() {
        let now = Instant::now();
        for (limits, expected) in [
            (
                SessionLimits {
                    records: 1,
                    ..UNLIMITED
                },
                Limit::Records,
            ),
            (
                SessionLimits {
                    bytes: 33,
                    ..UNLIMITED
                },
                Limit::Bytes,
            ),
        ] {
            let (mut send, mut receive) = ends(limits, now);
            let error = send.seal(Unsealed::ready(), now).unwrap_err();
            assert_eq!(error, SessionError::Limit(expected));
            let frame = send.seal(Unsealed::close(0), now).unwrap();
            assert!(receive.open(frame, now).is_ok());
            let error = send.seal(Unsealed::close(0), now).unwrap_err();
            assert_eq!(error, SessionError::Limit(expected));
            let (mut unlimited, _) = ends(UNLIMITED, now);
            unlimited.seal(Unsealed::close(0), now).unwrap();
            let second = unlimited.seal(Unsealed::close(0), now).unwrap();
            let error = receive.open(second, now).unwrap_err();
            assert_eq!(error, SessionError::Limit(expected));
        }
    }

    /// A clock that goes back does not end a session, nor does it lengthen one.
    #[test]
    fn the_lifetime_counts_from_the_keys() {
        let start = Instant::now() + Duration::from_secs(10);
        let limits = SessionLimits {
            lifetime: Duration::from_secs(5),
            ..UNLIMITED
        };
        let (mut send, mut receive) = ends(limits, start);
        for millis in [0, 4999] {
            let now = start + Duration::from_millis(millis);
            let frame = send.seal(Unsealed::ready(), now).unwrap();
            assert!(receive.open(frame, now).is_ok());
        }
        let earlier = start - Duration::from_secs(9);
        let frame = send.seal(Unsealed::ready(), earlier).unwrap();
        assert!(receive.open(frame, earlier).is_ok());
        let late = start + Duration::from_secs(5);
        let error = send.seal(Unsealed::ready(), late).unwrap_err();
        assert_eq!(error, SessionError::Limit(Limit::Lifetime));
        let frame = send.seal(Unsealed::close(0), late).unwrap();
        assert!(receive.open(frame, late).is_ok());
    }

    #[test]
    fn everything_derived_depends_on_everything_it_is_derived_from() {
        let transcript =
            |payload: &[u8]| Transcript::new().with(&Frame::new(FrameType::Hello, payload));
        let all = |secret: [u8; 32], transcript| {
            let keys = SessionKeys::derive(Suite::XWing, &Secret(Box::new(secret)), transcript);
            [
                keys.client_to_enclave.key.to_vec(),
                keys.client_to_enclave.iv.to_vec(),
                keys.enclave_to_client.key.to_vec(),
                keys.enclave_to_client.iv.to_vec(),
                keys.exporter.0.to_vec(),
                keys.exporter.export(Suite::XWing, "a").to_vec(),
                keys.exporter.export(Suite::XWing, "b").to_vec(),
                keys.exporter.export(Suite::XWing, "").to_vec(),
            ]
        };
        let mut other = [7; 32];
        other[31] ^= 1;
        let derived = [
            all([7; 32], transcript(b"a")),
            all(other, transcript(b"a")),
            all([7; 32], transcript(b"b")),
        ];
        let mut prefixes: Vec<&[u8]> = derived.iter().flatten().map(|value| &value[..12]).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), 24, "two values are alike");
        assert_eq!(all([7; 32], transcript(b"a")), derived[0]);
    }

    /// Parts of labels cannot move over the border between them.
    #[test]
    fn labels_are_prefix_free() {
        for (one, other) in [(("a", "bc"), ("ab", "c")), (("", "ab"), ("ab", ""))] {
            assert_ne!(
                label(Suite::XWing, one.0, one.1),
                label(Suite::XWing, other.0, other.1)
            );
        }
    }

    /// The cipher is plain AES-256-GCM over the header as it travels.
    #[test]
    fn a_record_is_aes_256_gcm() {
        let now = Instant::now();
        let (mut send, _) = ends(UNLIMITED, now);
        let frame = send.seal(Unsealed::ready(), now).unwrap();
        let key = keys().client_to_enclave;
        let payload = Payload {
            msg: frame.payload(),
            aad: &[4, 2, 0, 0, 0, 0, 0, 33],
        };
        let opened = Aes256Gcm::new((&*key.key).into()).decrypt((&*key.iv).into(), payload);
        assert_eq!(opened.unwrap(), b"\x01sealnote/2 ready");
    }
}
