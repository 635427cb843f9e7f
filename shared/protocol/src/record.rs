//! The plaintexts of records: ready, request, answer, close. PROTOCOL.md, "Records".
//!
//! Here is what all tasks have in common; what a request and an answer hold is laid out by a file a
//! task. Integers are big-endian. Lengths here are of plaintexts, in bytes, without header and tag.

pub mod classify;

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::claims::{Limits, MIN_REQUEST};
use crate::frame::HEADER_LEN;
use sealnote_model::NoteOutcome;

pub use classify::{Notes, answer_len, request_len};

/// Length of the tag after every record's ciphertext, in bytes.
pub const TAG_LEN: usize = 16;

/// Length of a close record's plaintext: less than that of any other record.
pub(crate) const CLOSE_LEN: usize = 9;

/// Length of the plaintext of `ready`.
pub(crate) const READY_LEN: usize = READY.len();

const READY: &[u8] = b"\x01sealnote/2 ready";
const REQUEST: u8 = 2;
const ANSWER: u8 = 3;
const CLOSE: u8 = 4;

/// Kind and request id, before what a task lays out in a request.
const REQUEST_PREFIX: usize = 1 + 8;

/// Kind, request id and whether it is the last, before what a task lays out in an answer.
const ANSWER_PREFIX: usize = 1 + 8 + 1;

/// A record opened correctly, but its plaintext is not what PROTOCOL.md allows.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a record's plaintext is malformed: {0}")]
pub struct Malformed(pub &'static str);

/// A record's plaintext behind room for the header, to be sealed in place. Erased if it never is.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Unsealed {
    pub(crate) bytes: Vec<u8>,
    #[zeroize(skip)]
    pub(crate) is_close: bool,
}

/// A parsed plaintext.
pub enum Record {
    /// The enclave has the keys.
    Ready,
    /// A request's id and its notes; a bad note is its error already.
    Request(u64, Notes),
    /// A request's id and an outcome for each of its notes.
    Answer(u64, Vec<NoteOutcome>),
    /// The end, and how many requests (client) or answers (enclave) the sender has sent.
    Close(u64),
}

/// What a parser must know: the attested limits and the number of labels.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The attested limits.
    pub limits: Limits,
    /// How many labels the model has.
    pub labels: usize,
}

impl Unsealed {
    fn with_len(len: usize) -> Self {
        // Room for header and tag at once: growing would leave a copy of the text behind.
        let mut bytes = Vec::with_capacity(HEADER_LEN + len + TAG_LEN);
        bytes.resize(HEADER_LEN, 0);
        Self {
            bytes,
            is_close: false,
        }
    }

    /// The fixed first record of the enclave.
    pub fn ready() -> Self {
        let mut record = Self::with_len(READY.len());
        record.bytes.extend_from_slice(READY);
        record
    }

    /// A request, padded. The caller keeps notes and length within the claims' limits.
    pub fn request(id: u64, notes: &[&[u8]]) -> Self {
        let len = request_len(notes.iter().map(|note| note.len()));
        let mut record = Self::with_len(len);
        record.prefix(REQUEST, id);
        classify::write_notes(&mut record.bytes, notes);
        record.bytes.resize(HEADER_LEN + len, 0);
        record
    }

    /// The answer to a request of `count` notes. A note without an outcome, or with a wrong number of
    /// scores, becomes an internal error: every note gets exactly one slot.
    pub fn answer(shape: Shape, id: u64, count: usize, outcomes: &[NoteOutcome]) -> Self {
        let len = shape.limits.answer_bytes();
        let mut record = Self::with_len(len);
        record.prefix(ANSWER, id);
        // The one answer to its request is its last.
        record.bytes.push(1);
        classify::write_outcomes(&mut record.bytes, shape.labels, count, outcomes);
        record.bytes.resize(HEADER_LEN + len, 0);
        record
    }

    /// An end that states how many requests or answers its sender has sent.
    pub fn close(count: u64) -> Self {
        let mut record = Self::with_len(CLOSE_LEN);
        record.bytes.push(CLOSE);
        record.bytes.extend_from_slice(&count.to_be_bytes());
        record.is_close = true;
        record
    }

    fn prefix(&mut self, kind: u8, id: u64) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&id.to_be_bytes());
    }
}

impl Record {
    pub(crate) fn is_close(plaintext: &[u8]) -> bool {
        plaintext.first() == Some(&CLOSE)
    }

    /// Parses a plaintext strictly.
    pub fn parse(plaintext: &[u8], shape: Shape) -> Result<Self, Malformed> {
        match plaintext.split_first() {
            Some(_) if plaintext == READY => Ok(Self::Ready),
            Some((&REQUEST, body)) => parse_request(plaintext.len(), body, shape),
            Some((&ANSWER, body)) => parse_answer(plaintext.len(), body, shape),
            Some((&CLOSE, body)) => match body.try_into() {
                Ok(count) => Ok(Self::Close(u64::from_be_bytes(count))),
                Err(_) => Err(Malformed("close length")),
            },
            _ => Err(Malformed("kind")),
        }
    }
}

fn parse_request(len: usize, mut body: &[u8], shape: Shape) -> Result<Record, Malformed> {
    let limits = shape.limits;
    if !len.is_power_of_two() || len < MIN_REQUEST as usize || len > limits.request_bytes as usize {
        return Err(Malformed("request length"));
    }
    let id = u64::from_be_bytes(take(&mut body)?);
    let notes = classify::read_notes(&mut body, &limits)?;
    zeros(body)?;
    Ok(Record::Request(id, notes))
}

fn parse_answer(len: usize, mut body: &[u8], shape: Shape) -> Result<Record, Malformed> {
    if len != shape.limits.answer_bytes() {
        return Err(Malformed("answer length"));
    }
    let id = u64::from_be_bytes(take(&mut body)?);
    let [last] = take(&mut body)?;
    if last != 1 {
        return Err(Malformed("an answer that is not the last"));
    }
    let outcomes = classify::read_outcomes(&mut body, shape)?;
    zeros(body)?;
    Ok(Record::Answer(id, outcomes))
}

fn take<const N: usize>(body: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (bytes, rest) = body.split_first_chunk().ok_or(Malformed("truncated"))?;
    *body = rest;
    Ok(*bytes)
}

fn zeros(padding: &[u8]) -> Result<(), Malformed> {
    match padding.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(Malformed("padding")),
    }
}
