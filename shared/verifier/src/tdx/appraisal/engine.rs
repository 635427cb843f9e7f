//! dcap-qvl: verifies quote and collateral once more, and weighs the TCB as Intel's own library does.

use dcap_qvl::verify::QuoteVerifier;
use dcap_qvl::{QuotePolicy, TcbStatus as Weighed};

use super::error::AppraisalError;
use crate::tdx::chain::VerifiedChain;
use crate::tdx::tcb::TcbStatus;
use crate::time::UnixTime;

/// What it says of these two refusals; its errors have no types.
const REVOKED: &str = "TCB status is invalid: Revoked";
const NO_TCB_LEVEL: &str = "No matching TCB level found";
const NO_MODULE_LEVEL: &str = "is below minimum required from TDX module TCB levels";

/// What is said of the platform's TCB.
pub(super) struct Verdict {
    pub(super) status: TcbStatus,
    pub(super) advisory_ids: Vec<String>,
    /// The lesser of TCB info's and QE identity's.
    pub(super) evaluation_number: u32,
}

/// Its own policies are not used: what is accepted is for the steps that follow.
pub(super) fn weigh(
    quote: &[u8],
    chain: &VerifiedChain,
    now: UnixTime,
) -> Result<Verdict, AppraisalError> {
    let now = now.as_seconds();
    let claims = QuoteVerifier::new(chain.root_der.clone())
        .verify_with_policy(
            quote,
            &chain.collateral,
            now,
            &QuotePolicy::claims_only(now),
        )
        .map_err(|error| {
            let cause = error.root_cause().to_string();
            match cause.as_str() {
                REVOKED => AppraisalError::Revoked,
                NO_TCB_LEVEL => AppraisalError::NoTcbLevel,
                cause if cause.ends_with(NO_MODULE_LEVEL) => AppraisalError::NoTcbLevel,
                _ => AppraisalError::Engine,
            }
        })?;
    Ok(Verdict {
        status: status(claims.tcb.status),
        advisory_ids: claims.tcb.advisory_ids,
        evaluation_number: claims.tcb.eval_data_number,
    })
}

fn status(weighed: Weighed) -> TcbStatus {
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
