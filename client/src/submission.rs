//! Sends a stream of notes through as many sessions as it takes, several requests in flight.

mod batch;
mod sessions;

use std::collections::{HashMap, VecDeque};
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};

use futures_util::Stream;
use sealnote_model::NoteError;
use sealnote_protocol::session::SessionError;
use sealnote_session::{Incoming, PendingReply, Reply, RequestError};
use thiserror::Error;

use crate::client::Client;
use crate::connection::{ConnectError, Verified};
use crate::evidence::EvidenceDigest;
use crate::note::{Note, NoteResult};
use crate::other_model::OtherModel;
use crate::session::{Session, SessionEnd};

use batch::{Batch, Offered, Taken};
use sessions::Sessions;

/// Notes on their way, and their results: made by [`Client::submit`] and [`Verified::submit`].
///
/// [`next`](Self::next) does all the work, and nothing happens between two calls of it. It takes notes from the
/// source as requests have room, and never waits for a batch to be full: a note that comes alone is sent alone if
/// nothing is in flight, and else goes with those that came before the next answer. So it holds the notes of the
/// requests in flight (as many as the enclave attests: see [`Limits`](sealnote_protocol::limits::Limits)), one request
/// more, and their results.
///
/// A session that ends in order, as at its limit, is followed by another, with new evidence, which gets what the one
/// before did not answer. A note that is longer than the session at hand takes is answered at once with
/// [`NoteError::TooLong`].
#[must_use = "nothing is sent before `next` is called"]
pub struct Submission<S, Id> {
    /// `None` once it has ended.
    source: Option<Pin<Box<S>>>,
    sessions: Sessions,
    session: Option<Session>,
    /// Whether the session at hand has reached its limit.
    full: bool,
    /// Whether the session at hand has answered.
    answered: bool,
    /// Taken from the source and in no request: what a session did not answer, and what its next request has no
    /// room for. In the source's order.
    queue: VecDeque<Taken<Id>>,
    batch: Batch<Id>,
    in_flight: HashMap<u64, (PendingReply, Vec<Taken<Id>>)>,
    /// Notes taken so far.
    taken: u64,
    ready: VecDeque<NoteResult<Id>>,
    state: State,
}

enum State {
    Running,
    Failed(SubmitError),
    Over(Option<SessionEnd>),
}

/// Why some notes have no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// No session, or no further one.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A session ended before its time.
    #[error(transparent)]
    Session(#[from] SessionEnd),
    /// A later session's model is another than the first's.
    #[error(transparent)]
    OtherModel(#[from] OtherModel),
    /// A request could not be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// [`EMPTY_SESSIONS`] in a row ended in order and brought no answer: a further one would not either.
    #[error(
        "the enclave ended {EMPTY_SESSIONS} sessions one after the other without having answered one note"
    )]
    NoProgress,
}

/// So many sessions in a row may bring no answer. One may well: an enclave whose places are all taken closes a
/// session for somebody else if its first request is slow to arrive.
pub const EMPTY_SESSIONS: u32 = 3;

impl Client {
    /// Classifies the notes of a stream. The enclave is verified before the first is taken.
    pub fn submit<Id, S: Stream<Item = Note<Id>>>(&self, notes: S) -> Submission<S, Id> {
        Submission::new(Sessions::new(self.clone(), None), notes)
    }
}

impl Verified {
    /// Classifies the notes of a stream, over the session that this evidence opens, and over further ones.
    pub fn submit<Id, S: Stream<Item = Note<Id>>>(self, notes: S) -> Submission<S, Id> {
        Submission::new(Sessions::new(self.client.clone(), Some(self)), notes)
    }
}

impl<Id, S: Stream<Item = Note<Id>>> Submission<S, Id> {
    fn new(sessions: Sessions, notes: S) -> Self {
        Self {
            source: Some(Box::pin(notes)),
            sessions,
            session: None,
            full: false,
            answered: false,
            queue: VecDeque::new(),
            batch: Batch::default(),
            in_flight: HashMap::new(),
            taken: 0,
            ready: VecDeque::new(),
            state: State::Running,
        }
    }

