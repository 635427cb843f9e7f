//! A client's session whose steps a test takes one by one.

use std::time::Instant;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_client::connection::{Client, now};
use sealnote_frame_io::{FrameReader, FrameWriter};
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_session::{Challenge, Evidence};
use sealnote_session::{ClientReceiver, ClientSender, ClientSession, Incoming, PendingReply};
use sealnote_transport::connect;

use crate::rig::Failure;

/// An open session. It is gone without a close when it is dropped.
pub struct Steps {
    reader: FrameReader,
    writer: FrameWriter,
    sender: ClientSender,
    receiver: ClientReceiver,
    max_record: usize,
}

impl Steps {
    /// Connects and opens a session, as `client` would.
    pub async fn open(client: &Client) -> Result<Self, Failure> {
        let rng = &mut UnwrapErr(SysRng);
        let (mut reader, mut writer) = sealnote_frame_io::split(connect(&client.server).await?);
        let challenge = Challenge::new(&client.policy, rng)?;
        writer.send(challenge.hello()).await?;
        let answer = reader.next(FrameType::Answer, MAX_ANSWER).await?;
        let evidence = Evidence::from_frame(answer)?;
        let evidence = evidence.verify(challenge, &client.policy, &client.roots, now())?;
        let max_record = evidence.claims().limits().max_to_client();
        let limits = client.session_limits;
        let (awaiting, key) = ClientSession::establish(evidence, limits, rng, Instant::now())?;
        writer.send(&key).await?;
        let ready = reader.next(FrameType::Record, max_record).await?;
        let (sender, receiver) = awaiting.ready(ready, Instant::now())?;
        Ok(Self {
            reader,
            writer,
            sender,
            receiver,
            max_record,
        })
    }

    /// Sends a request.
    pub async fn request(&mut self, notes: &[&[u8]]) -> Result<PendingReply, Failure> {
        let (pending, frame) = self.sender.request(notes, Instant::now())?;
        self.writer.send(&frame).await?;
        Ok(pending)
    }

    /// The next record: an answer or the enclave's close.
    pub async fn next(&mut self) -> Result<Incoming, Failure> {
        let frame = self.reader.next(FrameType::Record, self.max_record).await?;
        Ok(self.receiver.open(frame, Instant::now())?)
    }

    /// Sends the close, ends the stream in this direction, and returns how many answers came before the enclave's close.
    pub async fn close(mut self) -> Result<usize, Failure> {
        self.writer
            .send(&self.sender.close(Instant::now())?)
            .await?;
        self.writer.shutdown().await?;
        let mut answers = 0;
        loop {
            let frame = self.reader.next(FrameType::Record, self.max_record).await?;
            match self.receiver.open(frame, Instant::now())? {
                Incoming::Reply(_) => answers += 1,
                Incoming::Close => return Ok(answers),
            }
        }
    }
}
