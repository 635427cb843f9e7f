//! A client out of the parts of `sealnote-client`, which looks at the clock between the steps.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_client::connection::{Client, now};
use sealnote_frame_io::{FrameReader, FrameWriter};
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::limits::Limits;
use sealnote_session::{Challenge, Evidence};
use sealnote_session::{ClientReceiver, ClientSender, ClientSession, Incoming, PendingReply};

use crate::load::Tally;

/// A confirmed session.
pub struct Session {
    sender: ClientSender,
    receiver: ClientReceiver,
    reader: FrameReader,
    writer: FrameWriter,
    limits: Limits,
}

/// How long each step of one handshake took.
#[derive(Clone, Copy)]
pub struct HandshakeSteps {
    /// To the parent.
    pub connect: Duration,
    /// From the hello to the answer: the enclave attests.
    pub attest: Duration,
    /// Every check of the evidence.
    pub verify: Duration,
    /// From sealing the secret to the opened `ready`.
    pub key: Duration,
}

impl HandshakeSteps {
    pub fn whole(&self) -> Duration {
        self.connect + self.attest + self.verify + self.key
    }
}

impl Session {
    pub async fn open(client: &Client) -> anyhow::Result<(Self, HandshakeSteps)> {
        let rng = &mut UnwrapErr(SysRng);
        let mut lap = Instant::now();
        let mut lap = || {
            let start = std::mem::replace(&mut lap, Instant::now());
            lap - start
        };
        let stream = sealnote_transport::connect(&client.server).await?;
        let (mut reader, mut writer) = sealnote_frame_io::split(stream);
        let connect = lap();
        let challenge = Challenge::new(&client.policy, rng)?;
        writer.send(challenge.hello()).await?;
        let answer = reader.next(FrameType::Answer, MAX_ANSWER).await?;
        let attest = lap();
        let evidence = Evidence::from_frame(answer)?;
        let evidence = evidence.verify(challenge, &client.policy, &client.roots, now())?;
        let limits = *evidence.claims().limits();
        let verify = lap();
        let start = Instant::now();
        let (awaiting, key) =
            ClientSession::establish(evidence, client.session_limits, rng, start)?;
        writer.send(&key).await?;
        let ready = reader
            .next(FrameType::Record, limits.max_to_client())
            .await?;
        let (sender, receiver) = awaiting.ready(ready, Instant::now())?;
        let steps = HandshakeSteps {
            connect,
            attest,
            verify,
            key: lap(),
        };
        let session = Self {
            sender,
            receiver,
            reader,
            writer,
            limits,
        };
        Ok((session, steps))
    }

    /// Keeps as many requests in flight as the enclave allows, until `tally` says that it is over; then waits
    /// for those that are.
    pub async fn drive(
        mut self,
        mut requests: impl Iterator<Item = Vec<String>>,
        tally: Tally,
    ) -> anyhow::Result<Self> {
        let mut in_flight = Vec::new();
        loop {
            while !tally.is_over()
                && in_flight.len() < usize::from(self.limits.in_flight)
                && let Some(notes) = requests.next()
            {
                in_flight.push(self.send(&notes).await?);
            }
            if in_flight.is_empty() {
                return Ok(self);
            }
            let Incoming::Reply(reply) = self.receive().await? else {
                bail!("the enclave ended the session");
            };
            let asked = |pending: &PendingReply| pending.request_id() == reply.request_id();
            let place = in_flight.iter().position(asked);
            let pending = in_flight.swap_remove(place.context("an answer not asked for")?);
            let outcomes = pending.accept(reply)?;
            ensure!(outcomes.iter().all(Result::is_ok), "a note has an error");
            tally.answered(outcomes.len());
        }
    }

    /// How long it takes until one note is answered.
    pub async fn ask(&mut self, note: &str) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let pending = self.send(&[note.to_owned()]).await?;
        let Incoming::Reply(reply) = self.receive().await? else {
            bail!("the enclave ended the session");
        };
        let outcomes = pending.accept(reply)?;
        ensure!(outcomes.iter().all(Result::is_ok), "a note has an error");
        Ok(start.elapsed())
    }

    async fn send(&mut self, notes: &[String]) -> anyhow::Result<PendingReply> {
        let notes: Vec<&[u8]> = notes.iter().map(String::as_bytes).collect();
        let (pending, frame) = self.sender.request(&notes, Instant::now())?;
        self.writer.send(&frame).await?;
        Ok(pending)
    }

    pub async fn close(mut self) -> anyhow::Result<()> {
        let close = self.sender.close(Instant::now())?;
        self.writer.send(&close).await?;
        let limit = self.limits.max_to_client();
        let frame = self.reader.next(FrameType::Record, limit).await?;
        self.receiver.open(frame, Instant::now())?;
        Ok(())
    }

    async fn receive(&mut self) -> anyhow::Result<Incoming> {
        let limit = self.limits.max_to_client();
        let frame = self.reader.next(FrameType::Record, limit).await?;
        Ok(self.receiver.open(frame, Instant::now())?)
    }
}
