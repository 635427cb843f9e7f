//! The client's end, driven by bytes alone, as the client's program drives it.

use std::collections::HashMap;

use sealnote_model::{NoteOutcome, Scored};
use sealnote_protocol::frame::{Frame, FrameBuffer, FrameType};
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_protocol::suite::Suite;
use sealnote_session::{AwaitingReady, ClientReceiver, ClientSession, Incoming, PendingReply};
use sealnote_session::{Challenge, Evidence};
use sealnote_session::{Classification, Outcome};
use sealnote_verifier::Policy;

use crate::open::unsigned;
use crate::wire::{Fault, Sent, Step, next};
use crate::world::{START, Tape, WORLD, now};

/// The notes of each request.
pub type Batches = Vec<Vec<Vec<u8>>>;

pub struct ClientEnd {
    state: State,
    buffer: FrameBuffer,
    /// The greatest payload that is due.
    limit: usize,
    session_limits: SessionLimits,
    policy: Policy,
    /// The requests that are sent as soon as notes may travel, and a close behind them.
    batches: Batches,
    pending: HashMap<u64, (PendingReply, usize)>,
    /// By request.
    pub answers: Vec<Option<Vec<NoteOutcome>>>,
    pub rng: Tape,
    pub fault: Option<Fault>,
    /// Whether the enclave's close arrived.
    pub ended: bool,
    /// Whether `ready` has opened.
    pub confirmed: bool,
    pub exported: Option<[u8; 32]>,
    /// What records met that arrived after the end.
    pub after: Vec<SessionError>,
}

enum State {
    AwaitingAnswer(Challenge),
    AwaitingReady(Box<AwaitingReady>),
    Open(ClientReceiver),
    /// With what is left to try further records on.
    Over(Option<ClientReceiver>),
}

/// The outcomes without their model.
pub fn scores(outcomes: Vec<Outcome>) -> Vec<NoteOutcome> {
    let scores = |of: Classification| Scored {
        scores: of.scores().map(|(_, score)| score).collect(),
        known: of.known(),
    };
    let outcomes = outcomes.into_iter();
    outcomes.map(|outcome| outcome.map(scores)).collect()
}

impl State {
    fn due(&self) -> FrameType {
        match self {
            Self::AwaitingAnswer(_) => FrameType::Answer,
            _ => FrameType::Record,
        }
    }
}

impl ClientEnd {
    pub fn new(policy: Policy, session_limits: SessionLimits, batches: Batches) -> Self {
        let mut rng = Tape::new();
        let challenge = Challenge::new(&policy, &mut rng).unwrap();
        Self {
            state: State::AwaitingAnswer(challenge),
            buffer: FrameBuffer::default(),
            limit: MAX_ANSWER,
            session_limits,
            policy,
            answers: vec![None; batches.len()],
            batches,
            pending: HashMap::new(),
            rng,
            fault: None,
            ended: false,
            confirmed: false,
            exported: None,
            after: Vec::new(),
        }
    }

    pub fn start(&self) -> Sent {
        let State::AwaitingAnswer(challenge) = &self.state else {
            panic!("started twice");
        };
        vec![(Step::Hello, challenge.hello().as_bytes().to_vec())]
    }

    pub fn deliver(&mut self, bytes: &[u8]) -> Sent {
        let mut sent = Sent::new();
        self.buffer.push(bytes);
        loop {
            match next(&mut self.buffer, self.state.due(), self.limit) {
                Ok(None) => return sent,
                Ok(Some(frame)) => sent.extend(self.take(frame)),
                Err(error) => {
                    self.state = State::Over(None);
                    self.buffer = FrameBuffer::default();
                    self.give_up(error.into());
                    return sent;
                }
            }
        }
    }

    /// No further byte comes.
    pub fn end(&mut self) {
        self.give_up(Fault::Cut);
    }

    fn give_up(&mut self, fault: Fault) {
        if !self.ended {
            self.fault.get_or_insert(fault);
        }
    }

    fn take(&mut self, frame: Frame) -> Sent {
        let state = core::mem::replace(&mut self.state, State::Over(None));
        let result = match state {
            State::Over(receiver) => {
                self.try_further(frame, receiver);
                Ok(Sent::new())
            }
            _ if frame.kind() == FrameType::Refusal => Err(Fault::Refused),
            State::AwaitingAnswer(challenge) => self.take_answer(frame, challenge),
            State::AwaitingReady(awaiting) => self.take_ready(frame, *awaiting),
            State::Open(receiver) => self.take_record(frame, receiver),
        };
        result.unwrap_or_else(|fault| {
            self.give_up(fault);
            Sent::new()
        })
    }

    fn take_answer(&mut self, frame: Frame, challenge: Challenge) -> Result<Sent, Fault> {
        let evidence = Evidence::from_frame(frame)?;
        let verified = evidence
            .verify(challenge, &self.policy, &WORLD.roots, now())
            .map_err(Fault::Rejected)?;
        self.limit = verified.claims().limits().max_to_client();
        let (awaiting, key) =
            ClientSession::establish(verified, self.session_limits, &mut self.rng, *START)
                .expect("the attested key seals");
        self.state = State::AwaitingReady(Box::new(awaiting));
        Ok(vec![(Step::Key, key.into_bytes())])
    }

    fn take_ready(&mut self, frame: Frame, awaiting: AwaitingReady) -> Result<Sent, Fault> {
        let (mut sender, receiver) = unsigned(awaiting.ready(frame, *START)?);
        self.confirmed = true;
        self.exported = Some(*sender.exporter().export(Suite::XWing, "pair"));
        let mut sent = Sent::new();
        for (index, batch) in self.batches.iter().enumerate() {
            let notes: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
            let (pending, frame) = sender.request(&notes, *START).expect("a request");
            self.pending.insert(pending.request_id(), (pending, index));
            sent.push((Step::Request(index), frame.into_bytes()));
        }
        let close = sender.close(*START)?;
        sent.push((Step::ClientClose, close.into_bytes()));
        self.state = State::Open(receiver);
        Ok(sent)
    }

    fn take_record(&mut self, frame: Frame, mut receiver: ClientReceiver) -> Result<Sent, Fault> {
        match receiver.open(frame, *START) {
            Ok(Incoming::Reply(reply)) => {
                let pending = self.pending.remove(&reply.request_id());
                let (pending, index) = pending.ok_or(Fault::Unasked)?;
                self.answers[index] = Some(scores(pending.accept(reply)?));
                self.state = State::Open(receiver);
            }
            Ok(Incoming::Close) => {
                self.ended = true;
                self.state = State::Over(Some(receiver));
            }
            Err(error) => {
                self.state = State::Over(Some(receiver));
                return Err(error.into());
            }
        }
        Ok(Sent::new())
    }

    fn try_further(&mut self, frame: Frame, mut receiver: Option<ClientReceiver>) {
        if let Some(receiver) = &mut receiver {
            let error = receiver.open(frame, *START);
            self.after
                .push(error.expect_err("a record opened after the end"));
        }
        self.state = State::Over(receiver);
    }
}
