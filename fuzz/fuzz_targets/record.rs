//! A record's plaintext, in both directions: what parses is in the attested limits, and is what PROTOCOL.md lays out for it.
//!
//! Input: the limits and the number of labels (9 bytes), the plaintext. It is parsed as it is, and with the zeros after it
//! that its kind must have, which would be many for a fuzzer to find.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealnote_fuzz::{layout, within};
use sealnote_model::{NoteError, NoteOutcome};
use sealnote_protocol::record::{Malformed, Record};
use sealnote_protocol::task::sequence_classification::{Layout, Notes};

fuzz_target!(|bytes: &[u8]| {
    let Some((shape, plaintext)) = bytes.split_first_chunk() else {
        return;
    };
    let shape = layout::shape(*shape);
    check(plaintext, shape);
    if let Some(padded) = layout::padded(plaintext, shape) {
        check(&padded, shape);
    }
});

/// A record, and of its body what the task reads.
enum Parsed {
    Ready,
    Request(u64, Notes),
    Answer(u64, Vec<NoteOutcome>),
    Close(u64),
    Signature,
    Denial,
}

fn parse(plaintext: &[u8], shape: Layout) -> Result<Parsed, Malformed> {
    Ok(match Record::parse(plaintext, &shape.limits)? {
        Record::Ready => Parsed::Ready,
        Record::Request(id, body) => Parsed::Request(id, shape.read_request(body)?),
        Record::Answer(id, body) => Parsed::Answer(id, shape.read_answer(body)?),
        Record::Close(count) => Parsed::Close(count),
        Record::Signature(..) => Parsed::Signature,
        Record::Denial(_) => Parsed::Denial,
    })
}

fn check(plaintext: &[u8], shape: Layout) {
    // Notes and outcomes are held in 32 bytes, at most 1024 of them.
    let limit = 64 * 1024 + 4 * plaintext.len();
    match within(limit, || parse(plaintext, shape)) {
        Ok(Parsed::Request(id, notes)) => check_request(plaintext, shape, id, &notes),
        Ok(Parsed::Answer(id, outcomes)) => check_answer(plaintext, shape, id, &outcomes),
        Ok(Parsed::Close(count)) => {
            assert_eq!(plaintext, [&[4], &count.to_be_bytes()[..]].concat());
        }
        Ok(Parsed::Signature) => assert_eq!((plaintext[0], plaintext.len()), (5, 97)),
        Ok(Parsed::Denial) => assert_eq!((plaintext[0], plaintext.len()), (6, 9)),
        Ok(Parsed::Ready) => assert_eq!(plaintext, b"\x01sealnote/2 ready"),
        Err(_) => {}
    }
}

fn check_request(plaintext: &[u8], shape: Layout, id: u64, notes: &Notes) {
    let limits = shape.limits;
    assert!(plaintext.len().is_power_of_two() && plaintext.len() >= 4096);
    assert!(plaintext.len() <= limits.request_bytes as usize);
    assert!((1..=usize::from(limits.notes)).contains(&notes.len()));

    // What the notes' bytes are, whether or not each is accepted.
    let mut rest = &plaintext[11..];
    let sent = notes.iter().map(|note| {
        let (len, after) = rest.split_first_chunk().expect("a length");
        let (bytes, after) = after.split_at(u32::from_be_bytes(*len) as usize);
        rest = after;
        match note {
            Ok(text) => {
                assert_eq!(text.expose().as_bytes(), bytes);
                assert!(bytes.len() <= limits.note_bytes as usize);
            }
            Err(NoteError::TooLong) => assert!(bytes.len() > limits.note_bytes as usize),
            Err(NoteError::NotUtf8) => assert!(str::from_utf8(bytes).is_err()),
            Err(NoteError::Empty) => assert!(
                str::from_utf8(bytes).is_ok_and(|text| text.chars().all(char::is_whitespace))
            ),
            Err(NoteError::Internal) => panic!("no note is that before it is computed"),
        }
        bytes
    });
    let sent: Vec<&[u8]> = sent.collect();
    assert_is(plaintext, &layout::request(id, &sent));
}

fn check_answer(plaintext: &[u8], shape: Layout, id: u64, outcomes: &[NoteOutcome]) {
    let limits = shape.limits;
    assert_eq!(
        plaintext.len(),
        layout::answer_len(limits.notes, shape.labels)
    );
    assert!((1..=usize::from(limits.notes)).contains(&outcomes.len()));
    let slots = outcomes.iter().map(|outcome| match outcome {
        Ok(note) => {
            assert!(note.scores.iter().all(|score| (0.0..=1.0).contains(score)));
            assert!(note.scores.iter().all(|score| score.is_sign_positive()));
            let scores = note.scores.iter().map(|score| score.to_bits()).collect();
            (1, note.known.to_byte(), scores)
        }
        Err(error) => {
            let status = match error {
                NoteError::Empty => 2,
                NoteError::TooLong => 3,
                NoteError::NotUtf8 => 4,
                NoteError::Internal => 5,
            };
            (status, 0, vec![0; shape.labels])
        }
    });
    let slots: Vec<_> = slots.collect();
    // The sign of a zero is the one thing that parsing drops.
    let mut positive = plaintext.to_vec();
    let scores = positive[12..].chunks_mut(2 + 4 * shape.labels);
    for score in scores.flat_map(|slot| slot[2..].chunks_exact_mut(4)) {
        if score == [0x80, 0, 0, 0] {
            score[0] = 0;
        }
    }
    assert_is(&positive, &layout::answer(id, &slots));
}

/// `plaintext` is `content`, and zeros.
fn assert_is(plaintext: &[u8], content: &[u8]) {
    let padding = plaintext.strip_prefix(content).expect("what was parsed");
    assert!(padding.iter().all(|byte| *byte == 0));
}
