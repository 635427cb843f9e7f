//! A stream of notes: what is taken of it and when, and that nothing is lost.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt, stream};
use sealnote_client::{Client, Note, NoteResult, SubmitError};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{Received, ReplySlot};
use sealnote_tests::attester::{DevAttester, Quirk, policy};
use sealnote_tests::enclave_end::EnclaveEnd;
use sealnote_tests::rig::{Booted, PATIENCE, Rig, Setup, client};
use sealnote_transport::Listener;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::common::{anywhere, booted_with, scored, short_notes, short_session, single};
use crate::session_ends::{accept, engine, model};

/// Notes in a request, and requests in flight.
const NOTES: usize = 3;
const IN_FLIGHT: usize = 2;

/// An enclave that does as a test says, and its client.
struct Stage {
    listener: Listener,
    booted: Booted,
    attester: DevAttester,
    client: Client,
}

impl Stage {
    async fn start() -> Self {
        let limits = Limits::of_classification(NOTES as u16, 1000, 4096, IN_FLIGHT as u16, 1);
        let booted = booted_with(model(1), limits, SessionLimits::default(), engine(1));
        let attester = DevAttester::start(Quirk::None).unwrap();
        let listener = Listener::bind(&anywhere()).await.unwrap();
        let server = listener.local_endpoint().clone();
        let client = client(server, &attester.root_pem().unwrap(), &policy()).unwrap();
        Self {
            listener,
            booted,
            attester,
            client: client.build(),
        }
    }

    async fn accept(&self) -> EnclaveEnd {
        accept(&self.listener, &self.booted, &self.attester).await
    }
}

async fn answer(enclave: &mut EnclaveEnd, (slot, notes): (ReplySlot, usize)) {
    let outcomes = vec![scored(vec![0.5]); notes];
    let answer = enclave.sender.answer(slot, outcomes, Instant::now());
    enclave.writer.send(&answer.unwrap()).await.unwrap();
}

async fn closed(mut enclave: EnclaveEnd) {
    assert!(matches!(enclave.receive().await.unwrap(), Received::Close));
    enclave.close().await.unwrap();
}

fn numbered(count: usize) -> Vec<Note<usize>> {
    let notes = short_notes(count).into_iter().enumerate();
    notes.map(|(index, text)| Note::new(index, text)).collect()
}

/// Counts what is taken.
fn counted<T>(notes: impl Stream<Item = T>, taken: &Arc<AtomicUsize>) -> impl Stream<Item = T> {
    let taken = taken.clone();
    notes.inspect(move |_| {
        taken.fetch_add(1, Ordering::Relaxed);
    })
}

