//! The order of the checks, and those that weigh a genuine quote against a policy.
//!
//! The first check that fails is the one reported, always in this order:
//!
//! 1. T1 and T2, structure, before anything is believed: see [`super::quote`];
//! 2. T3 to T9, from a pinned root to the quote's signature: see [`super::chain`];
//! 3. T10, T12, T16 and T21: what holds of platform, TDX module and guest, whatever the policy says; MRSEAM, which a policy
//!    names, is part of T12;
//! 4. B1: `report_data`, if the caller has what it must be;
//! 5. T11 and T13 to T15, T17 to T20, T22 and T23, the policy. Before T11 is weighed, dcap-qvl verifies everything again.

mod engine;
mod error;
mod guest;
mod level;

use subtle::ConstantTimeEq;

pub use error::{AppraisalError, AttributeFault};
pub(crate) use guest::{SEPT_VE_DISABLE, forbidden_attribute};

use super::chain::{self, RootKind, TrustRoots, VerifiedChain};
use super::checks;
use super::event_log;
use super::quote::{self, Quote, QuoteFields};
use super::rejection::Rejection;
use super::rules::{MeasurementSet, Rules};
use super::tcb::TcbStatus;
use super::wire;
use crate::check::{Check, CheckLog};
use crate::kinds::Verified;
use crate::time::UnixTime;
use engine::Verdict;
use sealnote_evidence::Binding;

/// The number of this kind on the wire.
const KIND: u16 = 3;

/// A quote that passed every check of [`Rules::check_quote`].
///
/// Made nowhere else: no public constructor, no `Default`, no `Deserialize`, no `Clone`.
#[derive(Debug)]
pub struct VerifiedQuote {
    fields: Box<QuoteFields>,
    root: RootKind,
    tcb_status: TcbStatus,
    advisory_ids: Vec<String>,
    fmspc: [u8; 6],
    ppid: Vec<u8>,
    public_key: Option<Vec<u8>>,
    measurement_set: String,
    least_suite: Option<u16>,
    passed: CheckLog,
}

