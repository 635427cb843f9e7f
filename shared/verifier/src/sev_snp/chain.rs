//! S6 to S11: from a pinned ARK to the report's signature; what the leaf says of its chip is for S12 to S14.
//!
//! webpki cannot build this path: AMD's certificates are signed with RSA-PSS of 4,096 bits, and their leaves have
//! neither key usage nor names that it looks for. The path has a fixed length, so each link is checked here; the
//! parsing is x509-cert's, the arithmetic rsa's and p384's.
//!
//! Every certificate must be exactly its own DER encoding, so that what is parsed is what was signed.

mod certificate;
mod crl;
mod error;
mod extensions;
mod roots;
mod rsa_pss;

use p384::ecdsa::VerifyingKey;
use p384::ecdsa::signature::Verifier;

pub use error::{ChainError, CrlFault, Position, ProfileFault};
pub use roots::{RootError, RootKind, TrustRoots};

use super::checks;
use super::product::Product;
use super::report::Report;
use super::rules::{CrlRule, Endorsement};
use super::wire::Endorsements;
use crate::check::CheckLog;
use crate::time::UnixTime;

use certificate::Link;
use crl::RevocationList;
pub(super) use extensions::LeafExtensions;
use roots::Root;

/// A chain that holds, and signed the report.
pub(super) struct VerifiedChain {
    pub(super) product: Product,
    pub(super) root: RootKind,
    pub(super) leaf: LeafExtensions,
}

/// What the chain is checked against.
pub(super) struct Expected<'a> {
    pub(super) endorsement: &'a Endorsement,
    pub(super) crl: CrlRule,
    pub(super) roots: &'a TrustRoots,
    pub(super) now: UnixTime,
}

/// S6 to S11.
pub(super) fn verify(
    report: &Report<'_>,
    endorsements: &[u8],
    expected: &Expected<'_>,
    log: &mut CheckLog,
) -> Result<VerifiedChain, ChainError> {
    let now = expected.now;
    let (given, intermediate, candidates) = log.run(checks::S6, || {
        let given = Endorsements::decode(endorsements).map_err(ChainError::Endorsements)?;
        let intermediate = Link::parse(given.intermediate, Position::Intermediate)?;
        let candidates = expected.roots.issuers_of(&intermediate)?;
        Ok::<_, ChainError>((given, intermediate, candidates))
    })?;
    let (root, leaf) = log.run(checks::S7, || {
        let root = check_intermediate(candidates, &intermediate)?;
        let leaf = Link::parse(given.leaf, Position::Leaf)?;
        leaf.check_is_leaf()?;
        leaf.check_signed_by(&intermediate)?;
        Ok::<_, ChainError>((root, leaf))
    })?;
    log.run(checks::S8, || {
        let product = root.product.name();
        let (of_intermediate, of_leaf) = match expected.endorsement {
            Endorsement::Vcek => (format!("SEV-{product}"), "SEV-VCEK"),
            Endorsement::Vlek { .. } => (format!("SEV-VLEK-{product}"), "SEV-VLEK"),
        };
        root.link.check_name(&format!("ARK-{product}"))?;
        intermediate.check_name(&of_intermediate)?;
        leaf.check_name(of_leaf)?;
        leaf.check_issuer(&intermediate)
    })?;
    log.run(checks::S9, || {
        let mut links = [&root.link, &intermediate, &leaf].into_iter();
        links.try_for_each(|link| link.check_validity(now))
    })?;
    check_revocation(given.crl, expected, &root, &intermediate, log)?;
    log.run(checks::S11, || check_report(report, &leaf))?;
    Ok(VerifiedChain {
        product: root.product,
        root: root.kind,
        leaf: leaf.into_extensions(),
    })
}

/// S7 but for the leaf: the one pinned ARK that signed the intermediate certificate.
fn check_intermediate(candidates: Vec<Root>, link: &Link) -> Result<Root, ChainError> {
    link.check_is_ca(Some(0))?;
    let mut last = Err(ChainError::Signature {
        at: Position::Intermediate,
    });
    for root in candidates {
        match link.check_signed_by(&root.link) {
            Ok(()) => return Ok(root),
            Err(error) => last = Err(error),
        }
    }
    last
}

/// S10. A list that the policy does not ask for is checked nevertheless if it is there; only where there is none, and
/// none is asked for, nothing has passed.
fn check_revocation(
    crl: Option<&[u8]>,
    expected: &Expected<'_>,
    root: &Root,
    intermediate: &Link,
    log: &mut CheckLog,
) -> Result<(), ChainError> {
    let max_age = match expected.crl {
        CrlRule::None if crl.is_none() => return Ok(()),
        CrlRule::None => None,
        CrlRule::Required { max_age_seconds } => Some(max_age_seconds),
    };
    log.run(checks::S10, || {
        let der = crl.ok_or(CrlFault::Missing)?;
        let list = RevocationList::parse(der, &root.link)?;
        list.check_age(max_age, expected.now)?;
        list.check_not_revoked(&root.link)?;
        list.check_not_revoked(intermediate)
    })
    .map_err(ChainError::Crl)
}

/// S11.
fn check_report(report: &Report<'_>, leaf: &Link) -> Result<(), ChainError> {
    let point = leaf.p384_point().ok_or(ChainError::LeafKey)?;
    let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| ChainError::LeafKey)?;
    // `Verifier` of a P-384 key hashes with SHA-384.
    report
        .signature()
        .filter(|signature| key.verify(report.signed, signature).is_ok())
        .map(|_| ())
        .ok_or(ChainError::ReportSignature)
}
