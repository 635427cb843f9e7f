//! Documents as of the Nitro Security Module: PCR0 is extended by the executable, PCR1 by the model, PCR2 by both, and
//! PCR16 by the model as in a Nitro enclave.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::nitro::{AttestationRequest, SoftwareAttester, SoftwareRoot};

use super::{Measured, Measurement, Software, hex, software};
use crate::attester::nsm::{KIND, MODEL_REGISTER};
use crate::attester::{AttestError, Attester};

// A lock, since it issues a new leaf certificate every three hours.
struct Nitro(Mutex<SoftwareAttester>);

pub(super) fn start(measured: &Measured) -> Result<Software, AttestError> {
    let measurements = measured.registers();
    let rng = &mut UnwrapErr(SysRng);
    let root = SoftwareRoot::generate(SystemTime::now(), rng).map_err(software)?;
    let root_pem = root.certificate_pem().map_err(software)?;
    let mut pcrs: BTreeMap<u8, Measurement> = (0..).zip(measurements).collect();
    pcrs.insert(MODEL_REGISTER, measured.model.register());
    let attester = SoftwareAttester::new(root, pcrs, rng).map_err(software)?;
    Ok(Software {
        attester: Box::new(Nitro(Mutex::new(attester))),
        root_pem,
        policy: measurements_json(&measurements),
    })
}

/// The measurements in the JSON that `nitro-cli build-enclave` prints.
fn measurements_json(measurements: &[Measurement; 3]) -> String {
    let [pcr0, pcr1, pcr2] = measurements.each_ref().map(|register| hex(register));
    let json = serde_json::json!({"Measurements": {
        "HashAlgorithm": "Sha384 { ... }", "PCR0": pcr0, "PCR1": pcr1, "PCR2": pcr2,
    }});
    format!("{json:#}\n")
}

impl Attester for Nitro {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let request = AttestationRequest {
            user_data: Some(&binding.claims),
            nonce: Some(&binding.challenge),
            public_key: binding.public_key.as_deref(),
        };
        self.document(&request)
    }

    fn nitro_document(
        &self,
        public_key: &[u8],
        user_data: &[u8; 48],
    ) -> Result<Vec<u8>, AttestError> {
        self.document(&AttestationRequest {
            user_data: Some(user_data),
            nonce: None,
            public_key: Some(public_key),
        })
    }
}

impl Nitro {
    fn document(&self, request: &AttestationRequest<'_>) -> Result<Vec<u8>, AttestError> {
        let mut attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let document = attester.attest(request, SystemTime::now(), &mut UnwrapErr(SysRng));
        document.map_err(software)
    }
}
