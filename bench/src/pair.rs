//! Client and enclave as state machines in memory, with the clock read between the steps: what the encrypted
//! path costs beside the inference, without sockets.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use sealnote_client::{Client, Incoming};
use sealnote_enclave::attester::Attester;
use sealnote_engine::{Engine, Scored};
use sealnote_protocol::frame::{Frame, FrameBuffer};
use sealnote_protocol::session::enclave::{Enclave, Received};
use sealnote_tests::pair;

/// Times of the steps of something, in their order.
pub type Steps = Vec<(&'static str, Duration)>;

/// A confirmed session.
pub struct Pair {
    ends: pair::Pair,
    max_frame: usize,
}

/// Names the time since it was last asked.
struct Clock {
    last: Instant,
    steps: Steps,
}

impl Clock {
    fn start() -> Self {
        Self {
            last: Instant::now(),
            steps: Vec::new(),
        }
    }

    fn step(&mut self, name: &'static str) {
        let now = Instant::now();
        self.steps.push((name, now - self.last));
        self.last = now;
    }
}

impl Pair {
    /// The handshake.
    pub fn open(
        client: &Client,
        enclave: &std::sync::Arc<Enclave>,
        attester: &dyn Attester,
    ) -> anyhow::Result<(Self, Steps)> {
        let mut clock = Clock::start();
        let ends = pair::Pair::open(client, enclave, attester, &mut |name| clock.step(name));
        let pair = Self {
            ends: ends.map_err(anyhow::Error::from_boxed)?,
            max_frame: enclave.max_record(),
        };
        Ok((pair, clock.steps))
    }

    /// One request, as the enclave serves it when it is alone.
    pub fn request(&mut self, engine: &Engine, notes: &[String]) -> anyhow::Result<Steps> {
        let notes: Vec<&[u8]> = notes.iter().map(String::as_bytes).collect();
        let mut clock = Clock::start();
        let (pending, frame) = self.ends.client.0.request(&notes, Instant::now())?;
        clock.step("client: pad and seal");
        let frame = self.parse(&frame)?;
        clock.step("enclave: parse");
        let Received::Request(slot, notes) = self.ends.enclave.1.open(frame, Instant::now())?
        else {
            bail!("it is a request");
        };
        clock.step("enclave: open");
        let mut windows = Vec::new();
        let mut ends = Vec::new();
        for note in &notes {
            let note = note.as_ref().ok().context("a bad note")?;
            let of_note = engine.tokenize(note.expose())?;
            let known = of_note.known();
            windows.extend(of_note);
            ends.push((known, windows.len()));
        }
        clock.step("enclave: tokenise");
        let logits = engine.logits(&windows);
        clock.step("enclave: infer");
        let mut start = 0;
        let mut outcomes = Vec::new();
        for (known, end) in ends {
            let scores = engine.pool(&logits[start..end]);
            outcomes.push(scores.map(|scores| Scored { scores, known }));
            start = end;
        }
        clock.step("enclave: pool");
        let answer = self.ends.enclave.0.answer(slot, outcomes, Instant::now())?;
        clock.step("enclave: seal");
        let Incoming::Reply(reply) = self.ends.client.1.open(answer, Instant::now())? else {
            bail!("it is a reply");
        };
        let outcomes = pending.accept(reply)?;
        clock.step("client: open");
        ensure!(outcomes.iter().all(Result::is_ok), "a note has an error");
        black_box(outcomes);
        Ok(clock.steps)
    }

    fn parse(&self, frame: &Frame) -> anyhow::Result<Frame> {
        let mut buffer = FrameBuffer::default();
        buffer.push(frame.as_bytes());
        buffer.pop(self.max_frame)?.context("a whole frame")
    }
}
