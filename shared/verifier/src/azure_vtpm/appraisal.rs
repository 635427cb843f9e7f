//! The order of the checks, and those that weigh genuine evidence against a policy.
//!
//! The first check that fails is the one reported, always in this order:
//!
//! 1. V1, structure, before anything is believed: see [`super::hcl`];
//! 2. V3: the hardware's report against the rules of its own kind, whose checks keep their identifiers;
//! 3. V2: that report is about `var_data`;
//! 4. V4: `var_data` has one attestation key;
//! 5. V6: that key signed the quote: see [`super::quote`];
//! 6. V7 and B1: `qualifyingData`, if the caller has what it must be;
//! 7. V8: the registers, and the set that they match.
//!
//! V5, a certificate of the attestation key, is not offered: V2 to V4 show whose key it is by the hardware's signature, and
//! a certificate would only add Azure's word to it, under roots that have no published list.

mod error;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use error::AppraisalError;

use super::attestation_key::AttestationKey;
use super::checks;
use super::hcl::{self, HclError, HclReport, Tee};
use super::pcrs::{self, Pcrs};
use super::quote::{self, Quote, QuoteError};
use super::rejection::Rejection;
use super::rules::{MeasurementSet, Rules};
use super::wire::{self, Parts};
use crate::check::{Check, CheckLog};
use crate::kinds::Verified;
use crate::sev_snp;
use crate::tdx;
use crate::time::UnixTime;
use sealnote_evidence::Binding;

/// Evidence of a vTPM that passed every check of [`Rules::check_vtpm`].
///
/// Made nowhere else: no public constructor, no `Default`, no `Deserialize`, no `Clone`.
#[derive(Debug)]
pub struct VerifiedVtpm {
    hardware: Hardware,
    pcrs: Pcrs,
    public_key: Option<Vec<u8>>,
    measurement_set: String,
    least_suite: Option<u16>,
    passed: CheckLog,
}

/// What the hardware says of the paravisor, verified.
#[derive(Debug)]
pub enum Hardware {
    /// On SEV-SNP.
    SevSnp(sev_snp::VerifiedReport),
    /// On TDX.
    Tdx(tdx::VerifiedQuote),
}

/// The trust anchors of the hardware.
#[derive(Clone, Copy, Debug)]
pub struct HardwareRoots<'a> {
    /// On SEV-SNP.
    pub sev_snp: &'a sev_snp::TrustRoots,
    /// On TDX.
    pub tdx: &'a tdx::TrustRoots,
}

/// Evidence that was read and not verified: anyone can write it.
#[derive(Debug)]
pub struct UnverifiedVtpm<'a> {
    tee: Tee,
    report: &'a [u8],
    qualifying_data: &'a [u8],
    pcrs: Pcrs,
}

/// Reads evidence without believing it.
///
/// # Errors
///
/// V1, V6 but for the signature, and V8 but for the policy: the first that fails.
pub fn inspect<'a>(evidence: &Parts<'a>) -> Result<UnverifiedVtpm<'a>, Rejection> {
    let hcl = check_structure(evidence)?;
    let quote = quote::parse(evidence.quote)?;
    Ok(UnverifiedVtpm {
        tee: hcl.tee,
        report: match hcl.tee {
            Tee::SevSnp => hcl.hardware,
            Tee::Tdx => evidence.td_quote,
        },
        qualifying_data: quote.qualifying_data,
        pcrs: pcrs::quoted(&quote, evidence.pcrs)?,
    })
}

impl UnverifiedVtpm<'_> {
    /// The hardware that it is said to be of.
    pub fn tee(&self) -> Tee {
        self.tee
    }

    /// The SEV-SNP report or the TD quote.
    pub fn report(&self) -> &[u8] {
        self.report
    }

    /// What the quote is bound to, at most 64 bytes.
    pub fn qualifying_data(&self) -> &[u8] {
        self.qualifying_data
    }

    /// The registers.
    pub fn pcrs(&self) -> &Pcrs {
        &self.pcrs
    }
}

