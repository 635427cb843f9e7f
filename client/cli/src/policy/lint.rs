//! What a policy leaves open, and what ends soon.

use std::time::Duration;

use sealnote_protocol::suite::Suite;
use sealnote_verifier::sev_snp::rules::{ChipRule, CrlRule};
use sealnote_verifier::tdx::rules::{PlatformRule, StatusRule};
use sealnote_verifier::{Policy, UnixTime, azure_vtpm};
use serde::Serialize;

use super::outline::{Outline, Set};

const DAY: u64 = 24 * 3600;

/// An end is soon if it is within this, unless the caller says otherwise.
pub(crate) const SOON: Duration = Duration::from_secs(30 * DAY);

/// Something that its author should know. The policy is valid all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Warning {
    /// For programs.
    pub(crate) code: &'static str,
    /// The set that it is about, if it is about one.
    pub(crate) set: Option<String>,
    /// For people.
    pub(crate) message: String,
}

/// Everything that there is to say, at this moment; an end is soon if it is within `soon`.
pub(crate) fn warnings(
    policy: &Policy,
    outline: &Outline,
    at: UnixTime,
    soon: Duration,
) -> Vec<Warning> {
    let (sets, paravisors) = (&outline.sets, &outline.paravisors);
    let mut warnings: Vec<Warning> = sets
        .iter()
        .chain(paravisors.iter().flatten())
        .filter_map(|set| expiry(set, at, soon))
        .collect();
    if sets.iter().all(|set| is_expired(set, at)) {
        warnings.push(Warning::new(
            "all_expired",
            "every set has expired: the policy accepts nothing",
        ));
    }
    for paravisors in paravisors {
        if paravisors.iter().all(|set| is_expired(set, at)) {
            warnings.push(Warning::new(
                "all_expired",
                "every set of the hardware under azure-vtpm has expired: no evidence of it is accepted",
            ));
        }
    }
    if policy.session().model_digests().is_none() {
        warnings.push(Warning::new(
            "any_model",
            "no model is pinned: whatever model a measured image reports is accepted",
        ));
    }
    if policy.nitro().is_some_and(|rules| !rules.has_machine_pin()) {
        warnings.push(Warning::new(
            "any_machine",
            "no machine is pinned (PCR3 or PCR4): anyone's machine may run a measured image",
        ));
    }
    let azure = policy.azure_vtpm();
    let on_azure = azure.and_then(azure_vtpm::Rules::sev_snp);
    for rules in policy.sev_snp().into_iter().chain(on_azure) {
        if *rules.chips() == ChipRule::Any {
            warnings.push(Warning::new(
                "any_chip",
                "no chip is pinned (chip_ids): anyone's machine may run a measured guest",
            ));
        }
        if rules.crl() == CrlRule::None {
            warnings.push(Warning::new(
                "no_revocation_list",
                "crl is \"none\": a key of AMD's that was revoked is accepted",
            ));
        }
    }
    let on_azure = azure.and_then(azure_vtpm::Rules::tdx);
    for rules in policy.tdx().into_iter().chain(on_azure) {
        if *rules.ppids() == PlatformRule::Any {
            warnings.push(Warning::new(
                "any_platform",
                "no platform is pinned (ppids): anyone's machine may run a measured guest",
            ));
        }
        if rules
            .statuses()
            .out_of_date_until()
            .is_some_and(|end| at <= end)
        {
            warnings.push(Warning::new(
                "out_of_date",
                "platforms that lack an update of Intel's are accepted (accept_status)",
            ));
        }
    }
    for issuer in policy.token().into_iter().flat_map(|rules| rules.issuers()) {
        let end = issuer.statuses().and_then(StatusRule::out_of_date_until);
        if end.is_some_and(|end| at <= end) {
            warnings.push(Warning::new(
                "out_of_date",
                "platforms that lack an update of Intel's are accepted (tcb_status)",
            ));
        }
    }
    if policy.token().is_some() {
        warnings.push(Warning::new(
            "trusted_issuer",
            "a token is accepted: its issuer is trusted to have verified the machine",
        ));
    }
    let default = Suite::DEFAULT_LEAST.id();
    if policy
        .least_suites()
        .any(|least| least.is_some_and(|least| least < default))
    {
        warnings.push(Warning::new(
            "weak_suite",
            format!(
                "a session may take a suite below {default}: whoever records it can open it once there is a quantum \
                 computer"
            ),
        ));
    }
    warnings
}

impl Warning {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            set: None,
            message: message.into(),
        }
    }
}

fn is_expired(set: &Set, at: UnixTime) -> bool {
    set.not_after.is_some_and(|end| end < at)
}

fn expiry(set: &Set, at: UnixTime, soon: Duration) -> Option<Warning> {
    let end = set.not_after?;
    let code = match end.as_seconds().checked_sub(at.as_seconds()) {
        _ if is_expired(set, at) => "expired",
        Some(left) if left <= soon.as_secs() => "expires_soon",
        _ => return None,
    };
    Some(Warning {
        set: Some(set.label.clone()),
        ..Warning::new(
            code,
            format!("set {:?} {}", set.label, holds(set.not_after, at)),
        )
    })
}

/// How long a set still holds, for people.
pub(crate) fn holds(not_after: Option<UnixTime>, at: UnixTime) -> String {
    let Some(end) = not_after else {
        return "holds without an end".into();
    };
    match end < at {
        true => {
            let ago = (at.as_seconds()).saturating_sub(end.as_seconds());
            format!("has EXPIRED: it held until {end}, {} ago", span(ago))
        }
        false => {
            let left = end.as_seconds().saturating_sub(at.as_seconds());
            format!("holds until {end}, {} more", span(left))
        }
    }
}

fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        ..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    match number {
        1 => format!("1 {unit}"),
        number => format!("{number} {unit}s"),
    }
}
