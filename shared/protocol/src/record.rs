//! The plaintexts of records: ready, request, answer, close. PROTOCOL.md, "Records".
//!
//! Integers are big-endian. Lengths here are of plaintexts, in bytes, without header and tag.

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::claims::{Limits, MIN_REQUEST};
use crate::classification::NoteError;
use crate::frame::HEADER_LEN;
use crate::plaintext::Plaintext;

/// Length of the tag after every record's ciphertext, in bytes.
pub const TAG_LEN: usize = 16;

/// Length of a close record's plaintext: less than that of any other record.
pub(crate) const CLOSE_LEN: usize = 9;

/// Length of the plaintext of `ready`.
pub(crate) const READY_LEN: usize = READY.len();

const READY: &[u8] = b"\x01sealnote/1 ready";
const REQUEST: u8 = 2;
const ANSWER: u8 = 3;
const CLOSE: u8 = 4;

/// Kind, request id and number of notes, before the notes of a request or the slots of an answer.
const PREFIX_LEN: usize = 1 + 8 + 2;

/// Scores of one note in label order, each in 0..=1, or why there are none.
pub type NoteOutcome = Result<Vec<f32>, NoteError>;

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
    Request(u64, Vec<Result<Plaintext, NoteError>>),
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

/// The padded length of a request with notes of these lengths: the least power of two that holds
/// them, and at least 4 KiB. Saturates, so that an absurd length is compared and not computed with.
pub fn request_len(notes: impl IntoIterator<Item = usize>) -> usize {
    let content = notes.into_iter().fold(PREFIX_LEN, |sum, note| {
        sum.saturating_add(note).saturating_add(4)
    });
    content
        .checked_next_power_of_two()
        .unwrap_or(usize::MAX)
        .max(MIN_REQUEST as usize)
}

/// The constant length of an answer: a slot for each of the greatest number of notes.
pub fn answer_len(notes: u16, labels: usize) -> usize {
    PREFIX_LEN + usize::from(notes) * slot_len(labels)
}

fn slot_len(labels: usize) -> usize {
    1 + 4 * labels
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
        record.prefix(REQUEST, id, notes.len());
        for note in notes {
            let note_len = (note.len() as u32).to_be_bytes();
            record.bytes.extend_from_slice(&note_len);
            record.bytes.extend_from_slice(note);
        }
        record.bytes.resize(HEADER_LEN + len, 0);
        record
    }

    /// An answer for `count` notes. A note without an outcome, or with a wrong number of scores,
    /// becomes an internal error: every note gets exactly one slot.
    pub fn answer(shape: Shape, id: u64, count: usize, outcomes: &[NoteOutcome]) -> Self {
        let len = shape.limits.answer_bytes();
        let mut record = Self::with_len(len);
        record.prefix(ANSWER, id, count);
        for slot in 0..count {
            let start = record.bytes.len();
            match outcomes.get(slot) {
                Some(Ok(scores)) if scores.len() == shape.labels => {
                    record.bytes.push(STATUS_OK);
                    for score in scores {
                        record.bytes.extend_from_slice(&score.to_be_bytes());
                    }
                }
                Some(Err(error)) => record.bytes.push(status(*error)),
                _ => record.bytes.push(status(NoteError::Internal)),
            }
            record.bytes.resize(start + slot_len(shape.labels), 0);
        }
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

    fn prefix(&mut self, kind: u8, id: u64, count: usize) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&id.to_be_bytes());
        self.bytes.extend_from_slice(&(count as u16).to_be_bytes());
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
    let (id, count) = take_prefix(&mut body, limits)?;
    let mut notes = Vec::with_capacity(count);
    for _ in 0..count {
        let note_len = u32::from_be_bytes(take(&mut body)?) as usize;
        let (note, rest) = body
            .split_at_checked(note_len)
            .ok_or(Malformed("note length"))?;
        notes.push(read_note(note, limits));
        body = rest;
    }
    zeros(body)?;
    Ok(Record::Request(id, notes))
}

/// The checks that need no model; a note that tokenises to nothing is found by the engine.
fn read_note(note: &[u8], limits: Limits) -> Result<Plaintext, NoteError> {
    if note.len() > limits.note_bytes as usize {
        return Err(NoteError::TooLong);
    }
    let text = core::str::from_utf8(note).map_err(|_| NoteError::NotUtf8)?;
    // `trim` goes by White_Space; its 25 characters are in PROTOCOL.md, and a test below has them.
    if text.trim().is_empty() {
        return Err(NoteError::Empty);
    }
    Ok(Plaintext::new(text.to_owned()))
}

fn parse_answer(len: usize, mut body: &[u8], shape: Shape) -> Result<Record, Malformed> {
    if len != shape.limits.answer_bytes() {
        return Err(Malformed("answer length"));
    }
    let (id, count) = take_prefix(&mut body, shape.limits)?;
    let mut outcomes = Vec::with_capacity(count);
    for _ in 0..count {
        let [status] = take(&mut body)?;
        let mut scores = Zeroizing::new(Vec::with_capacity(shape.labels));
        for _ in 0..shape.labels {
            scores.push(f32::from_be_bytes(take(&mut body)?));
        }
        outcomes.push(read_slot(status, &mut scores)?);
    }
    zeros(body)?;
    Ok(Record::Answer(id, outcomes))
}

fn read_slot(status: u8, scores: &mut Vec<f32>) -> Result<NoteOutcome, Malformed> {
    let error = match status {
        STATUS_OK if scores.iter().all(|score| (0.0..=1.0).contains(score)) => {
            // The range has a −0 in it, which is below 0 where scores are ordered or printed by their bits.
            scores.iter_mut().for_each(|score| *score = score.abs());
            return Ok(Ok(core::mem::take(scores)));
        }
        STATUS_OK => return Err(Malformed("score")),
        2 => NoteError::Empty,
        3 => NoteError::TooLong,
        4 => NoteError::NotUtf8,
        5 => NoteError::Internal,
        _ => return Err(Malformed("status")),
    };
    match scores.iter().all(|score| score.to_bits() == 0) {
        true => Ok(Err(error)),
        false => Err(Malformed("scores beside an error")),
    }
}

const STATUS_OK: u8 = 1;

fn status(error: NoteError) -> u8 {
    match error {
        NoteError::Empty => 2,
        NoteError::TooLong => 3,
        NoteError::NotUtf8 => 4,
        NoteError::Internal => 5,
    }
}

fn take_prefix(body: &mut &[u8], limits: Limits) -> Result<(u64, usize), Malformed> {
    let id = u64::from_be_bytes(take(body)?);
    let count = u16::from_be_bytes(take(body)?);
    if count == 0 || count > limits.notes {
        return Err(Malformed("number of notes"));
    }
    Ok((id, usize::from(count)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_empty_if_it_has_nothing_but_white_space() {
        let limits = Limits::new(1, 1000, 4096, 1, 1);
        for character in '\0'..=char::MAX {
            let is_white = matches!(
                character,
                '\u{9}'..='\u{d}' | '\u{20}' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
                    | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
            );
            let note = read_note(character.to_string().as_bytes(), limits);
            let is_empty = matches!(note, Err(NoteError::Empty));
            assert_eq!(is_empty, is_white, "U+{:04X}", u32::from(character));
        }
    }
}
