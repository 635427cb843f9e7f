//! Where answers arrive in any order, and are taken in the order of the notes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tokio::sync::oneshot;

use crate::failure::{Failure, Kind};
use crate::note::Answer;

/// Notes that were taken and have no result handed out, at most, for each connection.
const WINDOW: u64 = 1024;

/// Bytes of notes that have no answer, at most; one note more may go beyond it.
const WINDOW_BYTES: usize = 1 << 24;

/// What a note is told by on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    place: u64,
    bytes: usize,
}

/// The results of one submission, between the threads of the network and those of Python.
pub(crate) struct Board {
    window: u64,
    state: Mutex<State>,
    changed: Condvar,
}

/// What there is to be taken.
pub(crate) enum Next {
    /// What became of the next note.
    Answer(Answer),
    /// A connection failed for good. Its notes are kept: `resume` has it go on.
    Failed(Failure, oneshot::Sender<()>),
    /// Every note's answer was taken.
    Over,
    /// Nothing yet.
    Nothing,
}

#[derive(Default)]
struct State {
    /// Notes taken so far.
    taken: u64,
    /// Answers handed out so far.
    given: u64,
    /// No further note comes.
    finished: bool,
    /// Of the notes without an answer.
    bytes: usize,
    /// By the note's place.
    answers: BTreeMap<u64, Answer>,
    failures: VecDeque<(Failure, oneshot::Sender<()>)>,
    /// Connections that are there, or try to be; `None` before the first.
    workers: Option<usize>,
    reconnections: u64,
    /// Called once there is something to take.
    waker: Option<Py<PyAny>>,
    /// Nothing is taken any more.
    closed: bool,
}

impl Board {
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            window: WINDOW * connections as u64,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A place for the next note.
    pub(crate) fn take(&self, bytes: usize) -> Ticket {
        let mut state = self.lock();
        let place = state.taken;
        state.taken += 1;
        state.bytes += bytes;
        Ticket { place, bytes }
    }

    /// No further note comes.
    pub(crate) fn finish(&self) {
        self.change(|state| state.finished = true);
    }

    /// Nothing more is taken.
    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// What became of a note.
    pub(crate) fn answer(&self, ticket: Ticket, answer: Answer) {
        self.change(|state| {
            state.bytes -= ticket.bytes;
            state.answers.insert(ticket.place, answer);
        });
    }

    /// A connection failed; what it returns says whether to go on.
    pub(crate) fn fail(&self, failure: Failure) -> oneshot::Receiver<()> {
        let (resume, resumed) = oneshot::channel();
        self.change(|state| state.failures.push_back((failure, resume)));
        resumed
    }

    pub(crate) fn worker_began(&self) {
        self.change(|state| state.workers = Some(state.workers.unwrap_or(0) + 1));
    }

    pub(crate) fn worker_ended(&self) {
        self.change(|state| state.workers = Some(state.workers.unwrap_or(1) - 1));
    }

    pub(crate) fn reconnecting(&self) {
        self.lock().reconnections += 1;
    }

    pub(crate) fn reconnections(&self) -> u64 {
        self.lock().reconnections
    }

    /// Whether a further note may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.lock().has_room(self.window)
    }

    /// What is next: answers first, then failures.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.lock();
        if state.closed {
            return Next::Over;
        }
        let given = state.given;
        if let Some(answer) = state.answers.remove(&given) {
            state.given += 1;
            return Next::Answer(answer);
        }
        if let Some((failure, resume)) = state.failures.pop_front() {
            return Next::Failed(failure, resume);
        }
        if state.finished && state.given == state.taken {
            return Next::Over;
        }
        if state.workers == Some(0) && state.given < state.taken {
            // Only a fault of ours brings it here, and it must not look like patience.
            let message = "the connections ended, and some notes have no answer";
            return Next::Failed(Failure::new(Kind::Other, message), oneshot::channel().0);
        }
        Next::Nothing
    }

    /// Waits until there is something to take, or room for a note if there was none; for so long at most.
    pub(crate) fn wait(&self, patience: Duration) {
        let state = self.lock();
        let is_idle = |state: &mut State| !state.is_ready() && !state.has_room(self.window);
        drop(self.changed.wait_timeout_while(state, patience, is_idle));
    }

    /// Has `waker` called once there is something to take. `false`: there is already, and it is not called.
    pub(crate) fn wake(&self, waker: Py<PyAny>) -> bool {
        let mut state = self.lock();
        let waits = !state.is_ready();
        if waits {
            state.waker = Some(waker);
        }
        waits
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let waker = state.is_ready().then(|| state.waker.take()).flatten();
        // Python may be waited for below, and whoever holds it may wait for this lock.
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            // `None`: the interpreter is on its way out, and nobody waits.
            Python::try_attach(|py| {
                if let Err(error) = waker.call0(py) {
                    // An event loop that was closed meanwhile.
                    drop(error);
                }
            });
        }
    }
}

impl State {
    fn has_room(&self, window: u64) -> bool {
        !self.finished
            && !self.closed
            && self.taken - self.given < window
            && self.bytes < WINDOW_BYTES
    }

    fn is_ready(&self) -> bool {
        self.closed
            || self.answers.contains_key(&self.given)
            || !self.failures.is_empty()
            || (self.finished && self.given == self.taken)
            || (self.workers == Some(0) && self.given < self.taken)
    }
}
