//! The plaintexts of records as PROTOCOL.md lays them out, written without the implementation.

use sealnote_protocol::limits::Limits;
use sealnote_protocol::task::sequence_classification::Layout;

/// Bytes that stand for a shape before a record's plaintext.
pub const SHAPE_LEN: usize = 9;

/// The length of an answer before its slots: kind, id, whether it is the last, number of notes.
const ANSWER_PREFIX: usize = 1 + 8 + 1 + 2;

/// A legal shape, one for every value of the bytes.
pub fn shape(bytes: [u8; SHAPE_LEN]) -> Layout {
    let [n1, n0, l1, l0, exponent, b3, b2, b1, b0] = bytes;
    let notes = u16::from_be_bytes([n1, n0]) % 1024 + 1;
    let labels = usize::from(u16::from_be_bytes([l1, l0]) % 512 + 1);
    let request_bytes = 4096 << (exponent % 13);
    // A request of one note of that length just fits: kind, id, number, length.
    let note_bytes = u32::from_be_bytes([b3, b2, b1, b0]) % (request_bytes - 15) + 1;
    Layout {
        limits: Limits::of_classification(notes, note_bytes, request_bytes, 1, labels),
        labels,
    }
}

/// The bytes of a shape: the inverse of [`shape`].
pub fn shape_bytes(notes: u16, labels: u16, exponent: u8, note_bytes: u32) -> [u8; SHAPE_LEN] {
    let ([n1, n0], [l1, l0]) = ((notes - 1).to_be_bytes(), (labels - 1).to_be_bytes());
    let [b3, b2, b1, b0] = (note_bytes - 1).to_be_bytes();
    [n1, n0, l1, l0, exponent, b3, b2, b1, b0]
}

/// A request, without its padding.
pub fn request(id: u64, notes: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend(id.to_be_bytes());
    bytes.extend((notes.len() as u16).to_be_bytes());
    for note in notes {
        bytes.extend((note.len() as u32).to_be_bytes());
        bytes.extend_from_slice(note);
    }
    bytes
}

/// An answer, without its padding. A slot: status, share known, and the bits of a score for each label.
pub fn answer(id: u64, slots: &[(u8, u8, Vec<u32>)]) -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.extend(id.to_be_bytes());
    bytes.push(1);
    bytes.extend((slots.len() as u16).to_be_bytes());
    for (status, known, scores) in slots {
        bytes.extend([*status, *known]);
        bytes.extend(scores.iter().flat_map(|score| score.to_be_bytes()));
    }
    bytes
}

/// The length of every answer of a shape.
pub fn answer_len(notes: u16, labels: usize) -> usize {
    ANSWER_PREFIX + usize::from(notes) * (2 + 4 * labels)
}

/// `plaintext` with the zeros that its kind must have after it; `None` where that is more than 64 KiB.
pub fn padded(plaintext: &[u8], shape: Layout) -> Option<Vec<u8>> {
    let len = match plaintext.first()? {
        2 => plaintext.len().next_power_of_two().max(4096),
        3 => answer_len(shape.limits.notes, shape.labels),
        _ => return None,
    };
    let mut padded = plaintext.to_vec();
    padded.resize(len.max(plaintext.len()), 0);
    (len <= 1 << 16).then_some(padded)
}
