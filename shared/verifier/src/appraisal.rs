//! The doors: one for evidence of a session, and one for each kind of evidence by itself.

use crate::check::{Check, CheckLog};
use crate::kinds::{Facts, Kind, RawEvidence, Rejection, TrustRoots};
use crate::nitro::VerifiedDocument;
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::{azure_vtpm, sev_snp, tdx, token};
use sealnote_evidence::Binding;

/// The attestation result (RFC 9334): evidence that passed every check, and is bound to one session.
///
/// Made only by [`Policy::appraise`]: no public constructor, no `Default`, no `Deserialize`, no `Clone`.
#[derive(Debug)]
pub struct AttestationResult {
    facts: Facts,
    least_suite: Option<u16>,
    log: CheckLog,
}

impl Policy {
    /// Appraises evidence of any kind that is to be bound to a session, against the pinned roots, this policy and
    /// the time. What the claims say is their reader's to check, with [`Policy::session`].
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn appraise(
        &self,
        evidence: RawEvidence<'_>,
        binding: &Binding,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<AttestationResult, Rejection> {
        let (facts, log) = self.evidence.appraise(evidence, binding, roots, now)?;
        Ok(AttestationResult {
            least_suite: facts.least_suite().or(self.session().least_suite()),
            facts,
            log,
        })
    }

    /// Checks a Nitro document by itself: as [`Rules::check_document`](crate::nitro::Rules::check_document).
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn check_document(
        &self,
        document: &[u8],
        roots: &TrustRoots,
        nonce: Option<&[u8]>,
        now: UnixTime,
    ) -> Result<VerifiedDocument, Rejection> {
        let rules = self.nitro().ok_or(Rejection::Kind(Kind::Nitro))?;
        Ok(rules.check_document(document, &roots.nitro, nonce, now)?)
    }

    /// Checks an SEV-SNP report by itself: as [`sev_snp::Rules::check_report`].
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn check_report(
        &self,
        report: &[u8],
        endorsements: &[u8],
        report_data: Option<&[u8; 64]>,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<sev_snp::VerifiedReport, Rejection> {
        let rules = self.sev_snp();
        let rules = rules.ok_or(Rejection::Kind(Kind::SevSnp))?;
        Ok(rules.check_report(report, endorsements, report_data, &roots.sev_snp, now)?)
    }

    /// Checks a TDX quote by itself: as [`tdx::Rules::check_quote`].
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn check_quote(
        &self,
        quote: &[u8],
        collateral: &[u8],
        event_log: Option<&[u8]>,
        report_data: Option<&[u8; 64]>,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<tdx::VerifiedQuote, Rejection> {
        let rules = self.tdx().ok_or(Rejection::Kind(Kind::Tdx))?;
        Ok(rules.check_quote(quote, collateral, event_log, report_data, &roots.tdx, now)?)
    }

    /// Checks a TPM quote from Azure by itself: as [`azure_vtpm::Rules::check_vtpm`].
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn check_vtpm(
        &self,
        evidence: &azure_vtpm::Parts<'_>,
        endorsements: &[u8],
        qualifying_data: Option<&[u8]>,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<azure_vtpm::VerifiedVtpm, Rejection> {
        let rules = self.azure_vtpm();
        let rules = rules.ok_or(Rejection::Kind(Kind::AzureVtpm))?;
        Ok(rules.check_vtpm(
            evidence,
            endorsements,
            qualifying_data,
            roots.hardware(),
            now,
        )?)
    }

    /// Checks a token by itself: as [`token::Rules::check_token`].
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn check_token(
        &self,
        token: &[u8],
        keys: &[u8],
        binding: Option<&[u8; 64]>,
        now: UnixTime,
    ) -> Result<token::VerifiedToken, Rejection> {
        let rules = self.token().ok_or(Rejection::Kind(Kind::Token))?;
        Ok(rules.check_token(token, keys, binding, now)?)
    }
}

impl AttestationResult {
    /// What the evidence says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The number of the weakest suite that a session with this evidence may take: that of the measurement set that it
    /// matches, or else the policy's; `None` leaves it to the protocol.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.log.passed()
    }

    /// The same, for a caller with checks of its own to add.
    pub fn into_log(self) -> (Facts, CheckLog) {
        (self.facts, self.log)
    }
}
