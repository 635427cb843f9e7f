//! Which evidence a session stands on, and who is told of it.

use core::fmt;
use std::sync::Arc;

use sealnote_protocol::task::{ModelClaims, Task};
use sealnote_session::{Challenge, Evidence, Rejection, SavedEvidence, VerifiedEvidence};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};
use sha2::{Digest, Sha256};

use crate::connection::now;

/// SHA-256 of the evidence's bytes: what names a session in results, so that each result leads to the document that
/// was verified before its note was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EvidenceDigest([u8; 32]);

/// One appraisal, as it was done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Appraisal<'a, T = ModelClaims> {
    /// The evidence and all that it was appraised with, to keep for an auditor, above all where it is rejected.
    pub saved: SavedEvidence<'a>,
    /// What names the evidence.
    pub digest: EvidenceDigest,
    /// When it was appraised.
    pub at: UnixTime,
    /// What the appraisal found.
    pub verdict: Result<&'a VerifiedEvidence<T>, &'a Rejection>,
}

/// Is told of every appraisal, and may fail to keep it.
#[derive(Clone)]
pub(crate) struct Observer(pub(crate) Arc<Observe>);

pub(crate) type Observe = dyn Fn(&Appraisal<'_>) -> std::io::Result<()> + Send + Sync;

/// An appraisal that somebody was told of.
pub(crate) struct Told<T, R> {
    pub(crate) verdict: Result<VerifiedEvidence<T>, Rejection>,
    /// The evidence's bytes.
    pub(crate) document: Vec<u8>,
    pub(crate) digest: EvidenceDigest,
    /// What the one who was told returned.
    pub(crate) told: R,
}

/// Appraises evidence by every check of PROTOCOL.md, and tells of it whatever it finds.
pub(crate) fn appraise<T: Task, R>(
    evidence: Evidence,
    challenge: Challenge,
    (policy, roots): (&Policy, &TrustRoots),
    tell: impl FnOnce(&Appraisal<'_, T>) -> R,
) -> Told<T, R> {
    let saved = evidence.saved(&challenge);
    let document = saved.evidence.to_vec();
    let claims = saved.claims.to_vec();
    let endorsements = saved.endorsements.map(<[u8]>::to_vec);
    let saved = SavedEvidence {
        evidence: &document,
        claims: &claims,
        endorsements: endorsements.as_deref(),
        ..saved
    };
    let (digest, at) = (EvidenceDigest::of(&document), now());
    let verdict = evidence.verify(challenge, policy, roots, at);
    let told = tell(&Appraisal {
        saved,
        digest,
        at,
        verdict: verdict.as_ref(),
    });
    Told {
        verdict,
        document,
        digest,
        told,
    }
}

impl EvidenceDigest {
    /// Of these bytes.
    pub fn of(document: &[u8]) -> Self {
        Self(Sha256::digest(document).into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 hex digits: enough to find a document among those that one has.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..8])
    }
}

impl From<[u8; 32]> for EvidenceDigest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for EvidenceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EvidenceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvidenceDigest({})", self.short())
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
