//! One connection: a handshake, a place, and then the session.

use std::time::Duration;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_frame_io::{FrameReader, FrameWriter};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_CLIENT_HANDSHAKE;
use sealnote_protocol::session::enclave::{EnclaveReceiver, EnclaveSender};
use sealnote_transport::Stream;
use tokio::time::timeout;

use super::Server;
use super::handshakes::Admitted;
use super::session::{self, Opened, Violation};

/// Serves one connection to its end. Nothing of why it ended leaves this function: the client
/// gets the one refusal, or that all places are taken, or an authenticated close.
pub(super) async fn run(stream: Stream, server: &Server, mut half_open: Admitted) {
    let (mut reader, mut writer) = sealnote_frame_io::split(stream);
    let ended = match open(&mut reader, &mut writer, server, &mut half_open).await {
        Ok(opened) => {
            drop(half_open);
            let ended = session::run(&mut reader, &mut writer, server, opened).await;
            ended.map_err(|Violation| NoSession::Refused)
        }
        Err(reason) => Err(reason),
    };
    match ended {
        Ok(()) => {}
        Err(NoSession::Refused) => farewell(&mut writer, Frame::refusal()).await,
        Err(NoSession::Full) => farewell(&mut writer, Frame::full()).await,
    }
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
}

async fn open(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    server: &Server,
    half_open: &mut Admitted,
) -> Result<Opened, NoSession> {
    let limit = server.limits.handshake_time;
    let keys = timeout(limit, handshake(reader, writer, server, half_open)).await;
    let (sender, receiver, ready) = keys.ok().flatten().ok_or(NoSession::Refused)?;
    // Not before: who only says hello takes nobody's place.
    let place = while_silent(reader, server.admission.place()).await;
    let place = place.ok_or(NoSession::Refused)?.ok_or(NoSession::Full)?;
    let sent = timeout(server.limits.send_time, writer.send(&ready)).await;
    let Ok(Ok(())) = sent else {
        return Err(NoSession::Refused);
    };
    Ok(Opened {
        sender,
        receiver,
        place,
    })
}

/// The session's keys, and the `ready` to send.
async fn handshake(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    server: &Server,
    half_open: &mut Admitted,
) -> Option<(EnclaveSender, EnclaveReceiver, Frame)> {
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
