//! What the vendor of a machine in software signs: certificates, revocation lists, TCB info and QE identity.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use sealnote_software_attester::CertificateSpec;
use serde_json::{Value, json};
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

pub const DAY: u64 = 24 * 3600;
pub const FMSPC: [u8; 6] = [0xd0, 0xd0, 0x6f, 0, 0, 0];
pub const PPID: [u8; 16] = [0x99; 16];

/// What a PCK certificate says of its platform.
pub struct Platform {
    pub fmspc: [u8; 6],
    pub pce_id: [u8; 2],
    pub cpu_svn: [u8; 16],
    pub pce_svn: u8,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            fmspc: FMSPC,
            pce_id: [0, 0],
            cpu_svn: [7; 16],
            pce_svn: 13,
        }
    }
}

/// The extension of a PCK certificate.
pub fn sgx_extension(platform: &Platform) -> Extension {
    let svns = (1..=16).zip(platform.cpu_svn);
    let mut tcb: Vec<Vec<u8>> = svns
        .map(|(arc, svn)| entry(&format!("2.{arc}"), der(&svn)))
        .collect();
    tcb.push(entry("2.17", der(&platform.pce_svn)));
    tcb.push(entry("2.18", octets(&platform.cpu_svn)));
    let yes = || der(&true);
    let entries = [
        entry("1", octets(&PPID)),
        entry("2", sequence(&tcb)),
        entry("3", octets(&platform.pce_id)),
        entry("4", octets(&platform.fmspc)),
        entry("5", vec![0x0a, 1, 1]),
        entry("6", octets(&[0x66; 16])),
        entry(
            "7",
            sequence(&[
                entry("7.1", yes()),
                entry("7.2", yes()),
                entry("7.3", yes()),
            ]),
        ),
    ];
    Extension {
        extn_id: ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1"),
        critical: false,
        extn_value: OctetString::new(sequence(&entries)).expect("a value"),
    }
}

fn entry(arc: &str, value: Vec<u8>) -> Vec<u8> {
    let oid = ObjectIdentifier::new(&format!("1.2.840.113741.1.13.1.{arc}")).expect("an arc");
    sequence(&[der(&oid), value])
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(&Any::new(Tag::Sequence, parts.concat()).expect("a sequence"))
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    der(&OctetString::new(bytes).expect("octets"))
}

fn der(value: &impl Encode) -> Vec<u8> {
    value.to_der().expect("DER")
}

/// Two levels of the TCB: one that is up to date, one that is not.
pub fn tcb_info(now: u64) -> Value {
    let components = |svn: u8, of: usize| {
        let all = (0..16).map(|at| json!({"svn": if at < of { svn } else { 0 }}));
        all.collect::<Vec<_>>()
    };
    let level = |svn, status: &str, advisories: &[&str]| {
        json!({
            "tcb": {
                "sgxtcbcomponents": components(svn, 16),
                "pcesvn": 11,
                "tdxtcbcomponents": components(svn, 3),
            },
            "tcbDate": date(now - 100 * DAY),
            "tcbStatus": status,
            "advisoryIDs": advisories,
        })
    };
    let (signer, none, all) = ("00".repeat(48), "00".repeat(8), "FF".repeat(8));
    json!({
        "id": "TDX",
        "version": 3,
        "issueDate": date(now - 10 * DAY),
        "nextUpdate": date(now + 20 * DAY),
        "fmspc": hex::encode_upper(FMSPC),
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": 18,
        "tdxModule": {"mrsigner": signer, "attributes": none, "attributesMask": all},
        "tdxModuleIdentities": [{
            "id": "TDX_01",
            "mrsigner": signer,
            "attributes": none,
            "attributesMask": all,
            "tcbLevels": [
                {"tcb": {"isvsvn": 5}, "tcbDate": date(now - 100 * DAY), "tcbStatus": "UpToDate"},
                {"tcb": {"isvsvn": 3}, "tcbDate": date(now - 500 * DAY), "tcbStatus": "OutOfDate"},
            ],
        }],
        "tcbLevels": [
            level(7, "UpToDate", &["INTEL-SA-00002"]),
            level(6, "OutOfDate", &["INTEL-SA-00001", "INTEL-SA-00002"]),
            level(5, "SWHardeningNeeded", &[]),
            level(4, "Revoked", &[]),
        ],
    })
}

