//! A software attester for SEV-SNP: reports and endorsements in the genuine shape under development roots, which pass
//! every check, and ways to deviate from them.

use std::str::FromStr;
use std::thread;
use std::time::{Duration, SystemTime};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p384::ecdsa::signature::{Keypair, Signer};
use p384::ecdsa::{Signature, SigningKey, VerifyingKey};
use p384::elliptic_curve::Generate;
use rsa::PrivateKey;
use rsa::pss;
use rsa::signature::RandomizedSigner;
use sealnote_software_attester::CertificateSpec;
use sealnote_verifier::sev_snp::report::REPORT_LEN;
use sealnote_verifier::sev_snp::wire::Endorsements;
use sealnote_verifier::sev_snp::{Product, VerifiedReport, inspect};
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};
use serde_json::{Value, json};
use sha2::Sha384;
use sha2::digest::const_oid::AssociatedOid;
use sha2::digest::{Digest, FixedOutputReset};
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList, TbsCertList};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Encode, EncodePem, Tag};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier};
use x509_cert::time::Time;

use super::own_policy;

pub const NOW: u64 = 1_795_000_000;
pub const DAY: u64 = 24 * 3600;
pub const REPORT_DATA: [u8; 64] = [0x5a; 64];
pub const CSP_ID: &str = "CN=cc-us-east-2.amazonaws.com";

const ASK_SERIAL: u8 = 2;

/// A CA's key, which signs by RSA-PSS with the digest `D`.
pub struct Pss<D: Digest>(pss::SigningKey<D>);

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
    ark: PrivateKey,
    ca: PrivateKey,
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
    pub report: [u8; REPORT_LEN],
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
}

impl Fixture {
    pub fn new() -> Self {
        let generate = || PrivateKey::new(&mut rng(), 4096).expect("a key");
        // Most of the time goes here.
        let ark = thread::spawn(generate);
        let ca = generate();
        let mut fixture = Self {
            ark: ark.join().expect("a key"),
            ca,
            leaf: SigningKey::generate_from_rng(&mut rng()),
            roots: TrustRoots::vendors(),
            issued: Default::default(),
        };
        for product in Product::ALL {
            let der = fixture.ark_spec(product).sign(&fixture.ark_signer());
            let pem = to_pem(&der.expect("a root"));
            let added = fixture.roots.danger_add_sev_snp_software_root(&pem);
            added.expect("a root");
        }
        fixture.issued = Base::ALL.map(|base| {
            let ca = fixture.ca_spec(base).sign(&fixture.ark_signer());
            let leaf = fixture.leaf_spec(base).sign(&fixture.ca_signer::<Sha384>());
            let crl = sign_crl(crl_spec(base), &fixture.ark_signer());
            [ca.expect("a CA"), leaf.expect("a leaf"), crl]
        });
        fixture
    }

    /// What passes every check.
    pub fn attempt(&self, base: Base) -> Attempt<'_> {
        let [intermediate, leaf, crl] = self.issued[base as usize].clone();
        let report = report(base);
        let fields = inspect(&report).expect("a report");
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

    pub fn ark_signer(&self) -> Pss<Sha384> {
        Pss(pss::SigningKey::new(self.ark.clone()))
    }

    pub fn ca_signer<D: Digest>(&self) -> Pss<D> {
        Pss(pss::SigningKey::new(self.ca.clone()))
    }

    pub fn ca_signer_with_salt(&self, salt_len: usize) -> Pss<Sha384> {
        Pss(pss::SigningKey::new_with_salt_len(
            self.ca.clone(),
            salt_len,
        ))
    }

    pub fn ark_spec(&self, product: Product) -> CertificateSpec {
        let key = rsa_spki(&self.ark);
        let name = format!("ARK-{product}");
        let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        let mut spec = spec(1, &name, &name, key);
        spec.extensions = ca_extensions(None, KeyUsage(usages));
        spec
    }

    pub fn ca_spec(&self, base: Base) -> CertificateSpec {
        let key = rsa_spki(&self.ca);
        let product = base.product();
        let mut spec = spec(ASK_SERIAL, &format!("ARK-{product}"), &ca_name(base), key);
        spec.extensions = ca_extensions(Some(0), KeyUsage(KeyUsages::KeyCertSign.into()));
        spec
    }

