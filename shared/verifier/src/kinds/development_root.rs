//! Development roots, whose kind is told by their key.

use x509_cert::der::asn1::ObjectIdentifier;

use super::{Kind, TrustRoots};
use crate::{nitro, pem, sev_snp, tdx};

/// RFC 8017 appendix C.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480 section 2.1.1.
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// A PEM file that cannot be a development root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DevelopmentRootError {
    /// Not one certificate in PEM.
    #[error("the root is not a single X.509 certificate in PEM")]
    NotPem,
    /// A key that roots of no kind have.
    #[error(
        "the root's key is neither on P-384, as those of Nitro, nor of RSA, as those of SEV-SNP, nor on P-256, as those of TDX"
    )]
    Key,
    /// No root of Nitro documents.
    #[error(transparent)]
    Nitro(#[from] nitro::RootError),
    /// No root of SEV-SNP reports.
    #[error(transparent)]
    SevSnp(#[from] sev_snp::RootError),
    /// No root of TDX quotes.
    #[error(transparent)]
    Tdx(#[from] tdx::RootError),
}

impl TrustRoots {
    /// Accepts evidence under a development root as well, of the one kind whose roots have keys like this root's, and
    /// returns that kind. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any evidence of that kind.
    ///
    /// # Errors
    ///
    /// Anything but one self-signed CA certificate in PEM that has all that the kind asks of a root.
    pub fn danger_add_development_root(&mut self, pem: &str) -> Result<Kind, DevelopmentRootError> {
        let root = pem::certificate(pem.as_bytes()).map_err(|_| DevelopmentRootError::NotPem)?;
        let key = &root.tbs_certificate().subject_public_key_info().algorithm;
        let curve = || key.parameters.as_ref()?.decode_as().ok();
        match (key.oid, curve()) {
            (RSA_ENCRYPTION, _) => {
                self.danger_add_sev_snp_software_root(pem)?;
                Ok(Kind::SevSnp)
            }
            (ID_EC_PUBLIC_KEY, Some(SECP384R1)) => {
                self.danger_add_software_root(pem)?;
                Ok(Kind::Nitro)
            }
            (ID_EC_PUBLIC_KEY, Some(SECP256R1)) => {
                self.danger_add_tdx_software_root(pem)?;
                Ok(Kind::Tdx)
            }
            _ => Err(DevelopmentRootError::Key),
        }
    }
}