impl Rules {
    /// Checks a quote with Intel's collateral (JSON, as [`super::wire`] says) against the pinned roots, these rules and the
    /// time.
    ///
    /// `report_data` is what the guest must have put in, all 64 bytes. `None` is for a quote whose `report_data` its caller
    /// checks, or that is bound to nothing: [`checks::B1`] is then not among the checks that passed. Nor is
    /// [`checks::T22`] without an event log.
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`crate::tdx::appraisal`].
    pub fn check_quote(
        &self,
        quote: &[u8],
        collateral: &[u8],
        event_log: Option<&[u8]>,
        report_data: Option<&[u8; 64]>,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedQuote, Rejection> {
        let mut log = CheckLog::default();
        let quote = quote::parse(quote, &mut log)?;
        let fields = &quote.fields;
        let chain = chain::verify(&quote, collateral, roots, now, &mut log)?;
        log.run(checks::T10, || check_platform(&chain))?;
        let sets = log.run(checks::T12, || {
            guest::check_module(fields, &chain.tcb_info)?;
            self.check_mr_seam(fields)
        })?;
        log.run(checks::T16, || {
            guest::check_attributes(fields, self.is_of_paravisor())
        })?;
        log.run(checks::T21, || guest::check_service_td(fields))?;
        if let Some(report_data) = report_data {
            log.run(checks::B1, || check_report_data(fields, report_data))?;
        }
        let verdict = self.check_tcb(&quote, &chain, now, &mut log)?;
        let set = check_sets(fields, sets, now, &mut log)?;
        if let Some(events) = event_log {
            log.run(checks::T22, || event_log::check(events, &fields.rtmrs))?;
        }
        log.run(checks::T23, || self.check_listed(&chain))?;
        Ok(VerifiedQuote {
            measurement_set: set.label().to_owned(),
            least_suite: set.least_suite(),
            root: chain.root,
            tcb_status: verdict.status,
            advisory_ids: verdict.advisory_ids,
            fmspc: chain.platform.fmspc,
            ppid: chain.platform.ppid,
            public_key: None,
            fields: Box::new(quote.fields),
            passed: log,
        })
    }

    /// The same, of a session's evidence: its quote carries the binding of challenge, claims and key.
    ///
    /// # Errors
    ///
    /// As [`check_quote`](Self::check_quote).
    pub fn check_evidence(
        &self,
        evidence: &[u8],
        endorsements: &[u8],
        binding: &Binding,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedQuote, Rejection> {
        let evidence = wire::evidence(evidence).map_err(Rejection::Evidence)?;
        let due = binding.report_data(KIND, evidence.public_key);
        let (quote, events) = (evidence.report, evidence.event_log);
        let quote = self.check_quote(quote, endorsements, events, Some(&due), roots, now)?;
        Ok(VerifiedQuote {
            public_key: evidence.public_key.map(<[u8]>::to_vec),
            ..quote
        })
    }

    /// T12: the sets of this TDX module.
    fn check_mr_seam(&self, fields: &QuoteFields) -> Result<Vec<&MeasurementSet>, AppraisalError> {
        let sets = self.measurement_sets().iter().collect();
        retain(sets, |set| set.mr_seams().contains(&fields.mr_seam)).ok_or_else(|| {
            AppraisalError::MrSeam {
                actual: hex::encode(fields.mr_seam),
            }
        })
    }

    /// T11, T13 to T15.
    fn check_tcb(
        &self,
        quote: &Quote<'_>,
        chain: &VerifiedChain,
        now: UnixTime,
        log: &mut CheckLog,
    ) -> Result<Verdict, AppraisalError> {
        let verdict = log.run(checks::T11, || {
            let verdict = engine::weigh(quote, chain, self.is_of_paravisor(), now)?;
            self.check_status(verdict.status, now)?;
            Ok::<_, AppraisalError>(verdict)
        })?;
        log.run(checks::T13, || {
            let (actual, least) = (
                verdict.evaluation_number,
                self.least_tcb_evaluation_data_number(),
            );
            match actual >= least {
                true => Ok(()),
                false => Err(AppraisalError::EvaluationNumber { actual, least }),
            }
        })?;
        log.run(checks::T14, || {
            let age = now.as_seconds().saturating_sub(chain.oldest.as_seconds());
            let max = self.collateral_max_age_seconds();
            match age <= max {
                true => Ok(()),
                false => Err(AppraisalError::CollateralAge { age, max }),
            }
        })?;
        log.run(checks::T15, || {
            let mut rejected = self.rejected_advisories().iter();
            let applies = |advisory: &&String| verdict.advisory_ids.contains(advisory);
            match rejected.find(applies).cloned() {
                None => Ok(()),
                Some(advisory) => Err(AppraisalError::Advisory { advisory }),
            }
        })?;
        Ok(verdict)
    }

    fn check_status(&self, actual: TcbStatus, now: UnixTime) -> Result<(), AppraisalError> {
        let rule = self.statuses();
        if !rule.accepted().contains(&actual) {
            return Err(AppraisalError::Status { actual });
        }
        match rule.ended(actual, now) {
            Some(until) => Err(AppraisalError::StatusEnded { actual, until }),
            None => Ok(()),
        }
    }

    /// T23.
    fn check_listed(&self, chain: &VerifiedChain) -> Result<(), AppraisalError> {
        if !self.fmspcs().accepts(&chain.platform.fmspc) {
            let actual = hex::encode(chain.platform.fmspc);
            return Err(AppraisalError::FmspcNotListed { actual });
        }
        match self.ppids().accepts(&chain.platform.ppid) {
            true => Ok(()),
            false => Err(AppraisalError::PpidNotListed),
        }
    }
}

impl VerifiedQuote {
    /// What it says.
    pub fn fields(&self) -> &QuoteFields {
        &self.fields
    }

    /// Whose root it chains to.
    pub fn root(&self) -> RootKind {
        self.root
    }

    /// What Intel says of the platform's TCB.
    pub fn tcb_status(&self) -> TcbStatus {
        self.tcb_status
    }

    /// Intel's names of the advisories that apply to it.
    pub fn advisory_ids(&self) -> &[String] {
        &self.advisory_ids
    }

    /// The kind of platform.
    pub fn fmspc(&self) -> &[u8; 6] {
        &self.fmspc
    }

    /// The platform's id (PPID).
    pub fn ppid(&self) -> &[u8] {
        &self.ppid
    }

    /// The label of the measurement set that it matches.
    pub fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    /// The least suite that this set asks for, if it asks for one itself.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// The key beside the quote, as the attester encoded it.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.passed.passed()
    }
}

impl Verified for VerifiedQuote {
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
        self.root == RootKind::Software
    }

    fn log(&self) -> &CheckLog {
        &self.passed
    }
}

