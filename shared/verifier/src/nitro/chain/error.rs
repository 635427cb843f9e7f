//! What can be wrong with a chain.

use std::fmt;

use crate::check::Check;
use crate::nitro::checks;
use crate::time::UnixTime;

/// Where in the chain a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In `cabundle`, by index; 0 is the root.
    Bundle(usize),
    /// The leaf, `certificate`.
    Leaf,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(0) => f.write_str("the root certificate"),
            Self::Bundle(index) => write!(f, "CA certificate {index}"),
            Self::Leaf => f.write_str("the leaf certificate"),
        }
    }
}

/// What a key must be allowed to do (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredUsage {
    /// `keyCertSign`, of every CA.
    CertificateSigning,
    /// `digitalSignature`, of the leaf.
    DigitalSignature,
}

impl fmt::Display for RequiredUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CertificateSigning => "keyCertSign",
            Self::DigitalSignature => "digitalSignature",
        })
    }
}

/// What is wrong with a certificate's basic constraints (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BasicConstraintsFault {
    /// A CA has none.
    #[error("has no basic constraints")]
    Missing,
    /// They do not parse, or are there twice.
    #[error("has unreadable basic constraints")]
    Unreadable,
    /// A CA's are not critical.
    #[error("has basic constraints that are not critical")]
    NotCritical,
    /// An issuer is no CA.
    #[error("is not a CA but issues certificates")]
    NotCa,
    /// The leaf is a CA.
    #[error("is a CA and so not an enclave's")]
    LeafIsCa,
    /// The leaf has a path length.
    #[error("has a path length, which only a CA has")]
    LeafPathLength,
    /// More CAs below than allowed.
    #[error("allows {limit} CAs below it, but there are {below}")]
    PathLength {
        /// The path length constraint.
        limit: u8,
        /// Number of CA certificates below this one.
        below: usize,
    },
}

/// The chain or the document's signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// X1: the bundle starts at a certificate that is not pinned.
    #[error(
        "the document's chain starts at a certificate (SHA-256 {fingerprint}) that is neither the AWS \
         Nitro Enclaves root nor a development root that you named"
    )]
    UntrustedRoot {
        /// SHA-256 of the certificate, lowercase hex.
        fingerprint: String,
    },
    /// A12, A13: not a certificate.
    #[error("{at} is not a well-formed X.509 certificate")]
    Malformed {
        /// The certificate.
        at: Position,
    },
    /// A15: issued by another than the certificate before it.
    #[error("{at} does not name the certificate before it as its issuer")]
    Order {
        /// The certificate.
        at: Position,
    },
    /// X4: a key of another kind.
    #[error("{at} has a key that is not an uncompressed P-384 point")]
    KeyAlgorithm {
        /// The certificate.
        at: Position,
    },
    /// X4: a signature of another kind.
    #[error("{at} is not signed with ecdsa-with-SHA384")]
    SignatureAlgorithm {
        /// The certificate.
        at: Position,
    },
    /// A17: basic constraints.
    #[error("{at} {fault}")]
    BasicConstraints {
        /// The certificate.
        at: Position,
        /// What is wrong.
        fault: BasicConstraintsFault,
    },
    /// A18: key usage.
    #[error("{at} has no key usage {required}")]
    KeyUsage {
        /// The certificate.
        at: Position,
        /// The usage that is missing.
        required: RequiredUsage,
    },
    /// A18: the key is for some other purpose.
    #[error("{at} has an extended key usage; no certificate of an enclave's chain has one")]
    ExtendedKeyUsage {
        /// The certificate.
        at: Position,
    },
    /// A16: not valid yet.
    #[error("{at} is valid from {not_before}, the check is for {now}; is the clock right?")]
    NotYetValid {
        /// The certificate.
        at: Position,
        /// Start of its validity.
        not_before: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// A16: expired.
    #[error("{at} expired at {not_after}, the check is for {now}; ask for a fresh document")]
    Expired {
        /// The certificate.
        at: Position,
        /// End of its validity.
        not_after: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// A20: a critical extension beside basic constraints and key usage.
    #[error("{at} has a critical extension that no certificate of an enclave's chain has")]
    CriticalExtension {
        /// The certificate.
        at: Position,
    },
    /// A20: webpki finds no path to the root.
    #[error("the certificates do not chain to the root: {reason}")]
    Path {
        /// What webpki says.
        reason: webpki::Error,
    },
    /// A20: the path does not go through the whole bundle.
    #[error("the certificates chain to the root by another path than the bundle")]
    OtherPath,
    /// A21: the document's signature.
    #[error("the document's signature is not by its certificate's key: it was altered or forged")]
    DocumentSignature,
}

impl ChainError {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::UntrustedRoot { .. } => checks::X1,
            Self::Malformed { at } => match at {
                Position::Bundle(_) => checks::A12,
                Position::Leaf => checks::A13,
            },
            Self::Order { .. } => checks::A15,
            Self::KeyAlgorithm { .. } | Self::SignatureAlgorithm { .. } => checks::X4,
            Self::BasicConstraints { .. } => checks::A17,
            Self::KeyUsage { .. } | Self::ExtendedKeyUsage { .. } => checks::A18,
            Self::NotYetValid { .. } | Self::Expired { .. } => checks::A16,
            Self::CriticalExtension { .. } | Self::Path { .. } | Self::OtherPath => checks::A20,
            Self::DocumentSignature => checks::A21,
        }
    }
}
