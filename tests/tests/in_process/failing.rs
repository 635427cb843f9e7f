//! An enclave that fails under way.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::stream;
use sealnote_client::{ConnectError, Note, SessionEnd, SubmitError};
use sealnote_engine::NoteError;
use sealnote_tests::attester::policy;
use sealnote_tests::rig::{PATIENCE, Rig, Setup, client, start_enclave, start_parent, submit_all};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::common::{StandIn, anywhere, scored, short_notes, single};

#[test]
fn when_the_enclave_goes_away_exactly_the_unanswered_notes_fail() {
    const ANSWERED: usize = 2;
    let per_request = usize::from(single().enclave.limits().notes);
    let notes = short_notes(4 * per_request);

    // The stand-in answers two requests, and never the third.
    let (release, held) = mpsc::channel::<()>();
    let calls = Cell::new(0);
    let engine = StandIn::spawn(single(), move |notes| {
        calls.set(calls.get() + 1);
        if calls.get() > ANSWERED {
            let _ = held.recv();
        }
        notes.iter().map(|_| vec![1.0, 0.0, 0.0]).collect()
    });
    let setup = Setup {
        engine: Some(engine),
        ..Setup::default()
    };

    let (of_enclave, others) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let enclave = of_enclave
        .block_on(start_enclave(single(), setup, &anywhere()))
        .unwrap();
    let (server, ..) = others
        .block_on(start_parent(anywhere(), enclave.endpoint))
        .unwrap();
    let client = client(server, &enclave.root_pem, &policy()).unwrap();
    let client = client.build();
    let (answer, answers) = mpsc::channel();
    let submitting = others.spawn(async move {
        let notes = notes.into_iter().enumerate();
        let notes = notes.map(|(index, text)| Note::new(index, text));
        let mut submission = client.submit(stream::iter(notes));
        loop {
            match submission.next().await.unwrap() {
                Ok(result) => answer.send(result.id).unwrap(),
                Err(error) => return (error, submission.into_unanswered()),
            }
        }
    });
    // Which requests are answered first is the enclave's affair.
    let answered = ANSWERED * per_request;
    let next = |_| answers.recv_timeout(PATIENCE).unwrap();
    let mut all: BTreeSet<usize> = (0..answered).map(next).collect();
    assert_eq!(all.len(), answered);
    of_enclave.shutdown_background();

    let end = others.block_on(async { timeout(PATIENCE, submitting).await });
    drop(release);
    let (error, unanswered) = end.unwrap().unwrap();
    let cut = matches!(error, SubmitError::Session(SessionEnd::Wire(_)));
    assert!(cut, "{error}");
    assert!(error.to_string().starts_with("the connection "), "{error}");
    assert_eq!(answers.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    // What has no answer comes back, and each note is in one place.
    assert_eq!(unanswered.len(), 4 * per_request - answered);
    all.extend(unanswered.into_iter().map(|note| note.id));
    assert_eq!(all.len(), 4 * per_request);
}

#[tokio::test]
async fn a_note_that_the_engine_panics_on_fails_alone() {
    let engine = StandIn::spawn(single(), |notes| {
        assert!(!notes.contains(&"culprit"), "on purpose");
        notes.iter().map(|_| vec![1.0, 0.0, 0.0]).collect()
    });
    let setup = Setup {
        engine: Some(engine),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let submitted = submit_all(&rig.client().unwrap(), &["one", "culprit", "three"]).await;
    submitted.end.unwrap();
    let good = Some(scored(vec![1.0, 0.0, 0.0]));
    assert_eq!(
        submitted.outcomes,
        [good.clone(), Some(Err(NoteError::Internal)), good]
    );
}

#[tokio::test]
async fn a_server_without_an_enclave_is_told_apart_from_one_that_refuses() {
    // Nobody listens.
    let rig = Rig::start(single(), Setup::default()).await.unwrap();
    let nowhere = "unix:/nonexistent/sealnote".parse().unwrap();
    let nowhere = rig.client_at(&nowhere).unwrap().build();
    let error = nowhere.verify().await.err().unwrap();
    assert!(matches!(error, ConnectError::Transport(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("cannot connect to unix:/nonexistent")
    );

    // A parent whose enclave is gone.
    let mut config = sealnote_parent::Config::new(anywhere(), nowhere.server().clone());
    config.connect_timeout = std::time::Duration::from_millis(50);
    let parent = sealnote_parent::Parent::bind(config).await.unwrap();
    let client = rig.client_at(parent.local_endpoint()).unwrap().build();
    let running = tokio::spawn(parent.run(std::future::pending()));
    let error = client.verify().await.err().unwrap();
    assert!(matches!(error, ConnectError::Read(_)), "{error}");
    assert!(error.to_string().contains("may not be running"));
    running.abort();
}

/// As many requests in flight as there may be, so that the enclave has no reason to read.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_computed_for_a_client_that_has_gone() {
    let per_request = usize::from(single().enclave.limits().notes);
    // Each is a batch of its own.
    let notes: Vec<String> = (0..4 * per_request).map(|_| "x".repeat(1024)).collect();
    let (begin, begun) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let engine = StandIn::spawn(single(), move |notes| {
        let _ = begin.send(());
        let _ = gate.recv();
        notes.iter().map(|_| vec![1.0, 0.0, 0.0]).collect()
    });
    let setup = Setup {
        engine: Some(engine),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let client = rig.client().unwrap();
    let submitting = tokio::spawn(async move { submit_all(&client, &notes).await });
    let step = || begun.recv_timeout(PATIENCE).unwrap();
    tokio::task::block_in_place(step);
    submitting.abort();
    assert!(submitting.await.unwrap_err().is_cancelled());

    // The enclave learns of it while it computes; of 32 notes in the first request alone, few are left by then.
    let mut computed = 1;
    go.send(()).unwrap();
    let pause = Duration::from_millis(100);
    while tokio::task::block_in_place(|| begun.recv_timeout(5 * pause)).is_ok() {
        computed += 1;
        tokio::time::sleep(pause).await;
        go.send(()).unwrap();
    }
    assert!(computed < per_request, "{computed} of {per_request}");
}
