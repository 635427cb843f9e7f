//! One thread owns the engine; sessions send it their notes and wait.
//!
//! The engine computes one batch after the other, each of the notes of a single session, so that nobody's
//! answer takes longer for the length of another's note in the same batch. Whose batch is next is a matter of
//! [`turns`](super::turns): a session with a single note waits for the turn that is being computed, not for
//! the requests of others.
//!
//! Nothing here bounds how much waits: a session has as many requests in flight as its limits allow,
//! and does not read from its client beyond that.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sealnote_protocol::classification::NoteError;
use tokio::sync::{mpsc, oneshot};

use super::ModelInfo;
use super::classifier::Classifier;
use super::contain::contained;
use super::job::{Batch, Job, Note, Results};
use super::turns::{SessionId, Turns};

/// A way to the engine's thread. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub struct EngineHandle {
    info: Arc<ModelInfo>,
    numbers: Arc<Mutex<Numbers>>,
    requests: mpsc::UnboundedSender<Request>,
}

/// A session's way to the engine's thread: what is asked for through it, and its clones, has its turn
/// together.
#[derive(Clone)]
pub struct EngineSession {
    number: Arc<Number>,
    requests: mpsc::UnboundedSender<Request>,
}

/// Numbers of sessions: those that are free, and the first that was never given.
#[derive(Default)]
struct Numbers {
    free: Vec<SessionId>,
    next: SessionId,
}

/// Given back when it is dropped.
struct Number {
    id: SessionId,
    numbers: Arc<Mutex<Numbers>>,
}

impl Number {
    fn take(numbers: &Arc<Mutex<Numbers>>) -> Self {
        let mut all = numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let id = all.free.pop().unwrap_or_else(|| {
            all.next += 1;
            all.next
        });
        let numbers = numbers.clone();
        Self { id, numbers }
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let numbers = self.numbers.lock();
        let mut numbers = numbers.unwrap_or_else(PoisonError::into_inner);
        numbers.free.push(self.id);
    }
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
        let (requests, queue) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("sealnote-engine".into())
            .spawn(move || serve(&classifier, queue))?;
        Ok(Self {
            info,
            numbers: Arc::default(),
            requests,
        })
    }

    /// What is loaded.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// A new session.
    pub fn session(&self) -> EngineSession {
        EngineSession {
            number: Arc::new(Number::take(&self.numbers)),
            requests: self.requests.clone(),
        }
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
            session: self.number.id,
            notes: notes
                .into_iter()
                .map(|note| Box::new(note) as Note)
                .collect(),
            answer,
        };
        // When the thread has gone, so has the answer's sender.
        let _ = self.requests.send(request);
        answered
            .await
            .unwrap_or_else(|_| vec![Err(NoteError::Internal); count])
    }
}

fn serve<C: Classifier>(classifier: &C, mut queue: mpsc::UnboundedReceiver<Request>) {
    classifier.settle();
    let mut turns = Turns::new(classifier.batch_tokens() as u64);
    loop {
        let mut request = queue.try_recv().ok();
        if request.is_none() && turns.is_empty() {
            request = queue.blocking_recv();
            if request.is_none() {
                return;
            }
        }
        match request {
            Some(Request {
                session,
                notes,
                answer,
            }) => turns.push(session, Job::new(notes, answer)),
            None => {
                // Of all sessions: what nobody waits for takes memory until then.
                turns.retain(|job| !job.is_abandoned());
                turns.serve(|jobs| turn(classifier, jobs));
            }
        }
    }
}

/// Computes a batch of a session's jobs, in their order, and answers those that are done. Returns what it cost.
fn turn<C: Classifier>(classifier: &C, jobs: &mut VecDeque<Job<C>>) -> u64 {
    let mut batch = Batch::new(classifier.batch_tokens());
    for job in jobs.iter_mut() {
        if !job.fill(classifier, &mut batch) {
            break;
        }
    }
    let mut logits = compute(classifier, &batch.windows).into_iter();
    for job in jobs.iter_mut() {
        job.take(classifier, &mut logits);
        if !job.is_done() {
            break;
        }
    }
    while let Some(job) = jobs.pop_front_if(|job| job.is_done()) {
        job.finish();
    }
    batch.cost()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_session_that_has_ended_is_the_next_ones() {
        let numbers = Arc::default();
        let [first, second, third] = [(); 3].map(|()| Number::take(&numbers));
        assert!(first.id != second.id && second.id != third.id && first.id != third.id);
        for ended in [first, third] {
            let id = ended.id;
            drop(ended);
            assert_eq!(Number::take(&numbers).id, id);
        }
    }
}
