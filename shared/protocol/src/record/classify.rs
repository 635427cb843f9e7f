//! Task 1, sequence classification: notes in a request, a slot for each in the answer.
//!
//! ```text
//! request: u16 n | n × (u32 length | note)
//! answer:  u16 n | n × (u8 status | u8 known | labels × f32 score)
//! ```

use zeroize::Zeroizing;

use super::{ANSWER_PREFIX, Malformed, REQUEST_PREFIX, Shape, take};
use crate::claims::{Limits, MIN_REQUEST};
use crate::plaintext::Plaintext;
use sealnote_model::{KnownShare, NoteError, NoteOutcome, Scored};

/// The notes of a request; a bad note is its error already.
pub type Notes = Vec<Result<Plaintext, NoteError>>;

const COUNT_LEN: usize = 2;
const STATUS_OK: u8 = 1;

/// The padded length of a request with notes of these lengths: the least power of two that holds
/// them, and at least 4 KiB. Saturates, so that an absurd length is compared and not computed with.
pub fn request_len(notes: impl IntoIterator<Item = usize>) -> usize {
    let prefix = REQUEST_PREFIX + COUNT_LEN;
    let content = notes.into_iter().fold(prefix, |sum, note| {
        sum.saturating_add(note).saturating_add(4)
    });
    content
        .checked_next_power_of_two()
        .unwrap_or(usize::MAX)
        .max(MIN_REQUEST as usize)
}

/// The constant length of an answer: a slot for each of the greatest number of notes.
pub fn answer_len(notes: u16, labels: usize) -> usize {
    ANSWER_PREFIX + COUNT_LEN + usize::from(notes) * slot_len(labels)
}

fn slot_len(labels: usize) -> usize {
    2 + 4 * labels
}

pub(super) fn write_notes(bytes: &mut Vec<u8>, notes: &[&[u8]]) {
    bytes.extend_from_slice(&(notes.len() as u16).to_be_bytes());
    for note in notes {
        bytes.extend_from_slice(&(note.len() as u32).to_be_bytes());
        bytes.extend_from_slice(note);
    }
}

pub(super) fn read_notes(body: &mut &[u8], limits: &Limits) -> Result<Notes, Malformed> {
    let count = read_count(body, limits)?;
    let mut notes = Vec::with_capacity(count);
    for _ in 0..count {
        let len = u32::from_be_bytes(take(body)?) as usize;
        let (note, rest) = body.split_at_checked(len).ok_or(Malformed("note length"))?;
        notes.push(read_note(note, limits));
        *body = rest;
    }
    Ok(notes)
}

/// The checks that need no model; a note that tokenises to nothing is found by the engine.
fn read_note(note: &[u8], limits: &Limits) -> Result<Plaintext, NoteError> {
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

pub(super) fn write_outcomes(
    bytes: &mut Vec<u8>,
    labels: usize,
    count: usize,
    outcomes: &[NoteOutcome],
) {
    bytes.extend_from_slice(&(count as u16).to_be_bytes());
    for slot in 0..count {
        let start = bytes.len();
        match outcomes.get(slot) {
            Some(Ok(note)) if note.scores.len() == labels => {
                bytes.extend_from_slice(&[STATUS_OK, note.known.to_byte()]);
                for score in &note.scores {
                    bytes.extend_from_slice(&score.to_be_bytes());
                }
            }
            Some(Err(error)) => bytes.push(status(*error)),
            _ => bytes.push(status(NoteError::Internal)),
        }
        bytes.resize(start + slot_len(labels), 0);
    }
}

pub(super) fn read_outcomes(body: &mut &[u8], shape: Shape) -> Result<Vec<NoteOutcome>, Malformed> {
    let count = read_count(body, &shape.limits)?;
    let mut outcomes = Vec::with_capacity(count);
    for _ in 0..count {
        let [status, known] = take(body)?;
        let mut scores = Zeroizing::new(Vec::with_capacity(shape.labels));
        for _ in 0..shape.labels {
            scores.push(f32::from_be_bytes(take(body)?));
        }
        outcomes.push(read_slot(status, known, &mut scores)?);
    }
    Ok(outcomes)
}

fn read_slot(status: u8, known: u8, scores: &mut Vec<f32>) -> Result<NoteOutcome, Malformed> {
    let error = match status {
        STATUS_OK if scores.iter().all(|score| (0.0..=1.0).contains(score)) => {
            // The range has a −0 in it, which is below 0 where scores are ordered or printed by their bits.
            scores.iter_mut().for_each(|score| *score = score.abs());
            return Ok(Ok(Scored {
                scores: core::mem::take(scores),
                known: KnownShare::from_byte(known),
            }));
        }
        STATUS_OK => return Err(Malformed("score")),
        2 => NoteError::Empty,
        3 => NoteError::TooLong,
        4 => NoteError::NotUtf8,
        5 => NoteError::Internal,
        _ => return Err(Malformed("status")),
    };
    match known == 0 && scores.iter().all(|score| score.to_bits() == 0) {
        true => Ok(Err(error)),
        false => Err(Malformed("scores beside an error")),
    }
}

fn status(error: NoteError) -> u8 {
    match error {
        NoteError::Empty => 2,
        NoteError::TooLong => 3,
        NoteError::NotUtf8 => 4,
        NoteError::Internal => 5,
    }
}

fn read_count(body: &mut &[u8], limits: &Limits) -> Result<usize, Malformed> {
    let count = u16::from_be_bytes(take(body)?);
    if count == 0 || count > limits.notes {
        return Err(Malformed("number of notes"));
    }
    Ok(usize::from(count))
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
            let note = read_note(character.to_string().as_bytes(), &limits);
            let is_empty = matches!(note, Err(NoteError::Empty));
            assert_eq!(is_empty, is_white, "U+{:04X}", u32::from(character));
        }
    }
}
