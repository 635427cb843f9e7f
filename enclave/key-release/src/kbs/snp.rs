//! An SEV-SNP report as Trustee's verifier reads it: the fields of crate `sev`'s `AttestationReport`, one by one, as its
//! serde derivation names them (versions 6.3, 7 and 8 are alike). The verifier writes the report's bytes anew from them and
//! checks the signature over those; so nothing may be lost, and a report whose fields are not known is refused here.

use serde::Serialize;
use thiserror::Error;

/// Length of a report in bytes (AMD 56860, table 23).
pub const REPORT_LEN: usize = 0x4a0;

/// Bits 2 to 4 of KEY_INFO: who signed.
const SIGNED_BY_VLEK: u8 = 1;

/// Why a report cannot be handed over.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// It has another length.
    #[error("an SEV-SNP report has {REPORT_LEN} bytes, and this one has {len}")]
    Length {
        /// How many there are.
        len: usize,
    },
    /// It is older or younger than what is known.
    #[error(
        "an SEV-SNP report of version {version} is not taken: 3 to 5 are. An older firmware must be updated; a younger one needs a younger enclave"
    )]
    Version {
        /// Its version.
        version: u32,
    },
    /// The layout of its TCB is not known.
    #[error(
        "an SEV-SNP report of a processor of family {family:#x}, model {model:#x} is not known"
    )]
    Processor {
        /// The processor's family.
        family: u8,
        /// Its model.
        model: u8,
    },
}

/// A report and who endorses it: what Confidential Containers' attester sends.
#[derive(Debug, Serialize)]
pub(super) struct SnpEvidence<'a> {
    attestation_report: Report<'a>,
    /// `null` has the verifier ask AMD.
    cert_chain: Option<[Certificate<'a>; 1]>,
}

impl<'a> SnpEvidence<'a> {
    /// Of the certificates, only the leaf: the verifier has AMD's own.
    pub(super) fn new(report: &'a [u8], certificates: &'a [Vec<u8>]) -> Result<Self, ReportError> {
        let len = report.len();
        let report: &[u8; REPORT_LEN] =
            report.try_into().map_err(|_| ReportError::Length { len })?;
        let cert_type = match report[0x48] >> 2 & 0b111 {
            SIGNED_BY_VLEK => "VLEK",
            _ => "VCEK",
        };
        let leaf = certificates.first();
        Ok(Self {
            attestation_report: Report::read(report)?,
            cert_chain: leaf.map(|data| [Certificate { cert_type, data }]),
        })
    }
}

#[derive(Debug, Serialize)]
struct Certificate<'a> {
    cert_type: &'static str,
    data: &'a [u8],
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    version: u32,
    guest_svn: u32,
    policy: u64,
    family_id: &'a [u8],
    image_id: &'a [u8],
    vmpl: u32,
    sig_algo: u32,
    current_tcb: Tcb,
    plat_info: u64,
    key_info: u32,
    report_data: &'a [u8],
    measurement: &'a [u8],
    host_data: &'a [u8],
    id_key_digest: &'a [u8],
    author_key_digest: &'a [u8],
    report_id: &'a [u8],
    report_id_ma: &'a [u8],
    reported_tcb: Tcb,
    cpuid_fam_id: u8,
    cpuid_mod_id: u8,
    cpuid_step: u8,
    chip_id: &'a [u8],
    committed_tcb: Tcb,
    current: Firmware,
    committed: Firmware,
    launch_tcb: Tcb,
    launch_mit_vector: Option<u64>,
    current_mit_vector: Option<u64>,
    signature: Signature<'a>,
}

#[derive(Debug, Serialize)]
struct Tcb {
    fmc: Option<u8>,
    bootloader: u8,
    tee: u8,
    snp: u8,
    microcode: u8,
}

#[derive(Debug, Serialize)]
struct Firmware {
    major: u8,
    minor: u8,
    build: u8,
}

#[derive(Debug, Serialize)]
struct Signature<'a> {
    r: &'a [u8],
    s: &'a [u8],
}

/// Where the security versions are in a TCB_VERSION: Turin has moved them.
#[derive(Clone, Copy)]
enum TcbLayout {
    BeforeTurin,
    SinceTurin,
}

