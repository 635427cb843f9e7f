//! A15 to A21, X1 and X4: from a pinned root to the document's signature.
//!
//! Order: X1 → A12 and A13 (every certificate parses) → A15 → X4 → A17 → A18 → A16 → A20 → A21, each
//! for the whole chain from the root down before the next.
//!
//! webpki builds the path and verifies its signatures (A20). It ignores key usage, the order of the
//! bundle, the criticality of basic constraints and everything about the anchor but name and key, and
//! it knows critical extensions that no enclave's chain has. So those are checked here first, on x509-cert's parse; the path that webpki found must then be the
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

use crate::check::CheckLog;
use crate::nitro::checks;
use crate::nitro::document::{Envelope, Payload};
use crate::time::UnixTime;

use certificate::LinkCertificate;
use p384_keys::{DocumentKey, EcdsaP384Sha384};

/// Checks the chain and the document's signature; returns whose root it is.
pub(crate) fn verify(
    envelope: &Envelope<'_>,
    payload: &Payload,
    roots: &TrustRoots,
    now: UnixTime,
    log: &mut CheckLog,
) -> Result<RootKind, ChainError> {
    let kind = log.run(checks::X1, || check_root(payload, roots))?;
    let (cas, leaf) = check_certificates(payload, now, log)?;
    log.run(checks::A20, || {
        cas.iter()
            .chain([&leaf])
            .try_for_each(LinkCertificate::check_critical_extensions)?;
        check_path(payload, now)
    })?;
    log.run(checks::A21, || check_document_signature(envelope, &leaf))?;
    Ok(kind)
}

/// X1: whose root the bundle starts with.
fn check_root(payload: &Payload, roots: &TrustRoots) -> Result<RootKind, ChainError> {
    let root = payload.cabundle.first().map_or(&[][..], Vec::as_slice);
    roots
        .kind_of(root)
        .ok_or_else(|| ChainError::UntrustedRoot {
            fingerprint: hex::encode(Sha256::digest(root)),
        })
}

/// A12, A13, A15, X4, A17, A18 and A16, each for the whole chain; returns the CAs and the leaf.
fn check_certificates(
    payload: &Payload,
    now: UnixTime,
    log: &mut CheckLog,
) -> Result<(Vec<LinkCertificate>, LinkCertificate), ChainError> {
    let cas: Vec<LinkCertificate> = log.run(checks::A12, || {
        let bundle = payload.cabundle.iter().enumerate();
        bundle
            .map(|(index, der)| LinkCertificate::parse(der, Position::Bundle(index)))
            .collect()
    })?;
    let leaf = log.run(checks::A13, || {
        LinkCertificate::parse(&payload.certificate, Position::Leaf)
    })?;
    let chain = || cas.iter().chain([&leaf]);

    log.run(checks::A15, || {
        // The root is its own issuer, every other certificate's is the one before it.
        let issuers = cas.first().into_iter().chain(&cas);
        issuers
            .zip(chain())
            .try_for_each(|(issuer, certificate)| certificate.check_issuer(issuer))
    })?;
    log.run(checks::X4, || {
        chain().try_for_each(LinkCertificate::check_algorithms)
    })?;
    log.run(checks::A17, || {
        let below = (0..cas.len()).rev();
        below
            .zip(&cas)
            .try_for_each(|(below, ca)| ca.check_is_ca(below))?;
        leaf.check_is_not_ca()
    })?;
    log.run(checks::A18, || {
        cas.iter()
            .try_for_each(LinkCertificate::check_may_sign_certificates)?;
        leaf.check_may_sign_documents()
    })?;
    log.run(checks::A16, || {
        chain().try_for_each(|certificate| certificate.check_validity(now))
    })?;
    Ok((cas, leaf))
}

/// A20: webpki's verification, and that the path is the bundle in its order.
fn check_path(payload: &Payload, now: UnixTime) -> Result<(), ChainError> {
    let path_error = |reason| ChainError::Path { reason };
    let (root, links) = payload
        .cabundle
        .split_first()
        .ok_or(ChainError::OtherPath)?;
    let root = CertificateDer::from(root.as_slice());
    let anchors: [TrustAnchor<'_>; 1] =
        [webpki::anchor_from_trusted_cert(&root).map_err(path_error)?];
    let links: Vec<_> = links
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let leaf = CertificateDer::from(payload.certificate.as_slice());
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
