//! The development root.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use p384::ecdsa::{DerSignature, SigningKey};
use rand_core::CryptoRng;
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, EncodePem};
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;

use super::chain::subject_key_identifier;
use crate::certificate::{Link, ca_extensions};
use crate::error::AttesterError;

/// The genuine root is valid for thirty years. Not a day of which is needed for development, but a
/// root that expires soon would be one more way for it to fail.
const VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Clocks disagree; a root made just now must be valid on the client's.
const BACKDATED: Duration = Duration::from_secs(3600);

const NAME: &str = "CN=software.nitro-enclaves,OU=Software attester,O=Sealnote development,C=US";

/// A self-signed P-384 CA certificate and its private key, which never leaves this process.
pub struct SoftwareRoot {
    key: SigningKey,
    name: Name,
    certificate: Vec<u8>,
}

impl SoftwareRoot {
    /// Makes a root with a fresh key, valid for ten years from `now`.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn generate<R: CryptoRng + ?Sized>(
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Self, AttesterError> {
        Self::from_link(Self::template(now, rng)?)
    }

    /// What [`generate`](Self::generate) signs, to be edited first.
    ///
    /// # Errors
    ///
    /// `now` is no time that X.509 can express.
    pub fn template<R: CryptoRng + ?Sized>(
        now: SystemTime,
        rng: &mut R,
    ) -> Result<Link, AttesterError> {
        let name = Name::from_str(NAME)?;
        let validity = (now - BACKDATED, now + VALIDITY);
        let mut link = Link::generate(&name, name.clone(), validity, rng)?;
        link.certificate.extensions = ca_extensions(
            None,
            KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign,
        )?;
        let identifier = subject_key_identifier(&link.certificate)?;
        link.certificate.extensions.push(identifier);
        Ok(link)
    }

    /// Signs a root by its own key.
    ///
    /// # Errors
    ///
    /// The certificate cannot be encoded.
    pub fn from_link(link: Link) -> Result<Self, AttesterError> {
        let certificate = link.certificate.sign::<_, DerSignature>(&link.key)?;
        Ok(Self {
            key: link.key,
            name: link.certificate.subject,
            certificate,
        })
    }

    /// The root certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The root certificate, PEM: what a client must be given to accept this root.
    ///
    /// # Errors
    ///
    /// The certificate cannot be encoded.
    pub fn certificate_pem(&self) -> Result<String, AttesterError> {
        Ok(Certificate::from_der(&self.certificate)?.to_pem(LineEnding::LF)?)
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }
}
