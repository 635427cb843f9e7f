//! A session: requests in and answers out, at the same time.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sealnote_frame_io::{FrameReader, FrameWriter, ReadError};
use sealnote_model::{NoteError, NoteOutcome};
use sealnote_protocol::denial::Denial;
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::plaintext::Plaintext;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::enclave::{EnclaveReceiver, EnclaveSender, Received, ReplySlot};
use sealnote_protocol::task::sequence_classification::Notes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::admission::Place;
use super::quotas::Account;
use super::{AHEAD, Server};
use sealnote_engine::EngineSession;

/// How long a client has to end its stream once the enclave has closed the session.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// How long what is in flight may still be answered in a session whose place is needed, and then how long its close may
/// take. With `LINGER` it is less than a newcomer waits.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
const LAST_FRAME: Duration = Duration::from_secs(1);

/// What a handshake has led to.
pub(super) struct Opened {
    pub(super) sender: EnclaveSender,
    pub(super) receiver: EnclaveReceiver,
    pub(super) held: Held,
}

/// What a session holds while it lasts.
pub(super) struct Held {
    pub(super) place: Place,
    /// Whose it is, if that must be known.
    pub(super) client: Option<Arc<Account>>,
}

/// The client broke the protocol.
pub(super) struct Violation;

/// Serves a session to its end.
pub(super) async fn run(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    server: &Server,
    opened: Opened,
) -> Result<(), Violation> {
    let Opened {
        sender,
        receiver,
        held,
    } = opened;
    let in_flight = usize::from(server.enclave.limits().in_flight);
    let (outgoing, answers) = mpsc::channel(in_flight);
    let (hurry, hurried) = watch::channel(false);
    // Dropped with the session, and with it the notes of an unfinished request.
    let mut jobs = JoinSet::new();
    let denied = OnceLock::new();
    let requests = async {
        let end = receive_requests(reader, receiver, server, &held, &outgoing, &mut jobs);
        match end.await {
            // The last sender gone, the writer finishes what is in flight and closes.
            End::Orderly => {
                drop(outgoing);
                std::future::pending().await
            }
            End::Denied(denial) => {
                denied.get_or_init(|| denial);
                drop(outgoing);
                std::future::pending().await
            }
            End::GivenAway => {
                drop(outgoing);
                tokio::time::sleep(LAST_ANSWERS).await;
                let _ = hurry.send(true);
                std::future::pending().await
            }
            end => end,
        }
    };
    let last = Last {
        hurried,
        denied: &denied,
    };
    let answering = answer_requests(writer, sender, answers, server.limits.send_time, last);
    // Whichever ends first ends the session, and with it the keys; a violation before anything else.
    let end = tokio::select! {
        biased;
        end = requests => end,
        end = answering => end,
    };
    match end {
        End::Violation => Err(Violation),
        End::Gone => Ok(()),
        End::Orderly | End::Denied(_) | End::GivenAway => {
            // What the client was sending when it was closed must not reset the connection, and with it the close.
            let _ = timeout(LINGER, reader.drain()).await;
            Ok(())
        }
    }
}

/// An answer to seal and send; the permit is its place among the requests in flight.
type Answer = (ReplySlot, Vec<NoteOutcome>, OwnedSemaphorePermit);

/// How one direction of a session ended.
enum End {
    /// By a close or at a limit; once no more requests come, those in flight are answered, and a close is sent.
    Orderly,
    /// By a request for more than the client's quota: the same, and then the denial in place of the close.
    Denied(Denial),
    /// Its place is needed: the same, as far as a short time allows.
    GivenAway,
    /// By a frame that breaks the protocol: everything is dropped.
    Violation,
    /// The client is gone: there is nobody to answer.
    Gone,
}

