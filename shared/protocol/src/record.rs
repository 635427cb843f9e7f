//! The plaintexts of records: ready, request, answer, close, signature, denial. PROTOCOL.md, "Records".
//!
//! Here is what all tasks have in common; what a request and an answer hold is laid out by the task, in
//! [`crate::task`]. Integers are big-endian. Lengths here are of plaintexts, in bytes, without header and tag.

use sealnote_access::{PublicKey, SIGNATURE_LEN};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::denial::Denial;
use crate::frame::HEADER_LEN;
use crate::limits::{Limits, MIN_REQUEST};

/// Length of the tag after every record's ciphertext, in bytes.
pub const TAG_LEN: usize = 16;

/// Length of a plaintext that ends a session, a close or a denial: less than that of any other record.
pub(crate) const CLOSE_LEN: usize = 9;

/// The payload of the record with a client's signature, in bytes.
pub const SIGNATURE_RECORD: usize = 1 + 32 + SIGNATURE_LEN + TAG_LEN;

/// Length of the plaintext of `ready`.
const READY_LEN: usize = READY.len();

const READY: &[u8] = b"\x01sealnote/2 ready";
const REQUEST: u8 = 2;
const ANSWER: u8 = 3;
const CLOSE: u8 = 4;
const SIGNATURE: u8 = 5;
const DENIAL: u8 = 6;

/// Kind and request id, before what a task lays out in a request.
pub(crate) const REQUEST_PREFIX: usize = 1 + 8;

/// Kind, request id and whether it is the last, before what a task lays out in an answer.
pub(crate) const ANSWER_PREFIX: usize = 1 + 8 + 1;

/// A record opened correctly, but its plaintext is not what PROTOCOL.md allows.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a record's plaintext is malformed: {0}")]
pub struct Malformed(pub &'static str);

/// A record's plaintext behind room for the header, to be sealed in place. Erased if it never is.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Unsealed {
    pub(crate) bytes: Vec<u8>,
    #[zeroize(skip)]
    pub(crate) is_last: bool,
}

/// A parsed plaintext.
#[derive(Debug)]
pub enum Record<'a> {
    /// The enclave has the keys.
    Ready,
    /// A request's id, and what it asks for.
    Request(u64, Body<'a>),
    /// A request's id, and what is answered.
    Answer(u64, Body<'a>),
    /// The end, and how many requests (client) or answers (enclave) the sender has sent.
    Close(u64),
    /// A client's public key and its signature, neither of them checked.
    Signature(&'a [u8; 32], &'a [u8; SIGNATURE_LEN]),
    /// The enclave serves the client no longer, and why.
    Denial(Denial),
}

/// What a task has laid out in a request or an answer, and zeros behind it. Read front to back.
pub struct Body<'a>(&'a [u8]);

impl Unsealed {
    fn with_len(len: usize) -> Self {
        // Room for header and tag at once: growing would leave a copy of the text behind.
        let mut bytes = Vec::with_capacity(HEADER_LEN + len + TAG_LEN);
        bytes.resize(HEADER_LEN, 0);
        Self {
            bytes,
            is_last: false,
        }
    }

    /// The fixed first record of the enclave.
    pub fn ready() -> Self {
        let mut record = Self::with_len(READY.len());
        record.bytes.extend_from_slice(READY);
        record
    }

    /// A request, padded to `len` bytes in all.
    pub(crate) fn request(id: u64, len: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut record = Self::with_len(len);
        record.prefix(REQUEST, id);
        write(&mut record.bytes);
        record.bytes.resize(HEADER_LEN + len, 0);
        record
    }

    /// The one answer to a request, which is its last, padded to `len` bytes in all.
    pub(crate) fn answer(id: u64, len: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut record = Self::with_len(len);
        record.prefix(ANSWER, id);
        record.bytes.push(1);
        write(&mut record.bytes);
        record.bytes.resize(HEADER_LEN + len, 0);
        record
    }

    /// An end that states how many requests or answers its sender has sent.
    pub fn close(count: u64) -> Self {
        let mut record = Self::with_len(CLOSE_LEN);
        record.bytes.push(CLOSE);
        record.bytes.extend_from_slice(&count.to_be_bytes());
        record.is_last = true;
        record
    }

