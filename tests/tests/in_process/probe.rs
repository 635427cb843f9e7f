//! The parent's probe against the protocol, which the parent itself does not know, and against an enclave.

use std::path::PathBuf;
use std::time::Duration;

use sealnote_enclave::server::ServerLimits;
use sealnote_parent::{PROBE_HELLO, ProbeError, answer_length, probe};
use sealnote_protocol::frame::{Frame, FrameBuffer, FrameType, HEADER_LEN};
use sealnote_protocol::handshake::{Hello, MAX_ANSWER, MAX_CLIENT_HANDSHAKE};
use sealnote_protocol::suite::Suite;
use sealnote_tests::rig::{PATIENCE, Rig, Setup};

use crate::common::single;
use crate::load::assert_served;

#[test]
fn the_constant_hello_is_one_and_offers_every_suite() {
    let frame = Frame::from_bytes(PROBE_HELLO.to_vec(), MAX_CLIENT_HANDSHAKE).unwrap();
    let hello = Hello::from_frame(&frame).unwrap();
    let same = Hello::new(hello.challenge, Suite::ALL).to_frame();
    assert_eq!(same.as_bytes(), PROBE_HELLO);
}

#[test]
fn the_parent_takes_a_header_for_an_answers_where_a_client_does() {
    assert_eq!(sealnote_parent::MAX_ANSWER as usize, MAX_ANSWER);
    let longest = {
        let [_, _, _, _, length @ ..] = (MAX_ANSWER as u64).to_be_bytes();
        [[FrameType::Answer as u8, 2, 0, 0], length].concat()
    };
    let (full, refusal) = (Frame::full(), Frame::refusal());
    for header in [&longest, full.as_bytes(), refusal.as_bytes()] {
        for at in 0..HEADER_LEN {
            for byte in 0..=u8::MAX {
                let mut header: [u8; HEADER_LEN] = header.try_into().unwrap();
                header[at] = byte;
                let mut received = FrameBuffer::default();
                received.push(&header);
                let kind = received.next_kind(MAX_ANSWER);
                let expected = matches!(kind, Ok(Some(FrameType::Answer | FrameType::Full)));
                let is = answer_length(header);
                assert_eq!(is.is_ok(), expected, "{header:?}");
                let refused = matches!(is, Err(ProbeError::Refused));
                assert_eq!(refused, kind == Ok(Some(FrameType::Refusal)), "{header:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_enclave_passes_a_probe_and_keeps_no_place_for_it() {
    for tcp in [false, true] {
        let setup = Setup {
            tcp,
            limits: ServerLimits {
                half_open: 1,
                handshake_time: PATIENCE * 10,
                ..ServerLimits::default()
            },
            ..Setup::default()
        };
        let rig = Rig::start(single(), setup).await.unwrap();
        for _ in 0..4 {
            probe(&rig.enclave, PATIENCE).await.unwrap();
        }
        assert_served(&rig).await;
    }
}

#[tokio::test]
async fn an_enclave_that_lets_nobody_in_passes_none() {
    let setup = Setup {
        // A folder that is not there hands nothing over.
        endorsed: Some(("tdx", PathBuf::from("/nonexistent"))),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let refused = probe(&rig.enclave, PATIENCE).await.unwrap_err();
    assert!(matches!(refused, ProbeError::Refused), "{refused}");
}

#[tokio::test]
async fn an_enclave_that_is_stuck_passes_none() {
    let setup = Setup {
        before_attestation: Box::new(|| std::thread::sleep(Duration::from_millis(500))),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let limit = Duration::from_millis(100);
    let silent = probe(&rig.enclave, limit).await.unwrap_err();
    assert!(matches!(silent, ProbeError::Silent { .. }), "{silent}");
}
