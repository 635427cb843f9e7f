//! A software paravisor: an HCL report around a report of the software attester for SEV-SNP, and a vTPM's quote, which pass
//! every check; and ways to deviate from them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rsa::PrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::signature::{SignatureEncoding, Signer};
use sealnote_software_attester::azure_vtpm::{hcl_report, message, values};
pub use sealnote_software_attester::azure_vtpm::{jwk, var_data};
use sealnote_verifier::UnixTime;
use sealnote_verifier::azure_vtpm::{HardwareRoots, Parts, Pcrs, Rejection, Tee, VerifiedVtpm};
use sealnote_verifier::sev_snp::TrustRoots;
use sealnote_verifier::tdx;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::own_rules;
use super::sev_snp_fixture::{self as sev_snp, Base, Fixture};

/// The development root of SEV-SNP.
pub static ROOTS: LazyLock<TrustRoots> = LazyLock::new(|| {
    let root = HARDWARE.ark_pem(|_| ());
    let mut roots = TrustRoots::amd();
    let added = roots.danger_add_software_root(&root);
    added.expect("a root");
    roots
});
pub static HARDWARE: LazyLock<Fixture> = LazyLock::new(Fixture::new);
pub static KEY: LazyLock<PrivateKey> = LazyLock::new(|| key(2048));

static INTEL: LazyLock<tdx::TrustRoots> = LazyLock::new(tdx::TrustRoots::intel);

pub const DUE: [u8; 32] = [0xb1; 32];

/// Where the parts of an HCL report are.
pub const DATA: usize = 1216;
pub const VAR_DATA: usize = 1236;

/// Where the parts of [`Attempt::message`] are.
pub const QUALIFYING_DATA: usize = 44;
pub const CLOCK_SAFE: usize = 92;
pub const BANKS: usize = 101;
pub const BANK: usize = 105;
pub const MASK: usize = 108;
pub const DIGEST: usize = 113;

/// What a guest has gathered, owned.
#[derive(Clone)]
pub struct Gathered {
    pub td_quote: Vec<u8>,
    pub hcl_report: Vec<u8>,
    pub quote: Vec<u8>,
    pub signature: Vec<u8>,
    pub pcrs: Vec<u8>,
}

/// Everything that a check takes.
pub struct Attempt {
    pub hardware: sev_snp::Attempt<'static>,
    pub var_data: Vec<u8>,
    /// Put into the report in place of what `var_data` asks for.
    pub report_data: Option<[u8; 64]>,
    /// TPMS_ATTEST, signed before it is checked.
    pub message: Vec<u8>,
    pub pcrs: Vec<u8>,
    pub rules: Value,
    pub due: Option<Vec<u8>>,
    pub roots: TrustRoots,
    pub key: PrivateKey,
    /// What is changed of all of it, once it is signed.
    pub after: fn(&mut Gathered),
}

pub fn key(bits: usize) -> PrivateKey {
    PrivateKey::new(&mut UnwrapErr(SysRng), bits).expect("a key")
}

/// Registers 0 to 9, 11 and 15, of which 8 is zero.
fn pcrs() -> Pcrs {
    let registers = (0..10).chain([11, 15]);
    let value = |register| [if register == 8 { 0 } else { 0xa0 + register }; 32];
    registers
        .map(|register| (register, value(register)))
        .collect()
}

impl Attempt {
    /// What passes every check.
    pub fn new() -> Self {
        let pcrs = pcrs();
        let hardware = HARDWARE.attempt(Base::Genoa);
        Self {
            rules: own_rules::rules(Tee::SevSnp, &hardware.rules, &pcrs),
            hardware,
            var_data: var_data(&[jwk("HCLAkPub", &*KEY), jwk("HCLEkPub", &*KEY)]),
            report_data: None,
            message: message(&DUE, &pcrs),
            pcrs: values(&pcrs),
            due: Some(DUE.to_vec()),
            roots: ROOTS.clone(),
            key: KEY.clone(),
            after: |_| (),
        }
    }

    /// Other registers in the quote, as the vTPM would quote them.
    pub fn quote(&mut self, edit: impl FnOnce(&mut Pcrs)) {
        let mut pcrs = pcrs();
        edit(&mut pcrs);
        self.message = message(&DUE, &pcrs);
        self.pcrs = values(&pcrs);
    }

    /// Other bytes of the message, signed as they should be.
    pub fn set(&mut self, at: usize, bytes: &[u8]) {
        self.message[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Other keys, which the hardware's report is about.
    pub fn set_keys(&mut self, keys: &[Value]) {
        self.var_data = var_data(keys);
    }

    /// The attestation key with a field of another value.
    pub fn edit_key(&mut self, field: &str, value: Value) {
        let mut key = jwk("HCLAkPub", &*KEY);
        key[field] = value;
        self.set_keys(&[key]);
    }

    /// Everything, signed.
    pub fn gathered(&mut self) -> Gathered {
        let mut report_data = [0; 64];
        report_data[..32].copy_from_slice(&Sha256::digest(&self.var_data));
        self.hardware
            .set(0x50, &self.report_data.unwrap_or(report_data));
        let signer = SigningKey::<Sha256>::new(self.key.clone());
        let signature: Signature = signer.sign(&self.message);
        let mut gathered = Gathered {
            td_quote: Vec::new(),
            hcl_report: hcl_report(&self.hardware.signed(), &self.var_data),
            quote: self.message.clone(),
            signature: signature.to_vec(),
            pcrs: self.pcrs.clone(),
        };
        (self.after)(&mut gathered);
        gathered
    }

    pub fn roots(&self) -> HardwareRoots<'_> {
        HardwareRoots {
            sev_snp: &self.roots,
            tdx: &INTEL,
        }
    }

    pub fn check(&mut self) -> Result<VerifiedVtpm, Rejection> {
        let gathered = self.gathered();
        self.check_gathered(&gathered)
    }

    pub fn check_gathered(&self, gathered: &Gathered) -> Result<VerifiedVtpm, Rejection> {
        own_rules::load(&self.rules).check_vtpm(
            &gathered.parts(),
            &self.hardware.endorsements(),
            self.due.as_deref(),
            self.roots(),
            UnixTime::from_seconds(self.hardware.at),
        )
    }
}

impl Gathered {
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            td_quote: &self.td_quote,
            hcl_report: &self.hcl_report,
            quote: &self.quote,
            signature: &self.signature,
            pcrs: &self.pcrs,
        }
    }

    /// A number of the HCL report.
    pub fn set_hcl(&mut self, at: usize, number: u32) {
        self.hcl_report[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
}

/// What a quote of these registers has.
pub fn registers(numbers: &[u8]) -> BTreeMap<u8, [u8; 32]> {
    numbers
        .iter()
        .map(|number| (*number, [0xa0 + number; 32]))
        .collect()
}
