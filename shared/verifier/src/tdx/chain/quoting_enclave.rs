//! T7 and T8: the quoting enclave, which signs quotes, as its own report describes it (Intel SDM, volume 3D, table 38-21).

use dcap_qvl::QeIdentity;
use dcap_qvl::quote::QEReportCertificationData;
use sha2::{Digest, Sha256};

use super::certificate::Link;
use super::error::{ChainError, QeFault};

const REPORT_LEN: usize = 384;
const MISC_SELECT: usize = 16;
const ATTRIBUTES: usize = 48;
const MR_SIGNER: usize = 128;
const ISV_PROD_ID: usize = 256;
const ISV_SVN: usize = 258;
const REPORT_DATA: usize = 320;

/// Of the attributes' first byte.
const DEBUG: u8 = 0x02;

/// T7: the PCK certificate's key signed the report, which holds the hash of attestation key and authentication data, and
/// zeros.
pub(super) fn check_report(
    data: &QEReportCertificationData,
    attestation_key: &[u8; 64],
    pck: &Link,
) -> Result<(), ChainError> {
    if !pck
        .key()?
        .signed_raw(&data.qe_report, &data.qe_report_signature)
    {
        return Err(ChainError::QeReportSignature);
    }
    let hash = Sha256::new()
        .chain_update(attestation_key)
        .chain_update(&data.qe_auth_data.data)
        .finalize();
    let mut due = [0; 64];
    due[..32].copy_from_slice(&hash);
    match data.qe_report[REPORT_DATA..] == due {
        true => Ok(()),
        false => Err(ChainError::QeReportData),
    }
}

/// T8: it is the one that the identity describes.
pub(super) fn check_identity(
    report: &[u8; REPORT_LEN],
    identity: &QeIdentity,
) -> Result<(), ChainError> {
    let at = |at: usize| u16::from_le_bytes([report[at], report[at + 1]]);
    let matches = |at: usize, expected: &[u8], mask: &[u8]| {
        let actual = report[at..].iter().zip(expected.iter().zip(mask));
        actual
            .into_iter()
            .all(|(actual, (expected, mask))| actual & mask == expected & mask)
    };
    let version = at(ISV_SVN);
    let mut levels = identity.tcb_levels.iter();
    let fault = if report[MR_SIGNER..MR_SIGNER + 32] != identity.mrsigner {
        QeFault::Signer
    } else if report[ATTRIBUTES] & DEBUG != 0 {
        QeFault::Debug
    } else if at(ISV_PROD_ID) != identity.isvprodid {
        QeFault::Product
    } else if !matches(MISC_SELECT, &identity.miscselect, &identity.miscselect_mask) {
        QeFault::MiscSelect
    } else if !matches(ATTRIBUTES, &identity.attributes, &identity.attributes_mask) {
        QeFault::Attributes
    } else if !levels.any(|level| level.tcb.isvsvn <= version) {
        QeFault::Version { actual: version }
    } else {
        return Ok(());
    };
    Err(ChainError::Qe(fault))
}
