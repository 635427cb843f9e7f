//! How sessions end, and what is in flight meanwhile.

use std::time::{Duration, Instant};

use sealnote_client::{EMPTY_SESSIONS, SessionEnd, SubmitError, WireError};
use sealnote_engine::EngineHandle;
use sealnote_model::ModelDigest;
use sealnote_model::{Precision, Problem};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{Received, ReplySlot};
use sealnote_protocol::task::ModelClaims;
use sealnote_tests::attester::{DevAttester, Quirk, policy};
use sealnote_tests::enclave_end::EnclaveEnd;
use sealnote_tests::relay::{Act, Direction, Relay, Seen};
use sealnote_tests::rig::{Booted, Rig, Setup, client, submit_all};
use sealnote_transport::{Endpoint, Listener};

use crate::common::programs::{Program, line, parse_lines, run};
use crate::common::{
    StandIn, anywhere, boot, booted_with, scored, short_notes, short_session, single,
};

pub fn model(labels: usize) -> ModelClaims {
    let labels = (0..labels).map(|index| index.to_string()).collect();
    let digest = ModelDigest([1; 48]);
    ModelClaims::new(digest, labels, Problem::MultiLabel, 256, 64, Precision::F32)
}

pub fn engine(labels: usize) -> EngineHandle {
    let scores = vec![0.5; labels];
    StandIn::spawn(single(), move |notes| {
        notes.iter().map(|_| scores.clone()).collect()
    })
}

/// The enclave's end of the next connection.
pub async fn accept(listener: &Listener, booted: &Booted, attester: &DevAttester) -> EnclaveEnd {
    let stream = listener.accept().await.unwrap();
    let enclave = EnclaveEnd::accept(stream, &booted.enclave, attester).await;
    enclave.unwrap()
}

/// Answers a request of one note.
async fn send_answer(enclave: &mut EnclaveEnd, slot: ReplySlot, labels: usize) {
    let outcomes = vec![scored(vec![0.5; labels])];
    let answer = enclave.sender.answer(slot, outcomes, Instant::now());
    enclave.writer.send(&answer.unwrap()).await.unwrap();
}

