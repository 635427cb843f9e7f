//! The certificates of a platform and of the vendor's signers, and revocation lists.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList, TbsCertList};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Encode, EncodePem, Error, Tag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier};
use x509_cert::time::Time;
use x509_cert::{Certificate, SubjectPublicKeyInfo};

use super::{DAY, FMSPC, PPID};
use crate::certificate::{CertificateSpec, extension};
use crate::error::AttesterError;

/// Intel's certificates of platforms are valid for seven years.
const VALIDITY: u64 = 7 * 365 * DAY;

/// All that a PCK certificate says of its platform is under it.
const SGX_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");

/// What a PCK certificate says of its platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its own id.
    pub ppid: [u8; 16],
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
            ppid: PPID,
            fmspc: FMSPC,
            pce_id: [0, 0],
            cpu_svn: [7; 16],
            pce_svn: 13,
        }
    }
}

/// The extension of a PCK certificate.
///
/// # Errors
///
/// None in practice: the encoder writes to memory.
pub fn sgx_extension(platform: &Platform) -> Result<Extension, AttesterError> {
    let svns = (1..=16).zip(platform.cpu_svn);
    let mut tcb = svns
        .map(|(arc, svn)| entry(&format!("2.{arc}"), svn.to_der()?))
        .collect::<Result<Vec<_>, _>>()?;
    tcb.push(entry("2.17", platform.pce_svn.to_der()?)?);
    tcb.push(entry("2.18", octets(&platform.cpu_svn)?)?);
    let configuration = [
        entry("7.1", true.to_der()?)?,
        entry("7.2", true.to_der()?)?,
        entry("7.3", true.to_der()?)?,
    ];
    let entries = [
        entry("1", octets(&platform.ppid)?)?,
        entry("2", sequence(&tcb)?)?,
        entry("3", octets(&platform.pce_id)?)?,
        entry("4", octets(&platform.fmspc)?)?,
        entry("5", vec![0x0a, 1, 1])?,
        entry("6", octets(&[0x66; 16])?)?,
        entry("7", sequence(&configuration)?)?,
    ];
    Ok(Extension {
        extn_id: SGX_EXTENSION,
        critical: false,
        extn_value: OctetString::new(sequence(&entries)?)?,
    })
}

fn entry(arc: &str, value: Vec<u8>) -> Result<Vec<u8>, Error> {
    let oid = ObjectIdentifier::new(&format!("{SGX_EXTENSION}.{arc}"))?;
    sequence(&[oid.to_der()?, value])
}

fn sequence(parts: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    Any::new(Tag::Sequence, parts.concat())?.to_der()
}

fn octets(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    OctetString::new(bytes)?.to_der()
}

pub(super) fn certificate(
    serial: u8,
    issuer: &str,
    subject: &str,
    key: &SigningKey,
    now: u64,
) -> Result<CertificateSpec, AttesterError> {
    Ok(CertificateSpec {
        serial: SerialNumber::new(&[serial])?,
        issuer: name(issuer)?,
        subject: name(subject)?,
        not_before: system_time(now.saturating_sub(100 * DAY)),
        not_after: system_time(now.saturating_add(VALIDITY)),
        public_key: SubjectPublicKeyInfo::from_key(key.verifying_key())?,
        extensions: Vec::new(),
    })
}

/// A name as Intel's certificates have them.
///
/// # Errors
///
/// What is no name.
pub fn name(common: &str) -> Result<Name, AttesterError> {
    let rest = "O=Intel Corporation,L=Santa Clara,ST=CA,C=US";
    Ok(Name::from_str(&format!("CN={common},{rest}"))?)
}

/// So many seconds after 1970.
pub fn system_time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// So many seconds after 1970 it is; none before.
pub(super) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// So many seconds after 1970, for X.509.
///
/// # Errors
///
/// A time that X.509 cannot express.
pub fn time(seconds: u64) -> Result<Time, AttesterError> {
    Ok(Time::try_from(system_time(seconds))?)
}

/// Of a CA.
///
/// # Errors
///
/// None in practice: the encoder writes to memory.
pub fn ca_extensions(path_len_constraint: Option<u8>) -> Result<Vec<Extension>, AttesterError> {
    let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    crate::ca_extensions(path_len_constraint, usages)
}

/// Of what is no CA: basic constraints and key usage, both critical.
///
/// # Errors
///
/// None in practice: the encoder writes to memory.
pub fn leaf_extensions() -> Result<Vec<Extension>, AttesterError> {
    let constraints = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
    Ok(vec![
        extension(true, &constraints)?,
        extension(true, &usage)?,
    ])
}

pub(super) fn revocation_list(
    issuer: &str,
    (this_update, next_update): (u64, u64),
) -> Result<TbsCertList<Rfc5280>, AttesterError> {
    let number = Extension {
        extn_id: ObjectIdentifier::new_unwrap("2.5.29.20"),
        critical: false,
        extn_value: OctetString::new(1_u8.to_der()?)?,
    };
    Ok(TbsCertList {
        version: Version::V2,
        // In its place comes the signer's.
        signature: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.3"),
            parameters: None,
        },
        issuer: name(issuer)?,
        this_update: time(this_update)?,
        next_update: Some(time(next_update)?),
        revoked_certificates: None,
        crl_extensions: Some(vec![number]),
    })
}

pub(super) fn sign_list(
    tbs: &TbsCertList<Rfc5280>,
    signer: &SigningKey,
) -> Result<Vec<u8>, AttesterError> {
    let mut tbs = tbs.clone();
    let algorithm = signer.signature_algorithm_identifier()?;
    tbs.signature = algorithm.clone();
    let signature: DerSignature = signer.sign(&tbs.to_der()?);
    let list = CertificateList {
        tbs_cert_list: tbs,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(signature.as_bytes())?,
    };
    Ok(list.to_der()?)
}

pub(super) fn issue(spec: &CertificateSpec, signer: &SigningKey) -> Result<String, AttesterError> {
    pem(&spec.sign::<_, DerSignature>(signer)?)
}

pub(super) fn pem(der: &[u8]) -> Result<String, AttesterError> {
    Ok(Certificate::from_der(der)?.to_pem(LineEnding::LF)?)
}
