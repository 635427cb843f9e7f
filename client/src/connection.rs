//! The handshake with an enclave: nothing is sealed before its evidence is verified.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_frame_io::ReadError;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_protocol::suite::KeyError;
use sealnote_session::ClientSession;
use sealnote_session::Rejection;
use sealnote_session::{Challenge, Evidence, EvidenceError, VerifiedEvidence};
use sealnote_transport::{Endpoint, TransportError, connect_within};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};
use thiserror::Error;

use crate::session::Session;
use crate::wire::{Wire, WireError};

/// Whom to talk to, and what to demand of it.
#[derive(Debug)]
pub struct Client {
    /// The parent, or the enclave itself.
    pub server: Endpoint,
    /// What the evidence must show.
    pub policy: Policy,
    /// The trust anchors.
    pub roots: TrustRoots,
    /// How long to wait for the connection, and for each frame of the handshake:
    /// [`HANDSHAKE_PATIENCE`] as a rule.
    pub handshake_patience: Duration,
    /// How long to wait for the next answer, once there is a session, and for a request to be taken.
    pub patience: Duration,
    /// When a session ends; a new one, with new evidence, goes on.
    pub session_limits: SessionLimits,
    /// What to do where the new one's model is another.
    pub on_other_model: OnOtherModel,
}

/// What to do where a later session's model, as its evidence attests it, is another than the first's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOtherModel {
    /// Send it no note.
    Stop,
    /// Go on: what it classifies is in its own labels.
    GoOn,
}

/// How long to wait for the connection, and for each frame of the handshake: longer than a parent
/// waits for its enclave to boot.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(90);

/// Why there is no session.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody can be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The connection failed under way.
    #[error("{0} during the handshake; is an enclave running behind this address?")]
    Read(ReadError),
    /// No frame came in time, or none was taken.
    #[error(
        "the server did not go on with the handshake for {} s; is its enclave running, or overloaded?",
        .0.as_secs()
    )]
    Timeout(Duration),
    /// The enclave (or whoever is on the way) refused. It does not say why.
    #[error(
        "the server refused the handshake; it gives no reason. Try again, and check that client and enclave are of the same release"
    )]
    Refused,
    /// The parent or the enclave has no place (or whoever is on the way says so).
    #[error("the server says that all places are taken; try again later, or another server")]
    Full,
    /// The answer cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The evidence was rejected.
    #[error("evidence rejected, check {}: {}", .0.check(), .0)]
    Rejected(#[from] Rejection),
    /// The attested key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The first record did not prove that the enclave has the session's keys.
    #[error("the enclave did not confirm the session's keys: {0}")]
    NotConfirmed(#[from] SessionError),
}

impl From<WireError> for ConnectError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Read(error) => Self::Read(error),
            WireError::Timeout(after) => Self::Timeout(after),
            WireError::Refused => Self::Refused,
            WireError::Full => Self::Full,
        }
    }
}

/// Evidence that was accepted, and the connection that it came on. No note can be sent yet.
pub struct Verified {
    evidence: VerifiedEvidence,
    document: Vec<u8>,
    wire: Wire,
    session_limits: SessionLimits,
    patience: Duration,
}

impl Client {
    /// Connects, sends a fresh challenge, and appraises the answer.
    pub async fn verify(&self) -> Result<Verified, ConnectError> {
        let stream = connect_within(&self.server, self.handshake_patience).await?;
        let mut wire = Wire::new(stream, self.handshake_patience);
        let challenge =
            Challenge::new(&self.policy, &mut UnwrapErr(SysRng)).map_err(Rejection::from)?;
        wire.send(challenge.hello()).await?;
        let answer = wire.next(FrameType::Answer, MAX_ANSWER).await?;
        let evidence = Evidence::from_frame(answer)?;
        let document = evidence.as_bytes().to_vec();
        let evidence = evidence.verify(challenge, &self.policy, &self.roots, now())?;
        Ok(Verified {
            evidence,
            document,
            wire,
            session_limits: self.session_limits,
            patience: self.patience,
        })
    }
}

impl Verified {
    /// What was verified.
    pub fn evidence(&self) -> &VerifiedEvidence {
        &self.evidence
    }

    /// The attestation document's bytes, to keep for an auditor.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// Establishes the session's keys, and waits until the enclave confirms them.
    pub async fn open(mut self) -> Result<Session, ConnectError> {
        let limits = *self.evidence.claims().limits();
        let (awaiting, key) = ClientSession::establish(
            self.evidence,
            self.session_limits,
            &mut UnwrapErr(SysRng),
            Instant::now(),
        )?;
        self.wire.send(&key).await?;
        let due = limits.max_to_client();
        let ready = self.wire.next(FrameType::Record, due).await?;
        let (sender, receiver) = awaiting.ready(ready, Instant::now())?;
        let wire = self.wire.with_patience(self.patience);
        Ok(Session::new(sender, receiver, wire, limits))
    }
}

/// The system's clock, for verification. A clock before 1970 reads as 1970, at which no certificate
/// is valid.
pub fn now() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