async fn receive_requests(
    reader: &mut FrameReader,
    mut receiver: EnclaveReceiver,
    server: &Server,
    held: &Held,
    outgoing: &mpsc::Sender<Answer>,
    jobs: &mut JoinSet<()>,
) -> End {
    let Held { place, client } = held;
    let in_flight = usize::from(server.enclave.limits().in_flight);
    let free = Arc::new(Semaphore::new(in_flight));
    let engine = server.engine.session();
    let max_record = server.enclave.max_record();
    let expiry = tokio::time::sleep(server.enclave.session_lifetime());
    tokio::pin!(expiry);
    let mut waiting: VecDeque<(ReplySlot, Notes)> = VecDeque::with_capacity(AHEAD);
    let mut closed = false;
    while !(closed && waiting.is_empty()) {
        let frame = tokio::select! {
            biased;
            // What waits is not answered then; the close tells the client so.
            () = &mut expiry => break,
            () = place.given_away() => return End::GivenAway,
            Ok(permit) = free.clone().acquire_owned(), if !waiting.is_empty() => {
                if let Some((slot, notes)) = waiting.pop_front() {
                    // Only now: what waits may yet be asked again, in another session.
                    let now = tokio::time::Instant::now();
                    let count = |client: &Arc<Account>| client.notes(notes.len(), now);
                    if let Some(Err(denial)) = client.as_ref().map(count) {
                        return End::Denied(denial);
                    }
                    let (engine, outgoing) = (engine.clone(), outgoing.clone());
                    while jobs.try_join_next().is_some() {}
                    jobs.spawn(async move {
                        let outcomes = classify(&engine, notes).await;
                        // The session may be over; the answer goes with it.
                        let _ = outgoing.send((slot, outcomes, permit)).await;
                    });
                }
                continue;
            }
            frame = reader.next(FrameType::Record, max_record),
                if !closed && waiting.len() < AHEAD => frame,
            () = idle(&free, in_flight, place, server.limits.idle_time), if waiting.is_empty() => break,
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(ReadError::Frame(_)) => return End::Violation,
            Err(_) => return End::Gone,
        };
        match receiver.open(frame, Instant::now()) {
            Ok(Received::Request(slot, notes)) => waiting.push_back((slot, notes)),
            Ok(Received::Close) | Err(SessionError::Limit(_)) => closed = true,
            Err(_) => return End::Violation,
        }
    }
    End::Orderly
}

/// Returns once nothing has been in flight for `limit`.
async fn idle(free: &Semaphore, in_flight: usize, place: &Place, limit: Duration) {
    // All are free when no request has one.
    let _all = free.acquire_many(in_flight as u32).await;
    let _idle = place.idle();
    tokio::time::sleep(limit).await;
}

/// An outcome for each note, in order: a note that was bad from the start keeps its error.
async fn classify(
    engine: &EngineSession,
    notes: Vec<Result<Plaintext, NoteError>>,
) -> Vec<NoteOutcome> {
    let mut bad = Vec::with_capacity(notes.len());
    let mut good = Vec::with_capacity(notes.len());
    for note in notes {
        bad.push(note.as_ref().err().copied());
        good.extend(note);
    }
    let mut scored = match good.is_empty() {
        true => Vec::new(),
        false => engine.classify(good).await,
    }
    .into_iter();
    let mut next = || scored.next().unwrap_or(Err(NoteError::Internal));
    let outcomes = bad.into_iter().map(|bad| bad.map_or_else(&mut next, Err));
    outcomes.collect()
}

/// How a session is to end, as far as the one who receives requests knows.
struct Last<'a> {
    hurried: watch::Receiver<bool>,
    denied: &'a OnceLock<Denial>,
}

async fn answer_requests(
    writer: &mut FrameWriter,
    mut sender: EnclaveSender,
    mut answers: mpsc::Receiver<Answer>,
    send_time: Duration,
    last: Last<'_>,
) -> End {
    let Last { hurried, denied } = last;
    let hurry = async || {
        if hurried.clone().wait_for(|hurry| *hurry).await.is_err() {
            std::future::pending().await
        }
    };
    // A client that does not read must not hold its session for longer.
    let mut send = async |frame: Frame| {
        let too_long = async {
            hurry().await;
            tokio::time::sleep(LAST_FRAME).await;
        };
        tokio::select! {
            sent = timeout(send_time, writer.send(&frame)) => matches!(sent, Ok(Ok(()))),
            () = too_long => false,
        }
    };
    loop {
        let answer = tokio::select! {
            biased;
            // The close tells the client what is not answered.
            () = hurry() => None,
            answer = answers.recv() => answer,
        };
        let Some((slot, outcomes, permit)) = answer else {
            break;
        };
        // Nor is there an answer at a limit.
        let Ok(frame) = sender.answer(slot, outcomes, Instant::now()) else {
            break;
        };
        if !send(frame).await {
            return End::Gone;
        }
        drop(permit);
    }
    let now = Instant::now();
    let last = match denied.get() {
        Some(denial) => sender.deny(*denial, now),
        None => sender.close(now),
    };
    let Ok(frame) = last else {
        return End::Gone;
    };
    if !send(frame).await {
        return End::Gone;
    }
    // The client has read everything once it sees the close; an error here changes nothing.
    let _ = writer.shutdown().await;
    End::Orderly
}
