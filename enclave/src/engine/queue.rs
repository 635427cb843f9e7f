//! One thread owns the engine; sessions send it their notes and wait.
//!
//! Jobs are served in the order in which they arrive, one call of [`Classifier::classify`] each, so
//! that notes of two sessions are never computed together. The channel is bounded: a session that
//! finds it full waits, and so does its client.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use sealnote_protocol::classification::{NoteError, Scores};
use tokio::sync::{mpsc, oneshot};

use super::{Engine, ModelInfo};

/// Jobs that wait before [`EngineHandle::classify`] makes its caller wait too.
pub const QUEUE_DEPTH: usize = 16;

/// What the queue drives: [`Engine`], or a stand-in for it in tests.
pub trait Classifier: Send + 'static {
    /// What is loaded.
    fn info(&self) -> &ModelInfo;

    /// One entry for each note, in their order.
    fn classify(&self, notes: &[&str]) -> Vec<Result<Scores, NoteError>>;
}

impl Classifier for Engine {
    fn info(&self) -> &ModelInfo {
        Engine::info(self)
    }

    fn classify(&self, notes: &[&str]) -> Vec<Result<Scores, NoteError>> {
        Engine::classify(self, notes)
    }
}

/// A way to the engine's thread. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub struct EngineHandle {
    info: Arc<ModelInfo>,
    jobs: mpsc::Sender<Job>,
}

impl EngineHandle {
    /// Starts the thread, which owns `classifier` from here on.
    ///
    /// A panic on that thread is caught and answered as [`NoteError::Internal`], but the process's
    /// panic hook runs first and is given the panic's message, which may quote a note (a slice of a
    /// `str` out of bounds quotes it). The program must install a hook that prints no message.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn spawn(classifier: impl Classifier) -> io::Result<Self> {
        let info = Arc::new(classifier.info().clone());
        let (jobs, queue) = mpsc::channel(QUEUE_DEPTH);
        thread::Builder::new()
            .name("sealnote-engine".into())
            .spawn(move || serve(&classifier, queue))?;
        Ok(Self { info, jobs })
    }

    /// What is loaded.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Classifies `notes`: one entry for each, in their order.
    ///
    /// The notes are dropped as soon as they are classified, before the answer is sent. A job whose
    /// caller has gone (this future dropped) is dropped uncomputed when its turn comes.
    pub async fn classify<N>(&self, notes: Vec<N>) -> Vec<Result<Scores, NoteError>>
    where
        N: AsRef<str> + Send + 'static,
    {
        let count = notes.len();
        let (answer, answered) = oneshot::channel();
        let job = Job {
            notes: Box::new(notes),
            answer,
        };
        if self.jobs.send(job).await.is_err() {
            return vec![Err(NoteError::Internal); count];
        }
        answered
            .await
            .unwrap_or_else(|_| vec![Err(NoteError::Internal); count])
    }
}

struct Job {
    notes: Box<dyn Notes>,
    answer: oneshot::Sender<Vec<Result<Scores, NoteError>>>,
}

/// The caller's own type of note, kept until it is dropped so that its `Drop` wipes the text.
trait Notes: Send {
    fn texts(&self) -> Vec<&str>;
}

impl<N: AsRef<str> + Send> Notes for Vec<N> {
    fn texts(&self) -> Vec<&str> {
        self.iter().map(AsRef::as_ref).collect()
    }
}

fn serve(classifier: &impl Classifier, mut queue: mpsc::Receiver<Job>) {
    while let Some(Job { notes, answer }) = queue.blocking_recv() {
        if answer.is_closed() {
            continue;
        }
        let results = classify_contained(classifier, &notes.texts());
        drop(notes);
        // The session may have ended meanwhile; nobody wants the answer then.
        let _ = answer.send(results);
    }
}

/// Classifies, and when that panics, classifies each note alone: only the culprit fails.
fn classify_contained(
    classifier: &impl Classifier,
    notes: &[&str],
) -> Vec<Result<Scores, NoteError>> {
    // Unwind safety: the engine is not changed by a call, so a panic leaves nothing half-changed.
    let call = |notes: &[&str]| {
        catch_unwind(AssertUnwindSafe(|| classifier.classify(notes)))
            .ok()
            .filter(|results| results.len() == notes.len())
    };
    if let Some(results) = call(notes) {
        return results;
    }
    let alone = |note: &&str| {
        call(core::slice::from_ref(note))
            .and_then(|mut results| results.pop())
            .unwrap_or(Err(NoteError::Internal))
    };
    notes.iter().map(alone).collect()
}
