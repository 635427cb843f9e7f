//! From an answer to verified evidence: the binding between document and session (check X8).

use rand_core::CryptoRng;
use sealnote_model::ModelDigest;
use sealnote_model::Precision;
use sealnote_protocol::NotDeterministic;
use sealnote_protocol::claims::{Claims, ClaimsError, binding};
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::{Answer, EvidenceKind, Hello};
use sealnote_protocol::session::Transcript;
use sealnote_protocol::suite::{KeyError, PublicKey, Suite, rsa_oaep, xwing};
use subtle::ConstantTimeEq;

use crate::log::CheckLog;
use crate::{Check, Policy, Rejection, TrustRoots, UnixTime, VerifiedDocument};

/// A connection's challenge, inside the hello that carries it. Not `Clone`: the check takes it.
#[derive(Debug)]
pub struct Challenge {
    nonce: [u8; 32],
    hello: Frame,
}

impl Challenge {
    /// Draws 32 bytes, and offers the suites that the policy accepts.
    pub fn new(policy: &Policy, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let suites = Suite::ALL
            .into_iter()
            .filter(|suite| *suite >= policy.least_suite());
        let hello = Hello::new(nonce, suites).to_frame();
        Self { nonce, hello }
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
    kind: EvidenceKind,
    evidence: Vec<u8>,
    claims: Vec<u8>,
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
    /// Endorsements beside evidence of a kind that has none.
    #[error("the server sent endorsements beside {0} evidence, which has none")]
    Endorsements(&'static str),
}

impl Evidence {
    /// Takes the answer's frame.
    pub fn from_frame(frame: Frame) -> Result<Self, EvidenceError> {
        let answer = Answer::from_frame(&frame)?;
        let number = answer.kind();
        let kind = EvidenceKind::from_id(number).ok_or(EvidenceError::Kind(number))?;
        if answer.endorsements.is_some() {
            return Err(EvidenceError::Endorsements(kind.name()));
        }
        Ok(Self {
            kind,
            evidence: answer.evidence,
            claims: answer.claims,
            frame,
        })
    }

    /// What it is evidence of.
    pub fn kind(&self) -> EvidenceKind {
        self.kind
    }

    /// The evidence's bytes, unverified: to be kept for an auditor.
    pub fn as_bytes(&self) -> &[u8] {
        &self.evidence
    }
}

/// Why a document is not bound to the session that it came with, or not to one that the policy
/// accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// The document has no `user_data`.
    #[error("the document carries no user_data: it was not made for a sealnote/2 session")]
    UserDataMissing,
    /// The document's `user_data` is not the digest of the claims.
    #[error("the claims are not those that the document attests: they were changed on the way")]
    UserData,
    /// The attested claims are out of shape or range.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The claims name a key of suite 1, and the document has no `public_key`.
    #[error("the claims name an RSA key, and the document carries none")]
    PublicKeyMissing,
    /// The document has a `public_key`, and the claims do not have suite 1.
    #[error("the document carries a public key that its claims do not name")]
    PublicKeyUnclaimed,
    /// A key is none that its suite allows.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The attested key is not the one that the attested claims name.
    #[error("the document's public key is not the one that its claims name")]
    KeyNotClaimed,
    /// No suite is both attested and accepted.
    #[error("the enclave attests no suite of {} or above, which the policy asks for", least.id())]
    Suite {
        /// The policy's least suite.
        least: Suite,
    },
    /// The attested model is none that the policy accepts.
    #[error("the enclave runs model {actual}, which is none of the policy's model_digests")]
    Model {
        /// The attested digest.
        actual: ModelDigest,
    },
    /// The encoder is computed in another precision than the policy asks for.
    #[error("the enclave computes in {actual}, and the policy asks for {expected}")]
    Precision {
        /// The attested precision.
        actual: Precision,
        /// The policy's.
        expected: Precision,
    },
}

/// Evidence that passed every check, with what a session needs. Made only by [`Policy::verify`].
#[derive(Debug)]
pub struct VerifiedEvidence {
    document: VerifiedDocument,
    claims: Claims,
    passed: CheckLog,
    pub(crate) key: PublicKey,
    pub(crate) transcript: Transcript,
}

impl Policy {
    /// Appraises what an enclave answered to a challenge: every check of the document, the
    /// challenge as its nonce (X7), and its binding to key and claims (X8).
    ///
    /// The claims' bytes are compared with the document's `user_data` before they are decoded.
    pub fn verify(
        &self,
        evidence: Evidence,
        challenge: Challenge,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedEvidence, Rejection> {
        let document =
            self.check_document(&evidence.evidence, roots, Some(&challenge.nonce), now)?;
        let mut passed = document.passed.clone();
        let (claims, key) = passed.run(Check::X8, || {
            self.check_binding(&document, &evidence.claims)
        })?;
        Ok(VerifiedEvidence {
            document,
            claims,
            passed,
            key,
            transcript: Transcript::new()
                .with(&challenge.hello)
                .with(&evidence.frame),
        })
    }

    /// X8, then what the policy asks of the claims.
    fn check_binding(
        &self,
        document: &VerifiedDocument,
        claims: &[u8],
    ) -> Result<(Claims, PublicKey), BindingError> {
        let user_data = document.user_data().ok_or(BindingError::UserDataMissing)?;
        if !bool::from(user_data.ct_eq(&binding(claims))) {
            return Err(BindingError::UserData);
        }
        let claims = Claims::decode(claims)?;
        // Both are checked, whichever the session takes.
        let rsa_oaep = check_rsa_oaep_key(document, &claims)?.map(PublicKey::RsaOaep);
        let xwing = claims.xwing_key().map(xwing::EncapsulationKey::from_bytes);
        let xwing = xwing.transpose().map_err(KeyError::from)?;
        let xwing = xwing.map(|key| PublicKey::XWing(Box::new(key)));
        let least = self.least_suite();
        let keys = [xwing, rsa_oaep].into_iter().flatten();
        let key = keys
            .filter(|key| key.suite() >= least)
            .max_by_key(PublicKey::suite);
        let key = key.ok_or(BindingError::Suite { least })?;
        let actual = claims.model().digest();
        if let Some(accepted) = self.model_digests()
            && !accepted.contains(&actual)
        {
            return Err(BindingError::Model { actual });
        }
        let actual = claims.model().precision;
        if let Some(expected) = self.precision()
            && actual != expected
        {
            return Err(BindingError::Precision { actual, expected });
        }
        Ok((claims, key))
    }
}

/// X8.3: a key is in the document if and only if the claims name it.
fn check_rsa_oaep_key(
    document: &VerifiedDocument,
    claims: &Claims,
) -> Result<Option<rsa_oaep::PublicKey>, BindingError> {
    match (document.public_key(), claims.claims_rsa_oaep()) {
        (None, false) => Ok(None),
        (None, true) => Err(BindingError::PublicKeyMissing),
        (Some(_), false) => Err(BindingError::PublicKeyUnclaimed),
        (Some(spki), true) => {
            let key = rsa_oaep::PublicKey::from_spki(spki).map_err(KeyError::from)?;
            match claims.names_rsa_oaep_key(spki) {
                true => Ok(Some(key)),
                false => Err(BindingError::KeyNotClaimed),
            }
        }
    }
}

impl VerifiedEvidence {
    /// The document.
    pub fn document(&self) -> &VerifiedDocument {
        &self.document
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The suite that the session will use: the strongest common one.
    pub fn suite(&self) -> Suite {
        self.key.suite()
    }

    /// The checks that ran and passed, X8 last.
    pub fn passed(&self) -> &[Check] {
        self.passed.checks()
    }
}
