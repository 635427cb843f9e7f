//! Records that a peer with the right keys has sealed, and that break the protocol all the same.

use sealnote_protocol::record::Malformed;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::Received;
use sealnote_session::Incoming;

use crate::open::{Confirming, Open};
use crate::rogue::Direction::{ToClient, ToEnclave};
use crate::world::{LABELS, START, claims_limits};

/// A request's plaintext, padded to `len`.
fn request(id: u64, count: u16, notes: &[&[u8]], len: usize) -> Vec<u8> {
    let mut plaintext = vec![2];
    plaintext.extend(id.to_be_bytes());
    plaintext.extend(count.to_be_bytes());
    for note in notes {
        plaintext.extend((note.len() as u32).to_be_bytes());
        plaintext.extend_from_slice(note);
    }
    plaintext.resize(len, 0);
    plaintext
}

/// An answer's plaintext with these slots, each a status and three scores; of a note with scores half is known.
fn answer(id: u64, count: u16, slots: &[(u8, [f32; 3])]) -> Vec<u8> {
    let mut plaintext = vec![3];
    plaintext.extend(id.to_be_bytes());
    plaintext.push(1);
    plaintext.extend(count.to_be_bytes());
    for (status, scores) in slots {
        plaintext.extend([*status, if *status == 1 { 127 } else { 0 }]);
        for score in scores {
            plaintext.extend(score.to_be_bytes());
        }
    }
    plaintext.resize(68, 0);
    plaintext
}

fn patched(mut plaintext: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    plaintext[at] = byte;
    plaintext
}

#[test]
fn to_the_enclave() {
    let one = |len| request(0, 1, &[b"note"], len);
    // Prefix 11, length 4, note 4: the padding starts at 19.
    let cases: Vec<(&str, Vec<u8>, &'static str)> = vec![
        (
            "padding, its first byte",
            patched(one(4096), 19, 1),
            "padding",
        ),
        (
            "padding, its last byte",
            patched(one(4096), 4095, 0x80),
            "padding",
        ),
        (
            "a fifth note behind",
            request(0, 1, &[b"a", b"b"], 4096),
            "padding",
        ),
        (
            "a byte short of a power of two",
            one(4095),
            "request length",
        ),
        ("a byte over a power of two", one(4097), "request length"),
        ("a sum of two powers of two", one(12288), "request length"),
        ("too short a power of two", one(2048), "request length"),
        ("over the limit", one(32768), "request length"),
        ("the prefix alone", one(11), "request length"),
        ("no note", request(0, 0, &[], 4096), "number of notes"),
        (
            "five notes",
            request(0, 5, &[&b"a"[..]; 5], 4096),
            "number of notes",
        ),
        (
            "65535 notes",
            request(0, 65535, &[&b"a"[..]; 4], 4096),
            "number of notes",
        ),
        (
            "a note past the end",
            patched(one(4096), 11, 0xff),
            "note length",
        ),
        (
            "a note one past the end",
            {
                let mut plaintext = one(4096);
                plaintext[11..15].copy_from_slice(&(4096u32 - 14).to_be_bytes());
                plaintext
            },
            "note length",
        ),
        (
            "no room for the second length",
            {
                let mut plaintext = request(0, 2, &[b"note"], 4096);
                plaintext[11..15].copy_from_slice(&(4096u32 - 17).to_be_bytes());
                plaintext
            },
            "truncated",
        ),
        ("nothing", vec![], "kind"),
        ("kind 0", patched(one(4096), 0, 0), "kind"),
        ("kind 5", patched(one(4096), 0, 5), "signature length"),
        ("kind 6", patched(one(4096), 0, 6), "denial length"),
        ("kind 7", patched(one(4096), 0, 7), "kind"),
        ("ready", b"\x01sealnote/2 ready".to_vec(), "kind"),
        ("almost ready", b"\x01sealnote/2 readY".to_vec(), "kind"),
        ("an answer", answer(0, 1, &[(1, [0.5; 3])]), "kind"),
        (
            "a close of another count",
            [&[4][..], &[0; 7], &[1]].concat(),
            "close count",
        ),
        (
            "a close of 2^64 - 1",
            [&[4][..], &[0xff; 8]].concat(),
            "close count",
        ),
        (
            "a close of seven bytes",
            [&[4][..], &[0; 7]].concat(),
            "close length",
        ),
        (
            "a close of nine bytes",
            [&[4][..], &[0; 9]].concat(),
            "close length",
        ),
        (
            "a close of 4096 bytes",
            patched(one(4096), 0, 4),
            "close length",
        ),
    ];
    for (name, plaintext, expected) in cases {
        let mut open = Open::unlimited();
        let frame = open.schedule.seal(ToEnclave, 0, &plaintext);
        let error = open.enclave_receiver.open(frame, *START).unwrap_err();
        assert_eq!(
            error,
            SessionError::Malformed(Malformed(expected)),
            "{name}"
        );
        let frame = open.schedule.seal(ToEnclave, 1, &one(4096));
        let error = open.enclave_receiver.open(frame, *START).unwrap_err();
        assert_eq!(error, SessionError::Over, "{name}");
    }
}

