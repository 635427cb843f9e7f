//! The queue in front of the engine, driven by a stand-in for it.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use sealnote_engine::{
    Classifier, EngineHandle, EngineSession, KnownShare, ModelInfo, NoteError, NoteOutcome,
    OVERLAP, Problem, Scored, Scores,
};
use sealnote_model::ModelDigest;
use sealnote_model::Precision;
use zeroize::Zeroizing;

/// Tokens of a batch.
const BATCH: usize = 10;

/// A window is a word, its tokens are its letters, and a note scores its letters. Panics at words that say
/// so, and records each batch.
struct Fake {
    info: ModelInfo,
    batches: Batches,
    /// Of each note that is long and empty, its second character.
    empties: Arc<Mutex<String>>,
    /// When there is one, each batch says that it has begun, and waits for a message.
    gate: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
}

type Batches = Arc<Mutex<Vec<Vec<String>>>>;

impl Fake {
    fn new() -> Self {
        let info = ModelInfo {
            digest: ModelDigest([7; 48]),
            labels: vec!["letters".into()],
            problem: Problem::MultiLabel,
            window: 256,
            overlap: OVERLAP,
            precision: Precision::F32,
        };
        Self {
            info,
            batches: Arc::default(),
            empties: Arc::default(),
            gate: None,
        }
    }
}

/// As a panic does, but without the hook's line in the test's output.
fn panic_silently() -> ! {
    resume_unwind(Box::new("a panic"))
}

impl Classifier for Fake {
    type Window = String;
    type Windows = std::vec::IntoIter<String>;

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn batch_tokens(&self) -> usize {
        BATCH
    }

    fn tokenize(&self, note: &str) -> Result<Self::Windows, NoteError> {
        match note {
            "" => Err(NoteError::Empty),
            note if note.starts_with('\0') => {
                self.empties.lock().unwrap().extend(note.chars().nth(1));
                Err(NoteError::Empty)
            }
            "unreadable" => panic_silently(),
            note => Ok(note
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .into_iter()),
        }
    }

    fn tokens(word: &String) -> usize {
        word.len()
    }

    /// A word that is known has letters alone.
    fn known(words: &Self::Windows) -> KnownShare {
        let known = |word: &&String| word.chars().all(char::is_alphabetic);
        let words = words.as_slice();
        KnownShare::of(words.iter().filter(known).count(), words.len())
    }

    fn logits(&self, batch: &[String]) -> Vec<Option<Vec<f32>>> {
        if let Some((begun, go)) = &self.gate {
            begun.send(()).unwrap();
            go.recv().unwrap();
        }
        self.batches.lock().unwrap().push(batch.to_vec());
        let has = |word: &str| batch.iter().any(|window| window == word);
        match () {
            () if has("panic") => panic_silently(),
            () if has("miscount") => vec![],
            () => batch
                .iter()
                .map(|word| Some(vec![word.len() as f32]))
                .collect(),
        }
    }

    fn pool(&self, logits: &[Option<Vec<f32>>]) -> Result<Scores, NoteError> {
        let mut letters = 0.0;
        for logits in logits {
            letters += logits.as_ref().ok_or(NoteError::Internal)?[0];
        }
        match letters {
            13.0 => panic_silently(),
            letters => Ok(vec![letters]),
        }
    }
}

/// A queue whose batches are computed one by one, as the test says.
struct Gated {
    handle: EngineHandle,
    batches: Batches,
    begun: mpsc::Receiver<()>,
    go: mpsc::Sender<()>,
}

