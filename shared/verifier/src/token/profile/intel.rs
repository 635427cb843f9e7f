//! Intel Trust Authority's tokens about a TDX quote.
//!
//! Claims: "Intel Trust Authority Entity Attestation Token (EAT) Profile" (portal.trustauthority.intel.com/
//! eat_profile.html). In version 1 of a token they stand at the top, in version 2 under `tdx`.

use super::{Carried, Issuer, Measured, Tcb, tdx};
use crate::token::claims::{ClaimFault, Claims};
use crate::token::jws::Algorithm;

pub(super) struct Intel;

impl Issuer for Intel {
    fn algorithms(&self) -> &'static [Algorithm] {
        &[Algorithm::Ps384, Algorithm::Rs256]
    }

    fn jku(&self, issuer: &str) -> Option<String> {
        Some(format!("{issuer}/certs"))
    }

    /// Never `attester_held_data` or `verifier_nonce`: they only matter by their hash, which is `tdx_report_data`. A
    /// quote that holds the service's nonce as well is refused, for the challenge is ours.
    fn carried(&self, claims: Claims<'_>) -> Result<Carried, ClaimFault> {
        tdx::report_data(domain(claims)?).map(Carried::ReportDataOrSha512)
    }

    fn check_no_debug(&self, claims: Claims<'_>) -> Result<(), ClaimFault> {
        let domain = domain(claims)?;
        domain.must_be_false("tdx_is_debuggable")?;
        tdx::check_no_debug(domain)
    }

    fn has_applied(&self, claims: Claims<'_>, policy_hash: &str) -> Result<bool, ClaimFault> {
        let mut matched = claims.list("policy_ids_matched")?.iter();
        Ok(matched.any(|policy| policy.get("hash").is_some_and(|hash| hash == policy_hash)))
    }

    fn tcb<'a>(&self, claims: Claims<'a>) -> Result<Tcb<'a>, ClaimFault> {
        domain(claims)?.text("attester_tcb_status").map(Tcb::Status)
    }

    fn measured(&self, claims: Claims<'_>) -> Result<Measured, ClaimFault> {
        let domain = domain(claims)?;
        domain.must_be("attester_type", "TDX")?;
        tdx::measured(domain)
    }
}

fn domain(claims: Claims<'_>) -> Result<Claims<'_>, ClaimFault> {
    match claims.text("ver")? {
        "1.0.0" => Ok(claims),
        "2.0.0" => claims.object("tdx"),
        _ => Err(ClaimFault {
            claim: "ver",
            want: "1.0.0 or 2.0.0",
        }),
    }
}