#[test]
fn what_the_enclave_takes_though_this_client_would_not_send_it() {
    let mut open = Open::unlimited();
    let cases = [
        request(7, 1, &[b"note"], 4096),
        // Padded to more than the least power of two; an id left out.
        request(9, 4, &[b"a", b"b", b"c", b""], 16384),
        request(u64::MAX, 1, &[b"note"], 8192),
    ];
    for (counter, plaintext) in cases.iter().enumerate() {
        let frame = open.schedule.seal(ToEnclave, counter as u64, plaintext);
        let received = open.enclave_receiver.open(frame, *START);
        assert!(
            matches!(received, Ok(Received::Request(..))),
            "{received:?}"
        );
    }
    let close = [&[4][..], &3u64.to_be_bytes()].concat();
    let frame = open.schedule.seal(ToEnclave, 3, &close);
    let received = open.enclave_receiver.open(frame, *START);
    assert!(matches!(received, Ok(Received::Close)), "{received:?}");
}

#[test]
fn request_ids_that_do_not_increase() {
    for (first, second) in [(0, 0), (5, 5), (5, 4), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        let mut open = Open::unlimited();
        let frame = open
            .schedule
            .seal(ToEnclave, 0, &request(first, 1, &[b"a"], 4096));
        assert!(open.enclave_receiver.open(frame, *START).is_ok());
        let frame = open
            .schedule
            .seal(ToEnclave, 1, &request(second, 1, &[b"a"], 4096));
        let error = open.enclave_receiver.open(frame, *START).unwrap_err();
        assert_eq!(error, SessionError::Malformed(Malformed("request id")));
        let frame = open
            .schedule
            .seal(ToEnclave, 2, &request(6, 1, &[b"a"], 4096));
        let error = open.enclave_receiver.open(frame, *START).unwrap_err();
        assert_eq!(error, SessionError::Over);
    }
}

#[test]
fn to_the_client() {
    let good = || answer(0, 1, &[(1, [0.25, 0.5, 1.0])]);
    let scored = |score: f32| answer(0, 1, &[(1, [0.5, 0.5, score])]);
    let cases: Vec<(&str, Vec<u8>, &'static str)> = vec![
        ("a byte short", good()[..67].to_vec(), "answer length"),
        ("the kind alone", vec![3], "answer length"),
        ("no note", answer(0, 0, &[]), "number of notes"),
        (
            "five notes",
            answer(0, 5, &[(2, [0.0; 3]); 4]),
            "number of notes",
        ),
        ("padding", patched(good(), 67, 1), "padding"),
        (
            "scores in a slot that no note has",
            patched(good(), 26, 1),
            "padding",
        ),
        (
            "an answer that others follow",
            patched(good(), 9, 0),
            "an answer that is not the last",
        ),
        (
            "a last of 2",
            patched(good(), 9, 2),
            "an answer that is not the last",
        ),
        (
            "a known share beside an error",
            patched(answer(0, 1, &[(2, [0.0; 3])]), 13, 1),
            "scores beside an error",
        ),
        ("status 0", answer(0, 1, &[(0, [0.0; 3])]), "status"),
        ("status 6", answer(0, 1, &[(6, [0.0; 3])]), "status"),
        ("a slot left out", answer(0, 2, &[(1, [0.5; 3])]), "status"),
        ("a score below 0", scored(-0.001), "score"),
        ("a score above 1", scored(1.001), "score"),
        ("not a number", scored(f32::NAN), "score"),
        ("infinity", scored(f32::INFINITY), "score"),
        (
            "a score beside an error",
            answer(0, 1, &[(2, [0.0, 0.0, 0.1])]),
            "scores beside an error",
        ),
        (
            "minus zero beside an error",
            answer(0, 1, &[(5, [-0.0, 0.0, 0.0])]),
            "scores beside an error",
        ),
        ("ready again", b"\x01sealnote/2 ready".to_vec(), "kind"),
        (
            "a request as long as an answer",
            patched(good(), 0, 2),
            "request length",
        ),
        (
            "a close of another count",
            [&[4][..], &[0; 7], &[1]].concat(),
            "close count",
        ),
        (
            "a close of ten bytes",
            [&[4][..], &[0; 9]].concat(),
            "close length",
        ),
        ("kind 255", patched(good(), 0, 255), "kind"),
    ];
    for (name, plaintext, expected) in cases {
        let mut open = Open::unlimited();
        let frame = open.schedule.seal(ToClient, 1, &plaintext);
        let error = open.client_receiver.open(frame, *START).unwrap_err();
        assert_eq!(
            error,
            SessionError::Malformed(Malformed(expected)),
            "{name}"
        );
        let frame = open.schedule.seal(ToClient, 2, &good());
        let error = open.client_receiver.open(frame, *START).unwrap_err();
        assert_eq!(error, SessionError::Over, "{name}");
    }
    let mut open = Open::unlimited();
    let frame = open.schedule.seal(ToClient, 1, &good());
    assert!(matches!(
        open.client_receiver.open(frame, *START),
        Ok(Incoming::Reply(_))
    ));
}