/// Over a Unix socket, whose buffers hold neither such a request nor such an answer.
#[tokio::test]
async fn answers_are_read_while_a_request_is_held_up() {
    const LABELS: usize = 512;
    const REQUESTS: usize = 4;
    let limits = Limits::of_classification(1024, 1 << 20, 1 << 21, 2, LABELS);
    let booted = booted_with(
        model(LABELS),
        limits,
        SessionLimits::default(),
        engine(LABELS),
    );
    let attester = DevAttester::start(Quirk::None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let listen: Endpoint = format!("unix:{}", dir.path().join("enclave").display())
        .parse()
        .unwrap();
    let listener = Listener::bind(&listen).await.unwrap();
    let client = client(listen, &attester.root_pem().unwrap(), &policy()).unwrap();
    let client = client.timeout(Duration::from_secs(20)).build();

    let enclave = async {
        let mut enclave = accept(&listener, &booted, &attester).await;
        for _ in 0..REQUESTS {
            // It reads nothing more before this answer is taken.
            let (slot, _) = enclave.request().await.unwrap();
            send_answer(&mut enclave, slot, LABELS).await;
        }
        assert!(matches!(enclave.receive().await.unwrap(), Received::Close));
        enclave.close().await.unwrap();
    };
    let notes = vec![vec![b'a'; 1 << 20]; REQUESTS];
    let ((), submitted) = tokio::join!(enclave, submit_all(&client, &notes));
    assert!(submitted.end.unwrap().is_none());
    assert_eq!(
        submitted.outcomes,
        vec![Some(scored(vec![0.5; LABELS])); REQUESTS]
    );
}

/// At its limit an enclave sends its close and goes, whatever the client is writing.
#[tokio::test]
async fn a_close_is_read_in_the_middle_of_a_write() {
    let limits = Limits::of_classification(1, 1 << 20, 1 << 21, 2, 1);
    let booted = booted_with(model(1), limits, SessionLimits::default(), engine(1));
    let attester = DevAttester::start(Quirk::None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let listen: Endpoint = format!("unix:{}", dir.path().join("enclave").display())
        .parse()
        .unwrap();
    let listener = Listener::bind(&listen).await.unwrap();
    let client = client(listen, &attester.root_pem().unwrap(), &policy()).unwrap();
    let client = client.build();
    let enclave = async {
        for close in [true, false] {
            let mut enclave = accept(&listener, &booted, &attester).await;
            let (slot, _) = enclave.request().await.unwrap();
            send_answer(&mut enclave, slot, 1).await;
            if close {
                enclave.close().await.unwrap();
            }
        }
    };
    let notes = vec![vec![b'a'; 1 << 20]; 3];
    let ((), submitted) = tokio::join!(enclave, submit_all(&client, &notes));
    // The first session ended in order, the second did not, and had answered one note.
    let answered = submitted
        .outcomes
        .iter()
        .filter(|outcome| outcome.is_some());
    assert_eq!(answered.count(), 2);
    let error = submitted.end.unwrap_err().to_string();
    assert!(error.starts_with("the connection "), "{error}");
}

/// The shortest answers that there are.
#[tokio::test]
async fn a_model_with_one_label_answers_requests_of_one_note() {
    let limits = Limits::of_classification(1, 1000, 4096, 4, 1);
    assert_eq!(limits.answer_bytes(), 18);
    let booted = booted_with(model(1), limits, SessionLimits::default(), engine(1));
    let rig = Rig::start(&booted, Setup::default()).await.unwrap();
    let submitted = submit_all(&rig.client().unwrap(), &["one", "two", "three"]).await;
    assert!(submitted.end.unwrap().is_none());
    assert_eq!(submitted.outcomes, vec![Some(scored(vec![0.5])); 3]);
}

/// Without the close it is not known that the session ended in order, so it is not followed by another.
#[tokio::test]
async fn notes_that_were_not_sent_before_a_missing_close_have_no_answer() {
    const CLOSE_LEN: usize = 8 + 9 + 16;
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = Relay::start(&anywhere(), rig.server.clone(), |frame| {
        match (frame.direction, frame.bytes.len()) {
            (Direction::ToClient, CLOSE_LEN) => Act::Cut(Vec::new()),
            _ => Act::Pass,
        }
    })
    .await
    .unwrap();
    // Room for two requests of 4 KiB and a close.
    let limits = short_session(1 << 10, 10_000);
    let client = rig.client_at(&relay.endpoint).unwrap();
    let client = client.session_limits(limits).build();
    let per_request = usize::from(single().enclave.limits().notes);
    let submitted = submit_all(&client, &short_notes(3 * per_request)).await;
    let end = submitted.end.unwrap_err();
    assert!(
        matches!(end, SubmitError::Session(SessionEnd::Wire(_))),
        "{end}"
    );
    let answered = submitted.outcomes.iter().flatten().count();
    assert_eq!(answered, 2 * per_request);
    let hellos = relay.from_client().into_iter();
    assert_eq!(hellos.filter(|kind| *kind == FrameType::Hello).count(), 1);
}

type MakeAct = fn() -> Act;

/// A relay that does this to the enclave's close, after one answer.
async fn at_the_close(rig: &Rig, act: MakeAct) -> Relay {
    /// The handshake's answer, `ready`, an answer, the close.
    const CLOSE: usize = 3;
    let tamper = move |frame: &Seen| match (frame.direction, frame.index) {
        (Direction::ToClient, CLOSE) => act(),
        _ => Act::Pass,
    };
    Relay::start(&anywhere(), rig.server.clone(), tamper)
        .await
        .unwrap()
}

/// What a user sees: the file is there, and a line says what is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_complete_without_the_enclaves_close() {
    let attester = DevAttester::start(Quirk::None).unwrap();
    let root = attester.root_pem().unwrap();
    let setup = Setup {
        attester: Some(attester.into_software().unwrap()),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let acts: [(MakeAct, &str); 4] = [
        (|| Act::Cut(Vec::new()), "the connection ended"),
        (|| Act::Cut(vec![4, 2, 0]), "the connection ended"),
        (
            || Act::Replace(Frame::refusal().into_bytes()),
            "the server refused to go on",
        ),
        (
            || Act::Replace(Frame::new(FrameType::Record, &[0; 25]).into_bytes()),
            "a record does not authenticate",
        ),
    ];
    for (act, reason) in acts {
        let relay = at_the_close(&rig, act).await;
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, contents: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, contents).unwrap();
            path.display().to_string()
        };
        let notes = short_notes(3);
        let notes: String = notes.iter().map(|note| line("id", note)).collect();
        let results = dir.path().join("results.jsonl").display().to_string();
        let arguments = [
            "submit",
            "--server",
            &relay.endpoint.to_string(),
            "--policy",
            &file("policy.json", &policy().to_string()),
            "--danger-accept-software-root",
            &file("root.pem", &root),
            "-o",
            &results,
            &file("notes.jsonl", &notes),
        ];
        let finished = tokio::task::block_in_place(|| run(Program::Client, &arguments));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let said = format!("the session ended without the enclave's close ({reason}");
        let lines = finished.stderr.lines().filter(|line| line.contains(&said));
        assert_eq!(lines.count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains("3 of 3 records were classified"));
        let results = parse_lines(&std::fs::read_to_string(results).unwrap());
        assert!(results.len() == 3 && results.iter().all(|line| line["label"].is_string()));
    }
}

#[tokio::test]
async fn a_close_that_never_comes_is_missing_too() {
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let relay = at_the_close(&rig, || Act::Stall).await;
    let client = rig.client_at(&relay.endpoint).unwrap();
    let client = client.timeout(Duration::from_secs(2)).build();
    let submitted = submit_all(&client, &short_notes(3)).await;
    let missing = submitted.end.unwrap();
    let timeout = matches!(missing, Some(SessionEnd::Wire(WireError::Timeout(_))));
    assert!(timeout, "{missing:?}");
    assert!(submitted.outcomes.iter().all(Option::is_some));
}

/// An enclave may close one session for a newcomer before it has answered; one that never answers is given up.
#[tokio::test]
async fn sessions_without_an_answer_are_given_up_after_the_third() {
    // Room for `ready` and the close, and for no answer.
    let booted = boot("tiny-bert-single", short_session(2, 1 << 30));
    let rig = Rig::start(&booted, Setup::default()).await.unwrap();
    let relay = Relay::start(&anywhere(), rig.server.clone(), |_| Act::Pass)
        .await
        .unwrap();
    let client = rig.client_at(&relay.endpoint).unwrap().build();
    let submitted = submit_all(&client, &short_notes(2)).await;
    assert!(
        matches!(submitted.end, Err(SubmitError::NoProgress)),
        "{submitted:?}"
    );
    assert!(submitted.outcomes.iter().all(Option::is_none));
    let hellos = relay
        .seen()
        .iter()
        .filter(|frame| frame.kind == FrameType::Hello)
        .count();
    assert_eq!(hellos, EMPTY_SESSIONS as usize);
}