impl Gated {
    fn spawn() -> Self {
        let (begin, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel();
        let fake = Fake {
            gate: Some((begin, gate)),
            ..Fake::new()
        };
        Self {
            batches: fake.batches.clone(),
            handle: EngineHandle::spawn(fake).unwrap(),
            begun,
            go,
        }
    }

    /// Waits until a batch has begun.
    fn wait(&self) {
        self.begun.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    /// Lets the batch that has begun, and those after it, be computed.
    fn release(&self) {
        for _ in 0..1000 {
            self.go.send(()).unwrap();
        }
    }

    fn batches(&self) -> Vec<Vec<String>> {
        self.batches.lock().unwrap().clone()
    }
}

fn notes(texts: &[&str]) -> Vec<Zeroizing<String>> {
    texts
        .iter()
        .map(|&text| Zeroizing::new(text.to_owned()))
        .collect()
}

/// Of a note whose words are known.
fn scored(letters: f32) -> NoteOutcome {
    Ok(Scored {
        scores: vec![letters],
        known: KnownShare::ALL,
    })
}

/// Asks, and returns once the queue has it.
async fn ask(session: &EngineSession, texts: &[&str]) -> tokio::task::JoinHandle<Vec<NoteOutcome>> {
    let (session, notes) = (session.clone(), notes(texts));
    let job = tokio::spawn(async move { session.classify(notes).await });
    tokio::task::yield_now().await;
    job
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_notes() {
    let handle = EngineHandle::spawn(Fake::new()).unwrap();
    assert_eq!(handle.info().labels, ["letters"]);
    let session = handle.session();
    let long = "seven letters in some words of this note";
    assert_eq!(
        session.classify(notes(&["a", long, "", "bcd"])).await,
        [
            scored(1.0),
            scored(33.0),
            Err(NoteError::Empty),
            scored(3.0)
        ]
    );
    assert_eq!(session.classify(notes(&[])).await, []);
    assert_eq!(
        session.classify(notes(&["", ""])).await,
        [Err(NoteError::Empty), Err(NoteError::Empty)]
    );
}

#[tokio::test]
async fn a_panic_costs_one_note_and_the_thread_goes_on() {
    let handle = EngineHandle::spawn(Fake::new()).unwrap();
    let session = handle.session();
    for culprit in [
        "panic",
        "a panic",
        "miscount",
        "unreadable",
        "of thirteen not",
    ] {
        assert_eq!(
            session.classify(notes(&["a", culprit, "bcd"])).await,
            [scored(1.0), Err(NoteError::Internal), scored(3.0)],
            "{culprit}"
        );
    }
    assert_eq!(session.classify(notes(&["ab"])).await, [scored(2.0)]);
}

#[tokio::test]
async fn a_batch_holds_as_many_windows_as_fit_and_of_one_session_only() {
    let gated = Gated::spawn();
    let [first, second] = [gated.handle.session(), gated.handle.session()];
    let held = ask(&gated.handle.session(), &["held"]).await;
    gated.wait();
    let answers = [
        ask(&first, &["aaaa aaaa", "aa"]).await,
        ask(&second, &["bbbb"]).await,
        // Together with the session's request before it.
        ask(&second, &["bbb"]).await,
        // Longer than a batch, and so alone.
        ask(&first, &["a", "aaaaaaaaaaaaaaa", "a"]).await,
    ];
    gated.release();
    assert!(held.await.unwrap()[0].is_ok());
    for answer in answers {
        assert!(answer.await.unwrap().iter().all(Result::is_ok));
    }
    let mut batches = gated.batches();
    batches.sort();
    let expected: [&[&str]; 6] = [
        &["a"],
        &["a"],
        &["aaaa", "aaaa", "aa"],
        &["aaaaaaaaaaaaaaa"],
        &["bbbb", "bbb"],
        &["held"],
    ];
    assert_eq!(batches, expected);
}

/// Beside sessions with so many requests of these notes.
async fn a_single_note_waits_for_one_batch(requests: usize, texts: &[&str]) {
    let gated = Gated::spawn();
    let mut busy = Vec::new();
    for _ in 0..20 {
        let session = gated.handle.session();
        for _ in 0..requests {
            busy.push(ask(&session, texts).await);
        }
    }
    gated.wait();
    let session = gated.handle.session();
    // Wherever the others are in their round.
    for _ in 0..50 {
        let before = gated.batches().len();
        let single = ask(&session, &["a"]).await;
        for _ in 0..2 {
            gated.go.send(()).unwrap();
            gated.wait();
        }
        assert_eq!(gated.batches()[before + 1], ["a"]);
        assert_eq!(single.await.unwrap(), [scored(1.0)]);
    }
    for job in &busy {
        job.abort();
    }
    gated.release();
}

#[tokio::test]
async fn a_single_note_waits_for_one_batch_however_busy_the_others_are() {
    let long = "wordofeight ".repeat(100);
    a_single_note_waits_for_one_batch(2, &[&long[..]; 2]).await;
}

/// What is left of a note that was read is as much as before.
#[tokio::test]
async fn a_single_note_waits_for_one_batch_however_much_of_others_notes_is_half_done() {
    let long = "wordofeight ".repeat(100);
    a_single_note_waits_for_one_batch(1, &[&long]).await;
}

/// What a turn reads may cost more than what it computes.
#[tokio::test]
async fn a_single_note_waits_for_one_batch_however_long_others_notes_are_to_read() {
    let long = format!("wordofeight{}", " ".repeat(20_000));
    a_single_note_waits_for_one_batch(2, &[&long[..]; 5]).await;
}

/// Beside three that are busy, and although its notes are little.
#[tokio::test]
async fn who_connects_anew_for_each_note_has_the_share_of_one_session() {
    let gated = Gated::spawn();
    let long = "wordofeight ".repeat(100);
    let mut busy = Vec::new();
    for _ in 0..3 {
        busy.push(ask(&gated.handle.session(), &[&long[..]; 4]).await);
    }
    gated.wait();
    const NOTES: usize = 40;
    for _ in 0..NOTES {
        // A batch.
        let note = ask(&gated.handle.session(), &["tenletters"]).await;
        while !note.is_finished() {
            gated.go.send(()).unwrap();
            gated.wait();
            tokio::task::yield_now().await;
        }
    }
    // For each there are 2.7 of the others', whose words are longer, but for what anybody may be ahead at the beginning.
    let batches = gated.batches().len();
    assert!(batches >= 100, "{batches}");
    for job in &busy {
        job.abort();
    }
    gated.release();
}

/// The order in which notes of two sessions, each of so many bytes and without a token, are read.
async fn read_order(lengths: &[usize]) -> String {
    let (begin, begun) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let fake = Fake {
        gate: Some((begin, gate)),
        ..Fake::new()
    };
    let empties = fake.empties.clone();
    let handle = EngineHandle::spawn(fake).unwrap();
    let held = ask(&handle.session(), &["held"]).await;
    begun.recv_timeout(Duration::from_secs(10)).unwrap();
    let mut jobs = Vec::new();
    for session in ["a", "b"] {
        let long = |&len: &usize| format!("\0{session}{}", " ".repeat(len - 2));
        let texts: Vec<String> = lengths.iter().map(long).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        jobs.push(ask(&handle.session(), &texts).await);
    }
    go.send(()).unwrap();
    assert!(held.await.unwrap()[0].is_ok());
    for job in jobs {
        assert_eq!(
            job.await.unwrap(),
            vec![Err(NoteError::Empty); lengths.len()]
        );
    }
    let order = empties.lock().unwrap();
    order.clone()
}

/// What takes long to read and yields nothing is not free.
#[tokio::test]
async fn long_notes_without_a_token_are_read_in_turns_too() {
    assert_eq!(read_order(&[20_000; 3]).await, "ababab");
    // A short one does not take a long one along.
    assert_eq!(read_order(&[100, 20_000]).await, "abab");
    assert_eq!(read_order(&[100, 100]).await, "aabb");
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_computed() {
    let gated = Gated::spawn();
    let session = gated.handle.session();
    let first = ask(&session, &["firstword"]).await;
    gated.wait();
    let gone = ask(&session, &["gone"]).await;
    let begun = ask(&gated.handle.session(), &["nine begun", "nine never"]).await;
    let long = "last".repeat(10);
    let last = ask(&gated.handle.session(), &[&long]).await;
    gone.abort();
    assert!(gone.await.is_err());
    // Its first batch begins, and then its caller leaves.
    gated.go.send(()).unwrap();
    gated.wait();
    begun.abort();
    assert!(begun.await.is_err());
    gated.release();
    assert!(first.await.unwrap()[0].is_ok() && last.await.unwrap()[0].is_ok());
    assert_eq!(
        gated.batches(),
        [&["firstword"][..], &["nine", "begun"], &[&long]]
    );
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
async fn a_note_is_dropped_before_it_is_computed() {
    let gated = Gated::spawn();
    let session = gated.handle.session();
    let dropped = Arc::new(Mutex::new(0));
    let notes = ["ninecount", "unreadable", "a", "other"].map(|t| Watched(t, dropped.clone()));
    let job = tokio::spawn(async move { session.classify(Vec::from(notes)).await });
    tokio::task::yield_now().await;
    gated.wait();
    // The fourth is read to see whether it fits.
    assert_eq!(*dropped.lock().unwrap(), 4);
    gated.release();
    job.await.unwrap();
}

#[tokio::test]
async fn the_thread_ends_with_the_last_handle() {
    let fake = Fake::new();
    let batches = Arc::downgrade(&fake.batches);
    let handle = EngineHandle::spawn(fake).unwrap();
    let session = handle.session();
    drop(handle);
    assert!(session.classify(notes(&["a"])).await[0].is_ok());
    drop(session);
    for _ in 0..200 {
        if batches.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the thread still owns the engine");
}
