//! One connection: a handshake, a place, and then the session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::PublicKey;
use sealnote_frame_io::{FrameReader, FrameWriter};
use sealnote_protocol::denial::Denial;
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_CLIENT_HANDSHAKE;
use sealnote_protocol::record::SIGNATURE_RECORD;
use sealnote_protocol::session::enclave::{AwaitingClient, EnclaveReceiver, EnclaveSender, Keyed};
use sealnote_transport::Stream;
use tokio::time::timeout;

use super::Server;
use super::admission::Place;
use super::handshakes::Admitted;
use super::quotas::Account;
use super::session::{self, Held, LINGER, Opened, Violation};

/// Serves one connection to its end. Nothing of why it ended leaves this function: the client
/// gets the one refusal, or that all places are taken, or an authenticated close.
pub(super) async fn run(stream: Stream, server: &Server, mut half_open: Admitted) {
    let (mut reader, mut writer) = sealnote_frame_io::split(stream);
    let ended = match open(&mut reader, &mut writer, server, &mut half_open).await {
        Ok((keyed, place)) => {
            drop(half_open);
            serve(&mut reader, &mut writer, server, keyed, place).await
        }
        Err(reason) => Err(reason),
    };
    match ended {
        Ok(()) => {}
        Err(NoSession::Refused) => farewell(&mut writer, Frame::refusal()).await,
        Err(NoSession::Full) => farewell(&mut writer, Frame::full()).await,
        Err(NoSession::Ended(last)) => {
            farewell(&mut writer, last).await;
            // What the client was sending must not reset the connection, and with it the last record.
            let _ = timeout(LINGER, reader.drain()).await;
        }
    }
}

/// The session, once it is known whose it is, if that must be known.
async fn serve(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    server: &Server,
    keyed: Keyed,
    place: Place,
) -> Result<(), NoSession> {
    let (sender, receiver, client) = match keyed {
        Keyed::Open(sender, receiver) => (sender, receiver, None),
        Keyed::AwaitingClient(awaiting) => {
            let stranger = place.stranger();
            let (sender, receiver, client) = identify(reader, server, awaiting, &place).await?;
            drop(stranger);
            (sender, receiver, Some(client))
        }
    };
    let opened = Opened {
        sender,
        receiver,
        held: Held { place, client },
    };
    let ended = session::run(reader, writer, server, opened).await;
    ended.map_err(|Violation| NoSession::Refused)
}

/// Who the client is: one that is in the list and has signed, and has a session left.
async fn identify(
    reader: &mut FrameReader,
    server: &Server,
    awaiting: AwaitingClient,
    place: &Place,
) -> Result<(EnclaveSender, EnclaveReceiver, Arc<Account>), NoSession> {
    let signature = reader.next(FrameType::Record, SIGNATURE_RECORD);
    let signature = timeout(server.limits.signature_time, signature);
    let frame = tokio::select! {
        biased;
        () = place.given_away() => {
            let close = awaiting.close(Instant::now()).map_err(|_| NoSession::Refused)?;
            return Err(NoSession::Ended(close));
        }
        frame = signature => frame.ok().and_then(Result::ok).ok_or(NoSession::Refused)?,
    };
    let in_list = |key: &PublicKey| match &server.quotas {
        Some(quotas) => quotas.session(key, tokio::time::Instant::now()),
        None => Err(Denial::UnknownClient),
    };
    let admitted = awaiting.client(frame, in_list, Instant::now());
    let admitted = admitted.map_err(|_| NoSession::Refused)?;
    admitted.map_err(NoSession::Ended)
}

async fn farewell(writer: &mut FrameWriter, last: Frame) {
    // The peer may be gone, or may not read: either is its own affair.
    if !writer.is_between_frames() {
        return;
    }
    let farewell = async {
        let _ = writer.send(&last).await;
        let _ = writer.shutdown().await;
    };
    let _ = timeout(Duration::from_secs(1), farewell).await;
}

/// What a client is told that gets no session.
enum NoSession {
    /// Whatever the reason: there is nobody here to tell it to.
    Refused,
    /// All places are taken.
    Full,
    /// A record says why, or closes the session in order.
    Ended(Frame),
}

async fn open(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    server: &Server,
    half_open: &mut Admitted,
) -> Result<(Keyed, Place), NoSession> {
    let limit = server.limits.handshake_time;
    let keys = timeout(limit, handshake(reader, writer, server, half_open)).await;
    let (keyed, ready) = keys.ok().flatten().ok_or(NoSession::Refused)?;
    // Not before: who only says hello takes nobody's place.
    let place = while_silent(reader, server.admission.place()).await;
    let place = place.ok_or(NoSession::Refused)?.ok_or(NoSession::Full)?;
    let sent = timeout(server.limits.send_time, writer.send(&ready)).await;
    let Ok(Ok(())) = sent else {
        return Err(NoSession::Refused);
    };
    Ok((keyed, place))
}

/// The session's keys, and the `ready` to send.
async fn handshake(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    server: &Server,
    half_open: &mut Admitted,
) -> Option<(Keyed, Frame)> {
    let hello = reader.next(FrameType::Hello, MAX_CLIENT_HANDSHAKE);
    let hello = timeout(server.limits.hello_time, hello).await.ok()?.ok()?;
    let enclave = server.enclave.clone();
    let awaiting = enclave.hello(&hello, &mut UnwrapErr(SysRng)).ok()?;
    let (awaiting, answer) = while_silent(reader, server.handshakes.attest(awaiting)).await??;
    half_open.attested();
    writer.send(&answer).await.ok()?;
    let key = reader
        .next(FrameType::Key, MAX_CLIENT_HANDSHAKE)
        .await
        .ok()?;
    while_silent(reader, server.handshakes.open_key(awaiting, key)).await?
}

/// What `work` gives, unless the client is heard of before: nothing is due from it, so that it has gone, or broken the
/// protocol. Nothing more is done for it then.
async fn while_silent<T>(reader: &mut FrameReader, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        _ = reader.unexpected() => None,
        done = work => Some(done),
    }
}
