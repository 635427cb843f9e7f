//! T3 to T9: from a pinned root to the quote's signature.
//!
//! The paths have a fixed length and Intel's names, so each link is checked here; the parsing is x509-cert's, the
//! arithmetic p256's. dcap-qvl, which verifies all of it again by a path builder, is asked afterwards, by
//! [`super::appraisal`].

mod certificate;
mod crl;
mod document;
mod error;
mod key;
mod quoting_enclave;
mod roots;

use dcap_qvl::intel::{PckExtension, parse_pck_extension};
use dcap_qvl::{QeIdentity, QuoteCollateralV3, TcbInfo};

pub use error::{ChainError, CrlFault, Document, List, Position, ProfileFault, QeFault};
pub use roots::{RootError, RootKind, TrustRoots};

use super::checks;
use super::quote::Quote;
use super::wire::MAX_ENDORSEMENTS;
use crate::check::CheckLog;
use crate::time::UnixTime;

use certificate::Link;
use crl::RevocationList;
use document::{Signed, certificates};
use key::Key;
use roots::Root;

const PCK_CA: &[&str] = &["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"];
const PCK: &[&str] = &["Intel SGX PCK Certificate"];

/// A chain that holds, and signed the quote.
pub(super) struct VerifiedChain {
    pub(super) root: RootKind,
    pub(super) root_der: Vec<u8>,
    pub(super) tcb_info: TcbInfo,
    pub(super) platform: PckExtension,
    pub(super) collateral: QuoteCollateralV3,
    /// When the oldest part of the collateral was made, but for the root's revocation list, which Intel makes once a year.
    pub(super) oldest: UnixTime,
}

/// T3 to T9.
pub(super) fn verify(
    quote: &Quote<'_>,
    collateral: &[u8],
    roots: &TrustRoots,
    now: UnixTime,
    log: &mut CheckLog,
) -> Result<VerifiedChain, ChainError> {
    let (collateral, root, tcb_signer, (tcb_info, tcb_dates)) = log.run(checks::T3, || {
        let collateral = read(collateral)?;
        let (signer, root) = tcb_signer(&collateral, roots, now)?;
        let signed = Signed {
            document: Document::TcbInfo,
            json: &collateral.tcb_info,
            signature: &collateral.tcb_info_signature,
        };
        let tcb_info = signed.verify::<TcbInfo>(&signer, &root, now)?;
        Ok::<_, ChainError>((collateral, root, signer, tcb_info))
    })?;
    let (qe_signer, (qe_identity, qe_dates)) = log.run(checks::T4, || {
        let signer = qe_signer(&collateral, &root)?;
        let signed = Signed {
            document: Document::QeIdentity,
            json: &collateral.qe_identity,
            signature: &collateral.qe_identity_signature,
        };
        let identity = signed.verify::<QeIdentity>(&signer, &root, now)?;
        Ok::<_, ChainError>((signer, identity))
    })?;
    let certification = &quote.signature.qe_report_data;
    let (pck_ca, pck, platform) = log.run(checks::T5, || {
        pck_chain(&certification.certification_data.body.data, &root, now)
    })?;
    let pck_list = log.run(checks::T6, || {
        let of_root = [&root.link, &tcb_signer, &qe_signer, &pck_ca];
        check_list(
            List::Root,
            &collateral.root_ca_crl,
            &root.link,
            &of_root,
            now,
        )?;
        check_list(List::Pck, &collateral.pck_crl, &pck_ca, &[&pck], now)
    })?;
    let attestation_key = &quote.signature.ecdsa_attestation_key;
    log.run(checks::T7, || {
        quoting_enclave::check_report(certification, attestation_key, &pck)
    })?;
    log.run(checks::T8, || {
        quoting_enclave::check_identity(&certification.qe_report, &qe_identity)
    })?;
    log.run(checks::T9, || {
        let key = Key::from_coordinates(attestation_key);
        match key.is_some_and(|key| key.signed_raw(quote.signed, &quote.signature.ecdsa_signature))
        {
            true => Ok(()),
            false => Err(ChainError::QuoteSignature),
        }
    })?;
    let oldest = tcb_dates
        .issued
        .min(qe_dates.issued)
        .min(pck_list.this_update());
    Ok(VerifiedChain {
        root: root.kind,
        root_der: root.link.der().to_vec(),
        tcb_info,
        platform,
        collateral,
        oldest,
    })
}

/// The chain of the PCK certificate is the quote's own; one that is among the collateral is not looked at.
fn read(collateral: &[u8]) -> Result<QuoteCollateralV3, ChainError> {
    if collateral.len() > MAX_ENDORSEMENTS {
        let found = collateral.len();
        return Err(ChainError::CollateralLength { found });
    }
    let read = serde_json::from_slice(collateral).map_err(|_| ChainError::Collateral)?;
    Ok(QuoteCollateralV3 {
        pck_certificate_chain: None,
        ..read
    })
}

/// T3 but for the document: who signs it, and the pinned root, which is the other documents' and the platform's too.
fn tcb_signer(
    collateral: &QuoteCollateralV3,
    roots: &TrustRoots,
    now: UnixTime,
) -> Result<(Link, Root), ChainError> {
    let pem = collateral.tcb_info_issuer_chain.as_bytes();
    let [signer, root] = certificates(pem, [Position::TcbSigner, Position::Root])?;
    let root = roots.find(&root).ok_or(ChainError::UntrustedRoot)?;
    root.link.check_validity(now)?;
    Ok((signer, root))
}

/// T4 but for the document.
fn qe_signer(collateral: &QuoteCollateralV3, root: &Root) -> Result<Link, ChainError> {
    let pem = collateral.qe_identity_issuer_chain.as_bytes();
    let [signer, last] = certificates(pem, [Position::QeSigner, Position::Root])?;
    check_root(&signer, &last, root)?;
    Ok(signer)
}

/// T5.
fn pck_chain(
    pem: &[u8],
    root: &Root,
    now: UnixTime,
) -> Result<(Link, Link, PckExtension), ChainError> {
    let [pck, ca, last] = certificates(pem, [Position::Pck, Position::PckCa, Position::Root])?;
    check_root(&pck, &last, root)?;
    ca.check_name(PCK_CA)?;
    ca.check_is_ca()?;
    ca.check_issued_by(&root.link)?;
    ca.check_validity(now)?;
    pck.check_name(PCK)?;
    pck.check_is_leaf()?;
    pck.check_issued_by(&ca)?;
    pck.check_validity(now)?;
    let platform = parse_pck_extension(pck.der()).map_err(|_| ChainError::PckExtension)?;
    Ok((ca, pck, platform))
}

fn check_root(first: &Link, last: &Link, root: &Root) -> Result<(), ChainError> {
    match last.der() == root.link.der() {
        true => Ok(()),
        false => Err(ChainError::OtherRoot {
            at: first.position(),
        }),
    }
}

fn check_list(
    list: List,
    der: &[u8],
    issuer: &Link,
    issued: &[&Link],
    now: UnixTime,
) -> Result<RevocationList, ChainError> {
    let verify = || {
        let list = RevocationList::verify(der, issuer, now)?;
        list.check_none_revoked(issued)?;
        Ok(list)
    };
    verify().map_err(|fault| ChainError::Crl { list, fault })
}
