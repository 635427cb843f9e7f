//! Nothing that was recorded is of use: to the client, or to the enclave.

use p384::ecdsa::Signature;
use sealnote_protocol::handshake::Answer;
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_verifier::nitro::appraisal::AppraisalError;
use sealnote_verifier::nitro::checks;

use crate::enclave_end::EnclaveEnd;
use crate::open::{Confirming, Open};
use crate::pair::Pair;
use crate::rogue::{Direction, parse};
use crate::wire::{Fault, Step};
use crate::world::{START, WORLD, claims_limits};

/// Even if the attester gives back the very same bytes, timestamp and signature included.
#[test]
fn a_recorded_client_flight_opens_nothing_at_the_same_enclave() {
    let recorded = Pair::completed();
    let document = answer(&recorded).evidence;
    let mut enclave = EnclaveEnd::new(WORLD.enclave.clone(), 3);
    enclave.attest = Box::new(move |_| document.clone());

    let sent = enclave.deliver(&recorded.frame(Step::Hello));
    let [(Step::Answer, new_answer)] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_ne!(*new_answer, recorded.frame(Step::Answer));
    let sent = enclave.deliver(&recorded.frame(Step::Key));
    let [(Step::Ready, ready)] = &sent[..] else {
        panic!("{sent:?}");
    };
    // Other keys: the recorded session's open the recorded ready, and not this one.
    let schedule = recorded.schedule();
    let opened = schedule.open(Direction::ToClient, 0, &recorded.frame(Step::Ready));
    assert_eq!(opened.unwrap(), b"\x01sealnote/2 ready");
    assert_eq!(schedule.open(Direction::ToClient, 0, ready), None);
    assert!(enclave.exported.is_some());
    assert_ne!(enclave.exported, recorded.enclave.exported);

    let sent = enclave.deliver(&recorded.frame(Step::Request(0)));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, Step::Refusal);
    assert_eq!(
        enclave.fault,
        Some(Fault::Session(SessionError::NotAuthentic))
    );
    assert!(enclave.notes.is_empty());
    enclave.deliver(&recorded.frame(Step::Request(1)));
    assert_eq!(enclave.after, [SessionError::Over]);
}

#[test]
fn a_recorded_answer_does_not_answer_a_new_challenge() {
    let recorded = Pair::completed();
    let pair = replacing(Step::Answer, recorded.frame(Step::Answer));
    let Some(Fault::Rejected(rejection)) = &pair.client.fault else {
        panic!("{:?}", pair.client.fault);
    };
    assert_eq!(rejection.check(), checks::X7);
    assert_eq!(
        pair.client.fault,
        Some(AppraisalError::NonceMismatch.into())
    );
    assert!(!pair.client.confirmed);
}

#[test]
fn a_document_without_a_nonce_answers_no_challenge() {
    let mut pair = Pair::new().attesting(|request| {
        WORLD.attest_fields(None, Some(&request.claims), request.public_key.as_deref())
    });
    pair.run(&mut crate::pair::honest);
    let expected = Fault::from(AppraisalError::NonceMissing);
    assert_eq!(pair.client.fault, Some(expected));
}

#[test]
fn a_frame_of_another_session_in_place_of_any() {
    let other = Pair::completed();
    let nonce = || Fault::from(AppraisalError::NonceMismatch);
    let not_authentic = || Fault::Session(SessionError::NotAuthentic);
    let cases = [
        (Step::Hello, Some(Fault::Cut), Some(nonce())),
        (Step::Answer, Some(Fault::Cut), Some(nonce())),
        (Step::Key, Some(Fault::Cut), Some(not_authentic())),
        (Step::Ready, Some(Fault::Cut), Some(not_authentic())),
        (
            Step::Request(0),
            Some(not_authentic()),
            Some(Fault::Refused),
        ),
        (
            Step::Request(2),
            Some(not_authentic()),
            Some(Fault::Refused),
        ),
        (
            Step::ClientClose,
            Some(not_authentic()),
            Some(Fault::Refused),
        ),
        (Step::Reply(0), None, Some(not_authentic())),
        (Step::Reply(2), None, Some(not_authentic())),
        (Step::EnclaveClose, None, Some(not_authentic())),
    ];
    for (step, enclave, client) in cases {
        let pair = replacing(step, other.frame(step));
        assert_eq!(
            pair.faults(),
            (enclave.as_ref(), client.as_ref()),
            "{step:?}"
        );
    }
}

/// Each direction has a key of its own: a record sent back to its sender does not open, although
/// its counter is the one that is due.
#[test]
fn a_record_sent_back_to_its_sender() {
    let limits = SessionLimits::default();
    let mut confirming = Confirming::new(claims_limits(), limits, limits);
    let error = confirming.enclave_receiver.open(confirming.ready, *START);
    assert_eq!(error.unwrap_err(), SessionError::NotAuthentic);

    let mut open = Open::unlimited();
    open.client_sender.request(&[b"a"], *START).unwrap();
    let (_, second) = open.client_sender.request(&[b"b"], *START).unwrap();
    let error = open.client_receiver.open(second, *START);
    assert_eq!(error.unwrap_err(), SessionError::NotAuthentic);
}

/// ECDSA signatures are malleable: (r, -s) verifies wherever (r, s) does. The transcript is not.
#[test]
fn a_document_that_verifies_but_was_changed_on_the_way() {
    let mut pair = Pair::new();
    pair.run(&mut |step: Step, frame: Vec<u8>| {
        if step != Step::Answer {
            return vec![frame];
        }
        let mut answer = Answer::from_frame(&parse(frame)).unwrap();
        let at = answer.evidence.len() - 96;
        let signature = Signature::from_slice(&answer.evidence[at..]).unwrap();
        let (r, s) = signature.split_scalars();
        let twin = Signature::from_scalars(r, -s).unwrap();
        assert_ne!(twin, signature);
        answer.evidence[at..].copy_from_slice(&twin.to_bytes());
        vec![answer.to_frame().into_bytes()]
    });
    let expected = Fault::Session(SessionError::NotAuthentic);
    assert_eq!(pair.faults(), (Some(&Fault::Cut), Some(&expected)));
    assert!(!pair.client.confirmed);
}

fn replacing(at: Step, with: Vec<u8>) -> Pair {
    let mut pair = Pair::new();
    pair.run(&mut |step: Step, frame: Vec<u8>| match step == at {
        true => vec![with.clone()],
        false => vec![frame],
    });
    pair
}

fn answer(pair: &Pair) -> Answer {
    let frame = parse(pair.frame(Step::Answer));
    Answer::from_frame(&frame).unwrap()
}
