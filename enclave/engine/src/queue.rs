//! One thread owns the engine; sessions send it their notes and wait.
//!
//! The engine computes one batch after the other, each of the notes of a single session, so that nobody's
//! answer takes longer for the length of another's note in the same batch. Whose batch is next is a matter of
//! [`fair_queue`]: a session with a single note waits for the turn that is being computed, not for
//! the requests of others.
//!
//! Nothing here bounds how much waits: a session has as many requests in flight as its limits allow,
//! and does not read from its client beyond that.

mod fair_queue;
mod job;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sealnote_model::NoteError;
use tokio::sync::{mpsc, oneshot};

use self::fair_queue::{FairQueue, SessionId};
use self::job::{Job, Note, Results, Turn};
use crate::classifier::Classifier;
use crate::contain::contained;
use crate::info::ModelInfo;

/// A way to the engine's thread. The thread ends when the last handle and the last session are dropped.
#[derive(Clone)]
pub struct EngineHandle {
    info: Arc<ModelInfo>,
    /// Number of the next session.
    next: Arc<AtomicU64>,
    messages: mpsc::UnboundedSender<Message>,
}

/// A session's way to the engine's thread: what is asked for through it, and its clones, has its turn
/// together.
#[derive(Clone)]
pub struct EngineSession(Arc<OpenSession>);

/// Tells the thread when it is dropped.
struct OpenSession {
    id: SessionId,
    messages: mpsc::UnboundedSender<Message>,
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        // When the thread has gone, there is nobody to tell.
        let _ = self.messages.send(Message::End(self.id));
    }
}

enum Message {
    Request(Request),
    /// The session has ended. All its requests came before.
    End(SessionId),
}

struct Request {
    session: SessionId,
    notes: VecDeque<Note>,
    answer: oneshot::Sender<Results>,
}

impl EngineHandle {
    /// Starts the thread, which owns `classifier` from here on.
    ///
    /// A panic on that thread is answered as [`NoteError::Internal`] for the note that it befell. The program must
    /// have a panic hook that prints no message, since a message may quote a note.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn spawn(classifier: impl Classifier) -> io::Result<Self> {
        let info = Arc::new(classifier.info().clone());
        let (messages, received) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("sealnote-engine".into())
            .spawn(move || serve(&classifier, received))?;
        Ok(Self {
            info,
            next: Arc::default(),
            messages,
        })
    }

    /// What is loaded.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// A new session.
    pub fn session(&self) -> EngineSession {
        EngineSession(Arc::new(OpenSession {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            messages: self.messages.clone(),
        }))
    }
}

impl EngineSession {
    /// Classifies `notes`: one entry for each, in their order.
    ///
    /// Each note is dropped as soon as it is tokenised. What a caller has left undone by going (this future
    /// dropped) is not computed.
    pub async fn classify<N>(&self, notes: Vec<N>) -> Results
    where
        N: AsRef<str> + Send + 'static,
    {
        let count = notes.len();
        let (answer, answered) = oneshot::channel();
        let request = Request {
            session: self.0.id,
            notes: notes
                .into_iter()
                .map(|note| Box::new(note) as Note)
                .collect(),
            answer,
        };
        // When the thread has gone, so has the answer's sender.
        let _ = self.0.messages.send(Message::Request(request));
        answered
            .await
            .unwrap_or_else(|_| vec![Err(NoteError::Internal); count])
    }
}

fn serve<C: Classifier>(classifier: &C, mut messages: mpsc::UnboundedReceiver<Message>) {
    classifier.settle();
    let mut queue = FairQueue::new(classifier.batch_tokens() as u64);
    loop {
        let mut message = messages.try_recv().ok();
        if message.is_none() && queue.is_empty() {
            message = messages.blocking_recv();
            if message.is_none() {
                return;
            }
        }
        match message {
            Some(Message::Request(Request {
                session,
                notes,
                answer,
            })) => queue.push(session, Job::new(notes, answer)),
            Some(Message::End(session)) => queue.end(session),
            None => {
                // Of all sessions: what nobody waits for takes memory until then.
                queue.retain(|job| !job.is_abandoned());
                queue.serve(|jobs| take_turn(classifier, jobs));
            }
        }
    }
}

/// Computes a batch of a session's jobs, in their order, and answers those that are done. Returns what it cost.
fn take_turn<C: Classifier>(classifier: &C, jobs: &mut VecDeque<Job<C>>) -> u64 {
    let mut turn = Turn::new(classifier.batch_tokens());
    for job in jobs.iter_mut() {
        if !job.fill(classifier, &mut turn) {
            break;
        }
    }
    let mut logits = compute(classifier, &turn.windows).into_iter();
    for job in jobs.iter_mut() {
        job.take(classifier, &mut logits);
        if !job.is_done() {
            break;
        }
    }
    while let Some(job) = jobs.pop_front_if(|job| job.is_done()) {
        job.finish();
    }
    turn.cost()
}

/// The batch's logits; when that panics, those of each window alone: only the culprit fails.
fn compute<C: Classifier>(classifier: &C, batch: &[C::Window]) -> Vec<Option<Vec<f32>>> {
    let call = |batch: &[C::Window]| {
        contained(|| classifier.logits(batch)).filter(|logits| logits.len() == batch.len())
    };
    if batch.is_empty() {
        return Vec::new();
    }
    call(batch).unwrap_or_else(|| {
        let alone = |window| call(core::slice::from_ref(window))?.pop()?;
        batch.iter().map(alone).collect()
    })
}
