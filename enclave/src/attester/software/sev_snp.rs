//! Reports as of an AMD SEV-SNP guest, whose measurement is extended by the executable and the model, on a made-up Genoa.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::{Rng, UnwrapErr};
use sealnote_evidence::Evidence;
use sealnote_key_release::evidence::Tee;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::sev_snp::{Authority, Guest, Machine, SoftwareAttester};
use serde_json::{Value, json};

use super::{Measured, Measurement, Software, hex, software};
use crate::attester::sev_snp::KIND;
use crate::attester::{AttestError, Attester, report_data};

// A lock, since it issues a new revocation list every day.
struct SevSnp(Mutex<SoftwareAttester>);

pub(super) fn start(measured: &Measured) -> Result<Software, AttestError> {
    let [_, _, measurement] = measured.registers();
    let (attester, rules) = machine(measurement)?;
    let json = json!({"version": 2, "evidence": {"sev-snp": rules}});
    Ok(Software {
        root_pem: attester.root_pem().map_err(software)?,
        policy: format!("{json:#}\n"),
        attester: Box::new(SevSnp(Mutex::new(attester))),
    })
}

/// A machine whose guest has this measurement, and the rules that accept it.
///
/// # Errors
/// None in practice: now is a time that X.509 can express.
pub fn machine(measurement: Measurement) -> Result<(SoftwareAttester, Value), AttestError> {
    let mut rng = UnwrapErr(SysRng);
    let mut chip_id = [0; 64];
    rng.fill_bytes(&mut chip_id);
    let (machine, guest) = (Machine::genoa(chip_id), Guest::measured(measurement));
    let rules = rules(&machine, &guest);
    let authority = Authority::generate(&mut [rng, rng]).map_err(software)?;
    let now = SystemTime::now();
    let attester = SoftwareAttester::new(authority, machine, guest, now, &mut rng);
    Ok((attester.map_err(software)?, rules))
}

/// What is asked of this guest on this machine, and of no other.
fn rules(machine: &Machine, guest: &Guest) -> Value {
    let tcb = machine.tcb;
    let [major, minor, build] = machine.firmware;
    json!({
        "measurements": [{
            "label": "software attester",
            "measurement": hex(&guest.measurement),
            "host_data": "zero",
            "id_key_digest": "zero",
            "author_key_digest": "zero",
        }],
        "products": {"genoa": {
            "least_tcb": {
                "bootloader": tcb.bootloader, "tee": tcb.tee, "snp": tcb.snp, "microcode": tcb.microcode,
            },
            "least_firmware": format!("{major}.{minor}.{build}"),
            "least_mitigations": 0,
        }},
        "endorsement": "vcek",
        "crl": "required",
        "guest_policy": {"abi": "0.31", "smt_allowed": true},
        "platform_bits": ["ecc", "alias_check_complete"],
        "chip_ids": [hex(&machine.chip_id)],
    })
}

impl Attester for SevSnp {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn endorsements(&self) -> Option<Arc<[u8]>> {
        let attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(attester.endorsements())
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let evidence = Evidence {
            report: &self.report(&report_data(KIND, binding))?,
            public_key: binding.public_key.as_deref(),
            ..Evidence::default()
        };
        Ok(evidence.encode())
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, AttestError> {
        Ok(Tee::SevSnp {
            report: self.report(report_data)?,
            certificates: Vec::new(),
        })
    }
}

impl SevSnp {
    fn report(&self, data: &[u8; 64]) -> Result<Vec<u8>, AttestError> {
        let mut attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let report = attester.attest(data, SystemTime::now(), &mut UnwrapErr(SysRng));
        report.map_err(software)
    }
}
