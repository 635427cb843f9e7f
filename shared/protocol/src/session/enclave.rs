//! The enclave's side: each state is consumed by the one frame that it waits for.
//!
//! ```text
//! Enclave::hello → AwaitingEvidence::answer → AwaitingKey::key → EnclaveSender + EnclaveReceiver
//! ```
//!
//! A frame out of order has no method to go to; an error drops the state, and with it the keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroize;

use super::keys::{ExporterSecret, RecvKey, SendKey, SessionKeys};
use super::{SessionError, SessionLimits, Transcript};
use crate::cbor::NotDeterministic;
use crate::claims::{Claims, ClaimsError, binding};
use crate::frame::Frame;
use crate::handshake::{Answer, EvidenceKind, Hello, Key, MAX_EVIDENCE};
use crate::limits::Limits;
use crate::record::{Malformed, Record, Unsealed};
use crate::suite::{BootKeys, ConnectionKeys, KeyMaterial, Suite};
use crate::task::Task;
use crate::task::sequence_classification::{Layout, ModelClaims, Notes};
use sealnote_model::NoteOutcome;

/// What an enclave is for all its connections: its key of the boot and what it states of itself.
#[derive(Debug)]
pub struct Enclave {
    keys: BootKeys,
    model: ModelClaims,
    limits: Limits,
    session_limits: SessionLimits,
}

/// Why a handshake failed. The client sees only a refusal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The message in the frame is not the one that is due.
    #[error(transparent)]
    Message(#[from] NotDeterministic),
    /// The claims are out of range.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The attester gave evidence longer than [`MAX_EVIDENCE`].
    #[error("the evidence is {0} bytes, more than {MAX_EVIDENCE}")]
    Evidence(usize),
    /// The endorsements are longer than [`MAX_EVIDENCE`].
    #[error("the endorsements are {0} bytes, more than {MAX_EVIDENCE}")]
    Endorsements(usize),
    /// The client offers no suite that is spoken here.
    #[error("the client offers no suite that this enclave speaks")]
    NoSuite,
    /// The client took a suite that was not offered by both sides.
    #[error("suite {0} was not offered by both sides")]
    Suite(u16),
    /// The first record could not be sealed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What evidence of every kind must be bound to; each kind has its own way to carry it.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The client's challenge.
    pub challenge: [u8; 32],
    /// SHA-384 over the claims; see [`binding`].
    pub claims: [u8; 48],
    /// The key of suite 1 as SubjectPublicKeyInfo, if that is claimed.
    pub public_key: Option<Vec<u8>>,
}

impl Enclave {
    /// Checks once, before any client comes, that the claims can be made.
    pub fn new(
        keys: BootKeys,
        model: ModelClaims,
        limits: Limits,
        session_limits: SessionLimits,
    ) -> Result<Arc<Self>, ClaimsError> {
        let enclave = Self {
            keys,
            model,
            limits,
            session_limits,
        };
        enclave.claims(enclave.keys.sample_material(), [0; 32])?;
        Ok(Arc::new(enclave))
    }

    fn claims(&self, suites: KeyMaterial, random: [u8; 32]) -> Result<Claims, ClaimsError> {
        let task = Task::SequenceClassification(self.model.clone());
        Claims::new(suites, random, task, self.limits)
    }

    /// The greatest payload of a record from the client, in bytes.
    pub fn max_record(&self) -> usize {
        self.limits.max_to_enclave()
    }

    /// How long a session may last.
    pub fn session_lifetime(&self) -> Duration {
        self.session_limits.lifetime
    }

    /// The attested limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a client's hello, and draws this connection's key, then the claims' random bytes.
    pub fn hello(
        self: Arc<Self>,
        frame: &Frame,
        rng: &mut impl CryptoRng,
    ) -> Result<AwaitingEvidence, HandshakeError> {
        let hello = Hello::from_frame(frame)?;
        let mut offered = hello.suites.iter().filter_map(|id| Suite::from_id(*id));
        if !offered.any(|suite| self.keys.speaks(suite)) {
            return Err(HandshakeError::NoSuite);
        }
        let keys = ConnectionKeys::draw(rng);
        let mut random = [0; 32];
        rng.fill_bytes(&mut random);
        let claims = self.claims(keys.material(&self.keys), random)?.encode();
        Ok(AwaitingEvidence {
            binding: Binding {
                challenge: hello.challenge,
                claims: binding(&claims),
                public_key: self.keys.evidence_key().map(<[u8]>::to_vec),
            },
            enclave: self,
            keys,
            offered: hello.suites,
            claims,
            transcript: Transcript::new().with(frame),
        })
    }
}

/// A hello was taken; evidence is due from the attester.
#[derive(Debug)]
pub struct AwaitingEvidence {
    enclave: Arc<Enclave>,
    keys: ConnectionKeys,
    offered: Vec<u16>,
    claims: Vec<u8>,
    binding: Binding,
    transcript: Transcript,
}

