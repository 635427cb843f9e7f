//! Sends notes through as many sessions as it takes, several requests in flight.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use sealnote_model::NoteError;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::task::ModelClaims;
use sealnote_protocol::task::sequence_classification::request_len;
use sealnote_session::Outcome;
use sealnote_session::{PendingReply, RequestError};
use thiserror::Error;
use tokio::time::sleep;

use crate::connection::{Client, ConnectError, OnOtherModel, Verified};
use crate::other_model::OtherModel;
use crate::session::{Session, SessionEnd, Step};

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

/// Every note was answered.
#[derive(Debug)]
pub struct Complete {
    /// Why the last session ended without the enclave's close, if it did. Each answer is authenticated by
    /// itself, so nothing is missing from the outcomes.
    pub missing_close: Option<SessionEnd>,
}

/// Classifies `notes` over the session that `verified` opens, and over further ones, each with new
/// evidence, whenever one reaches its limit.
///
/// `outcomes` is called once for each note that has an answer, with its index, in the order in which
/// answers arrive. A note that is longer than the session at hand takes is answered at once with
/// [`NoteError::TooLong`]. On an error, exactly the notes that `outcomes` was not called for have no
/// answer.
pub async fn submit(
    client: &Client,
    verified: Verified,
    notes: &[impl AsRef<[u8]>],
    outcomes: &mut impl FnMut(usize, Outcome),
) -> Result<Complete, SubmitError> {
    let first = verified.evidence().claims().model().clone();
    let mut session = verified.open().await?;
    let mut queue: VecDeque<usize> = (0..notes.len()).collect();
    let mut empty = 0;
    loop {
        let before = queue.len();
        let missing_close = run(session, notes, &mut queue, outcomes).await?;
        if queue.is_empty() {
            return Ok(Complete { missing_close });
        }
        if let Some(end) = missing_close {
            return Err(end.into());
        }
        empty = if queue.len() == before { empty + 1 } else { 0 };
        if empty == EMPTY_SESSIONS {
            return Err(SubmitError::NoProgress);
        }
        session = next_session(client, &first).await?;
    }
}

/// Seconds to wait before each further try where all places are taken: a client whose session was closed for a
/// newcomer is one itself then. `full` is not authenticated, so it is not believed for ever.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// A later session, of the same model unless the user allowed another.
async fn next_session(client: &Client, first: &ModelClaims) -> Result<Session, SubmitError> {
    let open = async || -> Result<Session, SubmitError> {
        let verified = client.verify().await?;
        let other = OtherModel::between(first, verified.evidence().claims().model());
        if let (OnOtherModel::Stop, Some(other)) = (client.on_other_model, other) {
            return Err(other.into());
        }
        Ok(verified.open().await?)
    };
    for pause in PAUSES {
        match open().await {
            Err(SubmitError::Connect(ConnectError::Full)) => {
                sleep(Duration::from_secs(pause)).await
            }
            opened => return opened,
        }
    }
    open().await
}

/// Requests that await their answers.
type InFlight = HashMap<u64, (PendingReply, Vec<usize>)>;

/// One session to its end; what it could not answer stays in the queue. Gives the reason if it ended
/// without the enclave's close, after every request was answered.
async fn run(
    mut session: Session,
    notes: &[impl AsRef<[u8]>],
    queue: &mut VecDeque<usize>,
    outcomes: &mut impl FnMut(usize, Outcome),
) -> Result<Option<SessionEnd>, SubmitError> {
    let limits = *session.limits();
    let mut in_flight = InFlight::new();
    let mut full = false;
    loop {
        // One request at a time is sealed and not sent yet; the others in flight are the enclave's.
        if !full && session.can_request() && in_flight.len() < usize::from(limits.in_flight) {
            let indices = take_batch(&limits, notes, queue, outcomes);
            let batch: Vec<&[u8]> = indices.iter().map(|i| notes[*i].as_ref()).collect();
            if !batch.is_empty() {
                match session.request(&batch) {
                    Ok(pending) => {
                        in_flight.insert(pending.request_id(), (pending, indices));
                    }
                    Err(RequestError::Session(SessionError::Limit(_))) => {
                        put_back(queue, indices);
                        full = true;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if in_flight.is_empty() {
            break;
        }
        match session.step().await? {
            Step::Wrote => {}
            Step::Reply(reply) => {
                let Some((pending, indices)) = in_flight.remove(&reply.request_id()) else {
                    return Err(SessionEnd::Unasked.into());
                };
                let answered = pending.accept(reply).map_err(SessionEnd::Record)?;
                for (index, outcome) in indices.into_iter().zip(answered) {
                    outcomes(index, outcome);
                }
            }
            Step::Close => {
                let unanswered = in_flight.into_values().flat_map(|(_, indices)| indices);
                put_back(queue, unanswered);
                return Ok(None);
            }
        }
    }
    match session.close().await {
        Ok(()) => Ok(None),
        Err(end) if end.may_be_the_carriers() => Ok(Some(end)),
        Err(end) => Err(end.into()),
    }
}

/// Takes notes from the queue's front until a request is full. Notes that are too long for the
/// enclave are answered here, with the error that it would give, and never sent.
fn take_batch(
    limits: &Limits,
    notes: &[impl AsRef<[u8]>],
    queue: &mut VecDeque<usize>,
    outcomes: &mut impl FnMut(usize, Outcome),
) -> Vec<usize> {
    let mut indices = Vec::new();
    let mut lengths = Vec::new();
    while let Some(&index) = queue.front()
        && indices.len() < usize::from(limits.notes)
    {
        let length = notes[index].as_ref().len();
        if length > limits.note_bytes as usize {
            outcomes(index, Err(NoteError::TooLong));
        } else {
            lengths.push(length);
            if request_len(lengths.iter().copied()) > limits.request_bytes as usize {
                break;
            }
            indices.push(index);
        }
        queue.pop_front();
    }
    indices
}

fn put_back(queue: &mut VecDeque<usize>, indices: impl IntoIterator<Item = usize>) {
    queue.extend(indices);
    queue.make_contiguous().sort_unstable();
}
