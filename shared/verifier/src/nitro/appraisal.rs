//! The order of the checks, and those that weigh a genuine document against a policy.
//!
//! The first check that fails is the one reported, always in this order:
//!
//! 1. structure, before anything is believed: see [`super::document`];
//! 2. the chain from a pinned root to the document's signature: see [`super::chain`];
//! 3. X6: no debug enclave, whatever the policy says;
//! 4. X9: fresh;
//! 5. X7: the nonce, if the caller has one;
//! 6. X5: PCR0, 1, 2 and 8 of some measurement set, register by register; then that the set has not
//!    expired; then the pins, in the order of their registers;
//! 7. X8: the digest of the claims, if the caller has them.

mod error;

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;

pub use error::{AppraisalError, Expectation, MAX_SKEW_SECONDS};

use super::chain::{self, RootKind, TrustRoots};
use super::checks;
use super::document::{self, Payload};
use super::measurement::Measurement;
use super::rejection::Rejection;
use super::rules::{MeasurementSet, Rules};
use crate::check::{Check, CheckLog};
use crate::kinds::Verified;
use crate::time::UnixTime;
use sealnote_evidence::Binding;

/// The registers that measure the image; all zero in a debug enclave.
const IMAGE_REGISTERS: [u8; 3] = [0, 1, 2];

/// A document that passed every check of [`Rules::check_document`].
///
/// Made nowhere else: no public constructor, no `Default`, no `Deserialize`, no `Clone`.
#[derive(Debug)]
pub struct VerifiedDocument {
    payload: Payload,
    root: RootKind,
    measurement_set: String,
    least_suite: Option<u16>,
    passed: CheckLog,
}

impl Rules {
    /// Checks a document against the pinned roots, these rules and the time.
    ///
    /// `nonce` is the challenge that the document must answer; `None` is for a saved document, which
    /// then answers no challenge ([`checks::X7`] is not among those that passed). That the document is bound
    /// to a session's claims (X8) is not checked here.
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`crate::nitro::appraisal`].
    pub fn check_document(
        &self,
        document: &[u8],
        roots: &TrustRoots,
        nonce: Option<&[u8]>,
        now: UnixTime,
    ) -> Result<VerifiedDocument, Rejection> {
        let mut log = CheckLog::default();
        let (envelope, payload) = document::parse(document, &mut log)?;
        let root = chain::verify(&envelope, &payload, roots, now, &mut log)?;
        log.run(checks::X6, || check_not_debug(&payload))?;
        log.run(checks::X9, || {
            check_freshness(&payload, self.max_age_seconds(), now)
        })?;
        if let Some(nonce) = nonce {
            log.run(checks::X7, || check_nonce(&payload, nonce))?;
        }
        let set = log.run(checks::X5, || self.check_measurements(&payload, now))?;
        Ok(VerifiedDocument {
            measurement_set: set.label().to_owned(),
            least_suite: set.least_suite(),
            payload,
            root,
            passed: log,
        })
    }

    /// The same, of a document that answers a session's challenge and attests its claims.
    pub(crate) fn check_bound_document(
        &self,
        document: &[u8],
        binding: &Binding,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedDocument, Rejection> {
        let mut document = self.check_document(document, roots, Some(&binding.challenge), now)?;
        let user_data = document.payload.user_data.as_deref();
        document
            .passed
            .run(checks::X8, || check_user_data(user_data, &binding.claims))?;
        Ok(document)
    }

    /// X5: the set that matches; and every pin holds.
    fn check_measurements(
        &self,
        payload: &Payload,
        now: UnixTime,
    ) -> Result<&MeasurementSet, AppraisalError> {
        let set = self.match_measurements(payload, now)?;
        self.check_pins(payload)?;
        Ok(set)
    }

    /// The first set that the registers match and that has not expired.
    fn match_measurements(
        &self,
        payload: &Payload,
        now: UnixTime,
    ) -> Result<&MeasurementSet, AppraisalError> {
        let mut candidates: Vec<&MeasurementSet> = self.measurement_sets().iter().collect();
        for register in [0, 1, 2, 8] {
            let actual = payload.pcrs.get(&register).copied();
            let accepts = |set: &MeasurementSet| match set.register(register) {
                Some(expected) => actual == Some(expected),
                None => true,
            };
            let (left, gone): (Vec<_>, Vec<_>) =
                candidates.into_iter().partition(|set| accepts(set));
            if left.is_empty() {
                return Err(AppraisalError::Measurement {
                    register,
                    actual,
                    expected: expectations(&gone, register),
                });
            }
            candidates = left;
        }
        let mut expired = None;
        for set in candidates {
            match set.not_after() {
                Some(not_after) if now > not_after => {
                    expired.get_or_insert(AppraisalError::SetExpired {
                        label: set.label().to_owned(),
                        not_after,
                    });
                }
                _ => return Ok(set),
            }
        }
        // The loop above leaves at least one candidate, so one of them has expired.
        Err(expired.unwrap_or(AppraisalError::Measurement {
            register: 0,
            actual: payload.pcrs.get(&0).copied(),
            expected: Vec::new(),
        }))
    }

    /// The registers that the policy pins beside the image's.
    fn check_pins(&self, payload: &Payload) -> Result<(), AppraisalError> {
        for (register, accepted) in self.pins() {
            let actual = payload.pcrs.get(&register).copied();
            if !actual.is_some_and(|actual| accepted.contains(&actual)) {
                return Err(AppraisalError::Pin {
                    register,
                    actual,
                    accepted: accepted.to_vec(),
                });
            }
        }
        Ok(())
    }
}

