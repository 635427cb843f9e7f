//! The enclave's side: each state is consumed by the one frame that it waits for.
//!
//! ```text
//! Enclave::hello → AwaitingEvidence::answer → AwaitingKey::key → EnclaveSender + EnclaveReceiver
//!                                                             → AwaitingClient::client → the same
//! ```
//!
//! The last line is of an enclave that has a list of clients: it receives no request before it knows whose it is.
//!
//! A frame out of order has no method to go to; an error drops the state, and with it the keys.

mod classification;
mod client;
mod key_release;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_core::CryptoRng;
use sealnote_access::Clients;
use thiserror::Error;

use super::keys::{ExporterSecret, RecvKey, SendKey, SessionKeys};
use super::{SessionError, SessionLimits, Transcript};
use crate::cbor::NotDeterministic;
use crate::claims::{Claims, ClaimsError, binding};
use crate::frame::Frame;
use crate::handshake::{Answer, EvidenceKind, Hello, Key, MAX_EVIDENCE};
use crate::limits::Limits;
use crate::record::Unsealed;
use crate::suite::{BootKeys, ConnectionKeys, KeyMaterial, Suite};
use crate::task::{ModelClaims, Task};

pub use classification::{EnclaveReceiver, EnclaveSender, Keyed, Received, ReplySlot};
pub use client::{Admitted, AwaitingClient};
pub use key_release::Recipient;

/// What an enclave is for all its connections: its key of the boot and what it states of itself.
#[derive(Debug)]
pub struct Enclave<T = ModelClaims> {
    keys: BootKeys,
    task: T,
    limits: Limits,
    session_limits: SessionLimits,
    /// Who may ask; anybody, if there is no list.
    clients: Option<Clients>,
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

impl<T: Task> Enclave<T> {
    /// Checks once, before any client comes, that the claims can be made.
    pub fn new(
        keys: BootKeys,
        task: T,
        limits: Limits,
        session_limits: SessionLimits,
    ) -> Result<Arc<Self>, ClaimsError> {
        Self {
            keys,
            task,
            limits,
            session_limits,
            clients: None,
        }
        .checked()
    }

    fn checked(self) -> Result<Arc<Self>, ClaimsError> {
        self.claims(self.keys.sample_material(), [0; 32])?;
        Ok(Arc::new(self))
    }

    fn claims(&self, suites: KeyMaterial, random: [u8; 32]) -> Result<Claims<T>, ClaimsError> {
        let claims = Claims::new(suites, random, self.task.clone(), self.limits)?;
        match self.clients {
            Some(_) => claims.with_signing_clients(),
            None => Ok(claims),
        }
    }

    /// The greatest payload of a record from the client, in bytes.
    pub fn max_record(&self) -> usize {
        self.limits.max_to_enclave()
    }

    /// Who may ask; anybody, if there is no list.
    pub fn clients(&self) -> Option<&Clients> {
        self.clients.as_ref()
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
    ) -> Result<AwaitingEvidence<T>, HandshakeError> {
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

impl Enclave {
    /// One that serves these clients and no others, and asks each for its signature. It speaks suite 2 alone: see
    /// [`ClaimsError::SuiteOfSigned`].
    pub fn of_clients(
        clients: Clients,
        task: ModelClaims,
        limits: Limits,
        session_limits: SessionLimits,
    ) -> Result<Arc<Self>, ClaimsError> {
        Self {
            keys: BootKeys::new(None),
            task,
            limits,
            session_limits,
            clients: Some(clients),
        }
        .checked()
    }
}

/// A hello was taken; evidence is due from the attester.
#[derive(Debug)]
pub struct AwaitingEvidence<T = ModelClaims> {
    enclave: Arc<Enclave<T>>,
    keys: ConnectionKeys,
    offered: Vec<u16>,
    claims: Vec<u8>,
    binding: Binding,
    transcript: Transcript,
}

impl<T> AwaitingEvidence<T> {
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
    ) -> Result<(AwaitingKey<T>, Frame), HandshakeError> {
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
pub struct AwaitingKey<T = ModelClaims> {
    enclave: Arc<Enclave<T>>,
    keys: ConnectionKeys,
    offered: Vec<u16>,
    transcript: Transcript,
}

/// A session's keys, and what they were established for.
struct Opened<T> {
    enclave: Arc<Enclave<T>>,
    suite: Suite,
    send: SendKey,
    receive: RecvKey,
    exporter: ExporterSecret,
    ready: Frame,
}

impl<T> AwaitingKey<T> {
    fn open(
        self,
        frame: &Frame,
        rng: &mut impl CryptoRng,
        now: Instant,
    ) -> Result<Opened<T>, HandshakeError> {
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
        let mut send = SendKey::new(enclave_to_client, limits, now);
        let ready = send.seal(Unsealed::ready(), now)?;
        Ok(Opened {
            enclave,
            suite,
            send,
            receive: RecvKey::new(client_to_enclave, limits, now),
            exporter,
            ready,
        })
    }
}