/// T10.
fn check_platform(chain: &VerifiedChain) -> Result<(), AppraisalError> {
    let (info, platform) = (&chain.tcb_info, &chain.platform);
    if !is_hex_of(&info.fmspc, &platform.fmspc) {
        return Err(AppraisalError::Fmspc {
            tcb_info: info.fmspc.clone(),
            platform: hex::encode(platform.fmspc),
        });
    }
    match is_hex_of(&info.pce_id, &platform.pce_id) {
        true => Ok(()),
        false => Err(AppraisalError::PceId),
    }
}

fn is_hex_of(text: &str, bytes: &[u8]) -> bool {
    hex::decode(text).is_ok_and(|decoded| decoded == bytes)
}

/// B1.
fn check_report_data(fields: &QuoteFields, due: &[u8; 64]) -> Result<(), AppraisalError> {
    match bool::from(fields.report_data.ct_eq(due)) {
        true => Ok(()),
        false => Err(AppraisalError::ReportData),
    }
}

/// T17 to T20: the set that matches.
fn check_sets<'a>(
    fields: &QuoteFields,
    sets: Vec<&'a MeasurementSet>,
    now: UnixTime,
    log: &mut CheckLog,
) -> Result<&'a MeasurementSet, AppraisalError> {
    let sets = log.run(checks::T17, || {
        retain(sets, |set| *set.xfam() == fields.xfam).ok_or_else(|| AppraisalError::Xfam {
            actual: hex::encode(fields.xfam),
        })
    })?;
    let sets = log.run(checks::T18, || check_mrtd(fields, sets, now))?;
    let sets = log.run(checks::T19, || check_rtmrs(fields, sets))?;
    log.run(checks::T20, || check_host(fields, sets))
}

/// T18: the sets of this measurement, of which at least one has not expired.
fn check_mrtd<'a>(
    fields: &QuoteFields,
    sets: Vec<&'a MeasurementSet>,
    now: UnixTime,
) -> Result<Vec<&'a MeasurementSet>, AppraisalError> {
    let sets = retain(sets, |set| *set.mrtd() == fields.mrtd);
    let sets = sets.ok_or_else(|| AppraisalError::Mrtd {
        actual: hex::encode(fields.mrtd),
    })?;
    let label = sets.first().map(|set| set.label().to_owned());
    let live = retain(sets, |set| set.not_after().is_none_or(|end| now <= end));
    live.ok_or_else(|| AppraisalError::SetExpired {
        label: label.unwrap_or_default(),
    })
}

/// T19.
fn check_rtmrs<'a>(
    fields: &QuoteFields,
    sets: Vec<&'a MeasurementSet>,
) -> Result<Vec<&'a MeasurementSet>, AppraisalError> {
    (0..)
        .zip(&fields.rtmrs)
        .try_fold(sets, |sets, (register, actual)| {
            retain(sets, |set| set.rtmrs()[register] == *actual).ok_or_else(|| {
                AppraisalError::Rtmr {
                    register,
                    actual: hex::encode(actual),
                }
            })
        })
}

/// T20.
fn check_host<'a>(
    fields: &QuoteFields,
    sets: Vec<&'a MeasurementSet>,
) -> Result<&'a MeasurementSet, AppraisalError> {
    type Get = fn(&MeasurementSet) -> &[u8; 48];
    let values: [(&str, &[u8; 48], Get); 3] = [
        (
            "MRCONFIGID",
            &fields.mr_config_id,
            MeasurementSet::mr_config_id,
        ),
        ("MROWNER", &fields.mr_owner, MeasurementSet::mr_owner),
        (
            "MROWNERCONFIG",
            &fields.mr_owner_config,
            MeasurementSet::mr_owner_config,
        ),
    ];
    let mut last = ("MRCONFIGID", &fields.mr_config_id);
    let left = values
        .into_iter()
        .try_fold(sets, |sets, (field, actual, get)| {
            last = (field, actual);
            retain(sets, |set| get(set) == actual)
        });
    let set = left.and_then(|sets| sets.first().copied());
    set.ok_or_else(|| AppraisalError::Host {
        field: last.0,
        actual: hex::encode(last.1),
    })
}

/// The sets that fit, at least one.
fn retain(
    mut sets: Vec<&MeasurementSet>,
    fits: impl Fn(&MeasurementSet) -> bool,
) -> Option<Vec<&MeasurementSet>> {
    sets.retain(|set| fits(set));
    (!sets.is_empty()).then_some(sets)
}
