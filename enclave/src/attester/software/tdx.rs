//! Quotes as of an Intel TDX guest, on a made-up platform: MRTD is extended by the executable, and RTMR3 by the model as in a
//! TDX guest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use getrandom::SysRng;
use getrandom::rand_core::{Rng, UnwrapErr};
use sealnote_evidence::Evidence;
use sealnote_key_release::evidence::Tee;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sealnote_software_attester::tdx::{
    Form, MR_SEAM, MRTD, Machine, Platform, SoftwareAttester, XFAM,
};

use super::{Measured, Measurement, Software, hex, software};
use crate::attester::tdx::KIND;
use crate::attester::{AttestError, Attester, report_data};

/// The register that the model is measured into.
const MODEL_REGISTER: u8 = 3;

// A lock, since it issues new collateral every day.
struct Tdx(Mutex<SoftwareAttester>);

pub(super) fn start(measured: &Measured) -> Result<Software, AttestError> {
    let mut rng = UnwrapErr(SysRng);
    let mut platform = Platform::default();
    rng.fill_bytes(&mut platform.ppid);
    let now = SystemTime::now();
    let machine = Machine::new(Form::V4, &platform, now, &mut rng);
    let mut machine = machine.map_err(software)?;
    let [mrtd, ..] = measured.registers();
    machine.set(MRTD, &mrtd);
    machine.measure(MODEL_REGISTER, measured.model.extension());
    let policy = policy(&machine, &platform, &mrtd, &measured.model.register());
    let attester = SoftwareAttester::new(machine, now).map_err(software)?;
    Ok(Software {
        root_pem: attester.root_pem().map_err(software)?,
        policy,
        attester: Box::new(Tdx(Mutex::new(attester))),
    })
}

/// What is asked of this guest on this platform, and of no other.
fn policy(
    machine: &Machine,
    platform: &Platform,
    mrtd: &Measurement,
    rtmr3: &Measurement,
) -> String {
    let json = serde_json::json!({"version": 2, "evidence": {"tdx": {
        "measurements": [{
            "label": "software attester",
            "mrtd": hex(mrtd),
            "rtmr0": "zero",
            "rtmr1": "zero",
            "rtmr2": "zero",
            "rtmr3": hex(rtmr3),
            "mr_config_id": "zero",
            "mr_owner": "zero",
            "mr_owner_config": "zero",
            "xfam": hex(&machine.body[XFAM..][..8]),
            "mr_seam": [hex(&machine.body[MR_SEAM..][..48])],
        }],
        "least_tcb_evaluation_data_number": machine.tcb_info["tcbEvaluationDataNumber"],
        "reject_advisories": "none",
        "fmspcs": [hex(&platform.fmspc)],
        "ppids": [hex(&platform.ppid)],
    }}});
    format!("{json:#}\n")
}

impl Attester for Tdx {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn endorsements(&self) -> Option<Arc<[u8]>> {
        let attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(attester.endorsements())
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let evidence = Evidence {
            report: &self.quote(&report_data(KIND, binding))?,
            public_key: binding.public_key.as_deref(),
            ..Evidence::default()
        };
        Ok(evidence.encode())
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, AttestError> {
        let quote = self.quote(report_data)?;
        Ok(Tee::Tdx { quote })
    }
}

impl Tdx {
    fn quote(&self, data: &[u8; 64]) -> Result<Vec<u8>, AttestError> {
        let mut attester = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attester.attest(data, SystemTime::now()).map_err(software)
    }
}
