//! T1 and T2: the quote's bytes, read before anything is believed.

mod error;

use dcap_qvl::quote::{AuthData, AuthDataV4, Quote as RawQuote, Report};

pub use error::QuoteError;

use super::checks;
use crate::check::CheckLog;

/// Greatest length of a quote that is read, in bytes. They have some 5,000; Google's are padded to 8,000.
pub const MAX_QUOTE: usize = 16 * 1024;

const HEADER_LEN: usize = 48;
/// Type and length before the body, from version 5 on.
const BODY_HEADER_LEN: usize = 6;
const TD_10: (u16, usize) = (2, 584);
const TD_15: (u16, usize) = (3, 648);
const SGX_BODY: u16 = 1;

const TEE_SGX: u32 = 0;
const TEE_TDX: u32 = 0x81;
const ECDSA_P256: u16 = 2;

/// Types of certification data.
const PCK_CHAIN: u16 = 5;
const QE_REPORT: u16 = 6;

/// What is around the inner certification data and the QE's authentication data, in bytes.
const AUTH_DATA_FIXED: usize = 64 + 64 + 2 + 4;
const QE_DATA_FIXED: usize = 384 + 64 + 2 + 2 + 4;
/// Where the length of the QE's authentication data is.
const QE_AUTH_LEN: usize = 384 + 64;

/// What a quote says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuoteFields {
    /// Of the quote's format, 4 or 5.
    pub version: u16,
    /// The TCB of the TDX module when the guest was launched.
    pub tee_tcb_svn: [u8; 16],
    /// That of now; TDX 1.5 only.
    pub current_tee_tcb_svn: Option<[u8; 16]>,
    /// The TDX module's measurement.
    pub mr_seam: [u8; 48],
    /// Its signer; zero for Intel's own.
    pub mr_signer_seam: [u8; 48],
    /// Its attributes.
    pub seam_attributes: [u8; 8],
    /// The guest's attributes.
    pub td_attributes: [u8; 8],
    /// The extended features that it may use.
    pub xfam: [u8; 8],
    /// MRTD: the measurement of what was loaded at the launch.
    pub mrtd: [u8; 48],
    /// What the host put in at the launch.
    pub mr_config_id: [u8; 48],
    /// What the host put in at the launch, for the owner.
    pub mr_owner: [u8; 48],
    /// What the host put in at the launch, for the owner's configuration.
    pub mr_owner_config: [u8; 48],
    /// The runtime measurements, RTMR0 to RTMR3.
    pub rtmrs: [[u8; 48]; 4],
    /// What the guest put in.
    pub report_data: [u8; 64],
    /// The measurement of the service TDs that are bound to it; TDX 1.5 only.
    pub mr_service_td: Option<[u8; 48]>,
}

/// A quote that was read and not verified: anyone can write one.
#[derive(Debug)]
pub struct UnverifiedQuote(QuoteFields);

/// Reads a quote without believing it.
///
/// # Errors
///
/// T1 and T2, the first that fails.
pub fn inspect(quote: &[u8]) -> Result<UnverifiedQuote, QuoteError> {
    parse(quote, &mut CheckLog::default()).map(|quote| UnverifiedQuote(quote.fields))
}

impl UnverifiedQuote {
    /// What it says, unverified.
    pub fn fields(&self) -> &QuoteFields {
        &self.0
    }
}

/// A quote that has passed T1 and T2.
pub(super) struct Quote<'a> {
    pub(super) fields: QuoteFields,
    /// Without what is behind it.
    pub(super) bytes: &'a [u8],
    /// The bytes that are signed, as they came.
    pub(super) signed: &'a [u8],
    pub(super) signature: AuthDataV4,
}

/// T1 and T2.
pub(super) fn parse<'a>(bytes: &'a [u8], log: &mut CheckLog) -> Result<Quote<'a>, QuoteError> {
    let (quote, rest) = log.run(checks::T1, || read(bytes))?;
    log.run(checks::T2, || {
        match rest.iter().position(|byte| *byte != 0) {
            None => Ok(()),
            Some(at) => Err(QuoteError::Trailing {
                offset: bytes.len() - rest.len() + at,
            }),
        }
    })?;
    Ok(quote)
}

