//! The certificates of a platform and of the vendor's signers, and revocation lists.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList, TbsCertList};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Encode, EncodePem, Tag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier};
use x509_cert::time::Time;

use super::{DAY, FMSPC, PPID};
use crate::certificate::{CertificateSpec, extension};

/// What a PCK certificate says of its platform.
pub struct Platform {
    /// FMSPC.
    pub fmspc: [u8; 6],
    /// PCE-ID.
    pub pce_id: [u8; 2],
    /// Security versions of the processor's parts.
    pub cpu_svn: [u8; 16],
    /// Security version of the PCE.
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

pub(super) fn certificate(
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

/// A name as Intel's certificates have them.
pub fn name(common: &str) -> Name {
    let rest = "O=Intel Corporation,L=Santa Clara,ST=CA,C=US";
    Name::from_str(&format!("CN={common},{rest}")).expect("a name")
}

/// So many seconds after 1970.
pub fn system_time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The same for X.509.
pub fn time(seconds: u64) -> Time {
    Time::try_from(system_time(seconds)).expect("a time")
}

/// Of a CA.
pub fn ca_extensions(path_len_constraint: Option<u8>) -> Vec<Extension> {
    let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    crate::ca_extensions(path_len_constraint, usages).expect("DER")
}

/// Of what is no CA: basic constraints and key usage, both critical.
pub fn leaf_extensions() -> Vec<Extension> {
    let constraints = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
    vec![
        extension(true, &constraints).expect("DER"),
        extension(true, &usage).expect("DER"),
    ]
}

pub(super) fn revocation_list(issuer: &str, now: u64) -> TbsCertList<Rfc5280> {
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

pub(super) fn sign_list(tbs: &TbsCertList<Rfc5280>, signer: &SigningKey) -> Vec<u8> {
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

pub(super) fn issue(spec: &CertificateSpec, signer: &SigningKey) -> String {
    pem(&spec.sign::<_, DerSignature>(signer).expect("a certificate"))
}

pub(super) fn pem(der: &[u8]) -> String {
    x509_cert::Certificate::from_der(der)
        .and_then(|certificate| certificate.to_pem(LineEnding::LF))
        .expect("a certificate")
}
