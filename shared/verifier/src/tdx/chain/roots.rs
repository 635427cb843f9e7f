//! The trust anchors: Intel's root for SGX and TDX.

use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::certificate::Link;
use super::error::{ChainError, Position};
use crate::pem;

/// The "Intel SGX Root CA" as Intel publishes it, DER.
const INTEL_ROOT: &[u8] = include_bytes!("../roots/intel-sgx-root.der");

/// Whose root a quote chains to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// Intel's: the quote was signed by a machine's quoting enclave.
    Intel,
    /// A development root that was added by name: the quote was signed by software, and protects nothing.
    Software,
}

/// The pinned roots: Intel's, always, and the development roots that a caller has added.
#[derive(Clone, Debug, Default)]
pub struct TrustRoots {
    software: Vec<Vec<u8>>,
}

/// A PEM file that cannot be a root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Not one certificate in PEM.
    #[error("the root is not a single X.509 certificate in PEM")]
    NotPem,
    /// A certificate, but none that can be a root here.
    #[error("the root cannot be used: {0}")]
    Unfit(ChainError),
}

/// A pinned root.
pub(super) struct Root {
    pub(super) kind: RootKind,
    pub(super) link: Link,
}

impl TrustRoots {
    /// Intel's root alone.
    pub fn intel() -> Self {
        Self::default()
    }

    /// Accepts quotes under a development root as well. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any quote at all.
    ///
    /// # Errors
    ///
    /// Anything but one self-signed CA certificate in PEM, of a P-256 key.
    pub fn danger_add_software_root(&mut self, pem: &str) -> Result<(), RootError> {
        let certificate = pem::certificate(pem.as_bytes()).map_err(|_| RootError::NotPem)?;
        let link = Link::new(certificate, Position::Root).ok_or(RootError::NotPem)?;
        check_root(&link).map_err(RootError::Unfit)?;
        self.software.push(link.der().to_vec());
        Ok(())
    }

    /// The pinned root that is this certificate.
    pub(super) fn find(&self, link: &Link) -> Option<Root> {
        let software = self.software.iter();
        let software = software.map(|der| (der.as_slice(), RootKind::Software));
        let mut pinned = [(INTEL_ROOT, RootKind::Intel)].into_iter().chain(software);
        let (der, kind) = pinned.find(|(der, _)| *der == link.der())?;
        let certificate = Certificate::from_der(der).ok()?;
        let link = Link::new(certificate, Position::Root)?;
        Some(Root { kind, link })
    }
}

fn check_root(root: &Link) -> Result<(), ChainError> {
    root.check_is_ca()?;
    root.check_issued_by(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_pinned_root_is_the_published_one() {
        let published = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";
        assert_eq!(hex::encode(Sha256::digest(INTEL_ROOT)), published);
        let certificate = Certificate::from_der(INTEL_ROOT).expect("a certificate");
        let root = Link::new(certificate, Position::Root).expect("a certificate");
        assert_eq!(check_root(&root), Ok(()));
        assert_eq!(root.check_name(&["Intel SGX Root CA"]), Ok(()));
    }
}
