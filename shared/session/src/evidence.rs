//! From an answer to verified evidence.

use rand_core::CryptoRng;
use sealnote_protocol::NotDeterministic;
use sealnote_protocol::claims::Claims;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::{Answer, Hello};
use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::{PublicKey, Suite};
use sealnote_protocol::task::{ModelClaims, Task};
use sealnote_verifier::{Check, Facts, Kind, Policy, TrustRoots, UnixTime};

use crate::binding::{self, BindingError};
use crate::saved::{Appraised, SavedEvidence};

/// A connection's challenge, inside the hello that carries it. Not `Clone`: the check takes it.
#[derive(Debug)]
pub struct Challenge {
    nonce: [u8; 32],
    hello: Frame,
}

/// A policy that asks for a suite stronger than all that are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("least_suite {least} is unknown; it is {known}", known = known_suites())]
pub struct UnknownSuite {
    /// What the policy asks for.
    pub least: u16,
}

/// The suites that a client with this policy offers, weakest first: from the least of all its measurement sets on,
/// since none has matched yet.
///
/// # Errors
///
/// If a set asks for a suite that is not known here: the policy was made for a later release.
pub fn offered(policy: &Policy) -> Result<Vec<Suite>, UnknownSuite> {
    let mut least = None;
    for of_set in policy.least_suites() {
        let of_set = known_suite(of_set)?;
        least = Some(least.map_or(of_set, |least: Suite| least.min(of_set)));
    }
    let least = least.unwrap_or(Suite::DEFAULT_LEAST);
    let suites = Suite::ALL.into_iter();
    Ok(suites.filter(|suite| *suite >= least).collect())
}

pub(crate) fn known_suite(least: Option<u16>) -> Result<Suite, UnknownSuite> {
    match least {
        None => Ok(Suite::DEFAULT_LEAST),
        Some(least) => Suite::from_id(least).ok_or(UnknownSuite { least }),
    }
}

fn known_suites() -> String {
    let known = Suite::ALL.map(|suite| format!("{} ({})", suite.id(), suite.name()));
    known.join(" or ")
}

impl Challenge {
    /// Draws 32 bytes, and offers the suites that the policy accepts.
    ///
    /// # Errors
    ///
    /// As [`offered`].
    pub fn new(policy: &Policy, rng: &mut impl CryptoRng) -> Result<Self, UnknownSuite> {
        let suites = offered(policy)?;
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let hello = Hello::new(nonce, suites).to_frame();
        Ok(Self { nonce, hello })
    }

    /// The frame to send.
    pub fn hello(&self) -> &Frame {
        &self.hello
    }
}

/// What an enclave answered: bytes to be checked, and nothing that can be read before.
#[derive(Debug)]
pub struct Evidence {
    frame: Frame,
    kind: Kind,
    answer: Answer,
}

/// Why a frame holds no evidence that could be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Not an answer, or not one in its deterministic encoding.
    #[error("the server's answer is malformed: {0}")]
    Malformed(#[from] NotDeterministic),
    /// Evidence of a kind that this client cannot check.
    #[error(
        "the server sent evidence of kind {0}, which this release of the client cannot check; a later one may"
    )]
    Kind(u16),
}

/// Why an enclave's answer was rejected: the first check that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The evidence does not hold.
    #[error(transparent)]
    Evidence(#[from] sealnote_verifier::Rejection),
    /// The claims that it attests are not accepted.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// The policy asks for what this release does not know.
    #[error(transparent)]
    Policy(#[from] UnknownSuite),
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Evidence(rejection) => rejection.check(),
            Self::Binding(error) => error.check(),
            Self::Policy(_) => binding::P2,
        }
    }
}

/// Evidence that passed every check, with what a session needs. Made only by [`Evidence::verify`], for
/// the task of the one who asked.
#[derive(Debug)]
pub struct VerifiedEvidence<T = ModelClaims> {
    appraised: Appraised<T>,
    pub(crate) key: PublicKey,
    pub(crate) transcript: Transcript,
}

impl Evidence {
    /// Takes the answer's frame.
    pub fn from_frame(frame: Frame) -> Result<Self, EvidenceError> {
        let answer = Answer::from_frame(&frame)?;
        let number = answer.kind().0;
        let kind = Kind::from_number(number).ok_or(EvidenceError::Kind(number))?;
        Ok(Self {
            frame,
            kind,
            answer,
        })
    }

    /// What it is evidence of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The evidence's bytes, unverified: to be kept for an auditor.
    pub fn as_bytes(&self) -> &[u8] {
        &self.answer.evidence
    }

    /// All that is needed to appraise it again, for an auditor.
    pub fn saved<'a>(&'a self, challenge: &Challenge) -> SavedEvidence<'a> {
        SavedEvidence {
            kind: self.kind,
            challenge: challenge.nonce,
            evidence: &self.answer.evidence,
            claims: &self.answer.claims,
            endorsements: self.answer.endorsements.as_deref(),
        }
    }

    /// Appraises what an enclave answered to a challenge: every check of the evidence, that it is bound to the
    /// challenge and to the claims, and then what the claims say. Claims of another task than `T` are refused (B2).
    pub fn verify<T: Task>(
        self,
        challenge: Challenge,
        policy: &Policy,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedEvidence<T>, Rejection> {
        let saved = self.saved(&challenge);
        let (appraised, key) = saved.appraise_with_key(policy, roots, now)?;
        Ok(VerifiedEvidence {
            appraised,
            key,
            transcript: Transcript::new().with(&challenge.hello).with(&self.frame),
        })
    }
}

impl<T> VerifiedEvidence<T> {
    /// What the evidence says.
    pub fn facts(&self) -> &Facts {
        self.appraised.facts()
    }

    /// The claims.
    pub fn claims(&self) -> &Claims<T> {
        self.appraised.claims()
    }

    /// The suite that the session will use: the strongest common one.
    pub fn suite(&self) -> Suite {
        self.key.suite()
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.appraised.passed()
    }
}
