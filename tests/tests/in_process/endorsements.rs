//! Endorsements on their whole way: a folder, the parent, the enclave, and the answer to a hello.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sealnote_enclave::server::ServerLimits;
use sealnote_frame_io::split;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::{Answer, MAX_ANSWER};
use sealnote_tests::rig::{PATIENCE, Rig, Setup};
use sealnote_transport::{Endpoint, Stream, connect};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::common::single;
use crate::load::hello_and_no_more;

#[tokio::test]
async fn each_answer_has_what_the_operator_put_into_the_folder_last() {
    let folder = TempDir::new().unwrap();
    let rig = endorsed(&folder, ServerLimits::default()).await;
    assert!(answer(&rig.server).await.is_none(), "there are none yet");
    for byte in [1, 2] {
        let due = vec![byte; 64 * 1024];
        fs::write(folder.path().join("other"), &due).unwrap();
        fs::rename(folder.path().join("other"), folder.path().join("tdx")).unwrap();
        until_answered_with(&rig.server, &due).await;
    }
}

#[tokio::test]
async fn a_hand_over_that_is_wrong_is_not_taken_and_the_next_one_is() {
    let folder = TempDir::new().unwrap();
    let limits = ServerLimits {
        hand_over_time: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let rig = endorsed(&folder, limits).await;
    let to = rig.endorsements.as_ref().unwrap();
    assert_eq!(hand_over(to, &message("tdx", 3, b"one")).await, [1]);

    let long = vec![9; 64 * 1024 + 1];
    for (wrong, answer) in [
        (message("sev-snp", 3, b"two"), &[0][..]),
        (message("", 3, b"two"), &[0]),
        (message("tdx", 0, b""), &[]),
        (message("tdx", 64 * 1024 + 1, &long), &[]),
        (message("tdx", u32::MAX, b"two"), &[]),
        // Cut, and slow: the sender waits for what will not come.
        (message("tdx", 4, b"two"), &[]),
        (b"\x03td".to_vec(), &[]),
        (Vec::new(), &[]),
        (hello_and_no_more(), &[]),
    ] {
        assert_eq!(hand_over(to, &wrong).await, answer, "{wrong:.20?}");
        until_answered_with(&rig.enclave, b"one").await;
    }
    assert_eq!(hand_over(to, &message("tdx", 3, b"two")).await, [1]);
    until_answered_with(&rig.enclave, b"two").await;
}

#[tokio::test]
async fn who_holds_the_way_for_endorsements_keeps_nobody_from_a_handshake() {
    let folder = TempDir::new().unwrap();
    let limits = ServerLimits {
        hand_over_time: PATIENCE * 10,
        ..ServerLimits::default()
    };
    let rig = endorsed(&folder, limits).await;
    let to = rig.endorsements.as_ref().unwrap();
    assert_eq!(hand_over(to, &message("tdx", 3, b"one")).await, [1]);
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(connect(to).await.unwrap());
    }
    for server in [&rig.server, &rig.enclave] {
        let endorsements = answer(server).await.unwrap().endorsements;
        assert_eq!(endorsements.as_deref(), Some(&b"one"[..]));
    }
    drop(held);
    assert_eq!(hand_over(to, &message("tdx", 3, b"two")).await, [1]);
    until_answered_with(&rig.server, b"two").await;
}

#[tokio::test]
async fn evidence_that_needs_none_has_none() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    assert_eq!(answer(&rig.server).await.unwrap().endorsements, None);
}

async fn endorsed(folder: &TempDir, limits: ServerLimits) -> Rig {
    let setup = Setup {
        endorsed: Some(("tdx", Path::to_owned(folder.path()))),
        limits,
        ..Setup::default()
    };
    Rig::start(single(), setup).await.unwrap()
}

/// The answer to a hello; `None` if it is refused.
async fn answer(server: &Endpoint) -> Option<Answer> {
    let mut stream = connect(server).await.unwrap();
    stream.write_all(&hello_and_no_more()).await.unwrap();
    let (mut reader, _writer) = split(stream);
    let frame = timeout(PATIENCE, reader.next(FrameType::Answer, MAX_ANSWER));
    let frame = frame.await.unwrap().unwrap();
    match frame.kind() {
        FrameType::Refusal => None,
        _ => Some(Answer::from_frame(&frame).unwrap()),
    }
}

async fn until_answered_with(server: &Endpoint, due: &[u8]) {
    let answered = async {
        loop {
            let answer = answer(server).await;
            if answer.is_some_and(|answer| answer.endorsements.as_deref() == Some(due)) {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, answered).await.unwrap();
}

fn message(name: &str, declared: u32, bytes: &[u8]) -> Vec<u8> {
    let length = [name.len() as u8];
    [&length, name.as_bytes(), &declared.to_be_bytes(), bytes].concat()
}

/// What comes back, to the end.
async fn hand_over(to: &Endpoint, message: &[u8]) -> Vec<u8> {
    let mut stream: Stream = connect(to).await.unwrap();
    // The enclave may have ended it before the last byte.
    let _ = stream.write_all(message).await;
    let mut back = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut back))
        .await
        .unwrap();
    back
}
