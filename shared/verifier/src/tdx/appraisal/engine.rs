//! dcap-qvl: verifies quote and collateral once more, and weighs the TCB as Intel's own library does.
//!
//! The TCB is weighed by [`level`](super::level) too, and both must agree. For a paravisor its word is the only one:
//! dcap-qvl refuses every guest without SEPT_VE_DISABLE, by the last of all its checks and without its verdict.

use dcap_qvl::verify::QuoteVerifier;
use dcap_qvl::{QuotePolicy, TcbStatus as Weighed};

use super::error::AppraisalError;
use super::level;
use crate::tdx::chain::VerifiedChain;
use crate::tdx::quote::Quote;
use crate::tdx::tcb::TcbStatus;
use crate::time::UnixTime;

/// What it says of these refusals; its errors have no types.
const SEPT_VE: &str = "SEPT_VE_DISABLE is not enabled";
const REVOKED: &str = "TCB status is invalid: Revoked";
const NO_TCB_LEVEL: &str = "No matching TCB level found";
const NO_MODULE_LEVEL: &str = "is below minimum required from TDX module TCB levels";

/// What is said of the platform's TCB.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: TcbStatus,
    pub(super) advisory_ids: Vec<String>,
    /// The lesser of TCB info's and QE identity's.
    pub(super) evaluation_number: u32,
}

/// Its own policies are not used: what is accepted is for the steps that follow.
pub(super) fn weigh(
    quote: &Quote<'_>,
    chain: &VerifiedChain,
    is_paravisor: bool,
    now: UnixTime,
) -> Result<Verdict, AppraisalError> {
    let now = now.as_seconds();
    let ours = level::weigh(&quote.fields, chain);
    let checked = QuoteVerifier::new(chain.root_der.clone()).verify_with_policy(
        quote.bytes,
        &chain.collateral,
        now,
        &QuotePolicy::claims_only(now),
    );
    let claims = match checked {
        Ok(claims) => claims,
        Err(error) => {
            let cause = error.root_cause().to_string();
            return match (cause.as_str(), ours) {
                (SEPT_VE, Some(ours)) if is_paravisor => Ok(ours),
                (REVOKED, _) => Err(AppraisalError::Revoked),
                (NO_TCB_LEVEL, _) => Err(AppraisalError::NoTcbLevel),
                (cause, _) if cause.ends_with(NO_MODULE_LEVEL) => Err(AppraisalError::NoTcbLevel),
                _ => Err(AppraisalError::Engine),
            };
        }
    };
    let verdict = Verdict {
        status: status(claims.tcb.status),
        advisory_ids: claims.tcb.advisory_ids,
        evaluation_number: claims.tcb.eval_data_number,
    };
    match ours {
        Some(ours) if ours != verdict => Err(AppraisalError::Engine),
        _ => Ok(verdict),
    }
}

pub(super) fn status(weighed: Weighed) -> TcbStatus {
    match weighed {
        Weighed::UpToDate => TcbStatus::UpToDate,
        Weighed::SWHardeningNeeded => TcbStatus::SwHardeningNeeded,
        Weighed::ConfigurationNeeded => TcbStatus::ConfigurationNeeded,
        Weighed::ConfigurationAndSWHardeningNeeded => TcbStatus::ConfigurationAndSwHardeningNeeded,
        Weighed::OutOfDate => TcbStatus::OutOfDate,
        Weighed::OutOfDateConfigurationNeeded => TcbStatus::OutOfDateConfigurationNeeded,
        Weighed::TDRelaunchAdvised => TcbStatus::TdRelaunchAdvised,
        Weighed::TDRelaunchAdvisedConfigurationNeeded => {
            TcbStatus::TdRelaunchAdvisedConfigurationNeeded
        }
        Weighed::Revoked => TcbStatus::Revoked,
    }
}
