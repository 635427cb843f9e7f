//! Client and enclave as state machines in memory, with the clock read between the steps: what the encrypted
//! path costs beside the inference, without sockets.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_client::connection::{Client, now};
use sealnote_enclave::attester::Attester;
use sealnote_engine::{Engine, Scored};
use sealnote_protocol::frame::{Frame, FrameBuffer};
use sealnote_protocol::session::enclave::{Enclave, EnclaveReceiver, EnclaveSender, Received};
use sealnote_session::{Challenge, Evidence};
use sealnote_session::{ClientReceiver, ClientSender, ClientSession, Incoming};

/// Times of the steps of something, in their order.
pub type Steps = Vec<(&'static str, Duration)>;

/// A confirmed session.
pub struct Pair {
    client: (ClientSender, ClientReceiver),
    enclave: (EnclaveSender, EnclaveReceiver),
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
        let rng = &mut UnwrapErr(SysRng);
        let mut clock = Clock::start();
        let challenge = Challenge::new(&client.policy, rng)?;
        clock.step("client: challenge");
        let awaiting = enclave.clone().hello(challenge.hello(), rng)?;
        clock.step("enclave: draw an X-Wing key, claims");
        let evidence = attester.attest(awaiting.binding())?;
        clock.step("attester: document");
        let (awaiting_key, answer) = awaiting.answer(attester.kind(), evidence)?;
        clock.step("enclave: answer");
        let evidence = Evidence::from_frame(answer)?;
        let verified = evidence.verify(challenge, &client.policy, &client.roots, now())?;
        clock.step("client: every check");
        let limits = client.session_limits;
        let (awaiting_ready, key) =
            ClientSession::establish(verified, limits, rng, Instant::now())?;
        clock.step("client: encapsulate a secret");
        let (sender, receiver, ready) = awaiting_key.key(&key, rng, Instant::now())?;
        clock.step("enclave: open it");
        let client = awaiting_ready.ready(ready, Instant::now())?;
        clock.step("client: confirm");
        let pair = Self {
            client,
            enclave: (sender, receiver),
            max_frame: enclave.max_record(),
        };
        Ok((pair, clock.steps))
    }

    /// One request, as the enclave serves it when it is alone.
    pub fn request(&mut self, engine: &Engine, notes: &[String]) -> anyhow::Result<Steps> {
        let notes: Vec<&[u8]> = notes.iter().map(String::as_bytes).collect();
        let mut clock = Clock::start();
        let (pending, frame) = self.client.0.request(&notes, Instant::now())?;
        clock.step("client: pad and seal");
        let frame = self.parse(&frame)?;
        clock.step("enclave: parse");
        let Received::Request(slot, notes) = self.enclave.1.open(frame, Instant::now())? else {
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
        let answer = self.enclave.0.answer(slot, outcomes, Instant::now())?;
        clock.step("enclave: seal");
        let Incoming::Reply(reply) = self.client.1.open(answer, Instant::now())? else {
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