    /// The next result, in the order in which answers come. `None`: every note of the source was answered.
    ///
    /// An error comes after every result that there is. Nothing is lost by it: the notes that have no answer are here
    /// still, for [`into_unanswered`](Self::into_unanswered), or for the next call, which goes on with a new session.
    ///
    /// Cancel safe: no note and no result is lost, and the next call goes on.
    pub async fn next(&mut self) -> Option<Result<NoteResult<Id>, SubmitError>> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Some(Ok(result));
            }
            match std::mem::replace(&mut self.state, State::Running) {
                State::Running => {}
                State::Failed(error) => return Some(Err(error)),
                over => {
                    self.state = over;
                    return None;
                }
            }
            if let Err(error) = self.advance().await {
                self.session = None;
                self.take_back();
                self.state = State::Failed(error);
            }
        }
    }

    /// The results as a stream, as [`next`](Self::next) gives them, up to the first error.
    pub fn results(&mut self) -> impl Stream<Item = Result<NoteResult<Id>, SubmitError>> {
        futures_util::stream::unfold(Some(self), async |submission| {
            let submission = submission?;
            let item = submission.next().await?;
            let more = item.is_ok().then_some(submission);
            Some((item, more))
        })
    }

    /// The notes that were taken from the source and have no answer, in the source's order. Some may have reached the
    /// enclave. What was not taken is in the source still, which a caller keeps by lending it. After an error there is no
    /// result that [`next`](Self::next) has not given; a caller that stops of itself takes those that are there before.
    pub fn into_unanswered(mut self) -> Vec<Note<Id>> {
        self.take_back();
        self.queue.into_iter().map(|taken| taken.note).collect()
    }

    /// Once all results are there: why the last session ended without the enclave's close, if it did. Each answer is
    /// authenticated by itself, so nothing is missing from the results.
    pub fn missing_close(self) -> Option<SessionEnd> {
        match self.state {
            State::Over(missing) => missing,
            _ => None,
        }
    }

    /// Does one thing: opens a session, sends a request, takes an answer, or ends the session.
    async fn advance(&mut self) -> Result<(), SubmitError> {
        if self.session.is_some() {
            return self.serve().await;
        }
        if self.sessions.is_begun() && self.queue.is_empty() {
            // The session before was closed while nothing was asked: the next one is opened for a note.
            match next_of(&mut self.source).await {
                Some(note) => self.take(note),
                None => self.state = State::Over(None),
            }
            return Ok(());
        }
        self.session = Some(self.sessions.open().await?);
        self.full = false;
        self.answered = false;
        Ok(())
    }

    async fn serve(&mut self) -> Result<(), SubmitError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let limits = *session.limits();
        let evidence = session.evidence();
        // One request at a time is sealed and not sent yet; the others in flight are the enclave's.
        let can_send = !self.full
            && session.can_request()
            && self.in_flight.len() < usize::from(limits.in_flight);
        while can_send && let Some(taken) = self.queue.pop_front() {
            match self.batch.offer(taken, &limits) {
                Offered::Taken => {}
                Offered::TooLong(note) => {
                    self.ready.push_back(too_long(note, evidence));
                    self.answered = true;
                }
                Offered::NoRoom(taken) => {
                    self.queue.push_front(taken);
                    break;
                }
            }
        }
        let idle = self.in_flight.is_empty();
        let nothing_comes = self.source.is_none() || !self.queue.is_empty();
        if can_send && !self.batch.is_empty() && (nothing_comes || self.batch.is_full(&limits)) {
            return self.send_batch();
        }
        if !self.ready.is_empty() {
            return Ok(());
        }
        if idle && (!can_send || (self.batch.is_empty() && nothing_comes)) {
            return self.end_session().await;
        }
        let nothing_due = idle && self.batch.is_empty();
        let event = {
            let mut step = pin!(async {
                match nothing_due {
                    true => session.idle_step().await,
                    false => session.step().await,
                }
            });
            // The step's patience goes on while notes come.
            loop {
                tokio::select! {
                    biased;
                    note = next_of(&mut self.source), if can_send && !nothing_comes => {
                        let Some(note) = note else { break Event::NoMore };
                        let taken = Taken { place: self.taken, note };
                        self.taken += 1;
                        match self.batch.offer(taken, &limits) {
                            Offered::Taken if !self.batch.is_full(&limits) => {}
                            Offered::Taken => break Event::Send,
                            Offered::TooLong(note) => {
                                self.ready.push_back(too_long(note, evidence));
                                self.answered = true;
                                break Event::Answered;
                            }
                            Offered::NoRoom(taken) => {
                                self.queue.push_back(taken);
                                break Event::Send;
                            }
                        }
                    }
                    () = ready(()), if idle && !self.batch.is_empty() => break Event::Send,
                    came = &mut step => break Event::Came(came),
                }
            }
        };
        match event {
            Event::NoMore | Event::Answered => Ok(()),
            Event::Send => self.send_batch(),
            Event::Came(came) => match came? {
                None => Ok(()),
                Some(Incoming::Reply(reply)) => self.accept(reply),
                Some(Incoming::Close) => {
                    self.session = None;
                    self.after_session(None)
                }
            },
        }
    }

    fn take(&mut self, note: Note<Id>) {
        let place = self.taken;
        self.taken += 1;
        self.queue.push_back(Taken { place, note });
    }

    fn send_batch(&mut self) -> Result<(), SubmitError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        match session.start_request(&self.batch.texts()) {
            Ok(pending) => {
                let id = pending.request_id();
                self.in_flight.insert(id, (pending, self.batch.take()));
                Ok(())
            }
            Err(RequestError::Session(SessionError::Limit(_))) => {
                self.full = true;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn accept(&mut self, reply: Reply) -> Result<(), SubmitError> {
        let Some((pending, notes)) = self.in_flight.remove(&reply.request_id()) else {
            return Err(SessionEnd::Unasked.into());
        };
        let Some(evidence) = self.session.as_ref().map(Session::evidence) else {
            return Err(SessionEnd::Unasked.into());
        };
        match pending.accept(reply) {
            Ok(outcomes) => {
                let notes = notes.into_iter().map(|taken| taken.note.id);
                let results = notes.zip(outcomes);
                self.ready.extend(results.map(|(id, outcome)| NoteResult {
                    id,
                    outcome,
                    evidence,
                }));
                self.answered = true;
                Ok(())
            }
            Err(error) => {
                self.queue.extend(notes);
                Err(SessionEnd::Record(error).into())
            }
        }
    }

    /// Closes a session that has nothing in flight.
    async fn end_session(&mut self) -> Result<(), SubmitError> {
        // Before the wait, which may be given up.
        self.take_back();
        let Some(session) = self.session.take() else {
            return Ok(());
        };
        let missing_close = match session.close().await {
            Ok(()) => None,
            Err(end) if end.may_be_the_carriers() => Some(end),
            Err(end) => return Err(end.into()),
        };
        self.after_session(missing_close)
    }

    /// What the session that ended means for the notes that are left.
    fn after_session(&mut self, missing_close: Option<SessionEnd>) -> Result<(), SubmitError> {
        self.take_back();
        if self.queue.is_empty() && self.source.is_none() {
            self.state = State::Over(missing_close);
            return Ok(());
        }
        if let Some(end) = missing_close {
            return Err(end.into());
        }
        // One that was closed while nothing was asked of it did what it could.
        self.sessions.ended(self.answered || self.queue.is_empty())
    }

    /// What has no answer goes back to the queue.
    fn take_back(&mut self) {
        let in_flight = self.in_flight.drain().flat_map(|(_, (_, notes))| notes);
        self.queue.extend(in_flight.chain(self.batch.take()));
        let queue = self.queue.make_contiguous();
        queue.sort_unstable_by_key(|taken| taken.place);
    }
}

/// What ends a wait.
enum Event {
    /// The batch is as full as it becomes.
    Send,
    /// The source has ended.
    NoMore,
    /// A note was answered here.
    Answered,
    /// The session's next record, or its end.
    Came(Result<Option<Incoming>, SessionEnd>),
}

/// The source's next note, or `None` from its end on. Cancel safe.
async fn next_of<S: Stream>(source: &mut Option<Pin<Box<S>>>) -> Option<S::Item> {
    let stream = source.as_mut()?;
    let next = poll_fn(|context| stream.as_mut().poll_next(context)).await;
    if next.is_none() {
        *source = None;
    }
    next
}

/// The error that the enclave would give, to a note that is never sent.
fn too_long<Id>(note: Note<Id>, evidence: EvidenceDigest) -> NoteResult<Id> {
    NoteResult {
        id: note.id,
        outcome: Err(NoteError::TooLong),
        evidence,
    }
}
