//! The queue in front of the engine, driven by a stand-in for it.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use sealnote_enclave::engine::{
    Classifier, EngineHandle, ModelInfo, NoteError, OVERLAP, Problem, QUEUE_DEPTH, Scores,
};
use sealnote_protocol::model::ModelDigest;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Scores a note by its length, panics at one that says so, and records each call.
struct Fake {
    info: ModelInfo,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
    /// When there is one, each call waits for a message.
    gate: Option<mpsc::Receiver<()>>,
}

impl Fake {
    fn new() -> Self {
        let info = ModelInfo {
            digest: ModelDigest([7; 48]),
            labels: vec!["length".into()],
            problem: Problem::MultiLabel,
            window: 256,
            overlap: OVERLAP,
        };
        Self {
            info,
            calls: Arc::default(),
            gate: None,
        }
    }
}

impl Classifier for Fake {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn classify(&self, notes: &[&str]) -> Vec<Result<Scores, NoteError>> {
        if let Some(gate) = &self.gate {
            gate.recv().unwrap();
        }
        self.calls
            .lock()
            .unwrap()
            .push(notes.iter().map(|&note| note.to_owned()).collect());
        if notes.contains(&"miscount") {
            return vec![];
        }
        if notes.contains(&"panic") {
            // As a panic does, but without the hook's line in the test's output.
            resume_unwind(Box::new("a panic"));
        }
        notes
            .iter()
            .map(|note| Ok(vec![note.len() as f32]))
            .collect()
    }
}

fn notes(texts: &[&str]) -> Vec<Zeroizing<String>> {
    texts
        .iter()
        .map(|&text| Zeroizing::new(text.to_owned()))
        .collect()
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_notes() {
    let handle = EngineHandle::spawn(Fake::new()).unwrap();
    assert_eq!(handle.info().labels, ["length"]);
    assert_eq!(
        handle.classify(notes(&["a", "bcd"])).await,
        [Ok(vec![1.0]), Ok(vec![3.0])]
    );
    assert_eq!(handle.clone().classify(notes(&[])).await, []);
}

#[tokio::test]
async fn a_panic_costs_one_note_and_the_thread_goes_on() {
    let handle = EngineHandle::spawn(Fake::new()).unwrap();
    for culprit in ["panic", "miscount"] {
        assert_eq!(
            handle.classify(notes(&["a", culprit, "bcd"])).await,
            [Ok(vec![1.0]), Err(NoteError::Internal), Ok(vec![3.0])]
        );
    }
    assert_eq!(handle.classify(notes(&["ab"])).await, [Ok(vec![2.0])]);
}

#[tokio::test]
async fn jobs_are_served_in_turn_and_a_full_queue_makes_its_callers_wait() {
    let mut fake = Fake::new();
    let calls = fake.calls.clone();
    let (open, gate) = mpsc::channel();
    fake.gate = Some(gate);
    let handle = EngineHandle::spawn(fake).unwrap();

    // One job is with the engine, QUEUE_DEPTH wait in the queue, three wait before it.
    let count = 1 + QUEUE_DEPTH + 3;
    let mut jobs = Vec::new();
    for job in 0..count {
        let handle = handle.clone();
        jobs.push(tokio::spawn(async move {
            handle.classify(notes(&[&job.to_string()])).await
        }));
        tokio::task::yield_now().await;
    }
    let (first, rest) = jobs.split_first_mut().unwrap();
    assert!(timeout(Duration::from_millis(20), first).await.is_err());
    // This one waits before the queue, and its caller leaves: it must not be computed.
    rest[count - 2].abort();

    for _ in 0..count {
        open.send(()).unwrap();
    }
    for (job, answer) in jobs.into_iter().enumerate() {
        match answer.await {
            Ok(answer) => assert_eq!(answer, [Ok(vec![job.to_string().len() as f32])]),
            Err(error) => assert!(error.is_cancelled() && job == count - 1),
        }
    }
    let expected: Vec<_> = (0..count - 1).map(|job| vec![job.to_string()]).collect();
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_job_whose_caller_has_gone_is_not_computed() {
    let mut fake = Fake::new();
    let calls = fake.calls.clone();
    let (open, gate) = mpsc::channel();
    fake.gate = Some(gate);
    let handle = EngineHandle::spawn(fake).unwrap();

    let spawn = |text: &'static str| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.classify(notes(&[text])).await })
    };
    let first = spawn("first");
    tokio::task::yield_now().await;
    let gone = spawn("gone");
    tokio::task::yield_now().await;
    let last = spawn("last");
    tokio::task::yield_now().await;
    gone.abort();
    assert!(gone.await.is_err());
    for _ in 0..3 {
        open.send(()).unwrap();
    }
    assert!(first.await.unwrap()[0].is_ok() && last.await.unwrap()[0].is_ok());
    assert_eq!(*calls.lock().unwrap(), [["first"], ["last"]]);
}

/// A note that says when it is dropped, as `Zeroizing` wipes at that moment.
struct Watched(&'static str, Arc<Mutex<usize>>);

impl AsRef<str> for Watched {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        *self.1.lock().unwrap() += 1;
    }
}

#[tokio::test]
async fn notes_are_dropped_before_the_answer_is_given() {
    let handle = EngineHandle::spawn(Fake::new()).unwrap();
    let dropped = Arc::new(Mutex::new(0));
    for round in 1..=50 {
        let notes = ["a", "panic"].map(|text| Watched(text, dropped.clone()));
        handle.classify(Vec::from(notes)).await;
        assert_eq!(*dropped.lock().unwrap(), 2 * round);
    }
}

#[tokio::test]
async fn the_thread_ends_with_the_last_handle() {
    let fake = Fake::new();
    let calls = Arc::downgrade(&fake.calls);
    let handle = EngineHandle::spawn(fake).unwrap();
    let other = handle.clone();
    drop(handle);
    assert!(other.classify(notes(&["a"])).await[0].is_ok());
    drop(other);
    for _ in 0..200 {
        if calls.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the thread still owns the engine");
}
