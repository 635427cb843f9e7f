//! An appraisal that can be done again: everything that went into it, as it came.

use sealnote_protocol::claims::{Claims, PROTOCOL, binding};
use sealnote_protocol::suite::PublicKey;
use sealnote_protocol::task::{ModelClaims, Task};
use sealnote_verifier::{
    Binding, Check, CheckLog, Facts, Kind, Policy, RawEvidence, TrustRoots, UnixTime,
};

use crate::binding;
use crate::evidence::{Rejection, known_suite};

/// Evidence, and what it is bound to: bytes, unverified. A challenge that somebody kept shows nothing of now: that the
/// evidence was fresh is known only to who drew it.
#[derive(Clone, Copy, Debug)]
pub struct SavedEvidence<'a> {
    /// What it is said to be.
    pub kind: Kind,
    /// The challenge that it answers.
    pub challenge: [u8; 32],
    /// As the attester gave it.
    pub evidence: &'a [u8],
    /// The claims' exact bytes.
    pub claims: &'a [u8],
    /// What the vendor signed about the machine, for kinds that need it.
    pub endorsements: Option<&'a [u8]>,
}

/// Evidence and claims that passed every check. Made only by [`SavedEvidence::appraise`]; no session comes of it. An
/// enclave's task is in the type: what was attested for one is not taken for another.
#[derive(Debug)]
pub struct Appraised<T = ModelClaims> {
    facts: Facts,
    claims: Claims<T>,
    log: CheckLog,
}

impl SavedEvidence<'_> {
    /// Every check that a session's evidence passes before anything is sealed to it.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn appraise<T: Task>(
        &self,
        policy: &Policy,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<Appraised<T>, Rejection> {
        self.appraise_with_key(policy, roots, now)
            .map(|(appraised, _)| appraised)
    }

    /// The same, with the key that the session would seal to.
    ///
    /// The claims' digest is compared before they are decoded.
    pub(crate) fn appraise_with_key<T: Task>(
        &self,
        policy: &Policy,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<(Appraised<T>, PublicKey), Rejection> {
        let evidence = RawEvidence {
            kind: self.kind,
            bytes: self.evidence,
            endorsements: self.endorsements,
        };
        let bound_to = Binding {
            protocol: PROTOCOL,
            challenge: self.challenge,
            claims: binding(self.claims),
        };
        let result = policy.appraise(evidence, &bound_to, roots, now)?;
        let least = known_suite(result.least_suite())?;
        let (facts, mut log) = result.into_log();
        let rules = policy.session();
        let key = facts.public_key();
        let (claims, key) = binding::check(self.claims, key, least, rules, &mut log)?;
        Ok((Appraised { facts, claims, log }, key))
    }
}

impl<T> Appraised<T> {
    /// What the evidence says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What the evidence says, by itself.
    pub fn into_facts(self) -> Facts {
        self.facts
    }

    /// The claims.
    pub fn claims(&self) -> &Claims<T> {
        &self.claims
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.log.passed()
    }
}
