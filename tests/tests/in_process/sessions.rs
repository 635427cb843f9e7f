//! Sessions that hold on to their places, that ask for more than they may, and that hang up.

use std::sync::mpsc;
use std::time::Duration;

use sealnote_client::{Client, Incoming, Session};
use sealnote_enclave::server::ServerLimits;
use sealnote_protocol::frame::HEADER_LEN;
use sealnote_tests::rig::{PATIENCE, Rig, Setup};
use sealnote_transport::connect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};

use crate::common::{StandIn, single};
use crate::load::{assert_served, hello_and_no_more, start};

const LEAST_IDLE: Duration = Duration::from_millis(100);

/// Places for so many sessions.
fn places(sessions: usize) -> ServerLimits {
    ServerLimits {
        sessions,
        least_idle: LEAST_IDLE,
        ..ServerLimits::default()
    }
}

async fn open(client: &Client) -> Session {
    client.verify().await.unwrap().open().await.unwrap()
}

/// Sends a blank note now and then, as long as it may: the number of answers, and that the enclave closed in order.
async fn hold(mut session: Session) -> usize {
    for answers in 0.. {
        // The enclave may have closed; what it has sent before is read all the same.
        let sent = session.request(&[b" "]).await.is_ok();
        match session.next().await.unwrap() {
            Incoming::Reply(_) => assert!(sent),
            Incoming::Close => return answers,
        }
        sleep(3 * LEAST_IDLE).await;
    }
    unreachable!()
}

#[tokio::test]
async fn a_newcomer_is_served_beside_clients_that_hold_all_places() {
    const HOLDERS: usize = 8;
    let rig = start(places(HOLDERS)).await;
    let mut holders = JoinSet::new();
    let mut sessions = Vec::new();
    for _ in 0..HOLDERS {
        sessions.push(open(&rig.client().unwrap()).await);
    }
    sessions
        .into_iter()
        .for_each(|session| drop(holders.spawn(hold(session))));
    let soon = Duration::from_secs(5);
    for _ in 0..3 {
        timeout(soon, assert_served(&rig)).await.unwrap();
        // One was closed in order, and goes on by connecting anew: it is a newcomer itself.
        timeout(PATIENCE, holders.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let client = rig.client().unwrap();
        let again = open(&client);
        holders.spawn(hold(timeout(soon, again).await.unwrap()));
    }
    assert_eq!(holders.len(), HOLDERS);
}

#[tokio::test]
async fn hellos_alone_take_nobodys_place() {
    let rig = start(places(1)).await;
    let mut session = open(&rig.client().unwrap()).await;
    sleep(2 * LEAST_IDLE).await;
    let mut hellos = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&rig.enclave).await.unwrap();
        stream.write_all(&hello_and_no_more()).await.unwrap();
        let answer = &mut [0; HEADER_LEN];
        timeout(PATIENCE, stream.read_exact(answer))
            .await
            .unwrap()
            .unwrap();
        hellos.push(stream);
    }
    sleep(2 * LEAST_IDLE).await;
    session.request(&[b"still there"]).await.unwrap();
    assert!(matches!(session.next().await.unwrap(), Incoming::Reply(_)));
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_newcomer_that_finds_no_place_is_told_so_after_a_while() {
    let limits = ServerLimits {
        admission_time: Duration::from_millis(200),
        least_idle: PATIENCE,
        ..places(1)
    };
    let rig = start(limits).await;
    let session = open(&rig.client().unwrap()).await;
    let client = rig.client().unwrap();
    let refused = client.verify().await.unwrap().open().await;
    let refused = refused.err().map(|error| error.to_string()).unwrap();
    assert!(
        refused.contains("the parent is full, or the enclave"),
        "{refused}"
    );
    session.close().await.unwrap();
}

/// An engine that computes a note, each a batch of its own, when it is told to.
struct Gated {
    rig: Rig,
    begun: mpsc::Receiver<()>,
    go: mpsc::Sender<()>,
}

impl Gated {
    async fn start(limits: ServerLimits) -> Self {
        let (begin, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let engine = StandIn::spawn(single(), move |notes| {
            let _ = begin.send(());
            let _ = gate.recv();
            notes.iter().map(|_| vec![1.0, 0.0, 0.0]).collect()
        });
        let setup = Setup {
            engine: Some(engine),
            limits,
            ..Setup::default()
        };
        let rig = Rig::start(single(), setup).await.unwrap();
        Self { rig, begun, go }
    }

    /// Opens a session, and sends so many requests of two such notes each.
    async fn ask(&self, requests: usize) -> Session {
        let mut session = open(&self.rig.client().unwrap()).await;
        let note = [b'x'; 1024];
        for _ in 0..requests {
            session.request(&[&note, &note]).await.unwrap();
        }
        block_in_place(|| self.begun.recv_timeout(PATIENCE)).unwrap();
        session
    }
}

/// Requests that may be in flight.
fn in_flight() -> usize {
    usize::from(single().enclave.limits().in_flight)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_while_a_request_waits_is_gone() {
    let gated = Gated::start(ServerLimits::default()).await;
    drop(gated.ask(in_flight() + 1).await);
    // The enclave learns of it while it computes the first note.
    let pause = Duration::from_millis(200);
    sleep(pause).await;
    gated.go.send(()).unwrap();
    let more = block_in_place(|| gated.begun.recv_timeout(pause));
    assert!(more.is_err(), "a second note was computed");
}

/// More requests than may be in flight, and than are read ahead, and then a close and an end of the stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_closed_gets_all_its_answers() {
    for requests in in_flight()..in_flight() + 5 {
        let gated = Gated::start(ServerLimits::default()).await;
        let session = gated.ask(requests).await;
        let closing = tokio::spawn(async {
            let mut closing = session.start_close().unwrap();
            closing.end_stream().await.unwrap();
            let mut answers = 0;
            while closing.next().await.unwrap().is_some() {
                answers += 1;
            }
            answers
        });
        // Time to see the end of the stream and to take it for what it is not.
        sleep(Duration::from_millis(100)).await;
        (0..2 * requests).for_each(|_| gated.go.send(()).unwrap());
        let answers = timeout(PATIENCE, closing).await.unwrap().unwrap();
        assert_eq!(answers, requests);
    }
}

/// Nothing that was asked for is ever computed, and still the place that is needed is given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_told_to_end_does_so_within_seconds() {
    let limits = ServerLimits {
        term: Duration::ZERO,
        ..places(1)
    };
    let gated = Gated::start(limits).await;
    let mut session = gated.ask(in_flight()).await;
    let client = gated.rig.client().unwrap();
    // Less than a newcomer waits before it is told that all places are taken.
    let newcomer = timeout(Duration::from_secs(9), open(&client)).await;
    let _newcomer = newcomer.unwrap();
    assert!(matches!(session.next().await.unwrap(), Incoming::Close));
}
