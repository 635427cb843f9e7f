//! A client that looks at the clock between the steps of a handshake, and keeps a session busy.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use sealnote_client::{Client, Incoming, PendingReply};

use crate::load::Tally;

/// A confirmed session.
pub struct Session(sealnote_client::Session);

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
        let mut lap = Instant::now();
        let mut lap = || {
            let start = std::mem::replace(&mut lap, Instant::now());
            lap - start
        };
        let connected = client.connect().await?;
        let connect = lap();
        let attested = connected.attest().await?;
        let attest = lap();
        let verified = attested.verify()?;
        let verify = lap();
        let session = verified.open().await?;
        let steps = HandshakeSteps {
            connect,
            attest,
            verify,
            key: lap(),
        };
        Ok((Self(session), steps))
    }

    /// Keeps as many requests in flight as the enclave allows, until `tally` says that it is over; then waits
    /// for those that are.
    pub async fn drive(
        mut self,
        mut requests: impl Iterator<Item = Vec<String>>,
        tally: Tally,
    ) -> anyhow::Result<Self> {
        let at_once = usize::from(self.0.limits().in_flight);
        let mut in_flight = Vec::new();
        loop {
            while !tally.is_over()
                && in_flight.len() < at_once
                && let Some(notes) = requests.next()
            {
                in_flight.push(self.send(&notes).await?);
            }
            if in_flight.is_empty() {
                return Ok(self);
            }
            let Incoming::Reply(reply) = self.0.next().await? else {
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
        let Incoming::Reply(reply) = self.0.next().await? else {
            bail!("the enclave ended the session");
        };
        let outcomes = pending.accept(reply)?;
        ensure!(outcomes.iter().all(Result::is_ok), "a note has an error");
        Ok(start.elapsed())
    }

    async fn send(&mut self, notes: &[String]) -> anyhow::Result<PendingReply> {
        let notes: Vec<&[u8]> = notes.iter().map(String::as_bytes).collect();
        Ok(self.0.request(&notes).await?)
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.0.close().await?)
    }
}
