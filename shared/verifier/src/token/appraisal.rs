//! The order of the checks, and those that weigh a genuine token against a policy.
//!
//! The first check that fails is the one reported, always in this order:
//!
//! 1. J1, structure, before anything is believed;
//! 2. J7: the issuer that the token names is one of the policy's. That it is the issuer's, J6 shows, under keys that the
//!    policy pins for this issuer alone;
//! 3. J2 and J3: the header, as this issuer writes it;
//! 4. J4 or J5, and J6, from the pinned keys to the signature: see [`super::keys`];
//! 5. J8 and J9: for whom, and when;
//! 6. J10 and B1: the binding, if the caller has what it must be;
//! 7. J11, J14, J13, J12: debugging, the issuer's own policy (if ours names one), the TCB, what was measured.

mod error;

pub use error::AppraisalError;

use super::checks;
use super::claims::Claims;
use super::jws;
use super::keys;
use super::profile::{Measured, Profile, Tcb};
use super::rejection::Rejection;
use super::rules::{IssuerRules, MeasurementSet, Rules};
use super::wire;
use crate::check::{Check, CheckLog};
use crate::kinds::Verified;
use crate::tdx::TcbStatus;
use crate::time::UnixTime;
use sealnote_evidence::Binding;

/// A token that passed every check of [`Rules::check_token`].
///
/// Made nowhere else: no public constructor, no `Default`, no `Deserialize`, no `Clone`.
#[derive(Debug)]
pub struct VerifiedToken {
    profile: Profile,
    issuer: String,
    expires: UnixTime,
    public_key: Option<Vec<u8>>,
    measured: Measured,
    measurement_set: String,
    least_suite: Option<u16>,
    passed: CheckLog,
}

impl Rules {
    /// Checks a token with its issuer's keys (as [`super::wire`] has them) against these rules and the time.
    ///
    /// `binding` is what the machine must have bound its evidence to, all 64 bytes. `None` is for a token whose binding
    /// its caller checks, or that is bound to nothing: [`checks::J10`] and [`checks::B1`] are then not among the checks
    /// that passed.
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`crate::token::appraisal`].
    pub fn check_token(
        &self,
        token: &[u8],
        keys: &[u8],
        binding: Option<&[u8; 64]>,
        now: UnixTime,
    ) -> Result<VerifiedToken, Rejection> {
        let mut log = CheckLog::default();
        let token = log.run(checks::J1, || jws::inspect(token))?;
        let claims = token.claim_set();
        let rules = log.run(checks::J7, || self.of_issuer(claims))?;
        let issuer = rules.profile().issuer();
        let algorithm = log.run(checks::J2, || token.algorithm(issuer.algorithms()))?;
        let jku = issuer.jku(rules.issuer());
        log.run(checks::J3, || token.check_no_keys(jku.as_deref()))?;
        keys::verify(&token, algorithm, keys, rules.keys(), now, &mut log)?;

        log.run(checks::J8, || rules.check_audience(claims))?;
        let expires = log.run(checks::J9, || check_times(claims, now))?;
        if let Some(due) = binding {
            let carried = log.run(checks::J10, || {
                issuer.carried(claims).map_err(AppraisalError::Carried)
            })?;
            log.run(checks::B1, || match carried.is_of(due) {
                true => Ok(()),
                false => Err(AppraisalError::Binding),
            })?;
        }
        log.run(checks::J11, || {
            issuer.check_no_debug(claims).map_err(AppraisalError::Debug)
        })?;
        if let Some(hash) = rules.policy_hash() {
            log.run(checks::J14, || match issuer.has_applied(claims, hash) {
                Ok(true) => Ok(()),
                Ok(false) => Err(AppraisalError::OtherPolicy),
                Err(fault) => Err(AppraisalError::Policy(fault)),
            })?;
        }
        log.run(checks::J13, || {
            let tcb = issuer.tcb(claims).map_err(AppraisalError::TcbClaim)?;
            rules.check_tcb(tcb, now)
        })?;
        let (measured, set) = log.run(checks::J12, || {
            let measured = issuer.measured(claims).map_err(AppraisalError::Measured)?;
            let set = rules.check_measured(&measured, now)?;
            Ok::<_, AppraisalError>((measured, set))
        })?;
        Ok(VerifiedToken {
            profile: rules.profile(),
            issuer: rules.issuer().to_owned(),
            expires,
            public_key: None,
            measured,
            measurement_set: set.label().to_owned(),
            least_suite: set.least_suite(),
            passed: log,
        })
    }

    /// Checks the evidence of a session, with a token in it, that is to be bound to it.
    ///
    /// # Errors
    ///
    /// As [`check_token`](Self::check_token).
    pub fn check_evidence(
        &self,
        evidence: &[u8],
        endorsements: &[u8],
        binding: &Binding,
        now: UnixTime,
    ) -> Result<VerifiedToken, Rejection> {
        let evidence = wire::evidence(evidence).map_err(Rejection::Evidence)?;
        let due = binding.report_data(wire::KIND, evidence.public_key);
        let token = self.check_token(evidence.report, endorsements, Some(&due), now)?;
        Ok(VerifiedToken {
            public_key: evidence.public_key.map(<[u8]>::to_vec),
            ..token
        })
    }

    /// J7.
    fn of_issuer(&self, claims: Claims<'_>) -> Result<&IssuerRules, AppraisalError> {
        let named = claims.text("iss").map_err(AppraisalError::NoIssuer)?;
        let mut issuers = self.issuers().iter();
        issuers
            .find(|rules| rules.issuer() == named)
            .ok_or(AppraisalError::OtherIssuer)
    }
}

