//! The handshake with an enclave, step by step: nothing is sealed before its evidence is verified.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_frame_io::ReadError;
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::suite::KeyError;
use sealnote_session::Rejection;
use sealnote_session::{Challenge, Evidence, EvidenceError, VerifiedEvidence};
use sealnote_session::{ClientSession, Confirmed};
use sealnote_transport::{TransportError, connect_within};
use sealnote_verifier::{Kind, UnixTime};
use thiserror::Error;

use crate::client::Client;
use crate::evidence::{EvidenceDigest, appraise};
use crate::session::Session;
use crate::wire::{Wire, WireError};

/// Why there is no session.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody can be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The connection failed under way.
    #[error("{}", under_way(.0))]
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
    /// The parent or the enclave has no place, or whoever is on the way says so: nothing vouches for it.
    #[error(
        "the parent is full, or the enclave behind it: there is no place for one more client now. This is not \
         authenticated, for anyone on the way can say so. Try again later, or another server"
    )]
    Full,
    /// The answer cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The evidence was rejected.
    #[error("evidence rejected, check {}: {}", .0.check(), .0)]
    Rejected(#[from] Rejection),
    /// The observer could not keep the evidence, so nothing is sent on it.
    #[error("the evidence could not be kept: {0}")]
    NotKept(std::io::Error),
    /// The enclave serves only clients that sign, and there is no key to sign with. Nothing was sent after the hello.
    #[error(
        "this enclave asks for a client key: make one with `sealnote key new`, give its public half to the model's owner, \
         and name it with --client-key"
    )]
    NoClientKey,
    /// The attested key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The first record did not prove that the enclave has the session's keys.
    #[error("the enclave did not confirm the session's keys: {0}")]
    NotConfirmed(#[from] SessionError),
}

/// What is likely, where a handshake ends early. None of it is known: there is nobody to vouch for it.
fn under_way(error: &ReadError) -> String {
    match error {
        ReadError::Frame(_) => {
            format!("this is no Sealnote server, or one of another release: {error}")
        }
        _ => format!(
            "{error} during the handshake: the enclave behind this address may not be running, or the server has no \
             place for one more client"
        ),
    }
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

/// A connection on which nothing was said yet.
pub struct Connected {
    client: Client,
    wire: Wire,
}

/// What a server answered to a fresh challenge, unverified.
pub struct Attested {
    client: Client,
    wire: Wire,
    challenge: Challenge,
    evidence: Evidence,
}

/// Evidence that was accepted, and the connection that it came on. No note was sent yet.
pub struct Verified {
    pub(crate) client: Client,
    wire: Wire,
    evidence: VerifiedEvidence,
    document: Vec<u8>,
    digest: EvidenceDigest,
    /// Whether the observer could keep it.
    kept: std::io::Result<()>,
}

impl Client {
    /// Connects, sends a fresh challenge, and appraises the answer: [`connect`](Self::connect),
    /// [`attest`](Connected::attest) and [`verify`](Attested::verify) in one.
    pub async fn verify(&self) -> Result<Verified, ConnectError> {
        Ok(self.connect().await?.attest().await?.verify()?)
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Connected, ConnectError> {
        let stream = connect_within(self.server(), self.handshake_timeout()).await?;
        Ok(Connected {
            client: self.clone(),
            wire: Wire::new(stream, self.handshake_timeout()),
        })
    }
}

impl Connected {
    /// Sends a fresh challenge, and waits for the evidence.
    pub async fn attest(mut self) -> Result<Attested, ConnectError> {
        let rng = &mut UnwrapErr(SysRng);
        let challenge = Challenge::new(self.client.policy(), rng).map_err(Rejection::from)?;
        self.wire.send(challenge.hello()).await?;
        let answer = self.wire.next(FrameType::Answer, MAX_ANSWER).await?;
        let evidence = Evidence::from_frame(answer)?;
        Ok(Attested {
            client: self.client,
            wire: self.wire,
            challenge,
            evidence,
        })
    }
}

impl Attested {
    /// The evidence's bytes, unverified: to keep for an auditor, above all where they are rejected.
    pub fn document(&self) -> &[u8] {
        self.evidence.as_bytes()
    }

    /// What the evidence is said to be of.
    pub fn kind(&self) -> Kind {
        self.evidence.kind()
    }

    /// Appraises the evidence: every check of PROTOCOL.md.
    pub fn verify(self) -> Result<Verified, Rejection> {
        let by = (self.client.policy(), self.client.roots());
        let told = appraise(self.evidence, self.challenge, by, |appraisal| {
            self.client.observe(appraisal)
        });
        Ok(Verified {
            client: self.client,
            wire: self.wire,
            evidence: told.verdict?,
            document: told.document,
            digest: told.digest,
            kept: told.told,
        })
    }
}

impl Verified {
    /// What was verified: what the evidence says, the claims, the model, and the checks that passed.
    pub fn evidence(&self) -> &VerifiedEvidence {
        &self.evidence
    }

    /// The evidence's bytes, to keep for an auditor.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// What names the evidence in the results of its session.
    pub fn digest(&self) -> EvidenceDigest {
        self.digest
    }

    /// Establishes the session's keys, waits until the enclave confirms them, and signs, if the enclave asks for that.
    /// Whether it serves this client shows in what comes next: see [`SessionEnd::Denied`](crate::SessionEnd::Denied).
    pub async fn open(mut self) -> Result<Session, ConnectError> {
        self.kept.map_err(ConnectError::NotKept)?;
        if self.evidence.claims().clients_sign() && self.client.key().is_none() {
            return Err(ConnectError::NoClientKey);
        }
        let limits = *self.evidence.claims().limits();
        let (awaiting, key) = ClientSession::establish(
            self.evidence,
            self.client.session_limits(),
            &mut UnwrapErr(SysRng),
            Instant::now(),
        )?;
        self.wire.send(&key).await?;
        let due = limits.max_to_client();
        let ready = self.wire.next(FrameType::Record, due).await?;
        let (sender, receiver) = match awaiting.ready(ready, Instant::now())? {
            Confirmed::Open(sender, receiver) => (sender, receiver),
            Confirmed::MustSign(awaiting) => {
                let key = self.client.key().ok_or(ConnectError::NoClientKey)?;
                let (sender, receiver, signature) = awaiting.sign(key, Instant::now())?;
                self.wire.send(&signature).await?;
                (sender, receiver)
            }
        };
        let wire = self.wire.with_patience(self.client.timeout());
        Ok(Session::new(sender, receiver, wire, limits, self.digest))
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