impl Rules {
    /// Checks evidence with the endorsements of its hardware against the pinned roots, these rules and the time.
    ///
    /// `qualifying_data` is what the guest must have had the vTPM put in, all of it. `None` is for evidence that is bound to
    /// nothing: [`checks::V7`] and [`checks::B1`] are then not among the checks that passed.
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`crate::azure_vtpm::appraisal`].
    pub fn check_vtpm(
        &self,
        evidence: &Parts<'_>,
        endorsements: &[u8],
        qualifying_data: Option<&[u8]>,
        roots: HardwareRoots<'_>,
        now: UnixTime,
    ) -> Result<VerifiedVtpm, Rejection> {
        let mut log = CheckLog::default();
        let hcl = log.run(checks::V1, || check_structure(evidence))?;
        let hardware = log.run_all([checks::V3], |log| {
            let hardware = self.check_hardware(evidence, &hcl, endorsements, roots, now)?;
            log.append(hardware.verified().log());
            Ok::<_, Rejection>(hardware)
        })?;
        log.run(checks::V2, || hardware.check_var_data(hcl.var_data))?;
        let key = log.run(checks::V4, || AttestationKey::from_var_data(hcl.var_data))?;
        let quote = log.run(checks::V6, || check_quote(evidence, &key))?;
        if let Some(due) = qualifying_data {
            let found = quote.qualifying_data;
            log.run(checks::V7, || check_length(found, due))?;
            log.run(checks::B1, || check_qualifying_data(found, due))?;
        }
        let (pcrs, set) = log.run(checks::V8, || {
            let pcrs = pcrs::quoted(&quote, evidence.pcrs)?;
            let set = self.matching_set(hcl.tee, &pcrs, now)?;
            Ok::<_, Rejection>((pcrs, set))
        })?;
        Ok(VerifiedVtpm {
            measurement_set: set.label().to_owned(),
            least_suite: set.least_suite(),
            hardware,
            pcrs,
            public_key: None,
            passed: log,
        })
    }

    /// The same, of a session's evidence: its quote carries SHA-256 of the binding of challenge, claims and key.
    ///
    /// # Errors
    ///
    /// As [`check_vtpm`](Self::check_vtpm).
    pub fn check_evidence(
        &self,
        evidence: &[u8],
        endorsements: &[u8],
        binding: &Binding,
        roots: HardwareRoots<'_>,
        now: UnixTime,
    ) -> Result<VerifiedVtpm, Rejection> {
        let (evidence, public_key) = Parts::decode(evidence).map_err(Rejection::Evidence)?;
        let due = Sha256::digest(binding.report_data(wire::KIND, public_key));
        let checked = self.check_vtpm(&evidence, endorsements, Some(&due), roots, now)?;
        Ok(VerifiedVtpm {
            public_key: public_key.map(<[u8]>::to_vec),
            ..checked
        })
    }

    /// V3. What the report is bound to is V2's.
    fn check_hardware(
        &self,
        evidence: &Parts<'_>,
        hcl: &HclReport<'_>,
        endorsements: &[u8],
        roots: HardwareRoots<'_>,
        now: UnixTime,
    ) -> Result<Hardware, Rejection> {
        let not_listed = AppraisalError::TeeNotListed(hcl.tee);
        match hcl.tee {
            Tee::SevSnp => {
                let rules = self.sev_snp().ok_or(not_listed)?;
                let report =
                    rules.check_report(hcl.hardware, endorsements, None, roots.sev_snp, now)?;
                Ok(Hardware::SevSnp(report))
            }
            Tee::Tdx => {
                let rules = self.tdx().ok_or(not_listed)?;
                let (quote, roots) = (evidence.td_quote, roots.tdx);
                // Azure's quotes have no event log: the paravisor is measured as a whole.
                let quote = rules.check_quote(quote, endorsements, None, None, roots, now)?;
                Ok(Hardware::Tdx(quote))
            }
        }
    }

    /// V8, the policy's part.
    fn matching_set(
        &self,
        tee: Tee,
        pcrs: &Pcrs,
        now: UnixTime,
    ) -> Result<&MeasurementSet, AppraisalError> {
        let sets = self.measurement_sets().iter();
        let candidates: Vec<_> = sets
            .filter(|set| set.tee() == tee && set.pcrs().keys().eq(pcrs.keys()))
            .collect();
        if let Some(set) = candidates.iter().find(|set| set.pcrs() == pcrs) {
            return match set.not_after() {
                Some(end) if now > end => Err(AppraisalError::SetExpired {
                    label: set.label().to_owned(),
                }),
                _ => Ok(set),
            };
        }
        let first_other = |set: &&MeasurementSet| {
            let mut registers = pcrs.iter();
            registers.find(|(register, value)| set.pcrs().get(register) != Some(value))
        };
        let furthest = candidates
            .iter()
            .copied()
            .filter_map(|set| first_other(&set));
        match furthest.max_by_key(|(register, _)| **register) {
            Some((register, actual)) => Err(AppraisalError::Register {
                register: *register,
                actual: hex::encode(actual),
            }),
            None => Err(AppraisalError::Selection {
                tee,
                registers: pcrs.keys().copied().collect(),
            }),
        }
    }
}