impl VerifiedDocument {
    /// The enclave's name, `i-…-enc…`.
    pub fn module_id(&self) -> &str {
        &self.payload.module_id
    }

    /// When the document was made, in milliseconds since 1970.
    pub fn timestamp_ms(&self) -> u64 {
        self.payload.timestamp_ms
    }

    /// The platform configuration registers, by index (0 to 31).
    pub fn pcrs(&self) -> &BTreeMap<u8, Measurement> {
        &self.payload.pcrs
    }

    /// The public key that the enclave put in, at most 1024 bytes. Its meaning is its reader's to check.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.payload.public_key.as_deref()
    }

    /// The user data that the enclave put in, at most 1024 bytes. Its meaning is its reader's to check.
    pub fn user_data(&self) -> Option<&[u8]> {
        self.payload.user_data.as_deref()
    }

    /// The nonce that the enclave put in, at most 1024 bytes.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.payload.nonce.as_deref()
    }

    /// The label of the measurement set that the enclave matches.
    pub fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    /// The least suite that the matching measurement set asks for, if it asks for one.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// Whose root the document chains to.
    pub fn root(&self) -> RootKind {
        self.root
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.passed.passed()
    }
}

impl Verified for VerifiedDocument {
    fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    fn public_key(&self) -> Option<&[u8]> {
        self.payload.public_key.as_deref()
    }

    fn is_development(&self) -> bool {
        self.root == RootKind::Software
    }

    fn log(&self) -> &CheckLog {
        &self.passed
    }
}

/// X6.
fn check_not_debug(payload: &Payload) -> Result<(), AppraisalError> {
    match IMAGE_REGISTERS
        .into_iter()
        .find(|register| payload.pcrs.get(register) == Some(&Measurement::ZERO))
    {
        Some(register) => Err(AppraisalError::Debug { register }),
        None => Ok(()),
    }
}

/// X9: the leaf certificate alone would allow three hours.
fn check_freshness(payload: &Payload, max: u64, now: UnixTime) -> Result<(), AppraisalError> {
    let now = now.as_millis();
    let made = payload.timestamp_ms;
    let age_ms = now.saturating_sub(made);
    let ahead_ms = made.saturating_sub(now);
    if age_ms > max.saturating_mul(1000) {
        return Err(AppraisalError::Stale {
            age: age_ms.div_ceil(1000),
            max,
        });
    }
    if ahead_ms > MAX_SKEW_SECONDS * 1000 {
        return Err(AppraisalError::Future {
            ahead: ahead_ms.div_ceil(1000),
        });
    }
    Ok(())
}

/// X7.
fn check_nonce(payload: &Payload, challenge: &[u8]) -> Result<(), AppraisalError> {
    let nonce = payload
        .nonce
        .as_deref()
        .ok_or(AppraisalError::NonceMissing)?;
    match bool::from(nonce.ct_eq(challenge)) {
        true => Ok(()),
        false => Err(AppraisalError::NonceMismatch),
    }
}

/// X8.
fn check_user_data(user_data: Option<&[u8]>, claims: &[u8]) -> Result<(), AppraisalError> {
    let user_data = user_data.ok_or(AppraisalError::UserDataMissing)?;
    match bool::from(user_data.ct_eq(claims)) {
        true => Ok(()),
        false => Err(AppraisalError::UserData),
    }
}

fn expectations(sets: &[&MeasurementSet], register: u8) -> Vec<Expectation> {
    sets.iter()
        .filter_map(|set| {
            Some(Expectation {
                label: set.label().to_owned(),
                value: set.register(register)?,
            })
        })
        .collect()
}