pub fn qe_identity(now: u64) -> Value {
    json!({
        "id": "TD_QE",
        "version": 2,
        "issueDate": date(now - 10 * DAY),
        "nextUpdate": date(now + 20 * DAY),
        "tcbEvaluationDataNumber": 18,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": "DC".repeat(32),
        "isvprodid": 2,
        "tcbLevels": [
            {"tcb": {"isvsvn": 4}, "tcbDate": date(now - 100 * DAY), "tcbStatus": "UpToDate"},
            {"tcb": {"isvsvn": 3}, "tcbDate": date(now - 500 * DAY), "tcbStatus": "OutOfDate"},
        ],
    })
}

pub fn certificate(
    serial: u8,
    issuer: &str,
    subject: &str,
    key: &SigningKey,
    now: u64,
) -> CertificateSpec {
    CertificateSpec {
        serial: SerialNumber::new(&[serial]).expect("a number"),
        issuer: name(issuer),
        subject: name(subject),
        not_before: system_time(now - 100 * DAY),
        not_after: system_time(now + 100 * DAY),
        public_key: SubjectPublicKeyInfo::from_key(key.verifying_key()).expect("a key"),
        extensions: Vec::new(),
    }
}

pub fn name(common: &str) -> Name {
    let rest = "O=Intel Corporation,L=Santa Clara,ST=CA,C=US";
    Name::from_str(&format!("CN={common},{rest}")).expect("a name")
}

pub fn system_time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub fn time(seconds: u64) -> Time {
    Time::try_from(system_time(seconds)).expect("a time")
}

/// As Intel's documents have it.
pub fn date(seconds: u64) -> String {
    let time = x509_cert::der::DateTime::from_unix_duration(Duration::from_secs(seconds));
    time.expect("a date").to_string()
}

pub fn ca_extensions(path_len_constraint: Option<u8>) -> Vec<Extension> {
    extensions(
        true,
        path_len_constraint,
        KeyUsages::KeyCertSign | KeyUsages::CRLSign,
    )
}

pub fn leaf_extensions() -> Vec<Extension> {
    extensions(
        false,
        None,
        KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
    )
}

fn extensions(
    ca: bool,
    path_len_constraint: Option<u8>,
    usages: impl Into<x509_cert::der::flagset::FlagSet<KeyUsages>>,
) -> Vec<Extension> {
    let constraints = BasicConstraints {
        ca,
        path_len_constraint,
    };
    let critical = |mut extension: Extension| {
        extension.critical = true;
        extension
    };
    let usage = KeyUsage(usages.into());
    vec![
        critical(
            constraints
                .to_extension(&Name::default(), &[])
                .expect("DER"),
        ),
        critical(usage.to_extension(&Name::default(), &[]).expect("DER")),
    ]
}

pub fn revocation_list(issuer: &str, now: u64) -> TbsCertList<Rfc5280> {
    let number = Extension {
        extn_id: ObjectIdentifier::new_unwrap("2.5.29.20"),
        critical: false,
        extn_value: OctetString::new(der(&1_u8)).expect("a number"),
    };
    TbsCertList {
        version: Version::V2,
        signature: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.3"),
            parameters: None,
        },
        issuer: name(issuer),
        this_update: time(now - 10 * DAY),
        next_update: Some(time(now + 20 * DAY)),
        revoked_certificates: None,
        crl_extensions: Some(vec![number]),
    }
}

pub fn sign_list(tbs: &TbsCertList<Rfc5280>, signer: &SigningKey) -> Vec<u8> {
    let mut tbs = tbs.clone();
    let algorithm = signer.signature_algorithm_identifier().expect("ECDSA");
    tbs.signature = algorithm.clone();
    let signature: DerSignature = signer.sign(&der(&tbs));
    der(&CertificateList {
        tbs_cert_list: tbs,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(signature.as_bytes()).expect("bits"),
    })
}

pub fn issue(spec: &CertificateSpec, signer: &SigningKey) -> String {
    pem(&spec.sign::<_, DerSignature>(signer).expect("a certificate"))
}

pub fn pem(der: &[u8]) -> String {
    x509_cert::Certificate::from_der(der)
        .and_then(|certificate| certificate.to_pem(LineEnding::LF))
        .expect("a certificate")
}
