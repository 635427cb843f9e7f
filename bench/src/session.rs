//! A client out of the parts of `sealnote-client`, which looks at the clock between the steps.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_client::connection::{Client, now};
use sealnote_link::{FrameReader, FrameWriter};
use sealnote_protocol::claims::Limits;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::record::TAG_LEN;
use sealnote_verifier::evidence::{Challenge, Evidence};
use sealnote_verifier::session::{
    ClientReceiver, ClientSender, ClientSession, Incoming, PendingReply,
};

/// Notes in a request: the greatest number that the enclave attests.
pub const NOTES: usize = 32;

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
pub struct Steps {
    /// To the parent.
    pub connect: Duration,
    /// From the hello to the answer: the enclave attests.
    pub attest: Duration,
    /// Every check of the evidence.
    pub verify: Duration,
    /// From sealing the secret to the opened `ready`.
    pub key: Duration,
}

impl Steps {
    pub fn whole(&self) -> Duration {
        self.connect + self.attest + self.verify + self.key
    }
}

impl Session {
    pub async fn open(client: &Client) -> anyhow::Result<(Self, Steps)> {
        let rng = &mut UnwrapErr(SysRng);
        let mut lap = Instant::now();
        let mut lap = || {
            let start = std::mem::replace(&mut lap, Instant::now());
            lap - start
        };
        let stream = sealnote_transport::connect(&client.server).await?;
        let (mut reader, mut writer) = sealnote_link::split(stream);
        let connect = lap();
        let challenge = Challenge::new(&client.policy, rng);
        writer.send(challenge.hello()).await?;
        let answer = reader.next(FrameType::Answer, MAX_ANSWER).await?;
        let attest = lap();
        let evidence = Evidence::from_frame(answer)?;
        let evidence = client
            .policy
            .verify(evidence, challenge, &client.roots, now())?;
        let limits = *evidence.claims().limits();
        let verify = lap();
        let start = Instant::now();
        let (awaiting, key) =
            ClientSession::establish(evidence, client.session_limits, rng, start)?;
        writer.send(&key).await?;
        let ready = reader
            .next(FrameType::Record, limits.answer_bytes() + TAG_LEN)
            .await?;
        let (sender, receiver) = awaiting.ready(ready, Instant::now())?;
        let steps = Steps {
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

    /// Classifies all notes, with as many requests in flight as the enclave allows.
    pub async fn classify(&mut self, notes: &[String]) -> anyhow::Result<()> {
        let mut batches = notes.chunks(NOTES);
        let mut in_flight = Vec::new();
        loop {
            while in_flight.len() < usize::from(self.limits.in_flight)
                && let Some(batch) = batches.next()
            {
                let batch: Vec<&[u8]> = batch.iter().map(String::as_bytes).collect();
                let (pending, frame) = self.sender.request(&batch, Instant::now())?;
                self.writer.send(&frame).await?;
                in_flight.push(pending);
            }
            if in_flight.is_empty() {
                return Ok(());
            }
            let Incoming::Reply(reply) = self.receive().await? else {
                bail!("the enclave ended the session");
            };
            let asked = |pending: &PendingReply| pending.request_id() == reply.request_id();
            let place = in_flight.iter().position(asked);
            let pending = in_flight.swap_remove(place.context("an answer not asked for")?);
            let outcomes = pending.accept(reply)?;
            ensure!(outcomes.iter().all(Result::is_ok), "a note has an error");
        }
    }

    pub async fn close(mut self) -> anyhow::Result<()> {
        let close = self.sender.close(Instant::now())?;
        self.writer.send(&close).await?;
        let limit = self.limits.answer_bytes() + TAG_LEN;
        let frame = self.reader.next(FrameType::Record, limit).await?;
        self.receiver.open(frame, Instant::now())?;
        Ok(())
    }

    async fn receive(&mut self) -> anyhow::Result<Incoming> {
        let limit = self.limits.answer_bytes() + TAG_LEN;
        let frame = self.reader.next(FrameType::Record, limit).await?;
        Ok(self.receiver.open(frame, Instant::now())?)
    }
}
