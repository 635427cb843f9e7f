//! One connection: the handshake, then requests in and answers out, at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_link::{FrameReader, FrameWriter, ReadError};
use sealnote_protocol::classification::{NoteError, NoteOutcome};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_CLIENT_HANDSHAKE;
use sealnote_protocol::plaintext::Plaintext;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::enclave::{
    AwaitingEvidence, AwaitingKey, EnclaveReceiver, EnclaveSender, Received, ReplySlot,
};
use sealnote_transport::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::Service;
use crate::engine::EngineSession;

/// Serves one connection to its end. Nothing of why it ended leaves this function: the client
/// gets the one refusal, or an authenticated close.
pub(super) async fn run(stream: Stream, service: Arc<Service>, half_open: OwnedSemaphorePermit) {
    let (mut reader, mut writer) = sealnote_link::split(stream);
    let limit = service.limits.handshake_time;
    match timeout(limit, handshake(&mut reader, &mut writer, &service)).await {
        Ok(Some((sender, receiver))) => {
            drop(half_open);
            session(reader, writer, &service, sender, receiver).await;
        }
        _ => refuse(&mut writer).await,
    }
}

async fn refuse(writer: &mut FrameWriter) {
    // The peer may be gone, or may not read: either is its own affair.
    if !writer.is_between_frames() {
        return;
    }
    let farewell = async {
        let _ = writer.send(&Frame::refusal()).await;
        let _ = writer.shutdown().await;
    };
    let _ = timeout(Duration::from_secs(1), farewell).await;
}

/// `None` is a refusal, whatever the reason: there is nobody here to tell it to.
async fn handshake(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    service: &Arc<Service>,
) -> Option<(EnclaveSender, EnclaveReceiver)> {
    let hello = reader
        .next(FrameType::Hello, MAX_CLIENT_HANDSHAKE)
        .await
        .ok()?;
    let awaiting = service
        .enclave
        .clone()
        .hello(&hello, &mut UnwrapErr(SysRng));
    let (awaiting, answer) = attest(service.clone(), awaiting.ok()?).await?;
    writer.send(&answer).await.ok()?;
    let key = reader
        .next(FrameType::Key, MAX_CLIENT_HANDSHAKE)
        .await
        .ok()?;
    let (sender, receiver, ready) = open_key(awaiting, key).await?;
    writer.send(&ready).await.ok()?;
    Some((sender, receiver))
}

async fn attest(service: Arc<Service>, state: AwaitingEvidence) -> Option<(AwaitingKey, Frame)> {
    spawn_blocking(move || {
        let evidence = service.attester.attest(state.binding()).ok()?;
        state.answer(service.attester.kind(), evidence).ok()
    })
    .await
    .ok()?
}

async fn open_key(
    state: AwaitingKey,
    key: Frame,
) -> Option<(EnclaveSender, EnclaveReceiver, Frame)> {
    let open = move || state.key(&key, &mut UnwrapErr(SysRng), Instant::now());
    spawn_blocking(open).await.ok()?.ok()
}

/// An answer to seal and send; the permit is its place among the requests in flight.
type Answer = (ReplySlot, Vec<NoteOutcome>, OwnedSemaphorePermit);

/// How the stream of requests ended.
enum End {
    /// By a close, or at a limit: what is in flight is answered, then a close is sent.
    Orderly,
    /// By a frame that breaks the protocol: everything is dropped.
    Violation,
    /// The client is gone: there is nobody to answer.
    Gone,
}

async fn session(
    mut reader: FrameReader,
    mut writer: FrameWriter,
    service: &Service,
    sender: EnclaveSender,
    mut receiver: EnclaveReceiver,
) {
    let in_flight = usize::from(service.enclave.limits().in_flight);
    let (outgoing, answers) = mpsc::channel(in_flight);
    // Dropped with the session, and with it the notes of an unfinished request.
    let mut jobs = JoinSet::new();
    let requests = async {
        let end = receive_requests(&mut reader, &mut receiver, service, &outgoing, &mut jobs);
        match end.await {
            End::Orderly => {
                // The last sender gone, the writer finishes what is in flight and closes.
                drop(outgoing);
                std::future::pending().await
            }
            end => end,
        }
    };
    let answering = answer_requests(&mut writer, sender, answers, service.limits.send_time);
    // Whichever ends first ends the session, and with it the keys; a violation before anything else.
    let end = tokio::select! {
        biased;
        end = requests => end,
        () = answering => End::Gone,
    };
    if let End::Violation = end {
        refuse(&mut writer).await;
    }
}

