//! What a guest on Azure has gathered: an HCL report around a report that nobody signed, and a vTPM's quote; and a guest on
//! TDX whose evidence is signed anew, whatever its paravisor and its vTPM say.

use std::sync::LazyLock;

use rsa::PrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::signature::{SignatureEncoding, Signer};
use sealnote_software_attester::{azure_vtpm, tdx};
use sealnote_verifier::azure_vtpm::{Parts, Tee, VerifiedVtpm};
use sealnote_verifier::tdx::inspect;
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::Seeded;
use crate::tdx::{NOW_SECONDS, rules};

/// Where `var_data` is in an HCL report.
const VAR_DATA: usize = 1236;
const VAR_DATA_OF_NOBODY: &[u8] =
    br#"{"keys": [{"kid": "HCLAkPub", "kty": "RSA", "e": "AQAB", "n": "AQ"}]}"#;
const REPORT_LEN: usize = 1184;
/// Registers 0 to 9, 11 and 15.
const MASK: [u8; 3] = [0xff, 0x8b, 0];

/// What a guest has gathered, owned.
pub struct Gathered {
    td_quote: Vec<u8>,
    hcl_report: Vec<u8>,
    quote: Vec<u8>,
    pcrs: Vec<u8>,
}

/// On each kind of hardware: SEV-SNP and TDX.
pub static GATHERED: LazyLock<[Gathered; 2]> =
    LazyLock::new(|| [Tee::SevSnp, Tee::Tdx].map(Gathered::new));

impl Gathered {
    fn new(tee: Tee) -> Self {
        let registers = MASK.map(u8::count_ones).iter().sum::<u32>() as u8;
        let pcrs: Vec<u8> = (0..registers).flat_map(|number| [number; 32]).collect();
        Self {
            td_quote: match tee {
                Tee::SevSnp => Vec::new(),
                Tee::Tdx => vec![4; 9],
            },
            hcl_report: hcl_report(tee, VAR_DATA_OF_NOBODY),
            quote: quote(&pcrs),
            pcrs,
        }
    }

    /// As a verifier takes them.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            td_quote: &self.td_quote,
            hcl_report: &self.hcl_report,
            quote: &self.quote,
            signature: &[0x51; 256],
            pcrs: &self.pcrs,
        }
    }
}

/// A guest on TDX, and who believes it. Its keys are the same in every run.
pub struct Guest {
    /// What the paravisor says of the vTPM.
    pub var_data: Vec<u8>,
    /// What the vTPM says.
    pub quote: Vec<u8>,
    /// What it was asked to say.
    pub qualifying_data: [u8; 32],
    pcrs: Vec<u8>,
    key: SigningKey<Sha256>,
    machine: tdx::Machine,
    collateral: String,
    policy: Policy,
    roots: TrustRoots,
}

/// The guest.
pub static GUEST: LazyLock<Guest> = LazyLock::new(Guest::new);

impl Guest {
    fn new() -> Self {
        let rng = &mut Seeded(9);
        let key = PrivateKey::new(rng, 2048).expect("a key");
        let now = tdx::system_time(NOW_SECONDS);
        let machine = tdx::Machine::new(tdx::Form::V4, &tdx::Platform::default(), now, rng);
        let mut machine = machine.expect("a machine");
        machine.set(tdx::MRTD, &[0xd7; 48]);
        let td_quote = machine.quote().expect("a quote");
        let td_quote = inspect(&td_quote).expect("a quote");
        let mut roots = TrustRoots::vendors();
        roots
            .danger_add_tdx_software_root(&machine.root_pem().expect("a root"))
            .expect("a root");
        let registers: azure_vtpm::Pcrs = [0, 4, 7, 11].map(|at| (at, [at + 1; 32])).into();
        let pcrs: Map<String, Value> = registers
            .iter()
            .map(|(at, value)| (at.to_string(), hex::encode(value).into()))
            .collect();
        let policy = json!({"version": 2, "evidence": {"azure-vtpm": {
            "measurements": [{"label": "guest", "tee": "tdx", "pcrs": pcrs}],
            "tdx": rules(td_quote.fields()),
        }}});
        let qualifying_data = [0xb1; 32];
        Self {
            var_data: azure_vtpm::var_data(&[azure_vtpm::jwk("HCLAkPub", &key)]),
            quote: azure_vtpm::message(&qualifying_data, &registers),
            qualifying_data,
            pcrs: azure_vtpm::values(&registers),
            key: SigningKey::new(key),
            collateral: machine.collateral().expect("collateral").to_string(),
            machine,
            policy: Policy::from_json(policy.to_string()).expect("a policy"),
            roots,
        }
    }

    /// Checks evidence of this guest with such data and quote: the machine is asked for a quote about the one, and the vTPM's
    /// key signs the other.
    pub fn check(&self, var_data: &[u8], quote: &[u8]) -> Result<VerifiedVtpm, Rejection> {
        let mut machine = self.machine.clone();
        machine.set(tdx::REPORT_DATA, &Sha256::digest(var_data));
        let signature: Signature = self.key.sign(quote);
        let parts = Parts {
            td_quote: &machine.quote().expect("a quote"),
            hcl_report: &hcl_report(Tee::Tdx, var_data),
            quote,
            signature: &signature.to_vec(),
            pcrs: &self.pcrs,
        };
        let now = UnixTime::from_seconds(NOW_SECONDS);
        let collateral = self.collateral.as_bytes();
        let due = Some(&self.qualifying_data[..]);
        self.policy
            .check_vtpm(&parts, collateral, due, &self.roots, now)
    }
}

fn hcl_report(tee: Tee, var_data: &[u8]) -> Vec<u8> {
    let len = var_data.len() as u32;
    let kind: u32 = match tee {
        Tee::SevSnp => 2,
        Tee::Tdx => 4,
    };
    let mut hcl = b"HCLA".to_vec();
    let head = [2, VAR_DATA as u32 + len, 2, 0, 0, 0, 0];
    hcl.extend(head.map(u32::to_le_bytes).concat());
    hcl.extend([0; REPORT_LEN]);
    let data = [20 + len, 1, kind, 1, len];
    hcl.extend(data.map(u32::to_le_bytes).concat());
    hcl.extend(var_data);
    hcl.extend([0; 16]);
    hcl
}

/// TPMS_ATTEST.
fn quote(pcrs: &[u8]) -> Vec<u8> {
    let mut quote = b"\xffTCG\x80\x18\x00\x22\x00\x0b".to_vec();
    quote.extend([0x4e; 32]);
    quote.extend(b"\x00\x20");
    quote.extend([0xb1; 32]);
    quote.extend([0, 0, 0, 0, 0, 0x35, 0x9b, 0xae, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    quote.extend([0x20, 0x20, 0x03, 0x12, 0, 0x12, 0, 3]);
    quote.extend(b"\x00\x00\x00\x01\x00\x0b\x03");
    quote.extend(MASK);
    quote.extend(b"\x00\x20");
    quote.extend(Sha256::digest(pcrs));
    quote
}
