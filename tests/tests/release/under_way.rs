//! A service that is away, slow, full, lying, or restarted midway.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealnote_key_release::owner::{OwnerError, Patience, Step};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_tests::attester::Quirk;
use sealnote_tests::relay::{Act, Direction, Seen};
use sealnote_transport::connect;
use tokio::time::sleep;

use crate::owner::{self, HASTE, KEY, Owner, enclave, enclave_of, wanted};

/// Tries again for a while.
const PATIENT: Patience = Patience {
    step: Duration::from_secs(20),
    in_all: Duration::from_secs(60),
};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_there() {
    let owner = Owner::prepare(Quirk::None);
    let address = format!("unix:{}", owner.path("socket")).parse().unwrap();
    let error = enclave(&owner, &address).await.unwrap_err();
    assert!(matches!(error, OwnerError::Unreachable(_)), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("egress") && message.contains("allow list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_comes_late_and_is_asked_again() {
    let owner = Arc::new(Owner::prepare(Quirk::None));
    let listen = format!("unix:{}", owner.path("socket"));
    let (of_enclave, address) = (owner.clone(), listen.parse().unwrap());
    let asking = tokio::spawn(async move {
        let signer = of_enclave.signer();
        enclave_of(&of_enclave, &address, &wanted(), &signer, PATIENT).await
    });
    sleep(Duration::from_millis(200)).await;
    let mut first = owner.start_at(&listen, &[]);
    assert_eq!(asking.await.unwrap().unwrap().key.as_bytes(), &KEY);
    // Nor is one that was killed missed for long.
    first.kill();
    let address = listen.parse().unwrap();
    let signer = owner.signer();
    let wanted = wanted();
    let asking = enclave_of(&owner, &address, &wanted, &signer, PATIENT);
    let restarting = async {
        sleep(Duration::from_millis(200)).await;
        owner.start_at(&listen, &[])
    };
    let (released, _service) = tokio::join!(asking, restarting);
    assert_eq!(released.unwrap().key.as_bytes(), &KEY);
}

/// At each frame of a connection; the next one is a new session.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_goes_away_midway_is_asked_again() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    for at in 0..3 {
        let relay = owner::relay(&service.address, move |frame: &Seen| {
            match (frame.connection, frame.direction, frame.index) {
                (0, Direction::ToClient, index) if index == at => Act::Cut(Vec::new()),
                _ => Act::Pass,
            }
        });
        let relay = relay.await;
        let signer = owner.signer();
        let released = enclave_of(&owner, &relay.endpoint, &wanted(), &signer, PATIENT).await;
        assert_eq!(released.unwrap().key.as_bytes(), &KEY, "frame {at}");
        let connections = relay.seen().iter().map(|frame| frame.connection).max();
        assert_eq!(connections, Some(1));
    }
    // The record that was cut off was a release, as far as the owner knows.
    let log = service.log_after(9);
    let count = |outcome: &str| log.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!((count("releasing"), count("released")), (4, 3));
    assert_eq!((count("failed"), count("unknown")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_asked_twice() {
    let owner = Owner::prepare(Quirk::OtherNonce);
    let service = owner.start(&[]);
    let signer = owner.signer();
    let error = enclave_of(&owner, &service.address, &wanted(), &signer, PATIENT).await;
    assert!(matches!(error, Err(OwnerError::Refused(Step::Key))));
    let (_, _) = service.stop();
    let log = std::fs::read_to_string(owner.path("log.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_service_has_a_deadline() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let haste = Patience {
        step: Duration::from_millis(300),
        ..HASTE
    };
    for (at, due) in [(0, Step::Hello), (1, Step::Key), (2, Step::Release)] {
        let relay = owner::relay(&service.address, move |frame: &Seen| {
            match (frame.direction, frame.index) {
                (Direction::ToClient, index) if index == at => Act::Stall,
                _ => Act::Pass,
            }
        });
        let relay = relay.await;
        let signer = owner.signer();
        let error = enclave_of(&owner, &relay.endpoint, &wanted(), &signer, haste).await;
        match error {
            Err(OwnerError::Slow { step, .. }) => assert_eq!(step, due),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_keeps_a_place_no_longer_than_a_step() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&["--connections", "1", "--timeout", "1"]);
    let silent = connect(&service.address).await.unwrap();
    // It has the place for a second.
    let error = enclave(&owner, &service.address).await.unwrap_err();
    assert!(matches!(error, OwnerError::Full), "{error:?}");
    let log = service.log_after(2);
    assert_eq!(log[0]["outcome"], "full");
    assert_eq!(log[1]["outcome"], "failed");
    enclave(&owner, &service.address).await.unwrap();
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_service() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    type Lie = fn(&Seen) -> Vec<u8>;
    let flipped: Lie = |frame| {
        let mut bytes = frame.bytes.clone();
        bytes[40] ^= 1;
        bytes
    };
    let garbage: Lie = |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let no_hello: Lie = |_| Frame::new(FrameType::Hello, b"hello").into_bytes();
    let out_of_place: Lie = |_| Frame::new(FrameType::Record, &[0; 64]).into_bytes();
    let short: Lie = |_| Frame::new(FrameType::Record, &[0; 64]).into_bytes();
    let is_none = |error: &OwnerError| matches!(error, OwnerError::NoReleaser { .. });
    let handshake = |error: &OwnerError| matches!(error, OwnerError::Handshake(_));
    let record = |error: &OwnerError| matches!(error, OwnerError::Record(_));
    let cases: [(usize, Lie, fn(&OwnerError) -> bool); 8] = [
        (0, garbage, is_none),
        (0, out_of_place, is_none),
        (0, no_hello, handshake),
        (1, garbage, is_none),
        (1, out_of_place, is_none),
        // An encapsulated secret that was changed opens to another one, and shows at the next record.
        (2, garbage, is_none),
        (2, flipped, record),
        (2, short, record),
    ];
    for (number, (at, lie, expected)) in cases.into_iter().enumerate() {
        let relay = owner::relay(&service.address, move |frame: &Seen| {
            match (frame.direction, frame.index) {
                (Direction::ToClient, index) if index == at => Act::Replace(lie(frame)),
                _ => Act::Pass,
            }
        });
        let relay = relay.await;
        let signer = owner.signer();
        // None of it is asked twice.
        let error = enclave_of(&owner, &relay.endpoint, &wanted(), &signer, PATIENT).await;
        let error = error.unwrap_err();
        assert!(expected(&error), "case {number}: {error:?}");
    }
}

/// What an enclave might send that is none: no key leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_enclave() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let lies: [(usize, Vec<u8>); 5] = [
        (0, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (0, Frame::new(FrameType::Answer, b"answer").into_bytes()),
        (0, Frame::new(FrameType::Record, &[0; 16]).into_bytes()),
        (1, Frame::new(FrameType::Record, &[0; 33]).into_bytes()),
        (1, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ];
    let count = lies.len();
    for (at, lie) in lies {
        let relay = owner::relay(&service.address, move |frame: &Seen| {
            match (frame.direction, frame.index) {
                (Direction::ToEnclave, index) if index == at => Act::Replace(lie.clone()),
                _ => Act::Pass,
            }
        });
        let relay = relay.await;
        assert!(enclave(&owner, &relay.endpoint).await.is_err());
    }
    let log = service.log_after(count);
    assert_eq!(log.len(), count);
    assert!(log.iter().all(|line| line["outcome"] == "failed"));
    let text = serde_json::to_string(&log).unwrap();
    assert!(!text.contains("HTTP"), "a peer's bytes are in the log");
}

/// It is asked again, with a pause that grows, and not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_patience() {
    let owner = Owner::prepare(Quirk::None);
    let service = owner.start(&[]);
    let tried = Arc::new(AtomicUsize::new(0));
    let seen = tried.clone();
    let relay = owner::relay(&service.address, move |frame: &Seen| {
        seen.fetch_max(frame.connection + 1, Ordering::Relaxed);
        Act::Cut(Vec::new())
    });
    let relay = relay.await;
    let short = Patience {
        in_all: Duration::from_millis(1800),
        ..PATIENT
    };
    let signer = owner.signer();
    let error = enclave_of(&owner, &relay.endpoint, &wanted(), &signer, short).await;
    let error = error.unwrap_err();
    assert!(matches!(
        error,
        OwnerError::Ended {
            step: Step::Hello,
            ..
        }
    ));
    assert!((2..=3).contains(&tried.load(Ordering::Relaxed)));
}
