//! The limits of a session, made low enough to be reached. The last record is the close's.

use std::time::{Duration, Instant};

use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::enclave::{Received, ReplySlot};
use sealnote_protocol::session::{Limit, SessionError, SessionLimits};
use sealnote_session::{Incoming, RequestError};

use crate::enclave_end::classify;
use crate::open::Open;
use crate::world::{LABELS, NOTE_BYTES, REQUEST_BYTES, START};

const CLOSE: u64 = 8 + 9 + 16;
const READY: u64 = 8 + 17 + 16;
const REQUEST: u64 = 8 + 4096 + 16;
const ANSWER: u64 = 8 + (12 + 1024 * 14) + 16;

/// Answers are longer than requests, so that a direction's limit on bytes can be that of the answers.
fn claims() -> Limits {
    Limits::of_classification(1024, NOTE_BYTES, REQUEST_BYTES, 8, LABELS.len())
}

struct Case {
    limit: Limit,
    limits: SessionLimits,
    /// Requests (or answers) that are within the limits.
    within: u64,
}

const UNLIMITED: SessionLimits = SessionLimits {
    records: u64::MAX,
    bytes: u64::MAX,
    lifetime: Duration::MAX,
};

/// Record `n` is sealed and opened this long after the start.
fn at(n: u64) -> Instant {
    *START + Duration::from_millis(400 * n)
}

fn cases(before: u64, each: u64, records_before: u64) -> Vec<Case> {
    let records = |records, within| Case {
        limit: Limit::Records,
        limits: SessionLimits {
            records,
            ..UNLIMITED
        },
        within,
    };
    let bytes = |bytes, within| Case {
        limit: Limit::Bytes,
        limits: SessionLimits { bytes, ..UNLIMITED },
        within,
    };
    let lifetime = |millis, within| Case {
        limit: Limit::Lifetime,
        limits: SessionLimits {
            lifetime: Duration::from_millis(millis),
            ..UNLIMITED
        },
        within,
    };
    vec![
        // Fewer than two, and `ready` could not pass.
        records(2, 1 - records_before),
        records(records_before + 4, 3),
        bytes(before + each + CLOSE - 1, 0),
        bytes(before + each + CLOSE, 1),
        bytes(before + 3 * each + CLOSE, 3),
        lifetime(1, 1),
        // The third comes at this very moment, which is too late.
        lifetime(800, 2),
        lifetime(801, 3),
    ]
}

#[test]
fn the_protocols_own_limits() {
    let limits = SessionLimits::default();
    assert_eq!(limits.records, 1 << 20);
    assert_eq!(limits.bytes, 1 << 38);
    assert_eq!(limits.lifetime, Duration::from_secs(3600));
}

#[test]
fn the_client_stops_sending_and_its_close_passes() {
    for case in cases(0, REQUEST, 0) {
        let mut open = Open::new(claims(), case.limits, UNLIMITED);
        for n in 0..case.within {
            let (_, frame) = open.client_sender.request(&[b"note"], at(n)).unwrap();
            let received = open.enclave_receiver.open(frame, at(n));
            assert!(matches!(received, Ok(Received::Request(..))));
        }
        for _ in 0..2 {
            let error = open.client_sender.request(&[b"note"], at(case.within));
            let expected = RequestError::Session(SessionError::Limit(case.limit));
            assert_eq!(error.unwrap_err(), expected, "{}", case.within);
        }
        let close = open.client_sender.close(at(case.within)).unwrap();
        let received = open.enclave_receiver.open(close, at(case.within));
        assert!(matches!(received, Ok(Received::Close)), "{:?}", case.limit);
    }
}

#[test]
fn the_enclave_stops_receiving_and_the_close_passes() {
    for case in cases(0, REQUEST, 0) {
        for closes in [true, false] {
            let mut open = Open::new(claims(), UNLIMITED, case.limits);
            for n in 0..case.within {
                let (_, frame) = open.client_sender.request(&[b"note"], at(n)).unwrap();
                let received = open.enclave_receiver.open(frame, at(n));
                assert!(matches!(received, Ok(Received::Request(..))));
            }
            let time = at(case.within);
            if closes {
                let close = open.client_sender.close(time).unwrap();
                let received = open.enclave_receiver.open(close, time);
                assert!(matches!(received, Ok(Received::Close)), "{:?}", case.limit);
                continue;
            }
            let (_, frame) = open.client_sender.request(&[b"note"], time).unwrap();
            let error = open.enclave_receiver.open(frame, time).unwrap_err();
            assert_eq!(error, SessionError::Limit(case.limit));
            let close = open.client_sender.close(time).unwrap();
            let error = open.enclave_receiver.open(close, time).unwrap_err();
            assert_eq!(error, SessionError::Over);
        }
    }
}

#[test]
fn the_enclave_stops_answering_and_its_close_passes() {
    for case in cases(READY, ANSWER, 1) {
        let mut open = Open::new(claims(), UNLIMITED, case.limits);
        let mut slots = slots(&mut open, case.within + 1);
        for n in 0..case.within {
            let outcomes = vec![classify("note")];
            let frame = open.enclave_sender.answer(slots.remove(0), outcomes, at(n));
            let incoming = open.client_receiver.open(frame.unwrap(), at(n));
            assert!(matches!(incoming, Ok(Incoming::Reply(_))));
        }
        let (slot, time) = (slots.remove(0), at(case.within));
        let error = open
            .enclave_sender
            .answer(slot, vec![classify("note")], time);
        assert_eq!(error.unwrap_err(), SessionError::Limit(case.limit));
        let close = open.enclave_sender.close(time).unwrap();
        let incoming = open.client_receiver.open(close, time);
        assert!(matches!(incoming, Ok(Incoming::Close)), "{:?}", case.limit);
    }
}

#[test]
fn the_client_stops_receiving_and_the_close_passes() {
    for case in cases(READY, ANSWER, 1) {
        for closes in [true, false] {
            let mut open = Open::new(claims(), case.limits, UNLIMITED);
            let mut slots = slots(&mut open, case.within + 1);
            for n in 0..case.within {
                let outcomes = vec![classify("note")];
                let frame = open.enclave_sender.answer(slots.remove(0), outcomes, at(n));
                let incoming = open.client_receiver.open(frame.unwrap(), at(n));
                assert!(matches!(incoming, Ok(Incoming::Reply(_))));
            }
            let time = at(case.within);
            if !closes {
                let outcomes = vec![classify("note")];
                let frame = open.enclave_sender.answer(slots.remove(0), outcomes, time);
                let error = open.client_receiver.open(frame.unwrap(), time).unwrap_err();
                assert_eq!(error, SessionError::Limit(case.limit));
            }
            let close = open.enclave_sender.close(time).unwrap();
            let incoming = open.client_receiver.open(close, time);
            match closes {
                true => assert!(matches!(incoming, Ok(Incoming::Close)), "{:?}", case.limit),
                false => assert_eq!(incoming.unwrap_err(), SessionError::Over),
            }
        }
    }
}

/// So many requests, all sent at the start.
fn slots(open: &mut Open, count: u64) -> Vec<ReplySlot> {
    let request = |_| {
        let (_, frame) = open.client_sender.request(&[b"note"], *START).unwrap();
        match open.enclave_receiver.open(frame, *START) {
            Ok(Received::Request(slot, _)) => slot,
            other => panic!("{other:?}"),
        }
    };
    (0..count).map(request).collect()
}