async fn receive_requests(
    reader: &mut FrameReader,
    receiver: &mut EnclaveReceiver,
    service: &Service,
    outgoing: &mpsc::Sender<Answer>,
    jobs: &mut JoinSet<()>,
) -> End {
    let in_flight = usize::from(service.enclave.limits().in_flight);
    let places = Arc::new(Semaphore::new(in_flight));
    let engine = service.engine.session();
    let max_record = service.enclave.max_record();
    let expiry = tokio::time::sleep(service.enclave.session_lifetime());
    tokio::pin!(expiry);
    loop {
        // Also while as much is in flight as may be: nothing is computed for a client that has gone.
        let frame = tokio::select! {
            frame = reader.next(FrameType::Record, max_record) => frame,
            () = &mut expiry => return End::Orderly,
            () = idle(&places, in_flight, service.limits.idle_time) => return End::Orderly,
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(ReadError::Frame(_)) => return End::Violation,
            Err(_) => return End::Gone,
        };
        // A client that sends more than it may waits in its own socket.
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = &mut expiry => return End::Orderly,
        };
        let Ok(place) = place else {
            unreachable!("the semaphore is never closed");
        };
        match receiver.open(frame, Instant::now()) {
            Ok(Received::Request(slot, notes)) => {
                let (engine, outgoing) = (engine.clone(), outgoing.clone());
                while jobs.try_join_next().is_some() {}
                jobs.spawn(async move {
                    let outcomes = classify(&engine, notes).await;
                    // The session may be over; the answer goes with it.
                    let _ = outgoing.send((slot, outcomes, place)).await;
                });
            }
            Ok(Received::Close) | Err(SessionError::Limit(_)) => return End::Orderly,
            Err(_) => return End::Violation,
        }
    }
}

/// Returns once nothing has been in flight for `limit`.
async fn idle(places: &Semaphore, in_flight: usize, limit: Duration) {
    // All places are free when no request has one.
    let _all = places.acquire_many(in_flight as u32).await;
    tokio::time::sleep(limit).await;
}

/// An outcome for each note, in order: a note that was bad from the start keeps its error.
async fn classify(
    engine: &EngineSession,
    notes: Vec<Result<Plaintext, NoteError>>,
) -> Vec<NoteOutcome> {
    let mut outcomes: Vec<Option<NoteError>> = Vec::with_capacity(notes.len());
    let mut good = Vec::with_capacity(notes.len());
    for note in notes {
        outcomes.push(note.as_ref().err().copied());
        good.extend(note);
    }
    let mut classified = match good.is_empty() {
        true => Vec::new(),
        false => engine.classify(good).await,
    }
    .into_iter();
    let mut next = || classified.next().unwrap_or(Err(NoteError::Internal));
    outcomes
        .into_iter()
        .map(|bad| bad.map_or_else(&mut next, Err))
        .collect()
}

async fn answer_requests(
    writer: &mut FrameWriter,
    mut sender: EnclaveSender,
    mut answers: mpsc::Receiver<Answer>,
    send_time: Duration,
) {
    while let Some((slot, outcomes, place)) = answers.recv().await {
        // At a limit there is no answer: the close tells the client how many there are.
        let Ok(frame) = sender.answer(slot, outcomes, Instant::now()) else {
            break;
        };
        // A client that does not read must not hold its session for longer.
        let Ok(Ok(())) = timeout(send_time, writer.send(&frame)).await else {
            return;
        };
        drop(place);
    }
    if let Ok(frame) = sender.close(Instant::now())
        && let Ok(Ok(())) = timeout(send_time, writer.send(&frame)).await
    {
        // The client has read everything once it sees the close; an error here changes nothing.
        let _ = writer.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_is_idle_from_its_last_answer_on() {
        let limit = Duration::from_secs(120);
        let places = Arc::new(Semaphore::new(4));
        let request = places.clone().try_acquire_many_owned(2).unwrap();
        let begun = tokio::time::Instant::now();
        let answered = Duration::from_secs(119);
        tokio::spawn(async move {
            tokio::time::sleep(answered).await;
            drop(request);
        });
        idle(&places, 4, limit).await;
        assert_eq!(begun.elapsed().as_secs(), (answered + limit).as_secs());
        assert_eq!(places.available_permits(), 4);
    }
}
