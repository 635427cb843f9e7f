//! The enclave's end of a connection, of which a test takes each step.

use std::sync::Arc;
use std::time::Instant;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_enclave::attester::Attester;
use sealnote_frame_io::{FrameReader, FrameWriter, split};
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_CLIENT_HANDSHAKE;
use sealnote_protocol::session::enclave::{
    AwaitingKey, Enclave, EnclaveReceiver, EnclaveSender, Keyed, Received, ReplySlot,
};
use sealnote_transport::Stream;

use crate::pair::MUST_SIGN;
use crate::rig::Failure;

/// An enclave's session with one client.
pub struct EnclaveEnd {
    /// Sends frames, whole ones or not.
    pub writer: FrameWriter,
    /// Seals answers and the close.
    pub sender: EnclaveSender,
    reader: FrameReader,
    receiver: EnclaveReceiver,
    max_record: usize,
}

impl EnclaveEnd {
    /// The handshake with a client that has connected, up to `ready`.
    pub async fn accept(
        stream: Stream,
        enclave: &Arc<Enclave>,
        attester: &dyn Attester,
    ) -> Result<Self, Failure> {
        let (mut reader, mut writer) = split(stream);
        let hello = reader.next(FrameType::Hello, MAX_CLIENT_HANDSHAKE).await?;
        let (awaiting, answer) = answer(enclave, attester, &hello, &mut |_| {})?;
        writer.send(&answer).await?;
        let key = reader.next(FrameType::Key, MAX_CLIENT_HANDSHAKE).await?;
        let rng = &mut UnwrapErr(SysRng);
        let (keyed, ready) = awaiting.key(&key, rng, Instant::now())?;
        let Keyed::Open(sender, receiver) = keyed else {
            return Err(MUST_SIGN.into());
        };
        writer.send(&ready).await?;
        Ok(Self {
            writer,
            sender,
            reader,
            receiver,
            max_record: enclave.max_record(),
        })
    }

    /// The client's next record.
    pub async fn receive(&mut self) -> Result<Received, Failure> {
        let frame = self.reader.next(FrameType::Record, self.max_record).await?;
        Ok(self.receiver.open(frame, Instant::now())?)
    }

    /// The client's next record, which must be a request, and how many notes it has.
    pub async fn request(&mut self) -> Result<(ReplySlot, usize), Failure> {
        match self.receive().await? {
            Received::Request(slot, notes) => Ok((slot, notes.len())),
            Received::Close => Err("the client has closed".into()),
        }
    }

    /// Sends the close.
    pub async fn close(mut self) -> Result<(), Failure> {
        let close = self.sender.close(Instant::now())?;
        Ok(self.writer.send(&close).await?)
    }
}

/// What an enclave answers to a hello. `done` is told of each step as soon as it is done.
pub fn answer(
    enclave: &Arc<Enclave>,
    attester: &dyn Attester,
    hello: &Frame,
    done: &mut impl FnMut(&'static str),
) -> Result<(AwaitingKey, Frame), Failure> {
    let awaiting = enclave.clone().hello(hello, &mut UnwrapErr(SysRng))?;
    done("enclave: draw an X-Wing key, claims");
    let evidence = attester.attest(awaiting.binding())?;
    done("attester: document");
    let endorsements = attester.endorsements().map(|bytes| bytes.to_vec());
    let answer = awaiting.answer(attester.kind(), evidence, endorsements)?;
    done("enclave: answer");
    Ok(answer)
}
