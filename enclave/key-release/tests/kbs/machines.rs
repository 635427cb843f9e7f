//! Machines with evidence: the software attester's.

use std::sync::Mutex;
use std::time::SystemTime;

use getrandom::SysRng;
use p384::ecdsa::{SigningKey, VerifyingKey};
use p384::elliptic_curve::Generate;
use rand_core::UnwrapErr;
use sealnote_key_release::evidence::{Evidence, EvidenceError, Tee, TeeKind};
use sealnote_software_attester::sev_snp::{Guest, Machine, Product, Report, Tcb};
use sealnote_software_attester::tdx;

/// The launch measurement of the guest of [`Snp`].
pub const MEASUREMENT: [u8; 48] = [0x5e; 48];
/// In the place of a certificate: nobody here verifies a chain.
pub const LEAF: &[u8] = b"a leaf in DER";

pub struct Snp {
    pub machine: Machine,
    key: SigningKey,
    endorsed: bool,
}

impl Snp {
    /// A report of version 3, with the chip's certificate.
    pub fn genoa() -> Self {
        Self::of(Machine::genoa([7; 64]), true)
    }

    /// A report of version 5, with another layout, and no certificate at hand.
    pub fn turin() -> Self {
        let mut machine = Machine::genoa([0; 64]);
        machine.product = Product::Turin;
        machine.report_version = 5;
        machine.chip_id[..8].copy_from_slice(&[9; 8]);
        machine.tcb = Tcb {
            fmc: Some(1),
            bootloader: 2,
            tee: 3,
            snp: 4,
            microcode: 81,
        };
        machine.mitigations = 63;
        Self::of(machine, false)
    }

    fn of(machine: Machine, endorsed: bool) -> Self {
        let key = SigningKey::generate_from_rng(&mut UnwrapErr(SysRng));
        Self {
            machine,
            key,
            endorsed,
        }
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::from(&self.key)
    }
}

impl Evidence for Snp {
    fn tee_kind(&self) -> Result<TeeKind, EvidenceError> {
        Ok(TeeKind::SevSnp)
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, EvidenceError> {
        let guest = Guest::measured(MEASUREMENT);
        let certificates = [LEAF.to_vec(), b"an intermediate".to_vec()];
        Ok(Tee::SevSnp {
            report: Report::new(&self.machine, &guest, report_data).sign(&self.key),
            certificates: certificates.into_iter().filter(|_| self.endorsed).collect(),
        })
    }
}

pub struct Tdx(Mutex<tdx::SoftwareAttester>);

impl Tdx {
    pub fn new() -> Self {
        let now = SystemTime::now();
        let platform = tdx::Platform::default();
        let mut rng = UnwrapErr(SysRng);
        let machine = tdx::Machine::new(tdx::Form::V4, &platform, now, &mut rng).unwrap();
        Self(Mutex::new(
            tdx::SoftwareAttester::new(machine, now).unwrap(),
        ))
    }
}

impl Evidence for Tdx {
    fn tee_kind(&self) -> Result<TeeKind, EvidenceError> {
        Ok(TeeKind::Tdx)
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, EvidenceError> {
        let mut attester = self.0.lock().unwrap();
        let quote = attester.attest(report_data, SystemTime::now());
        quote
            .map(|quote| Tee::Tdx { quote })
            .map_err(|error| EvidenceError::Attester(error.to_string()))
    }
}

/// A machine that says it is of this kind, and gives that one's evidence; over what it was asked for, or not.
pub struct Liar<'a> {
    pub says: TeeKind,
    pub gives: &'a dyn Evidence,
    pub over: Option<[u8; 64]>,
}

impl Evidence for Liar<'_> {
    fn tee_kind(&self) -> Result<TeeKind, EvidenceError> {
        Ok(self.says)
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, EvidenceError> {
        self.gives.tee(self.over.as_ref().unwrap_or(report_data))
    }
}

/// A Nitro enclave.
pub struct NoTee;

impl Evidence for NoTee {}
