//! A request at work: its notes, how far each is computed, and the results so far.
//!
//! A request is computed in turns (see [`fair_queue`](super::fair_queue)), and a turn computes one batch of windows. A note is
//! tokenised only when a batch has room left, because tokens take more memory than text, and it is dropped at once, so
//! that its text is wiped. Its windows are made one by one as they go into a batch. Its scores are pooled when the last of
//! its windows has been computed.
//!
//! What a turn costs is counted in tokens: those that are computed, and as many as take the same time for the bytes that
//! were tokenised and for the turn itself.

use std::collections::VecDeque;

use sealnote_model::{KnownShare, NoteError, NoteOutcome, Scored};
use tokio::sync::oneshot;

use super::fair_queue::Estimate;
use crate::classifier::Classifier;
use crate::contain::contained;

/// A note, kept as its caller's own type so that its `Drop` wipes the text.
pub(super) type Note = Box<dyn AsRef<str> + Send>;

/// What a caller is answered: one entry for each note, in their order.
pub(super) type Results = Vec<NoteOutcome>;

/// A request at work.
pub(super) struct Job<C: Classifier> {
    /// Notes that are not tokenised yet.
    unread: VecDeque<Note>,
    /// Of the note that was tokenised last: the next window, and those after it.
    waiting: Option<(C::Window, C::Windows)>,
    /// Notes that are tokenised and have no result yet, in order.
    begun: VecDeque<Begun>,
    /// Of the notes before those.
    results: Results,
    answer: oneshot::Sender<Results>,
}

enum Begun {
    /// So many windows, how much of the note was known, and the logits of the first of the windows.
    Windows(usize, KnownShare, Vec<Option<Vec<f32>>>),
    Failed(NoteError),
}

/// What one turn computes.
pub(super) struct Turn<W> {
    pub(super) windows: Vec<W>,
    /// At most.
    limit: usize,
    tokens: usize,
    /// Bytes of notes that were tokenised for it.
    bytes: usize,
}

/// So many bytes take as long to tokenise as a token takes to compute: with the default model in 8 bits on one thread, 150
/// bytes of plain text, and fewer of text that is hard to tokenise.
const BYTES_A_TOKEN: usize = 64;
/// So many turns that compute next to nothing take about as long as one with a full batch, since each reads all the
/// weights.
const TURNS_A_BATCH: usize = 25;
/// About so many bytes of plain text are a token. The tokens of a note are estimated from its length, because whether a
/// request is little or much must be known before it is tokenised.
const BYTES_IN_TOKEN: usize = 4;
/// Tokens that are put around a note.
const SPECIAL: usize = 2;
/// A turn tokenises at most so many bytes of notes, or a single note, because a long text may yield few tokens or none
/// and so never fill the batch.
const READ_BYTES: usize = 16 * 1024;

impl<W> Turn<W> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            windows: Vec::new(),
            limit,
            tokens: 0,
            bytes: 0,
        }
    }

    /// In tokens.
    pub(super) fn cost(&self) -> u64 {
        (self.limit / TURNS_A_BATCH + self.tokens + self.bytes / BYTES_A_TOKEN) as u64
    }
}

impl<C: Classifier> Job<C> {
    pub(super) fn new(notes: VecDeque<Note>, answer: oneshot::Sender<Results>) -> Self {
        Self {
            results: Vec::with_capacity(notes.len()),
            unread: notes,
            waiting: None,
            begun: VecDeque::new(),
            answer,
        }
    }

    /// Whether its caller has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Moves windows to `turn` as long as there are any and they fit; a first one always does. `false` when there is
    /// more for another.
    pub(super) fn fill(&mut self, classifier: &C, turn: &mut Turn<C::Window>) -> bool {
        loop {
            let Some((window, rest)) = &mut self.waiting else {
                let Some(next) = self.unread.front() else {
                    return true;
                };
                let bytes = turn.bytes + (**next).as_ref().len();
                if turn.bytes > 0 && bytes > READ_BYTES {
                    return false;
                }
                turn.bytes += self.read(classifier);
                continue;
            };
            let more = C::tokens(window);
            if !turn.windows.is_empty() && turn.tokens + more > turn.limit {
                return false;
            }
            turn.tokens += more;
            let next = rest.next();
            if let Some((window, rest)) = self.waiting.take() {
                turn.windows.push(window);
                self.waiting = next.map(|next| (next, rest));
            }
        }
    }

    /// Reads a note, and returns its length in bytes.
    fn read(&mut self, classifier: &C) -> usize {
        let Some(note) = self.unread.pop_front() else {
            return 0;
        };
        let len = (*note).as_ref().len();
        let windows = contained(|| {
            let mut windows = classifier.tokenize((*note).as_ref())?;
            let (count, known) = (windows.len(), C::known(&windows));
            let first = windows.next().ok_or(NoteError::Empty)?;
            Ok((count, known, (first, windows)))
        });
        drop(note);
        let begun = match windows.unwrap_or(Err(NoteError::Internal)) {
            Ok((count, known, waiting)) => {
                self.waiting = Some(waiting);
                Begun::Windows(count, known, Vec::with_capacity(count))
            }
            Err(error) => Begun::Failed(error),
        };
        self.begun.push_back(begun);
        len
    }

    /// Takes the logits of the windows that this job has given to a turn, in order.
    pub(super) fn take(
        &mut self,
        classifier: &C,
        logits: &mut impl Iterator<Item = Option<Vec<f32>>>,
    ) {
        while let Some(begun) = self.begun.front_mut() {
            let result = match begun {
                Begun::Failed(error) => Err(*error),
                Begun::Windows(count, known, all) => {
                    all.extend(logits.take(*count - all.len()));
                    if all.len() < *count {
                        return;
                    }
                    let pooled = contained(|| classifier.pool(all));
                    let scores = pooled.unwrap_or(Err(NoteError::Internal));
                    scores.map(|scores| Scored {
                        scores,
                        known: *known,
                    })
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
    fn estimate(jobs: &VecDeque<Self>, much: u64) -> u64 {
        let waiting = jobs.iter().filter_map(|job| job.waiting.as_ref());
        let waiting = waiting.map(|(next, rest)| C::tokens(next) * (1 + rest.len()));
        let unread = jobs.iter().flat_map(|job| &job.unread);
        let unread = unread.map(|note| (**note).as_ref().len());
        let tokens = unread.clone().map(|bytes| SPECIAL + bytes / BYTES_IN_TOKEN);
        let tokens = waiting.sum::<usize>() + tokens.sum::<usize>();
        let longest = unread.clone().max().unwrap_or(0);
        let reads = unread.sum::<usize>().min(READ_BYTES.max(longest));
        much.min(tokens as u64) + (reads / BYTES_A_TOKEN) as u64
    }
}
