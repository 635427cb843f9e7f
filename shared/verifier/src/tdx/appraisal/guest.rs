//! T12, T16 and T21: what must hold of TDX module and guest whatever the policy says, but for MRSEAM.

use dcap_qvl::TcbInfo;

use super::error::{AppraisalError, AttributeFault};
use crate::tdx::quote::QuoteFields;

/// Bits of a guest's attributes (TDX Module ABI Specification, table 3.23).
const DEBUG: u64 = 1;
const PROFILING: u64 = 0x70;
const SERVTD_EXT: u64 = 1 << 17;
pub(crate) const SEPT_VE_DISABLE: u64 = 1 << 28;
const MIGRATABLE: u64 = 1 << 29;

/// Those that a guest may have besides: ICSSD, LASS, PKS and PERFMON.
const HARMLESS: u64 = 1 << 16 | 1 << 27 | 1 << 30 | 1 << 63;

/// T12: the module is signed and attributed as the TCB info says of its version.
pub(super) fn check_module(fields: &QuoteFields, tcb_info: &TcbInfo) -> Result<(), AppraisalError> {
    let version = fields.tee_tcb_svn[1];
    let unknown = AppraisalError::UnknownModule { version };
    let identity = tcb_info
        .tdx_module_identity(&fields.tee_tcb_svn)
        .map_err(|_| unknown.clone())?;
    let (signer, attributes, mask) = match (identity, &tcb_info.tdx_module) {
        (Some(module), _) => (
            &module.mrsigner,
            &module.attributes,
            &module.attributes_mask,
        ),
        (None, Some(module)) => (
            &module.mrsigner,
            &module.attributes,
            &module.attributes_mask,
        ),
        (None, None) => return Err(unknown),
    };
    let bits = |text: &str| decode(text).map(u64::from_le_bytes);
    let actual = u64::from_le_bytes(fields.seam_attributes);
    let is_due = decode(signer) == Some(fields.mr_signer_seam)
        && matches!((bits(attributes), bits(mask)), (Some(due), Some(mask))
            if actual & mask == due & mask && actual & !mask == 0);
    match is_due {
        true => Ok(()),
        false => Err(AppraisalError::Module),
    }
}

/// T16.
pub(super) fn check_attributes(
    fields: &QuoteFields,
    is_paravisor: bool,
) -> Result<(), AppraisalError> {
    let attributes = u64::from_le_bytes(fields.td_attributes);
    match forbidden_attribute(attributes) {
        Some(fault) => Err(AppraisalError::Attributes(fault)),
        None if attributes & SEPT_VE_DISABLE == 0 && !is_paravisor => {
            Err(AppraisalError::Attributes(AttributeFault::SeptVe))
        }
        None => Ok(()),
    }
}

/// What no guest may have set, whoever says so of it.
pub(crate) fn forbidden_attribute(attributes: u64) -> Option<AttributeFault> {
    let faults = [
        (DEBUG, AttributeFault::Debug),
        (PROFILING, AttributeFault::Profiling),
        (MIGRATABLE, AttributeFault::Migratable),
        (SERVTD_EXT, AttributeFault::ServiceTd),
        (!(HARMLESS | SEPT_VE_DISABLE), AttributeFault::Reserved),
    ];
    let fault = faults.into_iter().find(|(bits, _)| attributes & bits != 0);
    fault.map(|(_, fault)| fault)
}

/// T21.
pub(super) fn check_service_td(fields: &QuoteFields) -> Result<(), AppraisalError> {
    match fields
        .mr_service_td
        .is_none_or(|service| service == [0; 48])
    {
        true => Ok(()),
        false => Err(AppraisalError::ServiceTd),
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
