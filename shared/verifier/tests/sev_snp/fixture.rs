//! Reports and endorsements of the software attester, which pass every check, and ways to deviate from them.

use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p384::ecdsa::{SigningKey, VerifyingKey};
use p384::elliptic_curve::Generate;
use rsa::pss;
use sealnote_software_attester::sev_snp::{
    Authority, Guest, KeyOwner, Machine, Product as Generation, Report, Tcb, Validity,
    amd_extension,
};
use sealnote_software_attester::{CertificateSpec, ca_extensions as new_ca_extensions};
use sealnote_verifier::sev_snp::wire::Endorsements;
use sealnote_verifier::sev_snp::{Product, VerifiedReport, inspect};
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};
use serde_json::{Value, json};
use sha2::Sha384;
use sha2::digest::const_oid::AssociatedOid;
use sha2::digest::{Digest, FixedOutputReset, Update};
use x509_cert::crl::TbsCertList;
use x509_cert::der::asn1::Any;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Encode, EncodePem, Tag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsage;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::own_policy;

pub const NOW: u64 = 1_795_000_000;
pub const DAY: u64 = 24 * 3600;
pub const REPORT_DATA: [u8; 64] = [0x5a; 64];
pub const CSP_ID: &str = "CN=cc-us-east-2.amazonaws.com";

/// What an attempt starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Version 2, which names no processor.
    Milan,
    /// Version 3.
    Genoa,
    /// Version 5, with mitigation vectors.
    Turin,
    /// Genoa's, signed by a cloud's key.
    Vlek,
}

/// Keys and certificates, made once.
pub struct Fixture {
    authority: Authority,
    leaf: SigningKey,
    roots: TrustRoots,
    /// Of each base: intermediate, leaf and revocation list.
    issued: [[Vec<u8>; 3]; 4],
}

/// Everything that a check takes.
pub struct Attempt<'f> {
    pub fixture: &'f Fixture,
    pub base: Base,
    /// Signed before it is checked.
    pub report: Report,
    pub intermediate: Vec<u8>,
    pub leaf: Vec<u8>,
    pub crl: Option<Vec<u8>>,
    pub rules: Value,
    pub report_data: Option<[u8; 64]>,
    pub roots: TrustRoots,
    pub at: u64,
    /// What is changed of the signed report.
    pub after: fn(&mut Vec<u8>),
    /// What is changed of the endorsements' map.
    pub wire: fn(&mut Vec<u8>),
}

impl Base {
    pub const ALL: [Self; 4] = [Self::Milan, Self::Genoa, Self::Turin, Self::Vlek];

    pub fn product(self) -> Product {
        match self {
            Self::Milan => Product::Milan,
            Self::Genoa | Self::Vlek => Product::Genoa,
            Self::Turin => Product::Turin,
        }
    }

    fn machine(self) -> Machine {
        let tcb = Tcb {
            fmc: None,
            bootloader: 10,
            tee: 1,
            snp: 23,
            microcode: 214,
        };
        let genoa = Machine {
            tcb,
            ..Machine::genoa([0x1b; 64])
        };
        match self {
            Self::Genoa => genoa,
            Self::Milan => Machine {
                product: Generation::Milan,
                report_version: 2,
                chip_id: [0x1a; 64],
                ..genoa
            },
            Self::Turin => Machine {
                product: Generation::Turin,
                report_version: 5,
                chip_id: std::array::from_fn(|at| if at < 8 { 0x1c } else { 0 }),
                tcb: Tcb {
                    fmc: Some(1),
                    bootloader: 2,
                    tee: 3,
                    snp: 4,
                    microcode: 81,
                },
                mitigations: 0x3f,
                ..genoa
            },
            Self::Vlek => Machine {
                owner: KeyOwner::Cloud(CSP_ID.to_owned()),
                chip_id: [0; 64],
                ..genoa
            },
        }
    }
}

