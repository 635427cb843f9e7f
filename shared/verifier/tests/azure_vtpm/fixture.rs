//! A software paravisor: an HCL report around a report of the software attester for SEV-SNP, and a vTPM's quote, which pass
//! every check; and ways to deviate from them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rsa::PrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use sealnote_verifier::UnixTime;
use sealnote_verifier::azure_vtpm::{HardwareRoots, Parts, Pcrs, Rejection, Tee, VerifiedVtpm};
use sealnote_verifier::sev_snp::TrustRoots;
use sealnote_verifier::tdx;
use serde_json::{Value, json};
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

pub fn jwk(kid: &str, key: &impl PublicKeyParts) -> Value {
    json!({
        "kid": kid,
        "key_ops": ["sign"],
        "kty": "RSA",
        "e": "AQAB",
        "n": URL_SAFE_NO_PAD.encode(key.n_bytes()),
    })
}

/// As the paravisor writes it.
pub fn var_data(keys: &[Value]) -> Vec<u8> {
    let read = json!({
        "keys": keys,
        "vm-configuration": {"console-enabled": true, "secure-boot": true, "tpm-enabled": true},
        "user-data": "00".repeat(64),
    });
    read.to_string().into_bytes()
}

/// Registers 0 to 9, 11 and 15, of which 8 is zero.
fn pcrs() -> Pcrs {
    let registers = (0..10).chain([11, 15]);
    let value = |register| [if register == 8 { 0 } else { 0xa0 + register }; 32];
    registers
        .map(|register| (register, value(register)))
        .collect()
}

fn message(pcrs: &Pcrs) -> Vec<u8> {
    let mut message = b"\xffTCG\x80\x18".to_vec();
    message.extend(b"\x00\x22\x00\x0b");
    message.extend([0x4e; 32]);
    message.extend(b"\x00\x20");
    message.extend(DUE);
    message.extend([0, 0, 0, 0, 0, 0x35, 0x9b, 0xae, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    message.extend([0x20, 0x20, 0x03, 0x12, 0, 0x12, 0, 3]);
    message.extend(b"\x00\x00\x00\x01\x00\x0b\x03");
    message.extend(mask(pcrs));
    message.extend(b"\x00\x20");
    message.extend(Sha256::digest(values(pcrs)));
    message
}

fn mask(pcrs: &Pcrs) -> [u8; 3] {
    let bits = pcrs
        .keys()
        .fold(0_u32, |bits, register| bits | 1 << register);
    let [mask @ .., _] = bits.to_le_bytes();
    mask
}

fn values(pcrs: &Pcrs) -> Vec<u8> {
    pcrs.values().flatten().copied().collect()
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
            message: message(&pcrs),
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
        self.message = message(&pcrs);
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

fn hcl_report(report: &[u8], var_data: &[u8]) -> Vec<u8> {
    let len = |len: usize| u32::try_from(len).expect("a short report").to_le_bytes();
    let number = u32::to_le_bytes;
    let mut hcl = Vec::new();
    hcl.extend(b"HCLA");
    hcl.extend([number(2), len(VAR_DATA + var_data.len()), number(2)].concat());
    hcl.extend([0; 16]);
    hcl.extend(report);
    hcl.extend([len(20 + var_data.len()), number(1), number(2), number(1)].concat());
    hcl.extend(len(var_data.len()));
    hcl.extend(var_data);
    hcl.resize(2600, 0);
    hcl
}

/// What a quote of these registers has.
pub fn registers(numbers: &[u8]) -> BTreeMap<u8, [u8; 32]> {
    numbers
        .iter()
        .map(|number| (*number, [0xa0 + number; 32]))
        .collect()
}
