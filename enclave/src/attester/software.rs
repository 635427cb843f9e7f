//! Evidence for development: real documents, real signatures, and a root that this process made.
//!
//! It proves nothing about where the process runs. A client accepts it only if its user names the
//! root in `--danger-accept-software-root`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_model::{ModelDigest, SHA384_LEN, extended};
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::nitro::{AttestationRequest, SoftwareAttester, SoftwareRoot};
use sha2::{Digest, Sha384};

use super::nsm::{KIND, MODEL_REGISTER};
use super::{AttestError, Attester};

type Measurement = [u8; SHA384_LEN];

/// The software attester, with the measurements of this executable and its model.
pub struct Software {
    // A lock, since it issues a new leaf certificate every three hours.
    attester: Mutex<SoftwareAttester>,
    measurements: [Measurement; 3],
}

impl Software {
    /// Makes a root, and measures the running executable and the model: PCR0 is extended by the
    /// executable, PCR1 by the model, PCR2 by both, and PCR16 by the model as in a Nitro enclave.
    pub fn start(model: &ModelDigest) -> Result<Self, AttestError> {
        let executable = std::env::current_exe().map_err(software)?;
        Self::with_executable(&executable, model)
    }

    fn with_executable(executable: &Path, model: &ModelDigest) -> Result<Self, AttestError> {
        let executable = Sha384::digest(std::fs::read(executable).map_err(software)?).into();
        let zero = [0; SHA384_LEN];
        let measurements = [
            extended(zero, &executable),
            extended(zero, &model.0),
            extended(extended(zero, &executable), &model.0),
        ];
        let rng = &mut UnwrapErr(SysRng);
        let root = SoftwareRoot::generate(SystemTime::now(), rng).map_err(software)?;
        let mut pcrs: BTreeMap<u8, Measurement> = (0..).zip(measurements).collect();
        pcrs.insert(MODEL_REGISTER, model.register());
        let attester = SoftwareAttester::new(root, pcrs, rng).map_err(software)?;
        Ok(Self {
            attester: Mutex::new(attester),
            measurements,
        })
    }

    /// The root certificate as PEM.
    pub fn root_pem(&self) -> Result<String, AttestError> {
        let attester = self.attester.lock().unwrap_or_else(PoisonError::into_inner);
        attester.root().certificate_pem().map_err(software)
    }

    /// The measurements in the JSON that `nitro-cli build-enclave` prints.
    pub fn measurements_json(&self) -> String {
        let hex = |m: &Measurement| {
            m.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let [pcr0, pcr1, pcr2] = self.measurements.each_ref().map(hex);
        let json = serde_json::json!({"Measurements": {
            "HashAlgorithm": "Sha384 { ... }", "PCR0": pcr0, "PCR1": pcr1, "PCR2": pcr2,
        }});
        format!("{json:#}\n")
    }
}

impl Attester for Software {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let request = AttestationRequest {
            user_data: Some(&binding.claims),
            nonce: Some(&binding.challenge),
            public_key: binding.public_key.as_deref(),
        };
        let mut attester = self.attester.lock().unwrap_or_else(PoisonError::into_inner);
        let document = attester.attest(&request, SystemTime::now(), &mut UnwrapErr(SysRng));
        document.map_err(software)
    }
}

fn software(error: impl std::error::Error) -> AttestError {
    AttestError::Software(error.to_string())
}
