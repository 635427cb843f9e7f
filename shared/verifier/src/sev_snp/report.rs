//! S1 to S4: the report's 1,184 bytes, read before anything is believed (56860, table 23, ATTESTATION_REPORT).

mod error;
mod tcb;

use p384::ecdsa::Signature;

pub use error::ReportError;
pub use tcb::{Component, Tcb};

use super::checks;
use crate::check::CheckLog;
use tcb::Layout;

/// Length of a report in bytes.
pub const REPORT_LEN: usize = 0x4a0;

/// The part of it that is signed.
const SIGNED_LEN: usize = 0x2a0;

/// Length of a scalar of P-384, and of the field that it is in (56860, chapter 10, ECDSA signature format).
const SCALAR_LEN: usize = 48;
const SCALAR_FIELD_LEN: usize = 72;

const ECDSA_P384_SHA384: u32 = 1;

/// PLATFORM_INFO has bits 0 to 7 (56860, table 24), KEY_INFO bits 0 to 4.
const KNOWN_PLATFORM_BITS: u64 = 0xff;
const KNOWN_KEY_INFO_BITS: u32 = 0x1f;

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportFields {
    /// Of the report's format, 2 to 5.
    pub version: u32,
    /// The guest's security version, from its id block.
    pub guest_svn: u32,
    /// The guest policy (56860, table 10).
    pub policy: u64,
    /// From the id block.
    pub family_id: [u8; 16],
    /// From the id block.
    pub image_id: [u8; 16],
    /// The privilege level that asked for the report, or 0xffffffff if the host did.
    pub vmpl: u32,
    /// The TCB that runs.
    pub current_tcb: Tcb,
    /// PLATFORM_INFO (56860, table 24).
    pub platform_info: u64,
    /// Whether the chip's key is masked, so that nothing is signed.
    pub is_chip_key_masked: bool,
    /// What signed the report.
    pub signing_key: SigningKey,
    /// What the guest put in.
    pub report_data: [u8; 64],
    /// The launch measurement.
    pub measurement: [u8; 48],
    /// What the host put in at the launch.
    pub host_data: [u8; 32],
    /// SHA-384 of the key that signed the id block; zero where there was none.
    pub id_key_digest: [u8; 48],
    /// SHA-384 of the key that signed the id key; zero where there was none.
    pub author_key_digest: [u8; 48],
    /// Of this guest.
    pub report_id: [u8; 32],
    /// Of its migration agent.
    pub report_id_ma: [u8; 32],
    /// The TCB that the key was derived for.
    pub reported_tcb: Tcb,
    /// The processor; from version 3 on.
    pub cpu: Option<Cpuid>,
    /// Of the chip: zero where it is masked.
    pub chip_id: [u8; 64],
    /// The TCB that cannot be gone below.
    pub committed_tcb: Tcb,
    /// The firmware that runs.
    pub current_firmware: Firmware,
    /// The firmware that cannot be gone below.
    pub committed_firmware: Firmware,
    /// The TCB when the guest was launched.
    pub launch_tcb: Tcb,
    /// Verified mitigations; from version 5 on.
    pub mitigations: Option<Mitigations>,
}

/// A processor's family, model and stepping, as CPUID has them combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpuid {
    /// Combined family.
    pub family: u8,
    /// Combined model.
    pub model: u8,
    /// Stepping.
    pub stepping: u8,
}

/// What signs reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKey {
    /// A chip's key.
    Vcek,
    /// A cloud's key.
    Vlek,
    /// None (7), or a number that has no meaning.
    Other(u8),
}

/// A version of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firmware {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
    /// Build.
    pub build: u8,
}

/// Vectors of verified mitigations, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mitigations {
    /// When the guest was launched.
    pub launch: u64,
    /// Now.
    pub current: u64,
}

/// A report that was read and not verified: anyone can write one.
#[derive(Debug)]
pub struct UnverifiedReport(ReportFields);

/// Reads a report without believing it.
///
/// # Errors
///
/// S1 to S4, the first that fails.
pub fn inspect(report: &[u8]) -> Result<UnverifiedReport, ReportError> {
    parse(report, &mut CheckLog::default()).map(|report| UnverifiedReport(report.fields))
}

impl UnverifiedReport {
    /// What it says, unverified.
    pub fn fields(&self) -> &ReportFields {
        &self.0
    }
}

impl std::fmt::Display for Firmware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)
    }
}

/// A report that has passed S1 to S4.
pub(super) struct Report<'a> {
    pub(super) fields: ReportFields,
    /// The bytes that are signed, as they came.
    pub(super) signed: &'a [u8],
    /// r and s, each big-endian.
    scalars: [[u8; SCALAR_LEN]; 2],
}

impl Report<'_> {
    /// The signature; `None` if r or s is zero or not below the group's order.
    pub(super) fn signature(&self) -> Option<Signature> {
        let [r, s] = self.scalars;
        Signature::from_scalars(r, s).ok()
    }
}