impl<'a> Report<'a> {
    /// The fields at their places (AMD 56860, table 23).
    fn read(bytes: &'a [u8; REPORT_LEN]) -> Result<Self, ReportError> {
        let version = u32_at(bytes, 0x00);
        // Version 2 names no processor; Trustee takes it no more.
        if !(3..=5).contains(&version) {
            return Err(ReportError::Version { version });
        }
        let has_mitigations = version >= 5;
        let layout = TcbLayout::of(bytes[0x188], bytes[0x189])?;
        let tcb = |at: usize| layout.read(array_at(bytes, at));
        Ok(Self {
            version,
            guest_svn: u32_at(bytes, 0x04),
            policy: u64_at(bytes, 0x08),
            family_id: &bytes[0x10..0x20],
            image_id: &bytes[0x20..0x30],
            vmpl: u32_at(bytes, 0x30),
            sig_algo: u32_at(bytes, 0x34),
            current_tcb: tcb(0x38),
            plat_info: u64_at(bytes, 0x40),
            key_info: u32_at(bytes, 0x48),
            report_data: &bytes[0x50..0x90],
            measurement: &bytes[0x90..0xc0],
            host_data: &bytes[0xc0..0xe0],
            id_key_digest: &bytes[0xe0..0x110],
            author_key_digest: &bytes[0x110..0x140],
            report_id: &bytes[0x140..0x160],
            report_id_ma: &bytes[0x160..0x180],
            reported_tcb: tcb(0x180),
            cpuid_fam_id: bytes[0x188],
            cpuid_mod_id: bytes[0x189],
            cpuid_step: bytes[0x18a],
            chip_id: &bytes[0x1a0..0x1e0],
            committed_tcb: tcb(0x1e0),
            current: Firmware::read(array_at(bytes, 0x1e8)),
            committed: Firmware::read(array_at(bytes, 0x1ec)),
            launch_tcb: tcb(0x1f0),
            launch_mit_vector: has_mitigations.then(|| u64_at(bytes, 0x1f8)),
            current_mit_vector: has_mitigations.then(|| u64_at(bytes, 0x200)),
            signature: Signature {
                r: &bytes[0x2a0..0x2e8],
                s: &bytes[0x2e8..0x330],
            },
        })
    }
}

impl TcbLayout {
    fn of(family: u8, model: u8) -> Result<Self, ReportError> {
        match (family, model) {
            (0x19, 0x00..=0x1f | 0xa0..=0xaf) => Ok(Self::BeforeTurin),
            (0x1a, 0x00..=0x11) => Ok(Self::SinceTurin),
            _ => Err(ReportError::Processor { family, model }),
        }
    }

    fn read(self, tcb: [u8; 8]) -> Tcb {
        match (self, tcb) {
            (Self::BeforeTurin, [bootloader, tee, .., snp, microcode]) => Tcb {
                fmc: None,
                bootloader,
                tee,
                snp,
                microcode,
            },
            (Self::SinceTurin, [fmc, bootloader, tee, snp, .., microcode]) => Tcb {
                fmc: Some(fmc),
                bootloader,
                tee,
                snp,
                microcode,
            },
        }
    }
}

impl Firmware {
    fn read([build, minor, major]: [u8; 3]) -> Self {
        Self {
            major,
            minor,
            build,
        }
    }
}

fn u32_at(bytes: &[u8; REPORT_LEN], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8; REPORT_LEN], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// At the places of [`Report::read`], which are in the report.
fn array_at<const N: usize>(bytes: &[u8; REPORT_LEN], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What crate `sev` itself makes of these reports; tests/kbs/README.md says how.
    const MADE_BY_SEV: [(&[u8], &str); 2] = [
        (
            include_bytes!("../../tests/kbs/report-genoa-3.bin"),
            include_str!("../../tests/kbs/report-genoa-3.json"),
        ),
        (
            include_bytes!("../../tests/kbs/report-turin-5.bin"),
            include_str!("../../tests/kbs/report-turin-5.json"),
        ),
    ];

    #[test]
    fn fields_are_those_of_crate_sev() {
        for (report, by_sev) in MADE_BY_SEV {
            let ours = serde_json::to_value(SnpEvidence::new(report, &[]).unwrap()).unwrap();
            let by_sev: Value = serde_json::from_str(by_sev).unwrap();
            assert_eq!(
                ours,
                json!({"attestation_report": by_sev, "cert_chain": null})
            );
        }
    }

    #[test]
    fn the_leaf_is_of_the_key_that_signed() {
        let certificates = [vec![1, 2], vec![3]];
        for (key_info, cert_type) in [(0, "VCEK"), (1 << 2, "VLEK")] {
            let mut report = MADE_BY_SEV[0].0.to_vec();
            report[0x48] = key_info;
            let evidence = SnpEvidence::new(&report, &certificates).unwrap();
            let chain = &serde_json::to_value(evidence).unwrap()["cert_chain"];
            assert_eq!(chain, &json!([{"cert_type": cert_type, "data": [1, 2]}]));
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let genuine = MADE_BY_SEV[0].0;
        let with = |at: usize, byte: u8| {
            let mut report = genuine.to_vec();
            report[at] = byte;
            SnpEvidence::new(&report, &[]).map(|_| ()).unwrap_err()
        };
        for version in [2, 6] {
            let error = ReportError::Version {
                version: version.into(),
            };
            assert_eq!(with(0, version), error);
        }
        // Venice, whose layout is not published in the versions of crate sev that the verifier has had.
        let (family, model) = (0x1a, 0x50);
        let mut venice = genuine.to_vec();
        venice[0x188..0x18a].copy_from_slice(&[family, model]);
        let error = SnpEvidence::new(&venice, &[]).map(|_| ()).unwrap_err();
        assert_eq!(error, ReportError::Processor { family, model });
        let error = SnpEvidence::new(&genuine[1..], &[])
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            error,
            ReportError::Length {
                len: REPORT_LEN - 1
            }
        );
    }
}
