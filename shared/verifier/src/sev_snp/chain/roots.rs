//! The trust anchors: AMD's root keys (ARK), one for each generation.

use x509_cert::der::Encode;

use super::certificate::Link;
use super::error::{ChainError, Position};
use crate::pem;
use crate::sev_snp::product::Product;

/// The ARKs as AMD's key distribution service has them (57230, section 4.3), DER.
const AMD_ROOTS: [(Product, &[u8]); 3] = [
    (Product::Milan, include_bytes!("../roots/amd-milan-ark.der")),
    (Product::Genoa, include_bytes!("../roots/amd-genoa-ark.der")),
    (Product::Turin, include_bytes!("../roots/amd-turin-ark.der")),
];

/// Whose root a report chains to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// AMD's: the report was signed by a processor's firmware.
    Amd,
    /// A development root that was added by name: the report was signed by software, and protects nothing.
    Software,
}

/// The pinned roots: AMD's, always, and the development roots that a caller has added.
#[derive(Clone, Debug, Default)]
pub struct TrustRoots {
    software: Vec<(Product, Vec<u8>)>,
}

/// A PEM file that cannot be a root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Not one certificate in PEM.
    #[error("the root is not a single X.509 certificate in PEM")]
    NotPem,
    /// Not named as a root of a generation known here.
    #[error("the root is not named ARK-Milan, ARK-Genoa or ARK-Turin")]
    Name,
    /// A certificate, but none that can be a root here.
    #[error("the root cannot be used: {0}")]
    Unfit(ChainError),
}

/// A pinned root.
pub(super) struct Root {
    pub(super) product: Product,
    pub(super) kind: RootKind,
    pub(super) link: Link,
}

impl TrustRoots {
    /// AMD's roots alone.
    pub fn amd() -> Self {
        Self::default()
    }

    /// Accepts reports under a development root as well. Changes no other check.
    ///
    /// Dangerous: whoever has that root's key can sign any report at all.
    ///
    /// # Errors
    ///
    /// Anything but one self-signed CA certificate in PEM, RSA-PSS of 4,096 bits with SHA-384, named as AMD names the
    /// root of one of the generations.
    pub fn danger_add_software_root(&mut self, pem: &str) -> Result<(), RootError> {
        let der = pem::certificate(pem.as_bytes())
            .and_then(|certificate| certificate.to_der())
            .map_err(|_| RootError::NotPem)?;
        let product = check_root(&der)?;
        self.software.push((product, der));
        Ok(())
    }

    /// S6: the pinned roots that have the name of the certificate's issuer, at least one.
    pub(super) fn issuers_of(&self, link: &Link) -> Result<Vec<Root>, ChainError> {
        let amd = AMD_ROOTS
            .iter()
            .map(|(product, der)| (*product, *der, RootKind::Amd));
        let software = self.software.iter();
        let software =
            software.map(|(product, der)| (*product, der.as_slice(), RootKind::Software));
        let mut issuers = Vec::new();
        for (product, der, kind) in amd.chain(software) {
            let root = Link::parse(der, Position::Root)?;
            if root.subject() == link.issuer() {
                issuers.push(Root {
                    product,
                    kind,
                    link: root,
                });
            }
        }
        match issuers.is_empty() {
            true => Err(ChainError::UntrustedRoot),
            false => Ok(issuers),
        }
    }
}

/// The generation of a root that can be used.
fn check_root(der: &[u8]) -> Result<Product, RootError> {
    let root = Link::parse(der, Position::Root).map_err(RootError::Unfit)?;
    let name = root.common_name().unwrap_or_default();
    let product = Product::ALL
        .into_iter()
        .find(|product| name.strip_prefix("ARK-") == Some(product.name()))
        .ok_or(RootError::Name)?;
    root.check_is_ca(None)
        .and_then(|()| root.check_issuer(&root))
        .and_then(|()| root.check_signed_by(&root))
        .map_err(RootError::Unfit)?;
    Ok(product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_pinned_roots_are_the_published_ones() {
        let published = [
            "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
            "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
            "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
        ];
        for ((product, der), digest) in AMD_ROOTS.into_iter().zip(published) {
            assert_eq!(hex::encode(Sha256::digest(der)), digest, "{product}");
            assert_eq!(check_root(der), Ok(product));
        }
    }
}
