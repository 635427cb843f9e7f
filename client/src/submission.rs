//! Sends notes through as many sessions as it takes, several requests in flight.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use sealnote_link::ReadError;
use sealnote_protocol::claims::Limits;
use sealnote_protocol::classification::NoteError;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::record::{NoteOutcome, request_len};
use sealnote_protocol::session::SessionError;
use sealnote_verifier::session::{ClientReceiver, Incoming, PendingReply, RequestError};
use thiserror::Error;

use crate::connection::{Client, ConnectError, Session, Verified, Wire};

/// What became of the notes that the enclave answered, and why others have no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// No session, or none any more.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection ended without the enclave's authenticated close.
    #[error("{0} before the enclave had answered everything")]
    Cut(ReadError),
    /// The enclave, or whoever is on the way, refused to go on.
    #[error("the server refused to go on before the enclave had answered everything")]
    Refused,
    /// A record from the enclave did not open.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The enclave answered what was not asked.
    #[error("the enclave sent an answer that no request awaits")]
    Unasked,
    /// A request could not be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A session ended orderly but brought no answer: a further one would not either.
    #[error("the enclave closes its sessions without answering")]
    NoProgress,
}

impl From<ReadError> for SubmitError {
    fn from(error: ReadError) -> Self {
        Self::Cut(error)
    }
}

/// Classifies `notes` over the session that `verified` opens, and over further ones, each with new
/// evidence, whenever one reaches its limit.
///
/// `outcomes` is called once for each note that has an answer, with its index, in the order in which
/// answers arrive. A note that the enclave could not take for its length is answered at once with
/// [`NoteError::TooLong`]. On an error, exactly the notes that `outcomes` was not called for have no
/// answer.
pub async fn submit(
    client: &Client,
    verified: Verified,
    notes: &[impl AsRef<[u8]>],
    outcomes: &mut impl FnMut(usize, NoteOutcome),
) -> Result<(), SubmitError> {
    let mut limits = *verified.evidence().claims().limits();
    let mut session = verified.open().await?;
    let mut queue: VecDeque<usize> = (0..notes.len()).collect();
    loop {
        let before = queue.len();
        run(session, &limits, notes, &mut queue, outcomes).await?;
        if queue.is_empty() {
            return Ok(());
        }
        if queue.len() == before {
            return Err(SubmitError::NoProgress);
        }
        let verified = client.verify().await?;
        limits = *verified.evidence().claims().limits();
        session = verified.open().await?;
    }
}

/// Requests that await their answers.
type InFlight = HashMap<u64, (PendingReply, Vec<usize>)>;

/// One session, to its authenticated end. What it could not answer stays in the queue.
async fn run(
    session: Session,
    limits: &Limits,
    notes: &[impl AsRef<[u8]>],
    queue: &mut VecDeque<usize>,
    outcomes: &mut impl FnMut(usize, NoteOutcome),
) -> Result<(), SubmitError> {
    let Session {
        mut sender,
        mut receiver,
        mut wire,
        max_record,
    } = session;
    let mut in_flight = InFlight::new();
    let mut full = false;
    loop {
        while !full && in_flight.len() < usize::from(limits.in_flight) {
            let indices = take_batch(limits, notes, queue, outcomes);
            if indices.is_empty() {
                break;
            }
            let batch: Vec<&[u8]> = indices.iter().map(|i| notes[*i].as_ref()).collect();
            match sender.request(&batch, Instant::now()) {
                Ok((pending, frame)) => {
                    in_flight.insert(pending.request_id(), (pending, indices));
                    wire.send(&frame).await??;
                }
                Err(RequestError::Session(SessionError::Limit(_))) => {
                    put_back(queue, indices);
                    full = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if in_flight.is_empty() {
            break;
        }
        let incoming = match receive(&mut receiver, &mut wire, max_record).await {
            // The answer came beyond the session's limit, as after its last second: ask again.
            Err(SubmitError::Session(SessionError::Limit(_))) => Incoming::Close,
            incoming => incoming?,
        };
        match incoming {
            Incoming::Reply(reply) => {
                let Some((pending, indices)) = in_flight.remove(&reply.request_id()) else {
                    return Err(SubmitError::Unasked);
                };
                for (index, outcome) in indices.into_iter().zip(pending.accept(reply)?) {
                    outcomes(index, outcome);
                }
            }
            Incoming::Close => {
                put_back(
                    queue,
                    in_flight.into_values().flat_map(|(_, indices)| indices),
                );
                return Ok(());
            }
        }
    }
    wire.send(&sender.close(Instant::now())?).await??;
    match receive(&mut receiver, &mut wire, max_record).await? {
        Incoming::Close => Ok(()),
        Incoming::Reply(_) => Err(SubmitError::Unasked),
    }
}

async fn receive(
    receiver: &mut ClientReceiver,
    wire: &mut Wire,
    max_record: usize,
) -> Result<Incoming, SubmitError> {
    let frame = wire.next(FrameType::Record, max_record).await??;
    if frame.kind() == FrameType::Refusal {
        return Err(SubmitError::Refused);
    }
    Ok(receiver.open(frame, Instant::now())?)
}

/// Takes notes from the queue's front until a request is full. Notes that are too long for the
/// enclave are answered here, with the error that it would give, and never sent.
fn take_batch(
    limits: &Limits,
    notes: &[impl AsRef<[u8]>],
    queue: &mut VecDeque<usize>,
    outcomes: &mut impl FnMut(usize, NoteOutcome),
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
