//! The releaser's session: a model's key, for an enclave whose evidence its owner accepts.
//!
//! ```text
//! VerifiedEvidence<KeyReleaseClaims> → ReleaseSession::establish → AwaitingRecipient::ready
//!                                    → Releaser::release → AwaitingOutcome::outcome
//! ```
//!
//! Each step consumes the one before it: no key can be sealed before the evidence was verified under the owner's policy
//! (K12) and the enclave has confirmed the session's keys.

use std::time::Instant;

use rand_core::CryptoRng;
use sealnote_access::{Clients, PrivateKey, Role};
use sealnote_encrypted_model::ModelKey;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::record::{Malformed, Record};
use sealnote_protocol::session::keys::{RecvKey, SendKey, SessionKeys};
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_protocol::suite::KeyError;
use sealnote_protocol::task::KeyReleaseClaims;
use sealnote_protocol::task::key_release::{self, NotTaken};
use zeroize::Zeroizing;

use crate::client::encapsulate;
use crate::evidence::VerifiedEvidence;

/// The door to a session in which a key is released.
#[derive(Debug)]
pub struct ReleaseSession;

impl ReleaseSession {
    /// Draws the session's secret and seals it to the attested key: the key message to send, and the state that waits for
    /// the enclave's `ready`.
    pub fn establish(
        evidence: VerifiedEvidence<KeyReleaseClaims>,
        limits: SessionLimits,
        rng: &mut impl CryptoRng,
        now: Instant,
    ) -> Result<(AwaitingRecipient, Frame), KeyError> {
        let claims = evidence.claims().task().clone();
        let attested = *evidence.claims().limits();
        let suite = evidence.suite();
        let (keys, frame) = encapsulate(evidence, rng)?;
        let SessionKeys {
            client_to_enclave,
            enclave_to_client,
            exporter,
        } = keys;
        let session = Session {
            claims,
            limits: attested,
            send: SendKey::new(client_to_enclave, limits, now),
            receive: RecvKey::new(enclave_to_client, limits, now),
            exported: exporter.export(suite, Role::Releaser.exporter()),
        };
        Ok((AwaitingRecipient(session), frame))
    }
}

#[derive(Debug)]
struct Session {
    claims: KeyReleaseClaims,
    limits: Limits,
    send: SendKey,
    receive: RecvKey,
    exported: Zeroizing<[u8; 32]>,
}

/// The key message was sent; the enclave has yet to prove that it could open it.
#[derive(Debug)]
pub struct AwaitingRecipient(Session);

impl AwaitingRecipient {
    /// Opens the enclave's `ready`. From here on the key may travel.
    pub fn ready(mut self, frame: Frame, now: Instant) -> Result<Releaser, SessionError> {
        let plaintext = self.0.receive.open(frame, now)?;
        match Record::parse(&plaintext, &self.0.limits)? {
            Record::Ready => Ok(Releaser(self.0)),
            _ => Err(Malformed("the first record is not ready").into()),
        }
    }
}

/// May release the key that the enclave asked for, once.
#[derive(Debug)]
pub struct Releaser(Session);

impl Releaser {
    /// Seals the key, and the list of clients who may ask, signed by `signer` for this session: the frame to send, and
    /// the state that waits for the enclave's answer.
    pub fn release(
        mut self,
        key: &ModelKey,
        clients: Option<&Clients>,
        signer: &PrivateKey,
        now: Instant,
    ) -> Result<(AwaitingOutcome, Frame), SessionError> {
        let session = &mut self.0;
        let request =
            key_release::request(0, &session.claims, key, clients, signer, &session.exported);
        let frame = session.send.seal(request, now)?;
        Ok((AwaitingOutcome(self.0), frame))
    }
}

/// The key was sent; the enclave has yet to say whether it takes it.
#[derive(Debug)]
pub struct AwaitingOutcome(Session);

impl AwaitingOutcome {
    /// What the enclave says: the key is taken, or why it is not.
    pub fn outcome(
        mut self,
        frame: Frame,
        now: Instant,
    ) -> Result<Result<(), NotTaken>, SessionError> {
        let plaintext = self.0.receive.open(frame, now)?;
        match Record::parse(&plaintext, &self.0.limits)? {
            Record::Answer(0, body) => Ok(key_release::read_answer(body)?),
            _ => Err(Malformed("no answer to the release").into()),
        }
    }
}
