//! What a length on the wire tells: how many bytes, to the next power of two, and nothing else.

use std::collections::BTreeSet;

use sealnote_model::{KnownShare, NoteError, NoteOutcome, Scored};
use sealnote_protocol::session::enclave::{Received, ReplySlot};
use sealnote_session::RequestError;

use crate::client_end::scores;
use crate::open::Open;
use crate::world::{NOTES, REQUEST_BYTES, START};

/// A frame's header and a record's tag.
const AROUND: usize = 8 + 16;

#[test]
fn a_request_is_padded_to_a_power_of_two() {
    // Before the notes come 11 bytes, before each note 4.
    let cases: [(&[usize], usize); 11] = [
        (&[0], 4096),
        (&[1], 4096),
        (&[4081], 4096),
        (&[4082], 8192),
        (&[4096], 8192),
        (&[0; 4], 4096),
        (&[1017, 1017, 1017, 1018], 4096),
        (&[1017, 1017, 1018, 1018], 8192),
        (&[5000, 3173], 8192),
        (&[5000, 3174], 16384),
        (&[5000, 5000, 5000, 1357], 16384),
    ];
    for (notes, expected) in cases {
        let notes: Vec<Vec<u8>> = notes.iter().map(|len| vec![b'x'; *len]).collect();
        let notes: Vec<&[u8]> = notes.iter().map(Vec::as_slice).collect();
        let mut open = Open::unlimited();
        let (_, frame) = open.client_sender.request(&notes, *START).unwrap();
        assert_eq!(frame.as_bytes().len() - AROUND, expected, "{notes:?}");
        let opened = open
            .schedule
            .open(crate::rogue::Direction::ToEnclave, 0, frame.as_bytes())
            .unwrap();
        let content = 11 + notes.iter().map(|note| 4 + note.len()).sum::<usize>();
        assert!(opened[content..].iter().all(|byte| *byte == 0));
        assert!(open.enclave_receiver.open(frame, *START).is_ok());
    }
}

#[test]
fn a_request_that_the_claims_do_not_allow_is_not_sealed() {
    let mut open = Open::unlimited();
    let note = [b'x'; 5000];
    for count in [0, usize::from(NOTES) + 1] {
        let error = open.client_sender.request(&vec![&b"a"[..]; count], *START);
        let limit = NOTES;
        assert_eq!(error.unwrap_err(), RequestError::Count { count, limit });
    }
    let error = open
        .client_sender
        .request(&[&note, &note, &note, &note[..1358]], *START);
    let expected = RequestError::Length {
        len: 32768,
        limit: REQUEST_BYTES,
    };
    assert_eq!(error.unwrap_err(), expected);
    // Nothing was used up: the first request is still number 0 of its direction.
    let (pending, frame) = open.client_sender.request(&[b"a"], *START).unwrap();
    assert_eq!(pending.request_id(), 0);
    assert!(open.enclave_receiver.open(frame, *START).is_ok());
}

#[test]
fn every_answer_has_one_length() {
    let one_hot = |label: usize| {
        let mut scores = vec![0.0; 3];
        scores[label] = 1.0;
        classified(scores)
    };
    let kinds: Vec<NoteOutcome> = vec![
        one_hot(0),
        one_hot(1),
        one_hot(2),
        classified(vec![1.0 / 3.0; 3]),
        Err(NoteError::Empty),
        Err(NoteError::TooLong),
        Err(NoteError::NotUtf8),
        Err(NoteError::Internal),
    ];
    let mut lengths = BTreeSet::new();
    let mut open = Open::unlimited();
    for count in 1..=usize::from(NOTES) {
        for kind in &kinds {
            let slot = slot(&mut open, count);
            let outcomes = vec![kind.clone(); count];
            let frame = open.enclave_sender.answer(slot, outcomes, *START).unwrap();
            lengths.insert(frame.as_bytes().len() - AROUND);
        }
        // Too few outcomes, too many, or a wrong number of scores: internal errors, same length.
        for outcomes in [
            vec![],
            vec![one_hot(0); 9],
            vec![classified(vec![0.5; 300]); count],
        ] {
            let slot = slot(&mut open, count);
            let frame = open.enclave_sender.answer(slot, outcomes, *START).unwrap();
            lengths.insert(frame.as_bytes().len() - AROUND);
        }
    }
    assert_eq!(lengths, BTreeSet::from([12 + 4 * (2 + 4 * 3)]));
}

#[test]
fn outcomes_that_do_not_fit_their_notes_are_internal_errors() {
    let good = || classified(vec![0.5; 3]);
    let internal = || Err(NoteError::Internal);
    let cases: [(Vec<NoteOutcome>, [NoteOutcome; 2]); 4] = [
        (vec![], [internal(), internal()]),
        (vec![good()], [good(), internal()]),
        (
            vec![classified(vec![0.5; 2]), classified(vec![0.5; 4])],
            [internal(), internal()],
        ),
        (vec![good(); 3], [good(), good()]),
    ];
    for (outcomes, expected) in cases {
        let mut open = Open::unlimited();
        let (pending, frame) = open.client_sender.request(&[b"a", b"b"], *START).unwrap();
        let Ok(Received::Request(slot, _)) = open.enclave_receiver.open(frame, *START) else {
            panic!("not a request");
        };
        let frame = open.enclave_sender.answer(slot, outcomes, *START).unwrap();
        let Ok(sealnote_session::Incoming::Reply(reply)) = open.client_receiver.open(frame, *START)
        else {
            panic!("not a reply");
        };
        assert_eq!(scores(pending.accept(reply).unwrap()), expected);
    }
}

fn classified(scores: Vec<f32>) -> NoteOutcome {
    let known = KnownShare::of(2, 3);
    Ok(Scored { scores, known })
}

fn slot(open: &mut Open, count: usize) -> ReplySlot {
    let notes = vec![&b"a"[..]; count];
    let (_, frame) = open.client_sender.request(&notes, *START).unwrap();
    match open.enclave_receiver.open(frame, *START) {
        Ok(Received::Request(slot, _)) => slot,
        other => panic!("{other:?}"),
    }
}