#[test]
fn minus_zero_is_zero() {
    let mut open = Open::unlimited();
    let (pending, _) = open.client_sender.request(&[b"a"], *START).unwrap();
    let plaintext = answer(0, 1, &[(1, [-0.0, 0.0, 0.0])]);
    let frame = open.schedule.seal(ToClient, 1, &plaintext);
    let Ok(Incoming::Reply(reply)) = open.client_receiver.open(frame, *START) else {
        panic!("not a reply");
    };
    let outcomes = pending.accept(reply).unwrap();
    let Ok(classification) = &outcomes[0] else {
        panic!("not classified");
    };
    let bits: Vec<u32> = classification.scores().map(|(_, s)| s.to_bits()).collect();
    assert_eq!(bits, [0, 0, 0]);
    // Among equals the lowest index.
    assert_eq!(classification.holding(), [(LABELS[0], 0.0)]);
}

#[test]
fn a_first_record_other_than_ready() {
    let close = [&[4][..], &[0; 8]].concat();
    for (plaintext, expected) in [
        (
            answer(0, 1, &[(1, [0.5; 3])]),
            "the first record is not ready",
        ),
        (close, "the first record is not ready"),
        (
            request(0, 1, &[b"a"], 4096),
            "the first record is not ready",
        ),
        (b"\x01sealnote/2 ready\0".to_vec(), "kind"),
        (b"\x01sealnote/2 read".to_vec(), "kind"),
        (vec![], "kind"),
    ] {
        let limits = SessionLimits::default();
        let confirming = Confirming::new(claims_limits(), limits, limits);
        let frame = confirming.schedule.seal(ToClient, 0, &plaintext);
        let error = confirming.client.ready(frame, *START).unwrap_err();
        assert_eq!(error, SessionError::Malformed(Malformed(expected)));
    }
}

#[test]
fn an_answer_to_another_request_or_for_another_number_of_notes() {
    for (id, slots) in [
        (1, &[(1, [0.5; 3]), (2, [0.0; 3])][..]),
        (0, &[(1, [0.5; 3])]),
        (0, &[(1, [0.5; 3]), (2, [0.0; 3]), (2, [0.0; 3])]),
    ] {
        let mut open = Open::unlimited();
        let (pending, _) = open.client_sender.request(&[b"a", b"b"], *START).unwrap();
        let plaintext = answer(id, slots.len() as u16, slots);
        let frame = open.schedule.seal(ToClient, 1, &plaintext);
        let Ok(Incoming::Reply(reply)) = open.client_receiver.open(frame, *START) else {
            panic!("not a reply");
        };
        assert_eq!(reply.request_id(), id);
        let expected = SessionError::Malformed(Malformed("an answer to another request"));
        assert_eq!(pending.accept(reply).unwrap_err(), expected);
    }
}
