//! Quotes as of the vTPM of an Azure confidential VM, on a made-up SEV-SNP machine: register 4 is extended by the executable,
//! and 11 by the model. The paravisor is made up too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::{Rng, UnwrapErr};
use sealnote_evidence::{Evidence, map};
use sealnote_model::SHA384_LEN;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::azure_vtpm::{Pcrs, SoftwareAttester};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Measured, Software, hex, sev_snp, software};
use crate::attester::azure_vtpm::registers::{event, extended};
use crate::attester::azure_vtpm::{KIND, Layout};
use crate::attester::{AttestError, Attester, report_data};

/// What the firmware booted.
const EXECUTABLE_REGISTER: u8 = 4;

// A lock, since its machine issues a new revocation list every day.
struct AzureVtpm(Mutex<SoftwareAttester>);

pub(super) fn start(measured: &Measured) -> Result<Software, AttestError> {
    let mut rng = UnwrapErr(SysRng);
    let mut paravisor = [0; SHA384_LEN];
    rng.fill_bytes(&mut paravisor);
    let (hardware, rules) = sev_snp::machine(paravisor)?;
    let pcrs = Pcrs::from([
        (EXECUTABLE_REGISTER, once(&measured.executable)),
        (Layout::default().model(), once(&measured.model.extension())),
    ]);
    let policy = policy(&pcrs, rules);
    let attester = SoftwareAttester::new(hardware, pcrs, &mut rng).map_err(software)?;
    Ok(Software {
        root_pem: attester.root_pem().map_err(software)?,
        policy,
        attester: Box::new(AzureVtpm(Mutex::new(attester))),
    })
}

/// A register that was extended once.
fn once(measurement: &[u8; SHA384_LEN]) -> [u8; 32] {
    extended([0; 32], &event(measurement))
}

/// What is asked of this guest under this paravisor, and of no other.
fn policy(pcrs: &Pcrs, hardware: Value) -> String {
    let pcrs = pcrs.iter();
    let pcrs: Map<String, Value> = pcrs
        .map(|(register, value)| (register.to_string(), json!(hex(value))))
        .collect();
    let json = json!({"version": 2, "evidence": {"azure-vtpm": {
        "measurements": [{"label": "software attester", "tee": "sev-snp", "pcrs": pcrs}],
        "sev-snp": hardware,
    }}});
    format!("{json:#}\n")
}

impl Attester for AzureVtpm {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn endorsements(&self) -> Option<Arc<[u8]>> {
        let attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(attester.endorsements())
    }

    /// A vTPM takes no 64 bytes, so that the binding is hashed once more.
    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let mut attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let data = Sha256::digest(report_data(KIND, binding)).into();
        let gathered = attester.attest(&data, SystemTime::now(), &mut UnwrapErr(SysRng));
        let gathered = gathered.map_err(software)?;
        let vtpm = map::write(&[
            (1, &gathered.hcl_report),
            (2, &gathered.quote),
            (3, &gathered.signature),
            (4, &gathered.pcrs),
        ]);
        let evidence = Evidence {
            public_key: binding.public_key.as_deref(),
            vtpm: Some(&vtpm),
            ..Evidence::default()
        };
        Ok(evidence.encode())
    }
}
