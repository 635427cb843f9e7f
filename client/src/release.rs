//! The owner's half of a key release: an enclave dials, is verified, and gets its model's key.
//!
//! ```text
//! KeyRequest::receive → KeyRequest::verify → VerifiedRequest::open → OpenRelease::release
//! ```
//!
//! Each step consumes the one before it. Before the evidence has passed every check of the owner's policy, nothing but
//! the challenge is sent (K12).

use std::time::{Duration, Instant};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::{Clients, PrivateKey};
use sealnote_encrypted_model::{KeyId, ModelKey};
use sealnote_model::ModelDigest;
use sealnote_protocol::frame::{Frame, FrameType};
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_protocol::suite::KeyError;
use sealnote_protocol::task::key_release::NotTaken;
use sealnote_protocol::task::{KeyReleaseClaims, Task};
use sealnote_session::{
    Challenge, Evidence, EvidenceError, Rejection, ReleaseSession, Releaser, VerifiedEvidence,
};
use sealnote_transport::Stream;
use sealnote_verifier::{Kind, Policy, TrustRoots};
use thiserror::Error;

use crate::evidence::{Appraisal, EvidenceDigest, appraise};
use crate::wire::{Wire, WireError};

/// How long an enclave that is told no may take to hear it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why no key was released, or it is not known whether it arrived.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The connection ended, or what came is no frame that is due.
    #[error("{}", of_enclave(.0))]
    Wire(#[from] WireError),
    /// The answer cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The policy asks for a suite that this release does not know.
    #[error(transparent)]
    Policy(Rejection),
    /// The attested key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A record did not open, or is not the one that is due.
    #[error("the enclave did not confirm the session: {0}")]
    NotConfirmed(#[from] SessionError),
}

/// A connection's end, as it is said of who dialled.
fn of_enclave(error: &WireError) -> String {
    match error {
        WireError::Read(error) => error.to_string(),
        WireError::Timeout(after) => {
            format!(
                "it neither sent nor took anything for {} s",
                after.as_secs()
            )
        }
        WireError::Refused | WireError::Full => "it sent what no enclave sends".into(),
    }
}

/// What an enclave answered to a fresh challenge, unverified.
pub struct KeyRequest {
    wire: Wire,
    challenge: Challenge,
    evidence: Evidence,
    digest: EvidenceDigest,
}

/// An enclave that the owner's policy accepts. Nothing was sent to it yet but the challenge.
pub struct VerifiedRequest {
    wire: Wire,
    evidence: VerifiedEvidence<KeyReleaseClaims>,
}

/// An enclave that was verified, and has confirmed the session's keys.
pub struct OpenRelease {
    wire: Wire,
    releaser: Releaser,
    limit: usize,
}

/// An enclave that the owner's policy does not accept.
pub struct RejectedRequest {
    /// The check that failed, and why.
    pub rejection: Rejection,
    /// To be told.
    pub connection: TurnedDown,
}

/// A connection whose request was turned down. It is yet to be told so.
pub struct TurnedDown(Wire);

impl KeyRequest {
    /// Sends a fresh challenge to an enclave that has dialled, and waits for its evidence; for each step `patience`.
    ///
    /// # Errors
    /// [`ReleaseError`]; nothing was sent but the challenge.
    pub async fn receive(
        stream: Stream,
        policy: &Policy,
        patience: Duration,
    ) -> Result<Self, ReleaseError> {
        let mut wire = Wire::new(stream, patience);
        let challenge = Challenge::new(policy, &mut UnwrapErr(SysRng));
        let challenge = challenge.map_err(|error| ReleaseError::Policy(error.into()))?;
        wire.send(challenge.hello()).await?;
        let answer = wire.next(FrameType::Answer, MAX_ANSWER).await?;
        let evidence = Evidence::from_frame(answer)?;
        Ok(Self {
            digest: EvidenceDigest::of(evidence.as_bytes()),
            wire,
            challenge,
            evidence,
        })
    }

    /// What names the evidence.
    pub fn digest(&self) -> EvidenceDigest {
        self.digest
    }

    /// What the evidence is said to be of.
    pub fn kind(&self) -> Kind {
        self.evidence.kind()
    }

    /// Appraises the evidence under the owner's policy, by every check that a client of notes makes (K12), and tells
    /// `observe` of it, which may fail to keep it.
    ///
    /// # Errors
    /// The rejection, with the connection.
    pub fn verify(
        self,
        policy: &Policy,
        roots: &TrustRoots,
        observe: impl FnOnce(&Appraisal<'_, KeyReleaseClaims>),
    ) -> Result<VerifiedRequest, Box<RejectedRequest>> {
        let told = appraise(self.evidence, self.challenge, (policy, roots), observe);
        match told.verdict {
            Ok(evidence) => Ok(VerifiedRequest {
                wire: self.wire,
                evidence,
            }),
            Err(rejection) => Err(Box::new(RejectedRequest {
                rejection,
                connection: TurnedDown(self.wire),
            })),
        }
    }
}

impl VerifiedRequest {
    /// What was verified.
    pub fn evidence(&self) -> &VerifiedEvidence<KeyReleaseClaims> {
        &self.evidence
    }

    /// The digest of the model whose key is asked for.
    pub fn model(&self) -> ModelDigest {
        Task::model(self.evidence.claims().task())
    }

    /// The key that is asked for.
    pub fn key_id(&self) -> Option<KeyId> {
        self.evidence.claims().task().key_id()
    }

    /// Turns it down all the same.
    pub fn turn_down(self) -> TurnedDown {
        TurnedDown(self.wire)
    }

    /// Establishes the session's keys, and waits until the enclave confirms them: only then is a key to be read.
    ///
    /// # Errors
    /// [`ReleaseError`]; no model's key was sent.
    pub async fn open(mut self) -> Result<OpenRelease, ReleaseError> {
        let limit = self.evidence.claims().limits().max_to_client();
        let limits = SessionLimits::default();
        let (awaiting, key) = ReleaseSession::establish(
            self.evidence,
            limits,
            &mut UnwrapErr(SysRng),
            Instant::now(),
        )?;
        self.wire.send(&key).await?;
        let ready = self.wire.next(FrameType::Record, limit).await?;
        Ok(OpenRelease {
            releaser: awaiting.ready(ready, Instant::now())?,
            wire: self.wire,
            limit,
        })
    }
}

impl OpenRelease {
    /// Sends the key and the list of clients who may ask, signed for this session, and waits for what the enclave makes
    /// of it.
    ///
    /// # Errors
    /// [`ReleaseError`]: the key may have arrived.
    pub async fn release(
        mut self,
        key: &ModelKey,
        clients: Option<&Clients>,
        signer: &PrivateKey,
    ) -> Result<Result<(), NotTaken>, ReleaseError> {
        let (awaiting, record) = self
            .releaser
            .release(key, clients, signer, Instant::now())?;
        self.wire.send(&record).await?;
        let answer = self.wire.next(FrameType::Record, self.limit).await?;
        let outcome = awaiting.outcome(answer, Instant::now())?;
        // The enclave has what it wants, and may be gone.
        let _ = self.wire.shutdown().await;
        Ok(outcome)
    }

    /// There is no key for it.
    pub fn turn_down(self) -> TurnedDown {
        TurnedDown(self.wire)
    }
}

impl TurnedDown {
    /// Refuses: asking again would change nothing. It says no reason.
    pub async fn refuse(self) {
        self.say(&Frame::refusal()).await;
    }

    /// Says that there is no place now: later there may be.
    pub async fn full(self) {
        self.say(&Frame::full()).await;
    }

    /// If the enclave does not hear it, the connection's end says as much.
    async fn say(self, farewell: &Frame) {
        let mut wire = self.0.at_most(FAREWELL);
        let _ = wire.send(farewell).await;
        let _ = wire.shutdown().await;
    }
}

/// Says to somebody who has dialled that there is no place.
pub async fn no_place(stream: Stream) {
    TurnedDown(Wire::new(stream, FAREWELL)).full().await;
}