    pub fn leaf_spec(&self, base: Base) -> CertificateSpec {
        let key = VerifyingKey::from(&self.leaf);
        let key = SubjectPublicKeyInfo::from_key(&key).expect("a key");
        let name = if base == Base::Vlek {
            "SEV-VLEK"
        } else {
            "SEV-VCEK"
        };
        let mut spec = spec(0, &ca_name(base), name, key);
        spec.extensions = leaf_extensions(base);
        spec
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
        let mut bytes = self.report.to_vec();
        let signature: Signature = self.fixture.leaf.sign(&bytes[..0x2a0]);
        for (at, scalar) in [(0x2a0, 0..48), (0x2e8, 48..96)] {
            bytes[at..at + 48].copy_from_slice(&signature.to_bytes()[scalar]);
            bytes[at..at + 48].reverse();
        }
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
        self.report[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Another leaf, signed as it should be.
    pub fn edit_leaf(&mut self, edit: impl FnOnce(&mut CertificateSpec)) {
        let mut spec = self.fixture.leaf_spec(self.base);
        edit(&mut spec);
        let signer = self.fixture.ca_signer::<Sha384>();
        self.leaf = spec.sign(&signer).expect("a leaf");
    }

    /// Another intermediate certificate, signed as it should be.
    pub fn edit_ca(&mut self, edit: impl FnOnce(&mut CertificateSpec)) {
        let mut spec = self.fixture.ca_spec(self.base);
        edit(&mut spec);
        let signer = self.fixture.ark_signer();
        self.intermediate = spec.sign(&signer).expect("a CA");
    }

    /// Another revocation list, signed as it should be.
    pub fn edit_crl(&mut self, edit: impl FnOnce(&mut TbsCertList)) {
        let mut tbs = crl_spec(self.base);
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

/// A report with something in every field.
fn report(base: Base) -> [u8; REPORT_LEN] {
    let mut report = [0; REPORT_LEN];
    let mut put = |at: usize, bytes: &[u8]| report[at..at + bytes.len()].copy_from_slice(bytes);
    let version: u8 = match base {
        Base::Milan => 2,
        Base::Genoa | Base::Vlek => 3,
        Base::Turin => 5,
    };
    put(0x00, &[version]);
    put(0x04, &[7]);
    put(0x08, &0x3_001f_u64.to_le_bytes());
    put(0x10, &[0x10; 16]);
    put(0x20, &[0x20; 16]);
    put(0x34, &[1]);
    put(0x40, &[0x25]);
    put(0x50, &REPORT_DATA);
    put(0x90, &[0x90; 48]);
    put(0xc0, &[0xc0; 32]);
    put(0xe0, &[0xe0; 48]);
    put(0x110, &[0x11; 48]);
    put(0x140, &[0x14; 32]);
    put(0x160, &[0xff; 32]);
    for at in [0x38, 0x180, 0x1e0, 0x1f0] {
        put(at, &tcb(base));
    }
    for at in [0x1e8, 0x1ec] {
        put(at, &[40, 55, 1]);
    }
    match base {
        Base::Milan => put(0x1a0, &[0x1a; 64]),
        Base::Genoa => put(0x1a0, &[0x1b; 64]),
        Base::Turin => put(0x1a0, &[0x1c; 8]),
        Base::Vlek => put(0x48, &[1 << 2]),
    }
    match base {
        Base::Milan => {}
        Base::Genoa | Base::Vlek => put(0x188, &[0x19, 0x11, 1]),
        Base::Turin => put(0x188, &[0x1a, 0x02, 1]),
    }
    if base == Base::Turin {
        put(0x1f8, &[0x3f]);
        put(0x200, &[0x3f]);
    }
    report
}

pub fn tcb(base: Base) -> [u8; 8] {
    match base {
        Base::Turin => [1, 2, 3, 4, 0, 0, 0, 81],
        _ => [10, 1, 0, 0, 0, 0, 23, 214],
    }
}

/// An extension of AMD's, as `3.1` or `4`, with its value in DER or raw.
pub fn amd(arc: &str, value: Vec<u8>) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new(&format!("1.3.6.1.4.1.3704.1.{arc}")).expect("an arc"),
        critical: false,
        extn_value: OctetString::new(value).expect("a value"),
    }
}

pub fn ia5(text: &str) -> Vec<u8> {
    let any = Any::new(Tag::Ia5String, text.as_bytes()).expect("a text");
    any.to_der().expect("DER")
}

pub fn number(value: u8) -> Vec<u8> {
    value.to_der().expect("DER")
}

fn leaf_extensions(base: Base) -> Vec<Extension> {
    let product = match base {
        Base::Milan => "Milan-B0",
        Base::Genoa | Base::Vlek => "Genoa",
        Base::Turin => "Turin",
    };
    let mut extensions = vec![amd("1", number(0)), amd("2", ia5(product))];
    let parts: &[(&str, usize)] = match base {
        Base::Turin => &[("3.9", 0), ("3.1", 1), ("3.2", 2), ("3.3", 3), ("3.8", 7)],
        _ => &[("3.1", 0), ("3.2", 1), ("3.4", 2), ("3.3", 6), ("3.8", 7)],
    };
    let tcb = tcb(base);
    extensions.extend(parts.iter().map(|(arc, at)| amd(arc, number(tcb[*at]))));
    let report = report(base);
    extensions.push(match base {
        Base::Vlek => amd("5", ia5(CSP_ID)),
        Base::Turin => amd("4", report[0x1a0..0x1a8].to_vec()),
        _ => amd("4", report[0x1a0..0x1e0].to_vec()),
    });
    extensions
}

fn ca_name(base: Base) -> String {
    match base {
        Base::Vlek => format!("SEV-VLEK-{}", base.product()),
        _ => format!("SEV-{}", base.product()),
    }
}

pub fn name(common: &str) -> Name {
    let rest = "O=Advanced Micro Devices,ST=CA,L=Santa Clara,C=US,OU=Engineering";
    Name::from_str(&format!("CN={common},{rest}")).expect("a name")
}

fn spec(
    serial: u8,
    issuer: &str,
    subject: &str,
    public_key: SubjectPublicKeyInfo,
) -> CertificateSpec {
    CertificateSpec {
        serial: SerialNumber::new(&[serial]).expect("a number"),
        issuer: name(issuer),
        subject: name(subject),
        not_before: system_time(NOW - 100 * DAY),
        not_after: system_time(NOW + 100 * DAY),
        public_key,
        extensions: Vec::new(),
    }
}

pub fn system_time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn rsa_spki(key: &PrivateKey) -> SubjectPublicKeyInfo {
    SubjectPublicKeyInfo::from_key(key.as_public_key()).expect("a key")
}

pub fn ca_extensions(path_len_constraint: Option<u8>, usage: KeyUsage) -> Vec<Extension> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint,
    };
    let of = |mut extension: Extension| {
        extension.critical = true;
        extension
    };
    vec![
        of(constraints
            .to_extension(&Name::default(), &[])
            .expect("DER")),
        of(usage.to_extension(&Name::default(), &[]).expect("DER")),
    ]
}