/// With something in every field.
fn guest() -> Guest {
    Guest {
        svn: 7,
        policy: 0x3_001f,
        family_id: [0x10; 16],
        image_id: [0x20; 16],
        measurement: [0x90; 48],
        host_data: [0xc0; 32],
        id_key_digest: [0xe0; 48],
        author_key_digest: [0x11; 48],
        report_id: [0x14; 32],
    }
}

impl Fixture {
    pub fn new() -> Self {
        let mut fixture = Self {
            authority: Authority::generate(&mut [rng(), rng()]).expect("two keys"),
            leaf: SigningKey::generate_from_rng(&mut rng()),
            roots: TrustRoots::vendors(),
            issued: Default::default(),
        };
        for generation in [Generation::Milan, Generation::Genoa, Generation::Turin] {
            let root = fixture.authority.ark_spec(generation, validity());
            let pem = to_pem(&sign(&root.expect("a root"), &fixture.ark_signer()));
            let added = fixture.roots.danger_add_sev_snp_software_root(&pem);
            added.expect("a root");
        }
        fixture.issued = Base::ALL.map(|base| {
            let ca = sign(&fixture.ca_spec(base), &fixture.ark_signer());
            let leaf = sign(&fixture.leaf_spec(base), &fixture.ca_signer::<Sha384>());
            let crl = sign_crl(fixture.crl_spec(base), &fixture.ark_signer());
            [ca, leaf, crl]
        });
        fixture
    }

    /// What passes every check.
    pub fn attempt(&self, base: Base) -> Attempt<'_> {
        let [intermediate, leaf, crl] = self.issued[base as usize].clone();
        let report = Report::new(&base.machine(), &guest(), &REPORT_DATA);
        let fields = inspect(report.as_bytes()).expect("a report");
        let mut rules = own_policy::rules(fields.fields(), base.product());
        rules["crl"] = json!("required");
        Attempt {
            fixture: self,
            base,
            report,
            intermediate,
            leaf,
            crl: Some(crl),
            rules,
            report_data: Some(REPORT_DATA),
            roots: self.roots.clone(),
            at: NOW,
            after: |_| (),
            wire: |_| (),
        }
    }

    pub fn ark_signer(&self) -> pss::SigningKey<Sha384> {
        self.authority.ark_signer()
    }

    pub fn ca_signer<D: Digest>(&self) -> pss::SigningKey<D> {
        pss::SigningKey::new(self.authority.ca().clone())
    }

    pub fn ca_signer_with_salt(&self, salt_len: usize) -> pss::SigningKey<Sha384> {
        pss::SigningKey::new_with_salt_len(self.authority.ca().clone(), salt_len)
    }

    /// Genoa's root.
    pub fn ark_pem(&self, edit: impl FnOnce(&mut CertificateSpec)) -> String {
        let ark = self.authority.ark_spec(Generation::Genoa, validity());
        let mut ark = ark.expect("a root");
        edit(&mut ark);
        to_pem(&sign(&ark, &self.ark_signer()))
    }

    pub fn ca_spec(&self, base: Base) -> CertificateSpec {
        let spec = self.authority.ca_spec(&base.machine(), validity());
        spec.expect("a CA")
    }

    pub fn leaf_spec(&self, base: Base) -> CertificateSpec {
        let key = VerifyingKey::from(&self.leaf);
        Authority::leaf_spec(&base.machine(), &key, validity()).expect("a leaf")
    }

    fn crl_spec(&self, base: Base) -> TbsCertList {
        let validity = (system_time(NOW - 10 * DAY), system_time(NOW + 80 * DAY));
        let list = self.authority.crl_spec(base.machine().product, validity);
        list.expect("a list")
    }
}

