//! Task 1, sequence classification: notes in a request, a slot for each in the answer.
//!
//! ```text
//! request: u16 n | n × (u32 length | note)
//! answer:  u16 n | n × (u8 status | u8 known | labels × f32 score)
//! ```

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use sealnote_model::{
    KnownShare, ModelDigest, NoteError, NoteOutcome, Precision, Problem, SHA384_LEN, Scored,
};
use zeroize::Zeroizing;

use crate::limits::{Limits, MIN_REQUEST};
use crate::plaintext::Plaintext;
use crate::record::{ANSWER_PREFIX, Body, Malformed, REQUEST_PREFIX, Unsealed};
use crate::suite::Suite;
use crate::task::Task;

/// What the model is, and how it reads a note.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ModelClaims {
    #[cbor(n(1), with = "minicbor::bytes")]
    digest: [u8; SHA384_LEN],
    /// The labels, by index.
    #[n(2)]
    pub labels: Vec<String>,
    #[n(3)]
    multi_label: bool,
    /// Length of a window in tokens, special tokens included.
    #[n(4)]
    pub window: u32,
    /// Content tokens that two neighbouring windows share.
    #[n(5)]
    pub overlap: u32,
    /// How the encoder is computed.
    #[n(6)]
    pub precision: Precision,
}

/// How requests and answers of this task are laid out in a session: what its claims say of them.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The attested limits.
    pub limits: Limits,
    /// How many labels the model has.
    pub labels: usize,
}

/// The notes of a request; a bad note is its error already.
pub type Notes = Vec<Result<Plaintext, NoteError>>;

const MAX_LABELS: usize = 512;
const MAX_LABEL_LEN: usize = 200;
const COUNT_LEN: usize = 2;
const STATUS_OK: u8 = 1;

impl ModelClaims {
    /// The claims of a model with these labels, which reads windows of `window` tokens.
    pub fn new(
        digest: ModelDigest,
        labels: Vec<String>,
        problem: Problem,
        window: u32,
        overlap: u32,
        precision: Precision,
    ) -> Self {
        Self {
            digest: digest.0,
            labels,
            multi_label: problem == Problem::MultiLabel,
            window,
            overlap,
            precision,
        }
    }

    /// How a session's requests and answers are laid out.
    pub fn layout(&self, limits: Limits) -> Layout {
        Layout {
            limits,
            labels: self.labels.len(),
        }
    }

    /// The digest of the model's files.
    pub fn digest(&self) -> ModelDigest {
        ModelDigest(self.digest)
    }

    /// Whether one label applies, or any number of them.
    pub fn problem(&self) -> Problem {
        match self.multi_label {
            true => Problem::MultiLabel,
            false => Problem::SingleLabel,
        }
    }
}

impl Task for ModelClaims {
    const NUMBER: u16 = 1;
    const NAME: &'static str = "sequence classification";
    const LEAST_SUITE: Suite = Suite::RsaOaep;
    const HAS_CLIENTS: bool = true;

    fn model(&self) -> ModelDigest {
        self.digest()
    }

    fn precision(&self) -> Option<Precision> {
        Some(self.precision)
    }

    fn fault(&self, limits: &Limits) -> Option<&'static str> {
        // Results are keyed by label, so two alike would hide one score.
        let distinct: BTreeSet<&String> = self.labels.iter().collect();
        let labels = self.labels.len();
        let checks = [
            (
                (1..=MAX_LABELS).contains(&labels)
                    && self.labels.iter().all(|label| is_label(label))
                    && distinct.len() == labels,
                "labels",
            ),
            ((1..=1 << 20).contains(&self.window), "window"),
            (self.overlap < self.window, "overlap"),
            (
                request_len([limits.note_bytes as usize]) <= limits.request_bytes as usize,
                "note limit",
            ),
            (
                limits.answer_bytes() == answer_len(limits.notes, labels),
                "answer length",
            ),
        ];
        checks
            .into_iter()
            .find_map(|(ok, what)| (!ok).then_some(what))
    }
}

impl Limits {
    /// Limits of a model with `labels` labels; lengths in bytes.
    pub fn of_classification(
        notes: u16,
        note_bytes: u32,
        request_bytes: u32,
        in_flight: u16,
        labels: usize,
    ) -> Self {
        Self {
            notes,
            note_bytes,
            request_bytes,
            in_flight,
            answer_bytes: [answer_len(notes, labels) as u32],
        }
    }
}

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

impl Layout {
    /// A request, padded. The caller keeps notes and length within the limits.
    pub fn request(&self, id: u64, notes: &[&[u8]]) -> Unsealed {
        let len = request_len(notes.iter().map(|note| note.len()));
        Unsealed::request(id, len, |bytes| {
            bytes.extend_from_slice(&(notes.len() as u16).to_be_bytes());
            for note in notes {
                bytes.extend_from_slice(&(note.len() as u32).to_be_bytes());
                bytes.extend_from_slice(note);
            }
        })
    }

    /// The notes of a request.
    pub fn read_request(&self, mut body: Body<'_>) -> Result<Notes, Malformed> {
        let count = self.read_count(&mut body)?;
        let mut notes = Vec::with_capacity(count);
        for _ in 0..count {
            let len = u32::from_be_bytes(body.take()?) as usize;
            let note = body.take_slice(len).ok_or(Malformed("note length"))?;
            notes.push(read_note(note, &self.limits));
        }
        body.end()?;
        Ok(notes)
    }

    /// The answer to a request of `count` notes. A note without an outcome, or with a wrong number of
    /// scores, becomes an internal error: every note gets exactly one slot.
    pub fn answer(&self, id: u64, count: usize, outcomes: &[NoteOutcome]) -> Unsealed {
        Unsealed::answer(id, self.limits.answer_bytes(), |bytes| {
            bytes.extend_from_slice(&(count as u16).to_be_bytes());
            for slot in 0..count {
                write_slot(bytes, self.labels, outcomes.get(slot));
            }
        })
    }

    /// An answer's outcomes, one for each note of its request.
    pub fn read_answer(&self, mut body: Body<'_>) -> Result<Vec<NoteOutcome>, Malformed> {
        let count = self.read_count(&mut body)?;
        let mut outcomes = Vec::with_capacity(count);
        for _ in 0..count {
            let [status, known] = body.take()?;
            let mut scores = Zeroizing::new(Vec::with_capacity(self.labels));
            for _ in 0..self.labels {
                scores.push(f32::from_be_bytes(body.take()?));
            }
            outcomes.push(read_slot(status, known, &mut scores)?);
        }
        body.end()?;
        Ok(outcomes)
    }

    fn read_count(&self, body: &mut Body<'_>) -> Result<usize, Malformed> {
        let count = u16::from_be_bytes(body.take()?);
        if count == 0 || count > self.limits.notes {
            return Err(Malformed("number of notes"));
        }
        Ok(usize::from(count))
    }
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

fn write_slot(bytes: &mut Vec<u8>, labels: usize, outcome: Option<&NoteOutcome>) {
    let start = bytes.len();
    match outcome {
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

/// `char::is_control` is general category Cc, which no version of Unicode will change.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_LEN).contains(&label.len()) && !label.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_empty_if_it_has_nothing_but_white_space() {
        let limits = Limits::of_classification(1, 1000, 4096, 1, 1);
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

    #[test]
    fn a_label_has_no_character_of_category_cc() {
        for character in '\0'..=char::MAX {
            let is_cc = matches!(character, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
            let label = character.to_string();
            assert_eq!(is_label(&label), !is_cc, "U+{:04X}", u32::from(character));
        }
    }
}
