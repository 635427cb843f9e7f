//! An enclave that serves the clients in its list, and nobody else.

#[path = "clients/command_line.rs"]
mod command_line;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::{Clients, MAX_CLIENTS, PrivateKey};
use sealnote_client::{
    Client, ConnectError, Denial, Incoming, Note, SessionEnd, SessionLimits, SubmitError, now,
};
use sealnote_enclave::boot::{BootError, boot};
use sealnote_enclave::server::ServerLimits;
use sealnote_engine::{Engine, EngineOptions, ModelFiles};
use sealnote_frame_io::{FrameReader, FrameWriter, split};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_session::{AwaitingSignature, Challenge, ClientSession, Confirmed, Evidence};
use sealnote_tests::attester::{DevAttester, Quirk};
use sealnote_tests::relay::{Act, Direction, Relay, Seen};
use sealnote_tests::rig::{Booted, PATIENCE, Rig, Setup, Submitted, submit_all};
use sealnote_transport::connect;
use tokio::time::{advance, pause, resume, timeout};

use crate::common::{StandIn, anywhere, fixture, short_notes, single};

/// Bytes of a frame that ends a session, be it a close or a denial; and of the one that has a signature.
const LAST_FRAME: usize = 33;
const SIGNATURE_FRAME: usize = 121;

/// Notes in one request, at most.
const FULL: usize = 32;

fn key() -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(&mut UnwrapErr(SysRng)))
}