impl AwaitingEvidence {
    /// What the evidence must be bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The answer to send, and the state that waits for the key.
    pub fn answer(
        self,
        kind: EvidenceKind,
        evidence: Vec<u8>,
        endorsements: Option<Vec<u8>>,
    ) -> Result<(AwaitingKey, Frame), HandshakeError> {
        if evidence.len() > MAX_EVIDENCE {
            return Err(HandshakeError::Evidence(evidence.len()));
        }
        if let Some(len) = endorsements.as_ref().map(Vec::len)
            && len > MAX_EVIDENCE
        {
            return Err(HandshakeError::Endorsements(len));
        }
        let mut answer = Answer::new(kind, evidence, self.claims);
        answer.endorsements = endorsements;
        let frame = answer.to_frame();
        let next = AwaitingKey {
            enclave: self.enclave,
            keys: self.keys,
            offered: self.offered,
            transcript: self.transcript.with(&frame),
        };
        Ok((next, frame))
    }
}

/// The answer was sent; the key message is due. It owns the connection's keys, which the key message
/// consumes.
#[derive(Debug)]
pub struct AwaitingKey {
    enclave: Arc<Enclave>,
    keys: ConnectionKeys,
    offered: Vec<u16>,
    transcript: Transcript,
}

impl AwaitingKey {
    /// Takes the key message: the session, and the `ready` record to send. Suite 1 costs an RSA decryption.
    pub fn key(
        self,
        frame: &Frame,
        rng: &mut impl CryptoRng,
        now: Instant,
    ) -> Result<(EnclaveSender, EnclaveReceiver, Frame), HandshakeError> {
        let message = Key::from_frame(frame)?;
        let id = message.suite();
        let suite = Suite::from_id(id).filter(|_| self.offered.contains(&id));
        let suite = suite.ok_or(HandshakeError::Suite(id))?;
        let Self {
            enclave,
            keys,
            transcript,
            ..
        } = self;
        let sealed = &message.encapsulated;
        let secret = keys.open(suite, sealed, &enclave.keys, &transcript, rng);
        let secret = secret.ok_or(HandshakeError::Suite(id))?;
        let SessionKeys {
            client_to_enclave,
            enclave_to_client,
            exporter,
        } = SessionKeys::derive(suite, &secret, transcript.with(frame));
        let limits = enclave.session_limits;
        let layout = enclave.model.layout(enclave.limits);
        let mut sender = EnclaveSender {
            key: SendKey::new(enclave_to_client, limits, now),
            layout,
            answers: 0,
            exporter,
        };
        let ready = sender.key.seal(Unsealed::ready(), now)?;
        let receiver = EnclaveReceiver {
            key: Some(RecvKey::new(client_to_enclave, limits, now)),
            layout,
            last_id: None,
            requests: 0,
        };
        Ok((sender, receiver, ready))
    }
}

/// A place for the answer to one request; sealing the answer consumes it.
#[derive(Debug)]
pub struct ReplySlot {
    request: u64,
    notes: usize,
}

/// What a client's record held.
#[derive(Debug)]
pub enum Received {
    /// Notes to classify, in order; a bad note is its error already.
    Request(ReplySlot, Notes),
    /// The client ends the session, and every request that it sent has arrived.
    Close,
}

/// Opens the client's records.
#[derive(Debug)]
pub struct EnclaveReceiver {
    /// `None` once the session is over: the key is erased at the first error.
    key: Option<RecvKey>,
    layout: Layout,
    last_id: Option<u64>,
    requests: u64,
}

impl EnclaveReceiver {
    /// Opens a record. Any error is the end: the key is erased.
    pub fn open(&mut self, frame: Frame, now: Instant) -> Result<Received, SessionError> {
        let mut key = self.key.take().ok_or(SessionError::Over)?;
        let plaintext = key.open(frame, now)?;
        match Record::parse(&plaintext, &self.layout.limits)? {
            Record::Request(id, body) => {
                let notes = self.layout.read_request(body)?;
                if self.last_id.is_some_and(|last| id <= last) {
                    return Err(Malformed("request id").into());
                }
                self.last_id = Some(id);
                self.requests += 1;
                self.key = Some(key);
                let slot = ReplySlot {
                    request: id,
                    notes: notes.len(),
                };
                Ok(Received::Request(slot, notes))
            }
            Record::Close(requests) if requests == self.requests => Ok(Received::Close),
            Record::Close(_) => Err(Malformed("close count").into()),
            Record::Ready | Record::Answer(..) => Err(Malformed("kind").into()),
        }
    }
}

/// Seals the enclave's records.
#[derive(Debug)]
pub struct EnclaveSender {
    key: SendKey,
    layout: Layout,
    answers: u64,
    exporter: ExporterSecret,
}

impl EnclaveSender {
    /// The answer to one request: an outcome for each of its notes, in order. Erases the scores.
    pub fn answer(
        &mut self,
        slot: ReplySlot,
        mut outcomes: Vec<NoteOutcome>,
        now: Instant,
    ) -> Result<Frame, SessionError> {
        let record = self.layout.answer(slot.request, slot.notes, &outcomes);
        for note in outcomes.iter_mut().flatten() {
            note.scores.zeroize();
        }
        let frame = self.key.seal(record, now)?;
        self.answers += 1;
        Ok(frame)
    }

    /// The authenticated end; states the number of answers sent.
    pub fn close(mut self, now: Instant) -> Result<Frame, SessionError> {
        self.key.seal(Unsealed::close(self.answers), now)
    }

    /// The session's exporter secret.
    pub fn exporter(&self) -> &ExporterSecret {
        &self.exporter
    }
}
