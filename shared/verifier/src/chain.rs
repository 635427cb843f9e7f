//! A15 to A21, X1 and X4: from a pinned root to the document's signature.
//!
//! Order: X1 → A12 and A13 (every certificate parses) → A15 → X4 → A17 → A18 → A16 → A20 → A21, each
//! for the whole chain from the root down before the next.
//!
//! webpki builds the path and verifies its signatures (A20). It ignores key usage, the order of the
//! bundle, the criticality of basic constraints and everything about the anchor but name and key, so
//! those are checked here first, on x509-cert's parse; the path that webpki found must then be the
//! bundle itself.
//!
//! A19 is not a step: revocation lists are not consulted. AWS's description says that checking them
//! must be disabled, and leaves live for three hours.

mod certificate;
mod error;
mod p384_keys;
mod roots;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime as PkiTime};
use sha2::{Digest, Sha256};
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

pub use error::{BasicConstraintsFault, ChainError, Position, RequiredUsage};
pub use roots::{RootError, RootKind, TrustRoots};

use crate::document::{Envelope, Payload};
use crate::time::UnixTime;

use certificate::LinkCertificate;
use p384_keys::{DocumentKey, EcdsaP384Sha384};

/// Checks the chain and the document's signature; returns whose root it is.
pub(crate) fn verify(
    envelope: &Envelope<'_>,
    payload: &Payload,
    roots: &TrustRoots,
    now: UnixTime,
) -> Result<RootKind, ChainError> {
    let (root, links) = payload
        .cabundle
        .split_first()
        .ok_or(ChainError::UntrustedRoot {
            fingerprint: String::from("none"),
        })?;
    let kind = roots
        .kind_of(root)
        .ok_or_else(|| ChainError::UntrustedRoot {
            fingerprint: hex::encode(Sha256::digest(root)),
        })?;
    let leaf = check_certificates(payload, now)?;
    check_path(root, links, &payload.certificate, now)?;
    check_document_signature(envelope, &leaf)?;
    Ok(kind)
}

/// A12, A13, A15, X4, A17, A18 and A16, each for the whole chain; returns the leaf.
fn check_certificates(payload: &Payload, now: UnixTime) -> Result<LinkCertificate, ChainError> {
    let cas = payload
        .cabundle
        .iter()
        .enumerate()
        .map(|(index, der)| LinkCertificate::parse(der, Position::Bundle(index)))
        .collect::<Result<Vec<_>, _>>()?;
    let leaf = LinkCertificate::parse(&payload.certificate, Position::Leaf)?;
    let chain = || cas.iter().chain([&leaf]);

    // The root is its own issuer, every other certificate's is the one before it.
    for (issuer, certificate) in cas.first().into_iter().chain(&cas).zip(chain()) {
        certificate.check_issuer(issuer)?;
    }
    for certificate in chain() {
        certificate.check_algorithms()?;
    }
    for (below, ca) in (0..cas.len()).rev().zip(&cas) {
        ca.check_is_ca(below)?;
    }
    leaf.check_is_not_ca()?;
    for ca in &cas {
        ca.check_may_sign_certificates()?;
    }
    leaf.check_may_sign_documents()?;
    for certificate in chain() {
        certificate.check_validity(now)?;
    }
    Ok(leaf)
}

/// A20: webpki's verification, and that the path is the bundle in its order.
fn check_path(
    root: &[u8],
    links: &[Vec<u8>],
    leaf: &[u8],
    now: UnixTime,
) -> Result<(), ChainError> {
    let path_error = |reason| ChainError::Path { reason };
    let root = CertificateDer::from(root);
    let anchors: [TrustAnchor<'_>; 1] =
        [webpki::anchor_from_trusted_cert(&root).map_err(path_error)?];
    let links: Vec<_> = links
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let leaf = CertificateDer::from(leaf);
    let leaf = EndEntityCert::try_from(&leaf).map_err(path_error)?;
    let path = leaf
        .verify_for_usage(
            &[&EcdsaP384Sha384],
            &anchors,
            &links,
            PkiTime::since_unix_epoch(Duration::from_secs(now.as_seconds())),
            NoExtendedKeyUsage,
            None,
            None,
        )
        .map_err(path_error)?;
    let found = path.intermediate_certificates().map(|cert| cert.der());
    match found.eq(links.iter().rev().cloned()) {
        true => Ok(()),
        false => Err(ChainError::OtherPath),
    }
}

/// A21: the document's signature, under the leaf's key.
fn check_document_signature(
    envelope: &Envelope<'_>,
    leaf: &LinkCertificate,
) -> Result<(), ChainError> {
    let key = DocumentKey::from_sec1(leaf.public_key())
        .ok_or(ChainError::KeyAlgorithm { at: Position::Leaf })?;
    match key.verified_payload(envelope.bytes) {
        // The envelope was read twice, by us and by the COSE crate; they must have seen the same.
        Some(payload) if payload == envelope.payload => Ok(()),
        _ => Err(ChainError::DocumentSignature),
    }
}

/// Genuine certificates restrict their keys to no purpose. One that does was issued for another.
struct NoExtendedKeyUsage;

impl ExtendedKeyUsageValidator for NoExtendedKeyUsage {
    fn validate(&self, mut purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        match purposes.next() {
            None => Ok(()),
            // A18 has refused it by name before webpki sees it.
            Some(_) => Err(webpki::Error::EmptyEkuExtension),
        }
    }
}