pub fn time(seconds: u64) -> Time {
    Time::try_from(system_time(seconds)).expect("a time")
}

fn crl_spec(base: Base) -> TbsCertList<Rfc5280> {
    TbsCertList {
        version: Version::V2,
        signature: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.3"),
            parameters: None,
        },
        issuer: name(&format!("ARK-{}", base.product())),
        this_update: time(NOW - 10 * DAY),
        next_update: Some(time(NOW + 80 * DAY)),
        revoked_certificates: None,
        crl_extensions: None,
    }
}

pub fn sign_crl(mut tbs: TbsCertList, signer: &Pss<Sha384>) -> Vec<u8> {
    let algorithm = signer.signature_algorithm_identifier().expect("PSS");
    tbs.signature = algorithm.clone();
    let signature: pss::Signature = signer.sign(&tbs.to_der().expect("DER"));
    let list = CertificateList {
        tbs_cert_list: tbs,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(&Box::<[u8]>::from(signature)).expect("bits"),
    };
    list.to_der().expect("DER")
}

pub fn to_pem(der: &[u8]) -> String {
    x509_cert::Certificate::from_der(der)
        .and_then(|certificate| certificate.to_pem(LineEnding::LF))
        .expect("a certificate")
}

impl<D: Digest + FixedOutputReset> Signer<pss::Signature> for Pss<D> {
    fn try_sign(&self, message: &[u8]) -> Result<pss::Signature, rsa::signature::Error> {
        self.0.try_sign_with_rng(&mut rng(), message)
    }
}

impl<D: Digest> Keypair for Pss<D> {
    type VerifyingKey = pss::VerifyingKey<D>;

    fn verifying_key(&self) -> Self::VerifyingKey {
        self.0.verifying_key()
    }
}

impl<D: Digest + AssociatedOid> DynSignatureAlgorithmIdentifier for Pss<D> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        self.0.signature_algorithm_identifier()
    }
}