impl Attempt<'_> {
    /// The endorsements, encoded.
    pub fn endorsements(&self) -> Vec<u8> {
        let endorsements = Endorsements {
            leaf: &self.leaf,
            intermediate: &self.intermediate,
            crl: self.crl.as_deref(),
        };
        let mut bytes = endorsements.encode();
        (self.wire)(&mut bytes);
        bytes
    }

    /// The report, signed by the leaf's key.
    pub fn signed(&self) -> Vec<u8> {
        let mut bytes = self.report.sign(&self.fixture.leaf);
        (self.after)(&mut bytes);
        bytes
    }

    pub fn policy(&self) -> Policy {
        Policy::from_json(own_policy::policy(&self.rules)).expect("the case's policy loads")
    }

    pub fn check(&self) -> Result<VerifiedReport, Rejection> {
        let now = UnixTime::from_seconds(self.at);
        let data = self.report_data.as_ref();
        let (report, endorsements) = (self.signed(), self.endorsements());
        self.policy()
            .check_report(&report, &endorsements, data, &self.roots, now)
    }

    /// Other bytes of the report, signed as they should be.
    pub fn set(&mut self, at: usize, bytes: &[u8]) {
        self.report.set(at, bytes);
    }

    /// Another leaf, signed as it should be.
    pub fn edit_leaf(&mut self, edit: impl FnOnce(&mut CertificateSpec)) {
        let mut spec = self.fixture.leaf_spec(self.base);
        edit(&mut spec);
        self.leaf = sign(&spec, &self.fixture.ca_signer::<Sha384>());
    }

    /// Another intermediate certificate, signed as it should be.
    pub fn edit_ca(&mut self, edit: impl FnOnce(&mut CertificateSpec)) {
        let mut spec = self.fixture.ca_spec(self.base);
        edit(&mut spec);
        self.intermediate = sign(&spec, &self.fixture.ark_signer());
    }

    /// Another revocation list, signed as it should be.
    pub fn edit_crl(&mut self, edit: impl FnOnce(&mut TbsCertList)) {
        let mut tbs = self.fixture.crl_spec(self.base);
        edit(&mut tbs);
        self.crl = Some(sign_crl(tbs, &self.fixture.ark_signer()));
    }

    /// The intermediate certificate and leaf of another base.
    pub fn endorse_as(&mut self, base: Base) {
        let [intermediate, leaf, crl] = self.fixture.issued[base as usize].clone();
        (self.intermediate, self.leaf, self.crl) = (intermediate, leaf, Some(crl));
    }
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// An extension of AMD's, as `3.1` or `4`, with its value in DER or raw.
pub fn amd(arc: &str, value: Vec<u8>) -> Extension {
    amd_extension(arc, value).expect("an extension")
}

pub fn ia5(text: &str) -> Vec<u8> {
    let any = Any::new(Tag::Ia5String, text.as_bytes()).expect("a text");
    any.to_der().expect("DER")
}

pub fn number(value: u8) -> Vec<u8> {
    value.to_der().expect("DER")
}

pub fn name(common: &str) -> Name {
    sealnote_software_attester::sev_snp::name(common).expect("a name")
}

fn validity() -> Validity {
    (system_time(NOW - 100 * DAY), system_time(NOW + 100 * DAY))
}

pub fn system_time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub fn ca_extensions(path_len: Option<u8>, usage: KeyUsage) -> Vec<Extension> {
    new_ca_extensions(path_len, usage.0).expect("DER")
}

pub fn time(seconds: u64) -> Time {
    Time::try_from(system_time(seconds)).expect("a time")
}

/// Signs a certificate by RSA-PSS with the digest `D`.
pub fn sign<D>(spec: &CertificateSpec, signer: &pss::SigningKey<D>) -> Vec<u8>
where
    D: Digest + AssociatedOid + FixedOutputReset + Update,
{
    let signed = spec.sign_with_rng::<_, pss::Signature, _>(signer, &mut rng());
    signed.expect("a certificate")
}

pub fn sign_crl(tbs: TbsCertList, signer: &pss::SigningKey<Sha384>) -> Vec<u8> {
    Authority::sign_crl(tbs, signer, &mut rng()).expect("a list")
}

pub fn to_pem(der: &[u8]) -> String {
    x509_cert::Certificate::from_der(der)
        .and_then(|certificate| certificate.to_pem(LineEnding::LF))
        .expect("a certificate")
}
