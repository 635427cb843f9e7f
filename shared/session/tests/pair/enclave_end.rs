//! The enclave's end, driven by bytes alone, as the enclave's server drives it.

use std::sync::Arc;

use sealnote_model::{KnownShare, NoteError, NoteOutcome, Scored};
use sealnote_protocol::frame::{Frame, FrameBuffer, FrameType};
use sealnote_protocol::handshake::{EvidenceKind, MAX_CLIENT_HANDSHAKE};
use sealnote_protocol::plaintext::Plaintext;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::enclave::{
    AwaitingKey, Binding, Enclave, EnclaveReceiver, EnclaveSender, Received, ReplySlot,
};
use sealnote_protocol::suite::Suite;

use crate::open::of_anybody;
use crate::wire::{Fault, Sent, Step, next};
use crate::world::{LABELS, START, Tape, WORLD};

/// A note that the made-up model fails on.
pub const BREAKS_THE_MODEL: &str = "breaks the model";

/// Makes the document for a request.
pub type Attest = Box<dyn FnMut(&Binding) -> Vec<u8>>;

pub struct EnclaveEnd {
    state: State,
    buffer: FrameBuffer,
    /// The greatest payload that is due.
    limit: usize,
    enclave: Arc<Enclave>,
    pub attest: Attest,
    /// Answers are held back until this many requests have arrived, and sent in reverse order.
    answer_at: usize,
    held: Vec<(ReplySlot, Vec<NoteOutcome>)>,
    sender: Option<EnclaveSender>,
    /// The notes that were accepted, by request, in order of arrival.
    pub notes: Vec<Vec<Result<String, NoteError>>>,
    pub rng: Tape,
    pub fault: Option<Fault>,
    /// Whether the client's close arrived.
    pub ended: bool,
    pub exported: Option<[u8; 32]>,
    /// What records met that arrived after the end.
    pub after: Vec<SessionError>,
    replies: usize,
}

enum State {
    New,
    AwaitingKey(AwaitingKey),
    Open(EnclaveReceiver),
    /// With what is left to try further records on.
    Over(Option<EnclaveReceiver>),
}

/// What the made-up model says of a note: other notes get other scores.
pub fn classify(note: &str) -> NoteOutcome {
    if note == BREAKS_THE_MODEL {
        return Err(NoteError::Internal);
    }
    let sum = note.bytes().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    let score = |shift: u32| f32::from((sum >> shift) as u8) / 255.0;
    let labels = 0..LABELS.len() as u32;
    Ok(Scored {
        scores: labels.map(|label| score(label * 8)).collect(),
        known: KnownShare::from_byte(sum as u8),
    })
}

impl State {
    fn due(&self) -> FrameType {
        match self {
            Self::New => FrameType::Hello,
            Self::AwaitingKey(_) => FrameType::Key,
            _ => FrameType::Record,
        }
    }
}

impl EnclaveEnd {
    pub fn new(enclave: Arc<Enclave>, answer_at: usize) -> Self {
        Self {
            state: State::New,
            buffer: FrameBuffer::default(),
            limit: MAX_CLIENT_HANDSHAKE,
            enclave,
            attest: Box::new(|request| WORLD.attest(request)),
            answer_at,
            held: Vec::new(),
            sender: None,
            notes: Vec::new(),
            rng: Tape::new(),
            fault: None,
            ended: false,
            exported: None,
            after: Vec::new(),
            replies: 0,
        }
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
                    sent.extend(self.refuse(error.into()));
                    return sent;
                }
            }
        }
    }

    /// No further byte comes.
    pub fn end(&mut self) {
        if !self.ended {
            self.fault.get_or_insert(Fault::Cut);
        }
    }

    fn refuse(&mut self, fault: Fault) -> Sent {
        if self.ended || self.fault.is_some() {
            return Sent::new();
        }
        self.fault = Some(fault);
        self.sender = None;
        vec![(Step::Refusal, Frame::refusal().into_bytes())]
    }

    fn take(&mut self, frame: Frame) -> Sent {
        let state = core::mem::replace(&mut self.state, State::Over(None));
        let result = match state {
            State::New => self.take_hello(&frame),
            State::AwaitingKey(awaiting) => self.take_key(&frame, awaiting),
            State::Open(receiver) => self.take_record(frame, receiver),
            State::Over(receiver) => {
                self.try_further(frame, receiver);
                Ok(Sent::new())
            }
        };
        result.unwrap_or_else(|fault| self.refuse(fault))
    }

    fn take_hello(&mut self, frame: &Frame) -> Result<Sent, Fault> {
        let awaiting = self.enclave.clone().hello(frame, &mut self.rng)?;
        let document = (self.attest)(awaiting.binding());
        let (awaiting, answer) = awaiting.answer(EvidenceKind(1), document, None)?;
        self.state = State::AwaitingKey(awaiting);
        Ok(vec![(Step::Answer, answer.into_bytes())])
    }

    fn take_key(&mut self, frame: &Frame, awaiting: AwaitingKey) -> Result<Sent, Fault> {
        let (keyed, ready) = awaiting.key(frame, &mut self.rng, *START)?;
        let (sender, receiver) = of_anybody(keyed);
        self.exported = Some(*sender.exporter().export(Suite::XWing, "pair"));
        self.limit = self.enclave.max_record();
        self.sender = Some(sender);
        self.state = State::Open(receiver);
        Ok(vec![(Step::Ready, ready.into_bytes())])
    }

    fn take_record(&mut self, frame: Frame, mut receiver: EnclaveReceiver) -> Result<Sent, Fault> {
        match receiver.open(frame, *START) {
            Ok(Received::Request(slot, notes)) => {
                self.state = State::Open(receiver);
                self.held.push((slot, notes.iter().map(outcome).collect()));
                let text = |note: Plaintext| note.expose().to_owned();
                self.notes
                    .push(notes.into_iter().map(|note| note.map(text)).collect());
                if self.notes.len() == self.answer_at {
                    return Ok(self.answer());
                }
                Ok(Sent::new())
            }
            Ok(Received::Close) => {
                self.ended = true;
                self.state = State::Over(Some(receiver));
                let mut sent = self.answer();
                let sender = self.sender.take().expect("a session");
                let close = sender.close(*START)?;
                sent.push((Step::EnclaveClose, close.into_bytes()));
                Ok(sent)
            }
            Err(error) => {
                self.state = State::Over(Some(receiver));
                Err(error.into())
            }
        }
    }

    /// Answers what is held, the last request first.
    fn answer(&mut self) -> Sent {
        let sender = self.sender.as_mut().expect("a session");
        let mut sent = Sent::new();
        for (slot, outcomes) in self.held.drain(..).rev() {
            let frame = sender.answer(slot, outcomes, *START).expect("an answer");
            sent.push((Step::Reply(self.replies), frame.into_bytes()));
            self.replies += 1;
        }
        sent
    }

    fn try_further(&mut self, frame: Frame, mut receiver: Option<EnclaveReceiver>) {
        if let Some(receiver) = &mut receiver {
            let error = receiver.open(frame, *START);
            self.after
                .push(error.expect_err("a record opened after the end"));
        }
        self.state = State::Over(receiver);
    }
}

fn outcome(note: &Result<Plaintext, NoteError>) -> NoteOutcome {
    match note {
        Ok(note) => classify(note.expose()),
        Err(error) => Err(*error),
    }
}
