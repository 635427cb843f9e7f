//! Claims about a TDX quote, which Azure and Intel have in common (draft-kdyxy-rats-tdx-eat-profile, section 3.3).

use super::{Measured, Tdx};
use crate::tdx::appraisal::forbidden_attribute;
use crate::token::claims::{ClaimFault, Claims};

/// `report_data` of the quote.
pub(super) fn report_data(claims: Claims<'_>) -> Result<[u8; 64], ClaimFault> {
    claims.hex("tdx_report_data")
}

pub(super) fn check_no_debug(claims: Claims<'_>) -> Result<(), ClaimFault> {
    let claim = "tdx_td_attributes";
    claims.must_be("dbgstat", "disabled")?;
    claims.must_be_false("tdx_td_attributes_debug")?;
    let attributes = u64::from_le_bytes(claims.hex(claim)?);
    match forbidden_attribute(attributes) {
        None => Ok(()),
        Some(_) => Err(ClaimFault {
            claim,
            want: "without debugging, profiling, migration, SERVTD_EXT and reserved bits",
        }),
    }
}

pub(super) fn measured(claims: Claims<'_>) -> Result<Measured, ClaimFault> {
    Ok(Measured::Tdx(Box::new(Tdx {
        mrtd: claims.hex("tdx_mrtd")?,
        rtmrs: [
            claims.hex("tdx_rtmr0")?,
            claims.hex("tdx_rtmr1")?,
            claims.hex("tdx_rtmr2")?,
            claims.hex("tdx_rtmr3")?,
        ],
        mr_config_id: claims.hex("tdx_mrconfigid")?,
        mr_owner: claims.hex("tdx_mrowner")?,
        mr_owner_config: claims.hex("tdx_mrownerconfig")?,
        td_attributes: claims.hex("tdx_td_attributes")?,
        xfam: claims.hex("tdx_xfam")?,
    })))
}