impl Hardware {
    /// V2: all 64 bytes.
    fn check_var_data(&self, var_data: &[u8]) -> Result<(), AppraisalError> {
        let mut due = [0; 64];
        due[..32].copy_from_slice(&Sha256::digest(var_data));
        let report_data = match self {
            Self::SevSnp(report) => &report.fields().report_data,
            Self::Tdx(quote) => &quote.fields().report_data,
        };
        match bool::from(report_data.ct_eq(&due)) {
            true => Ok(()),
            false => Err(AppraisalError::VarData),
        }
    }

    fn verified(&self) -> &dyn Verified {
        match self {
            Self::SevSnp(report) => report,
            Self::Tdx(quote) => quote,
        }
    }
}

impl VerifiedVtpm {
    /// What the hardware says.
    pub fn hardware(&self) -> &Hardware {
        &self.hardware
    }

    /// The registers, which are those of the measurement set.
    pub fn pcrs(&self) -> &Pcrs {
        &self.pcrs
    }

    /// The public key that the evidence holds and the quote is bound to, at most 1024 bytes; `None` for evidence by itself.
    /// Its meaning is its reader's to check.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// The label of the measurement set that the guest matches.
    pub fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    /// The label of the measurement set that the paravisor matches.
    pub fn paravisor(&self) -> &str {
        self.hardware.verified().measurement_set()
    }

    /// The least suite that the matching measurement sets ask for, if one does: the guest's and the paravisor's.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// The checks that ran and passed, in the order in which they did, those of the hardware's report among them.
    pub fn passed(&self) -> &[Check] {
        self.passed.passed()
    }
}

impl Verified for VerifiedVtpm {
    fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    fn is_development(&self) -> bool {
        self.hardware.verified().is_development()
    }

    fn log(&self) -> &CheckLog {
        &self.passed
    }
}

/// V1.
fn check_structure<'a>(evidence: &Parts<'a>) -> Result<HclReport<'a>, HclError> {
    let hcl = hcl::parse(evidence.hcl_report)?;
    match (hcl.tee, evidence.td_quote) {
        (Tee::SevSnp, []) | (Tee::Tdx, [_, ..]) => Ok(hcl),
        (tee, _) => Err(HclError::TdQuote(tee)),
    }
}

/// V6.
fn check_quote<'a>(evidence: &Parts<'a>, key: &AttestationKey) -> Result<Quote<'a>, QuoteError> {
    let quote = quote::parse(evidence.quote)?;
    match key.signed(evidence.quote, evidence.signature) {
        true => Ok(quote),
        false => Err(QuoteError::Signature),
    }
}

/// V7.
fn check_length(found: &[u8], due: &[u8]) -> Result<(), AppraisalError> {
    match (found.len(), due.len()) {
        (found, due) if found == due => Ok(()),
        (found, due) => Err(AppraisalError::QualifyingDataLength { found, due }),
    }
}

/// B1.
fn check_qualifying_data(found: &[u8], due: &[u8]) -> Result<(), AppraisalError> {
    match bool::from(found.ct_eq(due)) {
        true => Ok(()),
        false => Err(AppraisalError::QualifyingData),
    }
}
