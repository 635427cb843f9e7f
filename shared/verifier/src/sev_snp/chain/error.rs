//! What can be wrong with endorsements, their chain and the report's signature.

use std::fmt;

use crate::check::Check;
use crate::sev_snp::checks;
use crate::time::UnixTime;
use sealnote_evidence::MapError;

/// Where in the chain a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The ARK.
    Root,
    /// The ASK or ASVK.
    Intermediate,
    /// The VCEK or VLEK.
    Leaf,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root certificate (ARK)",
            Self::Intermediate => "the intermediate certificate (ASK or ASVK)",
            Self::Leaf => "the leaf certificate (VCEK or VLEK)",
        })
    }
}

/// How a certificate differs from AMD's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileFault {
    /// A CA's basic constraints.
    #[error("has no critical basic constraints of such a CA")]
    BasicConstraints,
    /// A CA's key usage.
    #[error("has no critical key usage keyCertSign")]
    KeyUsage,
    /// A critical extension that is not known.
    #[error("has a critical extension that no certificate of AMD's chain has")]
    CriticalExtension,
    /// A leaf with other extensions.
    #[error("has an extension that is critical or not AMD's own")]
    LeafExtension,
}

/// What is wrong with the revocation list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlFault {
    /// None.
    #[error("there is no revocation list among the endorsements, and the policy requires one")]
    Missing,
    /// Not a list.
    #[error("the revocation list is not one X.509 CRL in DER")]
    Malformed,
    /// Another issuer.
    #[error("the revocation list is not by the root of this chain")]
    Issuer,
    /// Not signed by the root.
    #[error("the revocation list is not signed by the root's key")]
    Signature,
    /// A critical extension.
    #[error("the revocation list has a critical extension, which none of AMD's has")]
    CriticalExtension,
    /// No end.
    #[error("the revocation list does not say when the next one is due")]
    NoNextUpdate,
    /// From the future.
    #[error("the revocation list is of {this_update}, the check is for {now}; is the clock right?")]
    NotYetValid {
        /// When it was made.
        this_update: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// Out of date.
    #[error(
        "the revocation list ended at {next_update}, the check is for {now}; fetch a fresh one"
    )]
    Expired {
        /// When the next one was due.
        next_update: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// Older than the policy allows.
    #[error("the revocation list is {age} s old, the policy allows {max} s; fetch a fresh one")]
    TooOld {
        /// Its age in seconds.
        age: u64,
        /// The greatest age in seconds.
        max: u64,
    },
    /// Revoked.
    #[error("AMD has revoked {at}")]
    Revoked {
        /// The certificate.
        at: Position,
    },
}

/// The endorsements, their chain or the report's signature do not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// S6: not the map that is due.
    #[error("the endorsements' map {0}")]
    Endorsements(MapError),
    /// S6: under another root.
    #[error(
        "the intermediate certificate names an issuer that is neither an AMD root (ARK) of Milan, Genoa or Turin nor \
         a development root that you named"
    )]
    UntrustedRoot,
    /// S6, S7: not a certificate.
    #[error("{at} is not one X.509 certificate in DER")]
    Malformed {
        /// The certificate.
        at: Position,
    },
    /// S7: a CA's key of another kind.
    #[error("{at} has a key that is not RSA of 4096 bits with exponent 65537")]
    CaKey {
        /// The certificate.
        at: Position,
    },
    /// S7: a signature of another kind.
    #[error("{at} is not signed with RSA-PSS, SHA-384 and a salt of 48 bytes")]
    SignatureAlgorithm {
        /// The certificate.
        at: Position,
    },
    /// S7: not signed by the certificate before it.
    #[error(
        "{at} is not signed by the certificate above it: it was altered, or is of another generation"
    )]
    Signature {
        /// The certificate.
        at: Position,
    },
    /// S7: not such a certificate as AMD issues.
    #[error("{at} {fault}")]
    Profile {
        /// The certificate.
        at: Position,
        /// The difference.
        fault: ProfileFault,
    },
    /// S8: another name.
    #[error("{at} is not named {expected}")]
    Name {
        /// The certificate.
        at: Position,
        /// The common name that is due.
        expected: String,
    },
    /// S8: another issuer.
    #[error("{at} does not name the certificate above it as its issuer")]
    Issuer {
        /// The certificate.
        at: Position,
    },
    /// S9: not valid yet.
    #[error("{at} is valid from {not_before}, the check is for {now}; is the clock right?")]
    NotYetValid {
        /// The certificate.
        at: Position,
        /// Start of its validity.
        not_before: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// S9: expired.
    #[error("{at} expired at {not_after}, the check is for {now}; fetch fresh endorsements")]
    Expired {
        /// The certificate.
        at: Position,
        /// End of its validity.
        not_after: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// S10: the revocation list.
    #[error(transparent)]
    Crl(CrlFault),
    /// S11: a leaf's key of another kind.
    #[error("the leaf certificate has a key that is not an uncompressed P-384 point")]
    LeafKey,
    /// S11: the report's signature.
    #[error(
        "the report's signature is not by the leaf's key: it was altered, or is of another chip or TCB"
    )]
    ReportSignature,
}

impl ChainError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Endorsements(_)
            | Self::UntrustedRoot
            | Self::Malformed {
                at: Position::Root | Position::Intermediate,
            } => checks::S6,
            Self::Malformed { at: Position::Leaf }
            | Self::CaKey { .. }
            | Self::SignatureAlgorithm { .. }
            | Self::Signature { .. }
            | Self::Profile { .. } => checks::S7,
            Self::Name { .. } | Self::Issuer { .. } => checks::S8,
            Self::NotYetValid { .. } | Self::Expired { .. } => checks::S9,
            Self::Crl(_) => checks::S10,
            Self::LeafKey | Self::ReportSignature => checks::S11,
        }
    }
}
