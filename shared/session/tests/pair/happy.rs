//! Sessions that nobody disturbs.

use sealnote_model::NoteError;

use crate::enclave_end::{BREAKS_THE_MODEL, classify};
use crate::pair::{Pair, batches, honest};
use crate::wire::Step;
use crate::world::NOTE_BYTES;

#[test]
fn requests_in_flight_are_matched_by_id() {
    let pair = Pair::completed();
    let order: Vec<Step> = pair.wire.iter().map(|(step, _)| *step).collect();
    // All requests were on the way before the first answer, and the answers came last first.
    assert_eq!(
        order,
        [
            Step::Hello,
            Step::Answer,
            Step::Key,
            Step::Ready,
            Step::Request(0),
            Step::Request(1),
            Step::Request(2),
            Step::ClientClose,
            Step::Reply(0),
            Step::Reply(1),
            Step::Reply(2),
            Step::EnclaveClose,
        ]
    );
    assert!(pair.client.ended && pair.enclave.ended);
    for (batch, answer) in batches().iter().zip(&pair.client.answers) {
        let expected: Vec<_> = batch
            .iter()
            .map(|note| classify(std::str::from_utf8(note).unwrap()))
            .collect();
        assert_eq!(answer.as_ref(), Some(&expected));
    }
}

#[test]
fn a_bad_note_has_its_error_and_the_session_goes_on() {
    let just_fits = vec![b'a'; NOTE_BYTES as usize];
    let too_long = vec![b'a'; NOTE_BYTES as usize + 1];
    let fits = classify(std::str::from_utf8(&just_fits).unwrap());
    let cases: Vec<(Vec<u8>, _)> = vec![
        (Vec::new(), Err(NoteError::Empty)),
        (b" \t\r\n".to_vec(), Err(NoteError::Empty)),
        // U+2003 EM SPACE, U+00A0 NO-BREAK SPACE: both are White_Space.
        ("\u{2003}\u{a0}".into(), Err(NoteError::Empty)),
        (b"\xff\xfe".to_vec(), Err(NoteError::NotUtf8)),
        // A surrogate, and an overlong slash.
        (b"\xed\xa0\x80".to_vec(), Err(NoteError::NotUtf8)),
        (b"\xc0\xaf".to_vec(), Err(NoteError::NotUtf8)),
        (too_long, Err(NoteError::TooLong)),
        (vec![0xff; NOTE_BYTES as usize + 1], Err(NoteError::TooLong)),
        (BREAKS_THE_MODEL.into(), Err(NoteError::Internal)),
        (just_fits, fits),
    ];
    let good = b"cough for three weeks".to_vec();
    let batches = cases
        .iter()
        .map(|(bad, _)| vec![good.clone(), bad.clone(), good.clone()])
        .collect();
    let mut pair = Pair::with(batches);
    pair.run(&mut honest);
    assert_eq!(pair.faults(), (None, None));
    let expected_good = classify(std::str::from_utf8(&good).unwrap());
    for ((_, expected), answer) in cases.into_iter().zip(&pair.client.answers) {
        let all = [expected_good.clone(), expected, expected_good.clone()];
        assert_eq!(answer.as_deref(), Some(&all[..]));
    }
}

#[test]
fn a_session_without_requests_closes_both_ways() {
    let mut pair = Pair::with(Vec::new());
    pair.run(&mut honest);
    assert_eq!(pair.faults(), (None, None));
    assert!(pair.client.ended && pair.enclave.ended);
}

#[test]
fn the_exporter_is_common_to_the_ends_and_to_no_two_sessions() {
    let (one, other) = (Pair::completed(), Pair::completed());
    assert!(one.client.exported.is_some());
    assert_eq!(one.client.exported, one.enclave.exported);
    assert_eq!(other.client.exported, other.enclave.exported);
    assert_ne!(one.client.exported, other.client.exported);
}

#[test]
fn no_two_sessions_share_a_random_byte_string_or_a_frame() {
    let (one, other) = (Pair::completed(), Pair::completed());
    for ((step, first), (_, second)) in one.wire.iter().zip(&other.wire) {
        assert_eq!(first.len(), second.len(), "{step:?}");
        assert_ne!(first, second, "{step:?}");
    }
}