/// T1; the quote and what is behind it.
fn read(bytes: &[u8]) -> Result<(Quote<'_>, &[u8]), QuoteError> {
    let found = bytes.len();
    if found > MAX_QUOTE {
        return Err(QuoteError::TooLong { found });
    }
    let truncated = QuoteError::Truncated { found };
    let signed_len = check_header(bytes)?;
    let (signed, rest) = bytes
        .split_at_checked(signed_len)
        .ok_or(truncated.clone())?;
    let (signature_data, rest) = sized(rest).ok_or(truncated.clone())?;
    has_what_it_declares(signature_data).ok_or(QuoteError::Lengths)?;
    let raw = RawQuote::parse(bytes).map_err(|_| truncated)?;
    let (AuthData::V4(signature), Some(fields)) =
        (raw.auth_data, fields(raw.header.version, &raw.report))
    else {
        return Err(QuoteError::Lengths);
    };
    check_signature_data(&signature, signature_data.len())?;
    let quote = Quote {
        fields,
        bytes: &bytes[..found - rest.len()],
        signed,
        signature,
    };
    Ok((quote, rest))
}

/// The kind of quote; how many bytes are signed.
fn check_header(bytes: &[u8]) -> Result<usize, QuoteError> {
    let found = bytes.len();
    let truncated = QuoteError::Truncated { found };
    let header = bytes.first_chunk::<HEADER_LEN>().ok_or(truncated.clone())?;
    let [version, key_type] = [0, 2].map(|at| u16::from_le_bytes([header[at], header[at + 1]]));
    let tee = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    match tee {
        TEE_TDX => {}
        TEE_SGX => return Err(QuoteError::Sgx),
        found => return Err(QuoteError::TeeType { found }),
    }
    let signed_len = match version {
        4 => HEADER_LEN + TD_10.1,
        5 => {
            let body = &bytes[HEADER_LEN..];
            let kind = u16_at(body, 0).ok_or(truncated.clone())?;
            let len = u32_at(body, 2).ok_or(truncated)?;
            match (kind, len as usize) {
                (SGX_BODY, _) => return Err(QuoteError::Sgx),
                known if known == TD_10 || known == TD_15 => HEADER_LEN + BODY_HEADER_LEN + known.1,
                _ => return Err(QuoteError::Body { found: kind, len }),
            }
        }
        found => return Err(QuoteError::Version { found }),
    };
    if key_type != ECDSA_P256 {
        return Err(QuoteError::KeyType { found: key_type });
    }
    match header[12..28] == dcap_qvl::INTEL_QE_VENDOR_ID {
        true => Ok(signed_len),
        false => Err(QuoteError::Vendor),
    }
}

/// Each length in the signature data is of bytes that are there: the parser would set up to 1 MiB aside before it looks.
fn has_what_it_declares(data: &[u8]) -> Option<()> {
    let (outer, _) = sized(data.get(AUTH_DATA_FIXED - 4..)?)?;
    let qe_auth_len = u16_at(outer, QE_AUTH_LEN)?;
    let inner = outer.get(QE_DATA_FIXED - 4 + usize::from(qe_auth_len)..)?;
    sized(inner).map(|_| ())
}

/// What the parser reads of the signature data is all that there is.
fn check_signature_data(data: &AuthDataV4, len: usize) -> Result<(), QuoteError> {
    let outer = &data.certification_data;
    let inner = &data.qe_report_data.certification_data;
    if (outer.cert_type, inner.cert_type) != (QE_REPORT, PCK_CHAIN) {
        return Err(QuoteError::CertificationData {
            outer: outer.cert_type,
            inner: inner.cert_type,
        });
    }
    let qe_auth_len = data.qe_report_data.qe_auth_data.data.len();
    let inner_len = QE_DATA_FIXED + qe_auth_len + inner.body.data.len();
    match outer.body.data.len() == inner_len && len == AUTH_DATA_FIXED + inner_len {
        true => Ok(()),
        false => Err(QuoteError::Lengths),
    }
}

fn fields(version: u16, report: &Report) -> Option<QuoteFields> {
    let base = report.as_td10()?;
    let newer = report.as_td15();
    Some(QuoteFields {
        version,
        tee_tcb_svn: base.tee_tcb_svn,
        current_tee_tcb_svn: newer.map(|newer| newer.tee_tcb_svn2),
        mr_seam: base.mr_seam,
        mr_signer_seam: base.mr_signer_seam,
        seam_attributes: base.seam_attributes,
        td_attributes: base.td_attributes,
        xfam: base.xfam,
        mrtd: base.mr_td,
        mr_config_id: base.mr_config_id,
        mr_owner: base.mr_owner,
        mr_owner_config: base.mr_owner_config,
        rtmrs: [base.rt_mr0, base.rt_mr1, base.rt_mr2, base.rt_mr3],
        report_data: base.report_data,
        mr_service_td: newer.map(|newer| newer.mr_service_td),
    })
}

/// As many bytes as the length before them says, and the rest.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = u32_at(bytes, 0)?;
    bytes.get(4..)?.split_at_checked(len as usize)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}
