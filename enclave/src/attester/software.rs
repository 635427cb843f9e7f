//! Evidence for development: real evidence, real signatures, and a root that this process made; a file a kind.
//!
//! It proves nothing about where the process runs. A client accepts it only if its user names the
//! root in `--danger-accept-software-root`.

mod azure_vtpm;
mod nitro;
mod sev_snp;
mod tdx;

use std::path::Path;

use sealnote_model::{ModelDigest, SHA384_LEN, extended};
use sha2::{Digest, Sha384};

use super::{AttestError, Attester};

pub use sev_snp::machine as sev_snp_machine;

type Measurement = [u8; SHA384_LEN];

/// A kind of evidence that can be made in software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftwareKind {
    /// Documents as of the Nitro Security Module.
    Nitro,
    /// Reports as of an AMD SEV-SNP guest.
    SevSnp,
    /// Quotes as of an Intel TDX guest.
    Tdx,
    /// Quotes as of the vTPM of an Azure confidential VM.
    AzureVtpm,
}

/// A software attester, and what a client needs to accept its evidence.
pub struct Software {
    /// Gives evidence of the running executable and the model.
    pub attester: Box<dyn Attester>,
    /// The root certificate, PEM.
    pub root_pem: String,
    /// A policy that asks for this evidence. Of Nitro, what `nitro-cli build-enclave` prints.
    pub policy: String,
}

impl Software {
    /// Makes a root, and measures the running executable and the model.
    pub fn start(kind: SoftwareKind, model: &ModelDigest) -> Result<Self, AttestError> {
        let executable = std::env::current_exe().map_err(software)?;
        let measured = Measured::read(&executable, *model)?;
        match kind {
            SoftwareKind::Nitro => nitro::start(&measured),
            SoftwareKind::SevSnp => sev_snp::start(&measured),
            SoftwareKind::Tdx => tdx::start(&measured),
            SoftwareKind::AzureVtpm => azure_vtpm::start(&measured),
        }
    }
}

/// What was measured.
struct Measured {
    executable: Measurement,
    model: ModelDigest,
}

impl Measured {
    fn read(executable: &Path, model: ModelDigest) -> Result<Self, AttestError> {
        let executable = std::fs::read(executable).map_err(software)?;
        Ok(Self {
            executable: Sha384::digest(executable).into(),
            model,
        })
    }

    /// Registers that are extended by the executable, by the model, and by both.
    fn registers(&self) -> [Measurement; 3] {
        let zero = [0; SHA384_LEN];
        [
            extended(zero, &self.executable),
            extended(zero, &self.model.0),
            extended(extended(zero, &self.executable), &self.model.0),
        ]
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn software(error: impl std::error::Error) -> AttestError {
    AttestError::Software(error.to_string())
}
