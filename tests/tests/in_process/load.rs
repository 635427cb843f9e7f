//! Many clients, idle clients, and clients that are none.

use std::time::Duration;

use sealnote_enclave::server::ServerLimits;
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_tests::rig::{PATIENCE, Rig, Setup, submit_all};
use sealnote_transport::{Endpoint, Stream, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::common::{assert_engines_own, short_notes, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_at_once_are_all_answered() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let mut clients = JoinSet::new();
    for seed in 0..64 {
        let client = rig.client().unwrap();
        clients.spawn(async move {
            let notes: Vec<String> = short_notes(seed + 4).split_off(seed);
            let submitted = submit_all(&client, &notes).await;
            submitted.end.unwrap();
            assert_engines_own(single(), &notes, &submitted.outcomes).await;
        });
    }
    clients.join_all().await;
    assert_eq!(rig.metrics.snapshot().accepted, 64);
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_in_time_is_refused() {
    let limits = ServerLimits {
        handshake_time: Duration::from_secs(4),
        ..ServerLimits::default()
    };
    let rig = start(limits).await;
    let idle = async |first: Vec<u8>| {
        let mut idle = connect(&rig.enclave).await.unwrap();
        idle.write_all(&first).await.unwrap();
        let received = timeout(PATIENCE, read_all(&mut idle)).await.unwrap();
        assert!(received.ends_with(Frame::refusal().as_bytes()));
    };
    // Others are served meanwhile, and afterwards.
    tokio::join!(
        idle(Vec::new()),
        idle(hello_and_no_more()),
        assert_served(&rig)
    );
    assert_served(&rig).await;
}

#[tokio::test]
async fn half_open_handshakes_are_capped() {
    let limits = ServerLimits {
        half_open: 2,
        handshake_time: PATIENCE * 10,
        ..ServerLimits::default()
    };
    let rig = start(limits).await;
    let first = connect(&rig.enclave).await.unwrap();
    let _second = connect(&rig.enclave).await.unwrap();
    let third = assert_served(&rig);
    tokio::pin!(third);
    assert!(
        timeout(Duration::from_millis(300), &mut third)
            .await
            .is_err(),
        "a third handshake went on beside two that are half open"
    );
    drop(first);
    timeout(PATIENCE, third).await.unwrap();
}

#[tokio::test]
async fn an_idle_session_gives_its_place_up() {
    let limits = ServerLimits {
        sessions: 1,
        idle_time: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let rig = start(limits).await;
    let client = rig.client().unwrap();
    let idle = client.verify().await.unwrap().open().await.unwrap();
    // The only place: without the limit this would wait for as long as `idle` is held.
    timeout(PATIENCE, assert_served(&rig)).await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn sessions_are_capped() {
    let limits = ServerLimits {
        sessions: 1,
        ..ServerLimits::default()
    };
    let rig = start(limits).await;
    let session = rig.client().unwrap().verify().await.unwrap();
    let session = session.open().await.unwrap();
    let second = assert_served(&rig);
    tokio::pin!(second);
    assert!(
        timeout(Duration::from_millis(300), &mut second)
            .await
            .is_err(),
        "a second session began beside the only one"
    );
    session.close().await.unwrap();
    timeout(PATIENCE, second).await.unwrap();
}

#[tokio::test]
async fn whatever_a_stranger_sends_is_refused_and_others_are_served() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 64],
        vec![0xff; 64 * 1024],
        // A hello of four gigabytes, of too many bytes, of none, and one that ends within.
        vec![1, 2, 0, 0, 0xff, 0xff, 0xff, 0xff],
        vec![1, 2, 0, 0, 0, 0, 0x08, 0x01],
        vec![1, 2, 0, 0, 0, 0, 0, 0],
        vec![1, 2, 0, 0, 0, 0, 0, 9, 1],
        // Frames out of order.
        Frame::new(FrameType::Key, b"").into_bytes(),
        Frame::new(FrameType::Record, &[0; 64]).into_bytes(),
        [hello_and_no_more(), hello_and_no_more()].concat(),
        Frame::refusal().into_bytes(),
        Frame::full().into_bytes(),
    ] {
        let received = send_raw(&rig.server, &bytes).await;
        // Some have the handshake's answer before it.
        assert!(
            received.ends_with(Frame::refusal().as_bytes()),
            "{:?}…",
            &bytes[..bytes.len().min(8)]
        );
    }
    assert_served(&rig).await;
}

/// A client gets results.
pub async fn assert_served(rig: &Rig) {
    let notes = short_notes(2);
    let submitted = submit_all(&rig.client().unwrap(), &notes).await;
    submitted.end.unwrap();
    assert_engines_own(single(), &notes, &submitted.outcomes).await;
}

/// Sends bytes, ends, and returns whatever comes until the other side ends too.
pub async fn send_raw(server: &Endpoint, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(server).await.unwrap();
    // The other side may have ended already.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    timeout(PATIENCE, read_all(&mut stream)).await.unwrap()
}

pub async fn start(limits: ServerLimits) -> Rig {
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    Rig::start(single(), setup).await.unwrap()
}

pub fn hello_and_no_more() -> Vec<u8> {
    use sealnote_protocol::handshake::Hello;
    use sealnote_protocol::suite::Suite;
    Hello::new([7; 32], Suite::ALL).to_frame().into_bytes()
}

async fn read_all(stream: &mut Stream) -> Vec<u8> {
    let mut received = Vec::new();
    // A reset after the last byte is an end like another.
    let _ = stream.read_to_end(&mut received).await;
    received
}