/// Waits until so many notes were taken.
async fn until(taken: &AtomicUsize, count: usize) {
    let reached = async {
        while taken.load(Ordering::Relaxed) < count {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap();
}

fn from_channel<T>(mut receiver: UnboundedReceiver<T>) -> impl Stream<Item = T> {
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// All results, of a submission that must come to a good end.
async fn ids<Id: Ord>(results: impl Stream<Item = Result<NoteResult<Id>, SubmitError>>) -> Vec<Id> {
    let results = results.map(|result| result.unwrap().id);
    timeout(PATIENCE, results.collect()).await.unwrap()
}

#[tokio::test]
async fn notes_are_taken_only_as_requests_have_room() {
    let stage = Stage::start().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let now = || taken.load(Ordering::Relaxed);
    let enclave = async {
        let mut enclave = stage.accept().await;
        let mut requests = Vec::new();
        for _ in 0..IN_FLIGHT {
            requests.push(enclave.request().await.unwrap());
        }
        for answered in 0..3 {
            // Time to take more than there is room for.
            sleep(Duration::from_millis(50)).await;
            assert_eq!(now(), (IN_FLIGHT + answered) * NOTES);
            answer(&mut enclave, requests.remove(0)).await;
            requests.push(enclave.request().await.unwrap());
        }
        for request in requests {
            answer(&mut enclave, request).await;
        }
        closed(enclave).await;
    };
    let notes = counted(stream::iter(numbered((IN_FLIGHT + 3) * NOTES)), &taken);
    let mut submission = stage.client.submit(notes);
    let ((), ids) = tokio::join!(enclave, ids(submission.results()));
    assert_eq!(ids, (0..(IN_FLIGHT + 3) * NOTES).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_note_that_comes_alone_is_sent_alone_and_those_that_come_meanwhile_together() {
    let stage = Stage::start().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let (feed, notes) = mpsc::unbounded_channel();
    let enclave = async {
        let mut enclave = stage.accept().await;
        let mut notes = numbered(4).into_iter();
        feed.send(notes.next().unwrap()).unwrap();
        let first = enclave.request().await.unwrap();
        assert_eq!(first.1, 1);
        for (note, count) in notes.zip(2..).take(2) {
            feed.send(note).unwrap();
            until(&taken, count).await;
        }
        answer(&mut enclave, first).await;
        let second = enclave.request().await.unwrap();
        assert_eq!(second.1, 2);
        answer(&mut enclave, second).await;
        drop(feed);
        closed(enclave).await;
    };
    let mut submission = stage.client.submit(counted(from_channel(notes), &taken));
    let ((), ids) = tokio::join!(enclave, ids(submission.results()));
    assert_eq!(ids, [0, 1, 2]);
}

/// An enclave closes idle sessions; what comes later has one of its own, and no earlier.
#[tokio::test]
async fn a_session_that_is_closed_while_idle_is_followed_by_one_for_the_next_note() {
    let stage = Stage::start().await;
    let (feed, notes) = mpsc::unbounded_channel();
    let enclave = async {
        // The first is never asked anything.
        stage.accept().await.close().await.unwrap();
        for note in numbered(5) {
            let nobody = timeout(Duration::from_millis(20), stage.listener.accept()).await;
            assert!(nobody.is_err(), "a session for no note");
            feed.send(note).unwrap();
            let mut enclave = stage.accept().await;
            let request = enclave.request().await.unwrap();
            answer(&mut enclave, request).await;
            enclave.close().await.unwrap();
        }
        drop(feed);
    };
    let mut submission = stage.client.submit(from_channel(notes));
    let ((), ids) = tokio::join!(enclave, ids(submission.results()));
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    assert!(submission.missing_close().is_none());
}

/// An idle source is no reason to lose patience with the server; a request without an answer is.
#[tokio::test]
async fn patience_is_for_answers_and_not_for_notes() {
    let stage = Stage::start().await;
    let patience = Duration::from_millis(400);
    let impatient = stage.client.to_builder().timeout(patience).build();
    let (feed, notes) = mpsc::unbounded_channel();
    let enclave = async {
        let mut enclave = stage.accept().await;
        sleep(2 * patience).await;
        let mut notes = numbered(3).into_iter();
        feed.send(notes.next().unwrap()).unwrap();
        let _unanswered = enclave.request().await.unwrap();
        let asked = Instant::now();
        // Notes that go on coming do not renew it.
        for note in notes {
            sleep(patience * 9 / 10).await;
            // The receiver has gone, if the client has lost patience.
            let _ = feed.send(note);
        }
        sleep(patience).await;
        asked
    };
    let client = async {
        let mut submission = impatient.submit(from_channel(notes));
        let error = submission.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "no reply within 0 s");
        (Instant::now(), submission.into_unanswered().len())
    };
    let (asked, (ended, unanswered)) = tokio::join!(enclave, client);
    assert!(ended - asked < 2 * patience);
    assert!((1..=2).contains(&unanswered), "{unanswered}");
}

/// What is not taken stays with the caller, what is taken comes back in order, and a further call goes on.
#[tokio::test]
async fn after_an_error_nothing_is_lost() {
    let stage = Stage::start().await;
    const ALL: usize = 6 * NOTES;
    let mut source = stream::iter(numbered(ALL));
    let enclave = async {
        let mut enclave = stage.accept().await;
        let first = enclave.request().await.unwrap();
        enclave.request().await.unwrap();
        answer(&mut enclave, first).await;
        // Until the client has the answer, and has sent more.
        enclave.request().await.unwrap();
    };
    let mut submission = stage.client.submit(&mut source);
    let client = async {
        let mut results = pin!(submission.results());
        let mut answered = Vec::new();
        loop {
            match results.next().await.unwrap() {
                Ok(result) => answered.push(result.id),
                Err(error) => {
                    assert!(matches!(error, SubmitError::Session(_)), "{error}");
                    assert!(results.next().await.is_none());
                    return answered;
                }
            }
        }
    };
    let ((), mut answered) = tokio::join!(enclave, client);
    assert_eq!(answered, [0, 1, 2]);

    let again = async {
        // A new session gets what the first did not answer, before anything else.
        let mut enclave = stage.accept().await;
        for _ in 0..IN_FLIGHT {
            let request = enclave.request().await.unwrap();
            answer(&mut enclave, request).await;
        }
        // Until the client has both answers, and has sent more.
        for _ in 0..IN_FLIGHT {
            enclave.request().await.unwrap();
        }
    };
    let client = async {
        loop {
            match submission.next().await.unwrap() {
                Ok(result) => answered.push(result.id),
                Err(_) => return answered,
            }
        }
    };
    let ((), answered) = tokio::join!(again, client);
    assert_eq!(answered, (0..3 * NOTES).collect::<Vec<_>>());
    let unanswered = submission.into_unanswered();
    let mut left: Vec<usize> = unanswered.iter().map(|note| note.id).collect();
    left.extend(source.map(|note| note.id).collect::<Vec<_>>().await);
    assert_eq!(left, (3 * NOTES..ALL).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_that_is_given_up_at_any_moment_loses_nothing() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    // Several sessions: room for two requests.
    let client = rig.client_at(&rig.server).unwrap();
    let client = client.session_limits(short_session(1 << 10, 10_000));
    let all = 7 * usize::from(single().enclave.limits().notes) + 5;
    let mut submission = client.build().submit(stream::iter(numbered(all)));
    let mut answered = BTreeSet::new();
    let mut given_up = 0;
    // A handshake that is given up begins anew, so now and then there is time for one.
    let millis = [0, 1, 3, 0, 2, 7, 500].into_iter().cycle();
    for millis in millis {
        match timeout(Duration::from_millis(millis), submission.next()).await {
            Err(_) => given_up += 1,
            Ok(Some(result)) => assert!(answered.insert(result.unwrap().id)),
            Ok(None) => break,
        }
    }
    assert_eq!(answered.len(), all);
    assert!(given_up > 3, "{given_up}");
}

/// The close of a session at its limit, which has the last note before it.
#[tokio::test]
async fn a_close_that_is_given_up_loses_no_note() {
    const ALL: usize = 2 * NOTES + 1;
    let stage = Stage::start().await;
    // Room for two requests of 4 KiB and a close.
    let client = stage
        .client
        .to_builder()
        .session_limits(short_session(1 << 10, 10_000));
    let mut submission = client.build().submit(stream::iter(numbered(ALL)));
    let (give_up, given_up) = oneshot::channel();
    let enclave = async {
        let mut first = stage.accept().await;
        for _ in 0..2 {
            let request = first.request().await.unwrap();
            answer(&mut first, request).await;
        }
        assert!(matches!(first.receive().await.unwrap(), Received::Close));
        give_up.send(()).unwrap();
        let mut second = stage.accept().await;
        let request = second.request().await.unwrap();
        assert_eq!(request.1, 1);
        answer(&mut second, request).await;
        closed(second).await;
    };
    let client = async {
        let mut answered = Vec::new();
        let waits_for_the_close = async {
            while let Some(result) = submission.next().await {
                answered.push(result.unwrap().id);
            }
        };
        tokio::select! {
            () = waits_for_the_close => panic!("there was no close"),
            signal = given_up => signal.unwrap(),
        }
        answered.extend(ids(submission.results()).await);
        answered
    };
    let ((), answered) = timeout(PATIENCE, async { tokio::join!(enclave, client) })
        .await
        .unwrap();
    assert_eq!(answered, (0..ALL).collect::<Vec<_>>());
}
