//! The certificates between the root and a document, in the genuine shape.
//!
//! | link | path length | key usage | valid for |
//! |---|---|---|---|
//! | regional CA | 2 | digitalSignature, keyCertSign, cRLSign; critical | 20 days |
//! | zonal CA | 1 | the same | 6 days |
//! | instance CA | 0 | keyCertSign; critical | 1 day |
//! | leaf | CA:FALSE | digitalSignature, nonRepudiation; not critical | 3 hours |
//!
//! As in genuine chains the CAs have key identifiers and the leaf has none. CRL distribution points
//! are left out: there are no such lists.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use p384::ecdsa::{DerSignature, SigningKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use x509_cert::der::asn1::OctetString;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::name::Name;

use super::root::SoftwareRoot;
use crate::certificate::{CertificateSpec, Link, ca_extensions, extension};
use crate::error::AttesterError;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a leaf is valid.
pub(crate) const LEAF_VALIDITY: Duration = Duration::from_secs(3 * 3600);

/// Genuine leaves start three seconds before they are made.
const LEAF_BACKDATED: Duration = Duration::from_secs(3);

const ORGANISATION: &str = "OU=Software attester,O=Sealnote development";
const DOMAIN: &str = "software.nitro-enclaves";

/// The name of a module: an instance's identifier and an enclave's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleId {
    instance: String,
    enclave: String,
}

impl ModuleId {
    /// A random name in the genuine shape: `i-` and 17 hex digits, `-enc` and 16.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self {
            instance: format!("i-0{}", random_hex(rng)),
            enclave: format!("enc{}", random_hex(rng)),
        }
    }
}

impl std::fmt::Display for ModuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.instance, self.enclave)
    }
}

/// The links of a chain before they are signed.
#[derive(Clone)]
pub struct ChainSpec {
    /// The CAs below the root, from the top.
    pub cas: Vec<Link>,
    /// The leaf.
    pub leaf: Link,
}

/// A signed chain and the leaf's key.
#[derive(Clone)]
pub struct Chain {
    /// The CA certificates, DER, from the root down.
    pub cabundle: Vec<Vec<u8>>,
    /// The leaf certificate, DER.
    pub certificate: Vec<u8>,
    /// The leaf's private key.
    pub key: SigningKey,
}

impl ChainSpec {
    /// Three CAs and a leaf with fresh keys, the leaf valid from `now` for three hours.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn nitro<R: CryptoRng + ?Sized>(
        root: &SoftwareRoot,
        module: &ModuleId,
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        let signing = KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        let regional = Name::from_str(&format!(
            "CN={}.local.{DOMAIN},{ORGANISATION},C=US",
            random_hex(rng)
        ))?;
        let zonal = Name::from_str(&format!(
            "L=Seattle,ST=WA,C=US,O=Sealnote development,OU=Software attester,\
             CN={}.zonal.local.{DOMAIN}",
            random_hex(rng)
        ))?;
        let instance = instance_name(&format!("{}.local.{DOMAIN}", module.instance))?;
        let leaf = instance_name(&format!("{module}.local.software"))?;

        let issued = now - DAY / 4;
        let mut cas = Vec::new();
        let mut issuer = root.name().clone();
        for (subject, path_len, usage, days) in [
            (regional, 2, signing, 20),
            (zonal, 1, signing, 6),
            (instance, 0, KeyUsages::KeyCertSign.into(), 1),
        ] {
            let validity = (issued, issued + DAY * days);
            let mut ca = Link::generate(&issuer, subject, validity, rng)?;
            ca.certificate.extensions = ca_extensions(Some(path_len), usage)?;
            issuer = ca.certificate.subject.clone();
            cas.push(ca);
        }
        add_key_identifiers(&mut cas)?;

        let validity = (now - LEAF_BACKDATED, now + LEAF_VALIDITY);
        let mut leaf = Link::generate(&issuer, leaf, validity, rng)?;
        leaf.certificate.extensions = leaf_extensions()?;
        Ok(Self { cas, leaf })
    }

    /// Signs each link by the one above it, the first by the root.
    ///
    /// # Errors
    ///
    /// A certificate cannot be encoded.
    pub fn issue(&self, root: &SoftwareRoot) -> Result<Chain, AttesterError> {
        let mut cabundle = vec![root.certificate_der().to_vec()];
        let mut issuer = root.key();
        for ca in &self.cas {
            cabundle.push(ca.certificate.sign::<_, DerSignature>(issuer)?);
            issuer = &ca.key;
        }
        Ok(Chain {
            cabundle,
            certificate: self.leaf.certificate.sign::<_, DerSignature>(issuer)?,
            key: self.leaf.key.clone(),
        })
    }
}

/// The key identifier of a certificate's own key.
pub(crate) fn subject_key_identifier(
    certificate: &CertificateSpec,
) -> Result<Extension, AttesterError> {
    extension(false, &SubjectKeyIdentifier(key_identifier(certificate)?))
}

fn leaf_extensions() -> Result<Vec<Extension>, AttesterError> {
    let constraints = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
    Ok(vec![
        extension(true, &constraints)?,
        extension(false, &usage)?,
    ])
}

/// Each CA names its own key, and all but the first that of the CA above.
fn add_key_identifiers(cas: &mut [Link]) -> Result<(), AttesterError> {
    let mut above: Option<OctetString> = None;
    for ca in cas {
        let own = key_identifier(&ca.certificate)?;
        if let Some(above) = above.replace(own) {
            let authority = AuthorityKeyIdentifier {
                key_identifier: Some(above),
                ..Default::default()
            };
            ca.certificate
                .extensions
                .push(extension(false, &authority)?);
        }
        let subject = subject_key_identifier(&ca.certificate)?;
        ca.certificate.extensions.push(subject);
    }
    Ok(())
}

/// The first 20 bytes of a SHA-256 over the key's bits (RFC 7093 section 2, method 1).
fn key_identifier(certificate: &CertificateSpec) -> Result<OctetString, AttesterError> {
    let digest = Sha256::digest(certificate.public_key.subject_public_key.raw_bytes());
    Ok(OctetString::new(&digest[..20])?)
}

fn instance_name(common_name: &str) -> Result<Name, AttesterError> {
    Ok(Name::from_str(&format!(
        "CN={common_name},{ORGANISATION},L=Seattle,ST=Washington,C=US"
    ))?)
}

fn random_hex<R: CryptoRng + ?Sized>(rng: &mut R) -> String {
    format!("{:016x}", rng.next_u64())
}
