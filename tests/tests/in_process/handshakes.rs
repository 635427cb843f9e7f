//! Handshakes beside many that come to nothing.

use std::io::ErrorKind;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use sealnote_enclave::server::ServerLimits;
use sealnote_protocol::frame::HEADER_LEN;
use sealnote_tests::rig::{PATIENCE, Rig, Setup};
use sealnote_transport::{Endpoint, Stream, TransportError, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};

use crate::common::single;
use crate::load::{assert_served, hello_and_no_more};

/// A real sleep, and real time for a handshake: what it is about is who has the attester's time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_hellos_starves_nobody() {
    let setup = Setup {
        before_attestation: Box::new(|| std::thread::sleep(Duration::from_millis(90))),
        limits: ServerLimits {
            handshake_time: Duration::from_secs(2),
            ..ServerLimits::default()
        },
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let mut flood = JoinSet::new();
    for _ in 0..63 {
        let enclave = rig.enclave.clone();
        flood.spawn(async move {
            loop {
                let flooder = say_hello(&enclave).await;
                // Until the enclave has read it.
                sleep(Duration::from_millis(5)).await;
                drop(flooder);
            }
        });
    }
    sleep(Duration::from_millis(200)).await;
    let served = async {
        for _ in 0..3 {
            tokio::join!(assert_served(&rig), assert_served(&rig));
        }
    };
    timeout(PATIENCE, served).await.unwrap();
    assert!(flood.try_join_next().is_none(), "the flood has ebbed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_message_goes_ahead_of_hellos() {
    let (begin, begun) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let setup = Setup {
        before_attestation: Box::new(move || {
            let _ = begin.send(());
            let _ = gate.lock().unwrap().recv();
        }),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let wait = || block_in_place(|| begun.recv_timeout(PATIENCE)).unwrap();

    let client = rig.client().unwrap();
    let verifying = tokio::spawn(async move { client.verify().await.unwrap() });
    wait();
    let mut others = [say_hello(&rig.enclave).await, say_hello(&rig.enclave).await];
    go.send(()).unwrap();
    let verified = verifying.await.unwrap();
    // One of the others is being attested, and one waits, when the key message comes.
    wait();
    let opening = tokio::spawn(verified.open());
    sleep(Duration::from_millis(100)).await;
    go.send(()).unwrap();
    // The one that waits is never attested.
    let session = timeout(PATIENCE / 6, opening).await.unwrap();
    session.unwrap().unwrap().close().await.unwrap();
    let [one, other] = &mut others;
    tokio::select! {
        () = answered(one) => {}
        () = answered(other) => {}
    }
    drop(go);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_attested_for_a_client_that_has_gone() {
    let (begin, begun) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let setup = Setup {
        before_attestation: Box::new(move || {
            let _ = begin.send(());
            let _ = gate.lock().unwrap().recv();
        }),
        limits: ServerLimits {
            half_open: 2,
            ..ServerLimits::default()
        },
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let wait = || block_in_place(|| begun.recv_timeout(PATIENCE)).unwrap();
    let mut first = say_hello(&rig.enclave).await;
    wait();
    // Each gives its place among the two half-open ones to the next, while the first is being attested.
    for _ in 0..20 {
        drop(say_hello(&rig.enclave).await);
    }
    let mut last = say_hello(&rig.enclave).await;
    sleep(Duration::from_millis(100)).await;
    for stream in [&mut first, &mut last] {
        go.send(()).unwrap();
        timeout(PATIENCE, answered(stream)).await.unwrap();
    }
    assert_eq!(begun.try_iter().count(), 1);
}

async fn say_hello(enclave: &Endpoint) -> Stream {
    let mut stream = loop {
        match connect(enclave).await {
            Ok(stream) => break stream,
            // The listener's queue is full of those that left: a Unix socket says so, where others wait.
            Err(TransportError::Connect { reason, .. })
                if reason.kind() == ErrorKind::WouldBlock =>
            {
                sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    };
    stream.write_all(&hello_and_no_more()).await.unwrap();
    stream
}

async fn answered(stream: &mut Stream) {
    stream.read_exact(&mut [0; HEADER_LEN]).await.unwrap();
}
