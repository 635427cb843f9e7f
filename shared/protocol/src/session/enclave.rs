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
use crate::claims::{Claims, ClaimsError, Limits, ModelClaims, binding};
use crate::classification::NoteError;
use crate::frame::Frame;
use crate::handshake::{Answer, Hello, Key, MAX_DOCUMENT};
use crate::plaintext::Plaintext;
use crate::record::{Malformed, NoteOutcome, Record, Shape, Unsealed};
use crate::suite::Suite;
use crate::suite::suite1::Suite1PrivateKey;

/// What an enclave is for all its connections: its key and what it states of itself.
#[derive(Debug)]
pub struct Enclave {
    key: Suite1PrivateKey,
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
    /// The attester gave a document longer than [`MAX_DOCUMENT`].
    #[error("the attestation document is {0} bytes, more than {MAX_DOCUMENT}")]
    Document(usize),
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

/// What the attester is to put in the document.
#[derive(Clone, Debug)]
pub struct EvidenceRequest {
    /// The client's challenge.
    pub nonce: [u8; 32],
    /// The binding of the claims.
    pub user_data: [u8; 48],
    /// The suite-1 key as SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
}

impl Enclave {
    /// Checks once, before any client comes, that the claims can be made.
    pub fn new(
        key: Suite1PrivateKey,
        model: ModelClaims,
        limits: Limits,
        session_limits: SessionLimits,
    ) -> Result<Arc<Self>, ClaimsError> {
        Claims::new(key.spki(), [0; 32], model.clone(), limits)?;
        Ok(Arc::new(Self {
            key,
            model,
            limits,
            session_limits,
        }))
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

    /// Takes a client's hello, and draws the claims' random bytes for this connection.
    pub fn hello(
        self: Arc<Self>,
        frame: &Frame,
        rng: &mut impl CryptoRng,
    ) -> Result<AwaitingEvidence, HandshakeError> {
        let hello = Hello::from_frame(frame)?;
        if !hello.suites.iter().any(|id| Suite::from_id(*id).is_some()) {
            return Err(HandshakeError::NoSuite);
        }
        let mut random = [0; 32];
        rng.fill_bytes(&mut random);
        let claims = Claims::new(self.key.spki(), random, self.model.clone(), self.limits)?;
        let claims = claims.encode();
        Ok(AwaitingEvidence {
            request: EvidenceRequest {
                nonce: hello.challenge,
                user_data: binding(&claims),
                public_key: self.key.spki().to_vec(),
            },
            enclave: self,
            offered: hello.suites,
            claims,
            transcript: Transcript::new().with(frame),
        })
    }
}

/// A hello was taken; the document is due from the attester.
#[derive(Debug)]
pub struct AwaitingEvidence {
    enclave: Arc<Enclave>,
    offered: Vec<u16>,
    claims: Vec<u8>,
    request: EvidenceRequest,
    transcript: Transcript,
}

impl AwaitingEvidence {
    /// What the document must hold.
    pub fn request(&self) -> &EvidenceRequest {
        &self.request
    }

    /// The answer to send, and the state that waits for the key.
    pub fn answer(self, document: Vec<u8>) -> Result<(AwaitingKey, Frame), HandshakeError> {
        if document.len() > MAX_DOCUMENT {
            return Err(HandshakeError::Document(document.len()));
        }
        let frame = Answer::nitro(document, self.claims).to_frame();
        let next = AwaitingKey {
            enclave: self.enclave,
            offered: self.offered,
            transcript: self.transcript.with(&frame),
        };
        Ok((next, frame))
    }
}

/// The answer was sent; the key message is due.
#[derive(Debug)]
pub struct AwaitingKey {
    enclave: Arc<Enclave>,
    offered: Vec<u16>,
    transcript: Transcript,
}

impl AwaitingKey {
    /// Takes the key message: the session, and the `ready` record to send. Costs an RSA decryption.
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
        let secret = match suite {
            Suite::One => self.enclave.key.open(&message.sealed, rng),
        };
        let SessionKeys {
            client_to_enclave,
            enclave_to_client,
            exporter,
        } = SessionKeys::derive(suite, &secret, self.transcript.with(frame));
        let limits = self.enclave.session_limits;
        let shape = Shape {
            limits: self.enclave.limits,
            labels: self.enclave.model.labels.len(),
        };
        let mut sender = EnclaveSender {
            key: SendKey::new(enclave_to_client, limits, now),
            shape,
            answers: 0,
            exporter,
        };
        let ready = sender.key.seal(Unsealed::ready(), now)?;
        let receiver = EnclaveReceiver {
            key: Some(RecvKey::new(client_to_enclave, limits, now)),
            shape,
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
    Request(ReplySlot, Vec<Result<Plaintext, NoteError>>),
    /// The client ends the session, and every request that it sent has arrived.
    Close,
}

/// Opens the client's records.
#[derive(Debug)]
pub struct EnclaveReceiver {
    /// `None` once the session is over: the key is erased at the first error.
    key: Option<RecvKey>,
    shape: Shape,
    last_id: Option<u64>,
    requests: u64,
}

impl EnclaveReceiver {
    /// Opens a record. Any error is the end: the key is erased.
    pub fn open(&mut self, frame: Frame, now: Instant) -> Result<Received, SessionError> {
        let mut key = self.key.take().ok_or(SessionError::Over)?;
        let plaintext = key.open(frame, now)?;
        match Record::parse(&plaintext, self.shape)? {
            Record::Request(id, notes) => {
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
    shape: Shape,
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
        let record = Unsealed::answer(self.shape, slot.request, slot.notes, &outcomes);
        for scores in outcomes.iter_mut().flatten() {
            scores.zeroize();
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
