//! What the verified collateral says of a platform's TCB, by the rules of Intel's quote verification library: the first
//! level, from the newest on, that the platform reaches in every part, joined with what is said of the TDX module and of the
//! quoting enclave.

use std::cmp::Reverse;

use dcap_qvl::{TcbInfo, TcbLevel, TcbStatusWithAdvisory};

use super::engine::{self, Verdict};
use crate::tdx::chain::VerifiedChain;
use crate::tdx::quote::QuoteFields;

/// `None` if the platform reaches no level, or if the TDX module was updated under the guest: then there are two TCBs to
/// join, which is left to dcap-qvl.
pub(super) fn weigh(fields: &QuoteFields, chain: &VerifiedChain) -> Option<Verdict> {
    let svn = &fields.tee_tcb_svn;
    if fields
        .current_tee_tcb_svn
        .is_some_and(|current| current != *svn)
    {
        return None;
    }
    let platform = platform_level(chain, svn)?;
    let mut joined = TcbStatusWithAdvisory::new(platform.tcb_status, platform.advisory_ids.clone());
    if let Some(module) = module_level(&chain.tcb_info, svn)? {
        joined = joined.merge(&module);
    }
    let enclave = &chain.qe_level;
    let enclave = TcbStatusWithAdvisory::new(enclave.tcb_status, enclave.advisory_ids.clone());
    let TcbStatusWithAdvisory {
        status,
        advisory_ids,
    } = joined.merge(&enclave);
    let numbers = [
        chain.tcb_info.tcb_evaluation_data_number,
        chain.qe_evaluation_number,
    ];
    Some(Verdict {
        status: engine::status(status),
        advisory_ids,
        evaluation_number: numbers.into_iter().min()?,
    })
}

/// Levels are not always in order.
fn platform_level<'a>(chain: &'a VerifiedChain, svn: &[u8; 16]) -> Option<&'a TcbLevel> {
    let mut levels: Vec<_> = chain.tcb_info.tcb_levels.iter().collect();
    levels.sort_by_key(|level| {
        let tcb = &level.tcb;
        Reverse((&tcb.sgx_components, tcb.pce_svn, &tcb.tdx_components))
    });
    let platform = &chain.platform;
    levels.into_iter().find(|level| {
        let shortfalls = level.shortfalls(&platform.cpu_svn, platform.pce_svn, Some(svn));
        shortfalls.is_ok_and(|shortfalls| shortfalls.is_empty())
    })
}

/// The outer `None` if the module reaches no level; the inner one if it has no version, and so no levels of its own.
fn module_level(tcb_info: &TcbInfo, svn: &[u8; 16]) -> Option<Option<TcbStatusWithAdvisory>> {
    let Some(identity) = tcb_info.tdx_module_identity(svn).ok()? else {
        return Some(None);
    };
    let mut levels = identity.tcb_levels.iter();
    let level = levels.find(|level| level.shortfall(svn).is_none())?;
    let advisories = level.advisory_ids.clone();
    Some(Some(TcbStatusWithAdvisory::new(
        level.tcb_status,
        advisories,
    )))
}