    /// Who the client is: its public key, and its signature.
    pub fn signature(key: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> Self {
        let key = key.as_bytes();
        let mut record = Self::with_len(1 + key.len() + signature.len());
        record.bytes.push(SIGNATURE);
        record.bytes.extend_from_slice(key);
        record.bytes.extend_from_slice(signature);
        record
    }

    /// An end that says why. As long as a close, and in its place: so there is always room for it, and whoever is on the
    /// way sees no difference.
    pub(crate) fn denial(denial: Denial) -> Self {
        let mut record = Self::with_len(CLOSE_LEN);
        record.bytes.push(DENIAL);
        record.bytes.extend_from_slice(&denial.encode());
        record.bytes.resize(HEADER_LEN + CLOSE_LEN, 0);
        record.is_last = true;
        record
    }

    fn prefix(&mut self, kind: u8, id: u64) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&id.to_be_bytes());
    }
}

impl<'a> Record<'a> {
    /// Whether it ends the session, so that the room that is kept for an end is its.
    pub(crate) fn is_last(plaintext: &[u8]) -> bool {
        matches!(plaintext.first(), Some(&(CLOSE | DENIAL)))
    }

    /// Parses a plaintext strictly, but for the bodies, which their task reads.
    pub fn parse(plaintext: &'a [u8], limits: &Limits) -> Result<Self, Malformed> {
        match plaintext.split_first() {
            Some(_) if plaintext == READY => Ok(Self::Ready),
            Some((&REQUEST, body)) => parse_request(plaintext.len(), Body(body), limits),
            Some((&ANSWER, body)) => parse_answer(plaintext.len(), Body(body), limits),
            Some((&CLOSE, body)) => match body.try_into() {
                Ok(count) => Ok(Self::Close(u64::from_be_bytes(count))),
                Err(_) => Err(Malformed("close length")),
            },
            Some((&SIGNATURE, body)) => parse_signature(body),
            Some((&DENIAL, body)) => parse_denial(body),
            _ => Err(Malformed("kind")),
        }
    }
}

fn parse_signature(body: &[u8]) -> Result<Record<'_>, Malformed> {
    let (key, signature) = body
        .split_first_chunk()
        .ok_or(Malformed("signature length"))?;
    let signature = signature
        .try_into()
        .map_err(|_| Malformed("signature length"))?;
    Ok(Record::Signature(key, signature))
}

fn parse_denial<'a>(body: &[u8]) -> Result<Record<'a>, Malformed> {
    const LEN: usize = CLOSE_LEN - 1;
    let body: &[u8; LEN] = body.try_into().map_err(|_| Malformed("denial length"))?;
    let [reason, a, b, c, d, 0, 0, 0] = *body else {
        return Err(Malformed("padding"));
    };
    let denial = Denial::decode([reason, a, b, c, d]);
    Ok(Record::Denial(denial.ok_or(Malformed("denial"))?))
}

fn parse_request<'a>(
    len: usize,
    mut body: Body<'a>,
    limits: &Limits,
) -> Result<Record<'a>, Malformed> {
    if !len.is_power_of_two() || len < MIN_REQUEST as usize || len > limits.request_bytes as usize {
        return Err(Malformed("request length"));
    }
    let id = u64::from_be_bytes(body.take()?);
    Ok(Record::Request(id, body))
}

fn parse_answer<'a>(
    len: usize,
    mut body: Body<'a>,
    limits: &Limits,
) -> Result<Record<'a>, Malformed> {
    if len != limits.answer_bytes() {
        return Err(Malformed("answer length"));
    }
    let id = u64::from_be_bytes(body.take()?);
    let [last] = body.take()?;
    if last != 1 {
        return Err(Malformed("an answer that is not the last"));
    }
    Ok(Record::Answer(id, body))
}

impl<'a> Body<'a> {
    /// The next bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed("truncated"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// The next bytes, if there are so many.
    pub(crate) fn take_slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// What is left is padding.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        match self.0.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(Malformed("padding")),
        }
    }
}

/// It may hold a patient's text.
impl core::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Body(redacted)")
    }
}

impl Limits {
    /// The greatest payload of a record to the enclave, in bytes.
    pub fn max_to_enclave(&self) -> usize {
        self.request_bytes as usize + TAG_LEN
    }

    /// The greatest payload of a record to the client, in bytes. The answers of a model with one label to
    /// requests of one note are shorter than `ready`.
    pub fn max_to_client(&self) -> usize {
        self.answer_bytes().max(READY_LEN) + TAG_LEN
    }
}
