//! Evidence of an SEV-SNP guest: its report, by configfs-tsm, or by /dev/sev-guest where a kernel has no configfs-tsm.
//!
//! There is no register to extend: what is measured is what the guest was launched from, so that the model is in the
//! measurement only where it is part of the image.
//!
//! Tried against a stand-in for configfs, and not on hardware.

mod device;

use std::ops::Range;

use sealnote_evidence::Evidence;
use sealnote_key_release::evidence::Tee;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use thiserror::Error;

use super::tsm::{Entries, Folder, Provider, Tsm, TsmError};
use super::{AttestError, Attester, report_data};
use device::Device;

/// The number of this kind of evidence: an SEV-SNP report.
pub const KIND: EvidenceKind = EvidenceKind(2);

/// Its name in policies, flags and the hand-over of endorsements.
pub const NAME: &str = "sev-snp";

/// Length of a report in bytes (AMD 56860, table "ATTESTATION_REPORT").
const REPORT_LEN: usize = 1184;
/// Where `REPORT_DATA` is, `REPORTED_TCB` and `CHIP_ID`.
const REPORT_DATA: Range<usize> = 0x50..0x90;
const REPORTED_TCB: Range<usize> = 0x180..0x188;
const CHIP_ID: Range<usize> = 0x1a0..0x1e0;

/// The attester of an SEV-SNP guest.
pub struct SevSnp {
    source: Box<dyn Source>,
}

impl SevSnp {
    /// Finds what gives reports here.
    ///
    /// # Errors
    /// Where this is no SEV-SNP guest.
    pub fn open() -> Result<Self, SevSnpError> {
        Self::with(Folder::of_the_kernel(), Device::open)
    }

    fn with<S: Source + 'static>(
        entries: impl Entries + 'static,
        device: impl FnOnce() -> std::io::Result<S>,
    ) -> Result<Self, SevSnpError> {
        let source: Box<dyn Source> = match Tsm::open(entries, Provider::SevGuest) {
            Ok(tsm) => Box::new(tsm),
            Err(TsmError::Absent) => Box::new(device().map_err(SevSnpError::NoDevice)?),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { source })
    }

    /// Chip and reported TCB, in hex: by these the operator finds the endorsements. Every client is told them too.
    ///
    /// # Errors
    /// Where there is no report.
    pub fn machine(&self) -> Result<Machine, SevSnpError> {
        Ok(Machine::of(&self.report(&[0; 64])?))
    }

    fn report(&self, data: &[u8; 64]) -> Result<Vec<u8>, SevSnpError> {
        let report = self.source.report(data)?;
        if report.len() != REPORT_LEN {
            return Err(SevSnpError::Length(report.len()));
        }
        match report[REPORT_DATA] == data[..] {
            true => Ok(report),
            false => Err(SevSnpError::OtherData),
        }
    }
}

impl Attester for SevSnp {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn endorsed_as(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let report = self.report(&report_data(KIND, binding))?;
        let evidence = Evidence {
            report: &report,
            public_key: binding.public_key.as_deref(),
            ..Evidence::default()
        };
        Ok(evidence.encode())
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, AttestError> {
        Ok(Tee::SevSnp {
            report: self.report(report_data)?,
            // A KBS fetches them itself.
            certificates: Vec::new(),
        })
    }
}

/// Which key signs this machine's reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// `CHIP_ID`, 128 digits; zeros where the key is the provider's.
    pub chip: String,
    /// `REPORTED_TCB`, 16 digits, the bytes in the report's order.
    pub reported_tcb: String,
}

impl Machine {
    /// Of a whole report.
    pub(super) fn of(report: &[u8]) -> Self {
        let hex = |bytes: Range<usize>| {
            let bytes = report[bytes].iter();
            bytes.map(|byte| format!("{byte:02x}")).collect()
        };
        Self {
            chip: hex(CHIP_ID),
            reported_tcb: hex(REPORTED_TCB),
        }
    }
}

/// What gives a report that carries these data.
trait Source: Send + Sync {
    fn report(&self, data: &[u8; 64]) -> Result<Vec<u8>, SevSnpError>;
}

impl<E: Entries> Source for Tsm<E> {
    fn report(&self, data: &[u8; 64]) -> Result<Vec<u8>, SevSnpError> {
        Ok(Tsm::report(self, data)?)
    }
}

/// Why there is no report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SevSnpError {
    /// configfs-tsm gives none.
    #[error(transparent)]
    Tsm(#[from] TsmError),
    /// There is neither configfs-tsm nor the device.
    #[error(
        "no reports can be had: /dev/sev-guest cannot be opened ({0}), and no driver answers in \
         /sys/kernel/config/tsm/report. In an SEV-SNP guest, load sev-guest and run as root; elsewhere choose another \
         --attester"
    )]
    NoDevice(std::io::Error),
    /// The device's request failed.
    #[error("/dev/sev-guest gave no report ({0}); the kernel's log may say more")]
    Device(std::io::Error),
    /// The firmware refused.
    #[error(
        "the SEV firmware gave no report: status {0:#x}; 0x16 is an invalid parameter, 0x27 an invalid key"
    )]
    Status(u32),
    /// It is not a report.
    #[error("what the kernel gave has {0} bytes; an SEV-SNP report has {REPORT_LEN}")]
    Length(usize),
    /// It is the report of something else.
    #[error(
        "the report carries other data than were asked for: something else asks for reports here; leave that to the \
         enclave"
    )]
    OtherData,
}

#[cfg(test)]
mod tests;
