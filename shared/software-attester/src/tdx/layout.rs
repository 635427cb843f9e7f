//! The parts of a quote, and where in them things are (Intel, "TDX DCAP Quoting Library API", appendix A).

use super::Form;

/// Intel's quoting enclave.
const INTEL_QE: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

// Offsets in the body of a quote.
/// Of the TDX module and its loader.
pub const TEE_TCB_SVN: usize = 0;
/// Measurement of the TDX module.
pub const MR_SEAM: usize = 16;
/// Its signer; zero for Intel.
pub const MR_SIGNER_SEAM: usize = 64;
/// Its attributes.
pub const SEAM_ATTRIBUTES: usize = 112;
/// Attributes of the guest.
pub const TD_ATTRIBUTES: usize = 120;
/// Processor features of the guest.
pub const XFAM: usize = 128;
/// Measurement of the guest's first image.
pub const MRTD: usize = 136;
/// What the host configured.
pub const MR_CONFIG_ID: usize = 184;
/// Whose guest it is.
pub const MR_OWNER: usize = 232;
/// What the owner configured.
pub const MR_OWNER_CONFIG: usize = 280;
/// The first of four registers of 48 bytes.
pub const RTMR0: usize = 328;
/// What the guest put in.
pub const REPORT_DATA: usize = 520;
/// Of TDX 1.5: of the module that runs now.
pub const CURRENT_TEE_TCB_SVN: usize = 584;
/// Of TDX 1.5: of the service guests.
pub const MR_SERVICE_TD: usize = 600;

// Offsets in the report of a quoting enclave.
/// MISCSELECT.
pub const QE_MISC_SELECT: usize = 16;
/// Attributes.
pub const QE_ATTRIBUTES: usize = 48;
/// Whose enclave it is.
pub const QE_MR_SIGNER: usize = 128;
/// Which of its signer's.
pub const QE_PROD_ID: usize = 256;
/// Its security version.
pub const QE_SVN: usize = 258;
/// The hash of the attestation key.
pub const QE_REPORT_DATA: usize = 320;

/// A header, with something in its user data.
pub(super) fn header(form: Form) -> [u8; 48] {
    let mut header = [0; 48];
    header[0] = if form == Form::V4 { 4 } else { 5 };
    header[2] = 2;
    header[4] = 0x81;
    header[12..28].copy_from_slice(&INTEL_QE);
    header[28..].fill(0x77);
    header
}

/// The body of a guest that nothing is measured into, and of which the host and the owner say nothing.
pub(super) fn body(form: Form) -> Vec<u8> {
    let len = if form == Form::V5Td15 { 648 } else { 584 };
    let mut body = vec![0; len];
    let mut put = |at: usize, bytes: &[u8]| body[at..at + bytes.len()].copy_from_slice(bytes);
    put(TEE_TCB_SVN, &[5, 1, 7]);
    put(MR_SEAM, &[0x5e; 48]);
    put(TD_ATTRIBUTES, &[0, 0, 0, 0x10]);
    put(XFAM, &[0xe7, 0x02, 0x06]);
    if form == Form::V5Td15 {
        put(CURRENT_TEE_TCB_SVN, &[5, 1, 7]);
    }
    body
}

/// The report of Intel's quoting enclave, but for the attestation key's hash.
pub(super) fn qe_report() -> [u8; 384] {
    let mut report = [0; 384];
    report[QE_ATTRIBUTES] = 0x15;
    report[QE_MR_SIGNER..QE_MR_SIGNER + 32].fill(0xdc);
    report[QE_PROD_ID] = 2;
    report[QE_SVN] = 4;
    report
}