fn list(keys: &[&Arc<PrivateKey>], notes: u32, sessions: u32) -> Clients {
    let entry = |key: &&Arc<PrivateKey>| {
        let key = key.public();
        format!(
            r#"{{"name": "a", "key": "{key}", "notes_per_hour": {notes}, "sessions_per_hour": {sessions}}}"#
        )
    };
    let entries: Vec<String> = keys.iter().map(entry).collect();
    Clients::from_json(&format!(r#"{{"clients": [{}]}}"#, entries.join(","))).unwrap()
}

fn booted(clients: Clients) -> Booted {
    let model = fixture("tiny-bert-single");
    Booted::boot_for(&model, Some(clients), SessionLimits::default()).unwrap()
}

/// An enclave with this list, which counts the notes that it computes.
async fn serving(clients: Clients, limits: ServerLimits) -> (Rig, Arc<AtomicUsize>) {
    let computed = Arc::new(AtomicUsize::new(0));
    let count = computed.clone();
    let engine = StandIn::spawn(single(), move |notes| {
        count.fetch_add(notes.len(), Ordering::Relaxed);
        notes.iter().map(|_| vec![1.0, 0.0, 0.0]).collect()
    });
    let setup = Setup {
        engine: Some(engine),
        limits,
        ..Setup::default()
    };
    let rig = Rig::start(&booted(clients), setup).await.unwrap();
    (rig, computed)
}

/// Straight to the enclave: a parent's deadlines are of the system's clock, which [`hour_passes`] does not move.
fn signing(rig: &Rig, key: &Arc<PrivateKey>) -> Client {
    let client = rig.client_at(&rig.enclave).unwrap();
    client.key(key.clone()).build()
}

fn denial(submitted: &Submitted) -> Denial {
    match &submitted.end {
        Err(SubmitError::Session(SessionEnd::Denied(denial))) => *denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_in_the_list_gets_the_scores_that_anybody_gets_elsewhere() {
    let (key, notes) = (key(), short_notes(70));
    let booted = booted(list(&[&key], 1000, 10));
    let listed = Rig::start(&booted, Setup::default()).await.unwrap();
    let anybodys = Rig::start(single(), Setup::default()).await.unwrap();
    let own = submit_all(&signing(&listed, &key), &notes).await;
    let others = submit_all(&anybodys.client().unwrap(), &notes).await;
    assert!(matches!(own.end, Ok(None)), "{:?}", own.end);
    assert!(own.outcomes.iter().all(Option::is_some));
    assert_eq!(own.outcomes, others.outcomes);
}

#[tokio::test]
async fn without_a_key_nothing_is_sent_after_the_hello() {
    let (rig, _) = serving(list(&[&key()], 32, 1), ServerLimits::default()).await;
    let relay = watched(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap().build();
    let verified = client.verify().await.unwrap();
    assert!(verified.evidence().claims().clients_sign());
    let error = verified.open().await.err().unwrap();
    assert!(matches!(error, ConnectError::NoClientKey), "{error}");
    assert!(error.to_string().contains("sealnote key new"));
    assert_eq!(relay.from_client(), [FrameType::Hello]);
}

/// It would tell the enclave who asks, and nobody needs it.
#[tokio::test]
async fn an_enclave_that_anybody_may_ask_is_sent_no_key() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = watched(&rig).await;
    let client = rig.client_at(&relay.endpoint).unwrap().key(key()).build();
    submit_all(&client, &short_notes(1)).await.end.unwrap();
    let lengths = lengths(&relay, Direction::ToEnclave);
    assert!(!lengths.contains(&SIGNATURE_FRAME), "{lengths:?}");
}

async fn watched(rig: &Rig) -> Relay {
    let (listen, pass) = (anywhere(), |_: &Seen| Act::Pass);
    Relay::start(&listen, rig.server.clone(), pass)
        .await
        .unwrap()
}

fn lengths(relay: &Relay, direction: Direction) -> Vec<usize> {
    let seen = relay.seen().into_iter();
    seen.filter(|frame| frame.direction == direction)
        .map(|frame| frame.bytes.len())
        .collect()
}

/// What travels has the same lengths, whether a client is known, unknown or out of its quota: only how many frames there
/// are tells them apart.
#[tokio::test]
async fn a_denial_is_sealed_and_as_long_as_a_close() {
    let (known, stranger) = (key(), key());
    let (rig, computed) = serving(list(&[&known], 32, 1), ServerLimits::default()).await;
    let notes = short_notes(1);
    for (key, expected) in [
        (&known, None),
        (&stranger, Some(Denial::UnknownClient)),
        (&known, Some(Denial::Sessions { seconds: 3600 })),
    ] {
        let relay = watched(&rig).await;
        let client = rig.client_at(&relay.endpoint).unwrap().key(key.clone());
        let submitted = submit_all(&client.build(), &notes).await;
        match expected {
            None => assert!(submitted.end.is_ok()),
            Some(expected) => assert_eq!(denial(&submitted), expected),
        }
        assert_eq!(submitted.outcomes[0].is_some(), expected.is_none());
        assert_eq!(lengths(&relay, Direction::ToEnclave)[2], SIGNATURE_FRAME);
        let last = lengths(&relay, Direction::ToClient).pop();
        assert_eq!(last, Some(LAST_FRAME));
        let public = *key.public().as_bytes();
        for frame in relay.seen() {
            assert!(!frame.bytes.windows(32).any(|bytes| bytes == public));
        }
    }
    assert_eq!(computed.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn sessions_are_counted_for_each_client_and_each_hour() {
    let (one, other) = (key(), key());
    let clients = list(&[&one, &other], 1000, 2);
    let (rig, _) = serving(clients, ServerLimits::default()).await;
    let notes = short_notes(1);
    for key in [&one, &one, &other] {
        let submitted = submit_all(&signing(&rig, key), &notes).await;
        submitted.end.unwrap();
    }
    let denied = submit_all(&signing(&rig, &one), &notes).await;
    let Denial::Sessions { seconds } = denial(&denied) else {
        panic!("{:?}", denied.end);
    };
    assert!((3500..=3600).contains(&seconds), "{seconds}");
    submit_all(&signing(&rig, &other), &notes)
        .await
        .end
        .unwrap();
    hour_passes().await;
    submit_all(&signing(&rig, &one), &notes).await.end.unwrap();
}

async fn hour_passes() {
    pause();
    advance(Duration::from_secs(3600)).await;
    resume();
}

/// The request that does not fit is not computed, nor counted; what was answered before is the client's, and it goes on in
/// the next hour.
#[tokio::test]
async fn notes_beyond_the_quota_are_not_computed() {
    let key = key();
    let quota = 2 * FULL + 8;
    let clients = list(&[&key], quota as u32, 10);
    let (rig, computed) = serving(clients, ServerLimits::default()).await;
    let total = 4 * FULL;
    let texts = short_notes(total);
    let notes = texts
        .iter()
        .enumerate()
        .map(|(id, text)| Note::new(id, text.clone()));
    let client = signing(&rig, &key);
    let mut submission = client.submit(stream::iter(notes));
    let mut answered = 0;
    let denied = loop {
        match submission.next().await.unwrap() {
            Ok(_) => answered += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(answered, 2 * FULL);
    assert_eq!(computed.load(Ordering::Relaxed), answered);
    let SubmitError::Session(SessionEnd::Denied(Denial::Notes { seconds })) = denied else {
        panic!("{denied:?}");
    };
    assert!((3500..=3600).contains(&seconds), "{seconds}");
    // What is left of the hour is the client's still.
    let few = submit_all(&client, &texts[..8]).await;
    few.end.unwrap();
    let none = submit_all(&client, &texts[..1]).await;
    assert!(matches!(denial(&none), Denial::Notes { .. }));
    hour_passes().await;
    while let Some(result) = submission.next().await {
        result.unwrap();
        answered += 1;
    }
    assert_eq!(answered, total);
    assert_eq!(computed.load(Ordering::Relaxed), total + 8);
}

#[tokio::test]
async fn a_full_list() {
    let keys: Vec<_> = (0..MAX_CLIENTS).map(|_| key()).collect();
    let (rig, _) = serving(
        list(&keys.iter().collect::<Vec<_>>(), 32, 1),
        ServerLimits::default(),
    )
    .await;
    for key in [&keys[0], &keys[MAX_CLIENTS - 1]] {
        let submitted = submit_all(&signing(&rig, key), &short_notes(3)).await;
        submitted.end.unwrap();
    }
    let stranger = submit_all(&signing(&rig, &key()), &short_notes(3)).await;
    assert_eq!(denial(&stranger), Denial::UnknownClient);
}

/// A quota below one full request would let a client get nowhere.
#[test]
fn a_quota_below_one_request_is_refused_at_boot() {
    let files = ModelFiles::open(&fixture("tiny-bert-single")).unwrap();
    let engine = Engine::load(files, EngineOptions::default()).unwrap();
    let attester = std::sync::Arc::new(DevAttester::start(Quirk::None).unwrap());
    let clients = list(&[&key()], FULL as u32 - 1, 1);
    let error = boot(engine, attester, Some(clients), SessionLimits::default());
    let error = error.err().unwrap();
    assert!(matches!(error, BootError::Quota { quota: 31 }), "{error}");
}

/// The carrier's record does not open; it is not taken for the enclave's word.
#[tokio::test]
async fn whoever_is_on_the_way_cannot_deny() {
    let key = key();
    let (rig, _) = serving(list(&[&key], 32, 9), ServerLimits::default()).await;
    let forge = |frame: &Seen| match (frame.direction, frame.index) {
        (Direction::ToClient, 2) => {
            let denial = [6, 1, 0, 0, 0, 0, 0, 0, 0];
            let payload = [&denial[..], &[0; 16]].concat();
            Act::Replace(Frame::new(FrameType::Record, &payload).into_bytes())
        }
        _ => Act::Pass,
    };
    let relay = Relay::start(&anywhere(), rig.server.clone(), forge)
        .await
        .unwrap();
    let client = rig.client_at(&relay.endpoint).unwrap().key(key).build();
    let submitted = submit_all(&client, &short_notes(1)).await;
    let Err(SubmitError::Session(end)) = submitted.end else {
        panic!("{:?}", submitted.end);
    };
    assert!(!matches!(end, SessionEnd::Denied(_)) && end.may_be_the_carriers());
}

/// A connection on which the signature is due.
struct Due {
    reader: FrameReader,
    writer: FrameWriter,
    awaiting: AwaitingSignature,
}

impl Due {
    async fn with(rig: &Rig) -> Self {
        let rng = &mut UnwrapErr(SysRng);
        let client = rig.client().unwrap();
        let (mut reader, mut writer) = split(connect(&rig.enclave).await.unwrap());
        let challenge = Challenge::new(client.policy(), rng).unwrap();
        writer.send(challenge.hello()).await.unwrap();
        let answer = reader.next(FrameType::Answer, MAX_ANSWER).await.unwrap();
        let evidence = Evidence::from_frame(answer).unwrap();
        let verified = evidence.verify(challenge, client.policy(), client.roots(), now());
        let limits = SessionLimits::default();
        let session = ClientSession::establish(verified.unwrap(), limits, rng, Instant::now());
        let (awaiting, key) = session.unwrap();
        writer.send(&key).await.unwrap();
        let ready = reader.next(FrameType::Record, 1024).await.unwrap();
        let Ok(Confirmed::MustSign(awaiting)) = awaiting.ready(ready, Instant::now()) else {
            panic!("no signature is due");
        };
        Self {
            reader,
            writer,
            awaiting,
        }
    }

    /// The enclave refuses, and says no more than that.
    async fn is_refused(&mut self) {
        let next = timeout(PATIENCE, self.reader.next(FrameType::Record, 1024));
        assert_eq!(next.await.unwrap().unwrap().kind(), FrameType::Refusal);
    }
}

#[tokio::test]
async fn a_client_that_does_not_sign_is_refused_soon_and_gives_its_place_back() {
    let key = key();
    let limits = ServerLimits {
        signature_time: Duration::from_millis(100),
        sessions: 1,
        ..ServerLimits::default()
    };
    let (rig, _) = serving(list(&[&key], 32, 1), limits).await;
    let mut silent = Due::with(&rig).await;
    silent.is_refused().await;
    submit_all(&signing(&rig, &key), &short_notes(1))
        .await
        .end
        .unwrap();
}

/// It is idle from its first moment, and so the first to give way.
#[tokio::test]
async fn a_client_that_does_not_sign_gives_way_to_a_newcomer() {
    let key = key();
    let limits = ServerLimits {
        signature_time: 10 * PATIENCE,
        sessions: 1,
        least_idle: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let (rig, _) = serving(list(&[&key], 32, 1), limits).await;
    let Due {
        mut reader,
        awaiting,
        writer: _writer,
    } = Due::with(&rig).await;
    let (_, mut receiver, _) = awaiting.sign(&key, Instant::now()).unwrap();
    submit_all(&signing(&rig, &key), &short_notes(1))
        .await
        .end
        .unwrap();
    let close = reader.next(FrameType::Record, 1024).await.unwrap();
    let close = receiver.open(close, Instant::now());
    assert!(matches!(close, Ok(Incoming::Close)), "{close:?}");
}

#[tokio::test]
async fn a_request_in_place_of_the_signature_is_refused_and_not_computed() {
    let key = key();
    let (rig, computed) = serving(list(&[&key], 32, 9), ServerLimits::default()).await;
    let mut due = Due::with(&rig).await;
    let (mut sender, _, _kept_back) = due.awaiting.sign(&key, Instant::now()).unwrap();
    let (_, request) = sender.request(&[b"a note"], Instant::now()).unwrap();
    let _ = due.writer.send(&request).await;
    let next = timeout(PATIENCE, due.reader.next(FrameType::Record, 1024));
    let refused = next.await.unwrap();
    // What the enclave did not read may reset the connection.
    assert!(refused.is_err() || refused.unwrap().kind() == FrameType::Refusal);
    assert_eq!(computed.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_signature_of_another_session_is_refused_and_counts_for_nobody() {
    let key = key();
    let (rig, _) = serving(list(&[&key], 32, 1), ServerLimits::default()).await;
    let recorded = Due::with(&rig).await;
    let (_, _, signature) = recorded.awaiting.sign(&key, Instant::now()).unwrap();
    let mut other = Due::with(&rig).await;
    other.writer.send(&signature).await.unwrap();
    other.is_refused().await;
    submit_all(&signing(&rig, &key), &short_notes(1))
        .await
        .end
        .unwrap();
}

#[tokio::test]
async fn a_signature_sent_twice_ends_the_session() {
    let key = key();
    let (rig, _) = serving(list(&[&key], 32, 9), ServerLimits::default()).await;
    let mut due = Due::with(&rig).await;
    let (_, _, signature) = due.awaiting.sign(&key, Instant::now()).unwrap();
    for _ in 0..2 {
        due.writer.send(&signature).await.unwrap();
    }
    let next = timeout(PATIENCE, due.reader.next(FrameType::Record, 1024));
    assert_eq!(next.await.unwrap().unwrap().kind(), FrameType::Refusal);
}