impl IssuerRules {
    /// J8.
    fn check_audience(&self, claims: Claims<'_>) -> Result<(), AppraisalError> {
        match (self.audience(), claims.get("aud")) {
            (None, None) => Ok(()),
            (Some(due), Some(found)) if found == due => Ok(()),
            _ => Err(AppraisalError::Audience),
        }
    }

    /// J13.
    fn check_tcb(&self, tcb: Tcb<'_>, now: UnixTime) -> Result<(), AppraisalError> {
        match tcb {
            Tcb::Status(word) => {
                let rule = self.statuses().ok_or(AppraisalError::TcbStatus)?;
                let actual = TcbStatus::from_name(word)
                    .filter(|status| rule.accepted().contains(status))
                    .ok_or(AppraisalError::TcbStatus)?;
                match rule.ended(actual, now) {
                    Some(until) => Err(AppraisalError::TcbStatusEnded { actual, until }),
                    None => Ok(()),
                }
            }
            Tcb::Svn(actual) => match self.least_svn() {
                None => Err(AppraisalError::NoFloor),
                Some(least) if actual.reaches(&least) => Ok(()),
                Some(least) => Err(AppraisalError::TcbFloor { actual, least }),
            },
        }
    }

    /// J12.
    fn check_measured(
        &self,
        measured: &Measured,
        now: UnixTime,
    ) -> Result<&MeasurementSet, AppraisalError> {
        let mut sets = self.measurement_sets().iter();
        // No two sets of an issuer have the same values.
        match sets.find(|set| set.measured() == measured) {
            Some(set) if set.not_after().is_none_or(|end| now <= end) => Ok(set),
            Some(set) => Err(AppraisalError::SetExpired {
                label: set.label().to_owned(),
            }),
            None => Err(AppraisalError::Measurement {
                actual: hex::encode(match measured {
                    Measured::Container(container) => &container.image_digest[..],
                    Measured::Tdx(tdx) => &tdx.mrtd,
                    Measured::SevSnp(guest) => &guest.measurement,
                }),
            }),
        }
    }
}

impl VerifiedToken {
    /// What the issuer's tokens look like.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whose word it is, as the policy names it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// When it ends.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// What was measured.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }

    /// The public key that the evidence holds and the token is bound to, at most 1024 bytes; `None` for a token by
    /// itself. Its meaning is its reader's to check.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// The label of the measurement set that the workload matches.
    pub fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    /// The least suite that the matching measurement set asks for, if it asks for one.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.passed.passed()
    }
}

impl Verified for VerifiedToken {
    fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// No root is ours here: whoever pins a key set for development has said so in the policy.
    fn is_development(&self) -> bool {
        false
    }

    fn log(&self) -> &CheckLog {
        &self.passed
    }
}

/// J9, in whole seconds (RFC 7519 sections 4.1.4 to 4.1.6); when it ends.
fn check_times(claims: Claims<'_>, now: UnixTime) -> Result<UnixTime, AppraisalError> {
    let time = |claim| {
        let seconds = claims.number(claim).map_err(AppraisalError::NoTime);
        seconds.map(UnixTime::from_seconds)
    };
    let (issued, from, until) = (time("iat")?, time("nbf")?, time("exp")?);
    if now < issued || now < from {
        let from = issued.max(from);
        return Err(AppraisalError::NotYetValid { from, now });
    }
    match now < until {
        true => Ok(until),
        false => Err(AppraisalError::Expired { until, now }),
    }
}
