//! The notes of a request, and how far they are.

use std::collections::VecDeque;

use sealnote_protocol::classification::{NoteError, Scores};
use tokio::sync::oneshot;

use super::classifier::Classifier;
use super::contain::contained;
use super::turns::Estimate;

/// A note, kept as its caller's own type so that its `Drop` wipes the text.
pub(super) type Note = Box<dyn AsRef<str> + Send>;

/// What a caller is answered: one entry for each note, in their order.
pub(super) type Results = Vec<Result<Scores, NoteError>>;

/// Notes are tokenised one by one as their turn comes, and dropped at that; so never more than one note's
/// windows wait.
pub(super) struct Job<C: Classifier> {
    unread: VecDeque<Note>,
    /// Windows of the note that was read last.
    waiting: VecDeque<C::Window>,
    /// Notes that were read and are not finished, in order.
    begun: VecDeque<Begun>,
    results: Results,
    answer: oneshot::Sender<Results>,
    /// The greatest cost of a turn.
    batch_tokens: usize,
}

enum Begun {
    /// So many windows, and the logits of the first of them.
    Windows(usize, Vec<Option<Vec<f32>>>),
    Failed(NoteError),
}

impl<C: Classifier> Job<C> {
    pub(super) fn new(
        notes: VecDeque<Note>,
        answer: oneshot::Sender<Results>,
        batch_tokens: usize,
    ) -> Self {
        Self {
            results: Vec::with_capacity(notes.len()),
            unread: notes,
            waiting: VecDeque::new(),
            begun: VecDeque::new(),
            answer,
            batch_tokens,
        }
    }

    /// Whether its caller has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Moves windows to `batch`, of `tokens` so far, as long as there are any and they fit; a first one always
    /// does. `false` when one did not fit.
    pub(super) fn fill(
        &mut self,
        classifier: &C,
        batch: &mut Vec<C::Window>,
        tokens: &mut usize,
    ) -> bool {
        loop {
            self.read(classifier);
            let Some(window) = self.waiting.front() else {
                return true;
            };
            let more = C::tokens(window);
            if !batch.is_empty() && *tokens + more > self.batch_tokens {
                return false;
            }
            *tokens += more;
            batch.extend(self.waiting.pop_front());
        }
    }

    /// Reads notes until there is a window, or no note is left.
    fn read(&mut self, classifier: &C) {
        while self.waiting.is_empty()
            && let Some(note) = self.unread.pop_front()
        {
            let windows = contained(|| classifier.tokenize((*note).as_ref()));
            drop(note);
            match windows.unwrap_or(Err(NoteError::Internal)) {
                Ok(windows) => {
                    let logits = Vec::with_capacity(windows.len());
                    self.begun.push_back(Begun::Windows(windows.len(), logits));
                    self.waiting.extend(windows);
                }
                Err(error) => self.begun.push_back(Begun::Failed(error)),
            }
        }
    }

    /// Takes the logits of the windows that this job has given to a batch, in order.
    pub(super) fn take(
        &mut self,
        classifier: &C,
        logits: &mut impl Iterator<Item = Option<Vec<f32>>>,
    ) {
        while let Some(begun) = self.begun.front_mut() {
            let result = match begun {
                Begun::Failed(error) => Err(*error),
                Begun::Windows(count, all) => {
                    all.extend(logits.take(*count - all.len()));
                    if all.len() < *count {
                        return;
                    }
                    let pooled = contained(|| classifier.pool(all));
                    pooled.unwrap_or(Err(NoteError::Internal))
                }
            };
            self.results.push(result);
            self.begun.pop_front();
        }
    }

    /// Whether every note has a result.
    pub(super) fn is_done(&self) -> bool {
        self.unread.is_empty() && self.begun.is_empty()
    }

    /// Gives the caller the results.
    pub(super) fn finish(self) {
        // The session may have ended meanwhile; nobody wants the answer then.
        let _ = self.answer.send(self.results);
    }
}

impl<C: Classifier> Estimate for Job<C> {
    /// At most a batch. A byte counts as a token: what matters is whether it is little or much.
    fn estimate(&self) -> u64 {
        let waiting: usize = self.waiting.iter().map(C::tokens).sum();
        let unread = self.unread.iter().map(|note| (**note).as_ref().len());
        (waiting + unread.sum::<usize>()).min(self.batch_tokens) as u64
    }
}
