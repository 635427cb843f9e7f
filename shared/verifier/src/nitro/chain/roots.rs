//! The trust anchors.

use x509_cert::der::Encode;

use super::certificate::LinkCertificate;
use super::error::{ChainError, Position};
use crate::pem;

/// The root of the AWS Nitro Enclaves PKI (G1), DER, 533 bytes, valid until 2049-10-28.
///
/// SHA-256 fingerprint
/// `641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b`, as AWS publishes it (EC2 user
/// guide, "Verifying the root of trust").
const AWS_NITRO_ROOT_G1: &[u8] = include_bytes!("../roots/aws-nitro-root-g1.der");

/// Whose root a document chains to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// AWS's: the document was signed by a Nitro hypervisor.
    Aws,
    /// A development root that was added by name: the document was signed by software, and protects
    /// nothing.
    Software,
}

/// The pinned roots: AWS's, always, and the development roots that a caller has added.
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
    /// Not signed by its own key.
    #[error("the root is not signed by its own key")]
    NotSelfSigned,
}

impl TrustRoots {
    /// The AWS Nitro Enclaves root alone.
    pub fn aws() -> Self {
        Self::default()
    }

    /// Accepts documents under a development root as well. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any document at all.
    ///
    /// # Errors
    ///
    /// Anything but one self-signed P-384 CA certificate in PEM.
    pub fn danger_add_software_root(&mut self, pem: &str) -> Result<(), RootError> {
        let der = pem::certificate(pem.as_bytes())
            .and_then(|certificate| certificate.to_der())
            .map_err(|_| RootError::NotPem)?;
        check_root(&der)?;
        self.software.push(der);
        Ok(())
    }

    /// X1: which pinned root these very bytes are, if any.
    pub(super) fn kind_of(&self, der: &[u8]) -> Option<RootKind> {
        if der == AWS_NITRO_ROOT_G1 {
            Some(RootKind::Aws)
        } else if self.software.iter().any(|root| root == der) {
            Some(RootKind::Software)
        } else {
            None
        }
    }
}

fn check_root(der: &[u8]) -> Result<(), RootError> {
    let root = LinkCertificate::parse(der, Position::Bundle(0)).map_err(RootError::Unfit)?;
    root.check_issuer(&root)
        .and_then(|()| root.check_algorithms())
        .and_then(|()| root.check_is_ca(0))
        .and_then(|()| root.check_may_sign_certificates())
        .map_err(RootError::Unfit)?;
    root.is_self_signed()
        .then_some(())
        .ok_or(RootError::NotSelfSigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_pinned_root_is_the_published_one() {
        assert_eq!(
            hex::encode(Sha256::digest(AWS_NITRO_ROOT_G1)),
            "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
        );
        assert_eq!(check_root(AWS_NITRO_ROOT_G1), Ok(()));
    }
}