/// S1 to S4.
pub(super) fn parse<'a>(bytes: &'a [u8], log: &mut CheckLog) -> Result<Report<'a>, ReportError> {
    let raw: &[u8; REPORT_LEN] = log.run(checks::S1, || {
        let found = bytes.len();
        bytes.try_into().map_err(|_| ReportError::Length { found })
    })?;
    let version = log.run(checks::S2, || match u32_at(raw, 0x00) {
        version @ 2..=5 => Ok(version),
        found => Err(ReportError::Version { found }),
    })?;
    let fields = log.run(checks::S3, || {
        check_reserved(raw, version)?;
        read_fields(raw, version)
    })?;
    log.run(checks::S4, || match u32_at(raw, 0x34) {
        ECDSA_P384_SHA384 => Ok(()),
        found => Err(ReportError::Algorithm { found }),
    })?;
    let scalar = |at| {
        let mut scalar: [u8; SCALAR_LEN] = bytes_at(raw, at);
        scalar.reverse();
        scalar
    };
    Ok(Report {
        fields,
        signed: &raw[..SIGNED_LEN],
        scalars: [scalar(SIGNED_LEN), scalar(SIGNED_LEN + SCALAR_FIELD_LEN)],
    })
}

/// S3, but for the TCB versions.
fn check_reserved(raw: &[u8; REPORT_LEN], version: u32) -> Result<(), ReportError> {
    let after_cpuid = if version < 3 { 0x188 } else { 0x18b };
    let after_mitigations = if version < 5 { 0x1f8 } else { 0x208 };
    let (r, s) = (SIGNED_LEN, SIGNED_LEN + SCALAR_FIELD_LEN);
    let reserved = [
        0x4c..0x50,
        after_cpuid..0x1a0,
        0x1eb..0x1ec,
        0x1ef..0x1f0,
        after_mitigations..SIGNED_LEN,
        r + SCALAR_LEN..s,
        s + SCALAR_LEN..REPORT_LEN,
    ];
    match reserved.into_iter().flatten().find(|at| raw[*at] != 0) {
        Some(offset) => Err(ReportError::Reserved { offset }),
        None if u64_at(raw, 0x40) & !KNOWN_PLATFORM_BITS != 0 => {
            Err(ReportError::Reserved { offset: 0x40 })
        }
        None if u32_at(raw, 0x48) & !KNOWN_KEY_INFO_BITS != 0 => {
            Err(ReportError::Reserved { offset: 0x48 })
        }
        None => Ok(()),
    }
}

fn read_fields(raw: &[u8; REPORT_LEN], version: u32) -> Result<ReportFields, ReportError> {
    let cpu = (version >= 3).then(|| Cpuid {
        family: raw[0x188],
        model: raw[0x189],
        stepping: raw[0x18a],
    });
    let layout = Layout::of_cpu(cpu);
    let tcb =
        |offset| Tcb::read(bytes_at(raw, offset), layout).ok_or(ReportError::Reserved { offset });
    let firmware = |at: usize| Firmware {
        build: raw[at],
        minor: raw[at + 1],
        major: raw[at + 2],
    };
    let key_info = u32_at(raw, 0x48);
    Ok(ReportFields {
        version,
        guest_svn: u32_at(raw, 0x04),
        policy: u64_at(raw, 0x08),
        family_id: bytes_at(raw, 0x10),
        image_id: bytes_at(raw, 0x20),
        vmpl: u32_at(raw, 0x30),
        current_tcb: tcb(0x38)?,
        platform_info: u64_at(raw, 0x40),
        is_chip_key_masked: key_info & 0b10 != 0,
        signing_key: match (key_info >> 2) & 0b111 {
            0 => SigningKey::Vcek,
            1 => SigningKey::Vlek,
            other => SigningKey::Other(other as u8),
        },
        report_data: bytes_at(raw, 0x50),
        measurement: bytes_at(raw, 0x90),
        host_data: bytes_at(raw, 0xc0),
        id_key_digest: bytes_at(raw, 0xe0),
        author_key_digest: bytes_at(raw, 0x110),
        report_id: bytes_at(raw, 0x140),
        report_id_ma: bytes_at(raw, 0x160),
        reported_tcb: tcb(0x180)?,
        cpu,
        chip_id: bytes_at(raw, 0x1a0),
        committed_tcb: tcb(0x1e0)?,
        current_firmware: firmware(0x1e8),
        committed_firmware: firmware(0x1ec),
        launch_tcb: tcb(0x1f0)?,
        mitigations: (version >= 5).then(|| Mitigations {
            launch: u64_at(raw, 0x1f8),
            current: u64_at(raw, 0x200),
        }),
    })
}

/// The bytes at one of the offsets above, all of which are within the report.
fn bytes_at<const N: usize>(raw: &[u8; REPORT_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|index| raw[at + index])
}

fn u32_at(raw: &[u8; REPORT_LEN], at: usize) -> u32 {
    u32::from_le_bytes(bytes_at(raw, at))
}

fn u64_at(raw: &[u8; REPORT_LEN], at: usize) -> u64 {
    u64::from_le_bytes(bytes_at(raw, at))
}
