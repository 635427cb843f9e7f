//! TDX machines in software, one for each form of a quote, and for each a policy that accepts it alone.

use std::sync::LazyLock;

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use sealnote_software_attester::tdx::{
    Form, MR_CONFIG_ID, MR_OWNER, MR_OWNER_CONFIG, MRTD, Machine, Platform, REPORT_DATA,
    system_time,
};
use sealnote_verifier::tdx::{QuoteFields, VerifiedQuote, inspect};
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};
use serde_json::{Value, json};

use crate::Seeded;

/// When the machines' collateral is in date.
pub const NOW_SECONDS: u64 = 1_795_000_000;

const HEADER_LEN: usize = 48;
/// Type and length before the body, from version 5 on.
const BODY_HEADER_LEN: usize = 6;
const LENGTH_LEN: usize = 4;
const SIGNATURE_LEN: usize = 64;

/// A machine, what it says, and who believes it.
pub struct Fixture {
    /// The machine's quote.
    pub quote: Vec<u8>,
    /// What it says.
    pub fields: QuoteFields,
    /// What is said of the machine.
    pub collateral: Value,
    /// What was measured.
    pub event_log: Vec<u8>,
    /// Expects all that the quote says.
    pub policy: Policy,
    /// The vendors', and the machine's.
    pub roots: TrustRoots,
    machine: Machine,
}

/// In the order of [`Form::ALL`]; the same in every run.
pub static FIXTURES: LazyLock<[Fixture; 3]> = LazyLock::new(|| Form::ALL.map(Fixture::new));

impl Fixture {
    fn new(form: Form) -> Self {
        let now = system_time(NOW_SECONDS);
        let rng = &mut Seeded(form as u64);
        let machine = Machine::new(form, &Platform::default(), now, rng);
        let mut machine = machine.expect("a machine");
        machine.set(REPORT_DATA, &[0x5a; 64]);
        machine.set(MRTD, &[0xd7; 48]);
        machine.set(MR_CONFIG_ID, &[0xc1; 48]);
        machine.set(MR_OWNER, &[0xc2; 48]);
        machine.set(MR_OWNER_CONFIG, &[0xc3; 48]);
        for (register, digest) in [(0, 0xa0), (1, 0xa1), (2, 0xa3), (3, 0xa4)] {
            machine.measure(register, [digest; 48]);
        }
        let quote = machine.quote().expect("a quote");
        let fields = inspect(&quote).expect("a quote").fields().clone();
        let mut roots = TrustRoots::vendors();
        roots
            .danger_add_tdx_software_root(&machine.root_pem().expect("a root"))
            .expect("a root");
        Self {
            policy: policy(&fields),
            collateral: machine.collateral().expect("collateral"),
            event_log: machine.event_log(),
            quote,
            fields,
            roots,
            machine,
        }
    }

    /// The one whose quotes have the form of this one.
    pub fn like(fields: &QuoteFields) -> &'static Self {
        match (fields.version, fields.current_tee_tcb_svn) {
            (4, _) => &FIXTURES[0],
            (_, None) => &FIXTURES[1],
            (_, Some(_)) => &FIXTURES[2],
        }
    }

    /// Checks a quote by the fixture's policy and roots; its `report_data` must be the fixture's.
    pub fn check(&self, quote: &[u8], collateral: &[u8]) -> Result<VerifiedQuote, Rejection> {
        let report_data = Some(&self.fields.report_data);
        let now = UnixTime::from_seconds(NOW_SECONDS);
        self.policy
            .check_quote(quote, collateral, None, report_data, &self.roots, now)
    }

    /// The collateral with this TCB info in place of its own, signed.
    pub fn with_tcb_info(&self, text: &str) -> Value {
        let key = &self.machine.signers.tcb_info;
        self.with_signed("tcb_info", text, key)
    }

    /// The same with this QE identity.
    pub fn with_qe_identity(&self, text: &str) -> Value {
        let key = &self.machine.signers.qe_identity;
        self.with_signed("qe_identity", text, key)
    }

    fn with_signed(&self, name: &str, text: &str, key: &SigningKey) -> Value {
        let signature: Signature = key.sign(text.as_bytes());
        let mut collateral = self.collateral.clone();
        collateral[format!("{name}_signature")] = hex::encode(signature.to_bytes()).into();
        collateral[name] = text.into();
        collateral
    }

    /// Header and body of a quote of the same form, with a signature of the machine's.
    pub fn signed(&self, quote: &[u8]) -> Vec<u8> {
        let body_header = match self.machine.form {
            Form::V4 => 0,
            Form::V5Td10 | Form::V5Td15 => BODY_HEADER_LEN,
        };
        let signed_len = HEADER_LEN + body_header + self.machine.body.len();
        let signed = &quote[..signed_len];
        let signature: Signature = self.machine.signers.quote.sign(signed);
        let (len, rest) = self.quote[signed_len..].split_at(LENGTH_LEN);
        [signed, len, &signature.to_bytes(), &rest[SIGNATURE_LEN..]].concat()
    }
}

fn policy(fields: &QuoteFields) -> Policy {
    let file = json!({"version": 2, "evidence": {"tdx": rules(fields)}});
    Policy::from_json(file.to_string()).expect("a policy")
}

/// Rules that accept what the quote says, on any platform.
pub(crate) fn rules(fields: &QuoteFields) -> Value {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = fields.rtmrs.map(hex_or_zero);
    json!({
        "measurements": [{
            "label": "fixture",
            "mrtd": hex::encode(fields.mrtd),
            "rtmr0": rtmr0,
            "rtmr1": rtmr1,
            "rtmr2": rtmr2,
            "rtmr3": rtmr3,
            "mr_config_id": hex_or_zero(fields.mr_config_id),
            "mr_owner": hex_or_zero(fields.mr_owner),
            "mr_owner_config": hex_or_zero(fields.mr_owner_config),
            "xfam": hex::encode(fields.xfam),
            "mr_seam": [hex::encode(fields.mr_seam)],
        }],
        "least_tcb_evaluation_data_number": 17,
        "reject_advisories": "none",
        "fmspcs": "any",
        "ppids": "any",
    })
}

fn hex_or_zero(bytes: [u8; 48]) -> String {
    match bytes.iter().all(|byte| *byte == 0) {
        true => String::from("zero"),
        false => hex::encode(bytes),
    }
}
