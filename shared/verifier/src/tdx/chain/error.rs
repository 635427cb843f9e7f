//! What can be wrong with the collateral, the certificates and the signatures.

use std::fmt;

use crate::check::Check;
use crate::tdx::checks;
use crate::tdx::wire::MAX_ENDORSEMENTS;
use crate::time::UnixTime;

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// A pinned root.
    Root,
    /// Signs the TCB info.
    TcbSigner,
    /// Signs the QE identity.
    QeSigner,
    /// Issues PCK certificates.
    PckCa,
    /// The platform's.
    Pck,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root certificate",
            Self::TcbSigner => "the certificate that signs the TCB info",
            Self::QeSigner => "the certificate that signs the QE identity",
            Self::PckCa => "the certificate of the PCK CA",
            Self::Pck => "the PCK certificate",
        })
    }
}

/// A document that Intel signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The status of each TCB of one kind of platform.
    TcbInfo,
    /// Which quoting enclaves are Intel's.
    QeIdentity,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TcbInfo => "the TCB info",
            Self::QeIdentity => "the QE identity",
        })
    }
}

/// A revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// By the root.
    Root,
    /// By the PCK CA.
    Pck,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root's revocation list",
            Self::Pck => "the PCK CA's revocation list",
        })
    }
}

/// How a certificate differs from Intel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileFault {
    /// Basic constraints.
    #[error("has no critical basic constraints, or others than its place has")]
    BasicConstraints,
    /// Key usage.
    #[error("has no critical key usage, or another than its place has")]
    KeyUsage,
    /// A critical extension that is not known.
    #[error("has a critical extension that no certificate of Intel's chain has")]
    CriticalExtension,
}

/// What is wrong with a revocation list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlFault {
    /// Not a list.
    #[error("is not one X.509 CRL in DER")]
    Malformed,
    /// Another issuer.
    #[error("is by another issuer")]
    Issuer,
    /// Not signed by the issuer.
    #[error("is not signed by its issuer's key")]
    Signature,
    /// A critical extension.
    #[error("has a critical extension, which none of Intel's has")]
    CriticalExtension,
    /// No end.
    #[error("does not say when the next one is due")]
    NoNextUpdate,
    /// From the future.
    #[error("is of {this_update}, the check is for {now}; is the clock right?")]
    NotYetValid {
        /// When it was made.
        this_update: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// Out of date.
    #[error("ended at {next_update}, the check is for {now}; fetch fresh collateral")]
    Expired {
        /// When the next one was due.
        next_update: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// Revoked.
    #[error("has {at}: Intel has revoked it")]
    Revoked {
        /// The certificate.
        at: Position,
    },
}

/// How the quoting enclave differs from the one that the QE identity describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QeFault {
    /// Another signer.
    #[error("is not signed by Intel")]
    Signer,
    /// It can be read from outside.
    #[error("is a debug enclave")]
    Debug,
    /// Another enclave of Intel's.
    #[error("is another enclave of Intel's")]
    Product,
    /// Other features.
    #[error("has another MISCSELECT")]
    MiscSelect,
    /// Other attributes.
    #[error("has other attributes")]
    Attributes,
    /// An old one.
    #[error("has version {actual}, which is older than every one that the QE identity names")]
    Version {
        /// ISVSVN.
        actual: u16,
    },
}

/// The collateral, the certificates or a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// T3: too long.
    #[error("the collateral has {found} bytes, at most {MAX_ENDORSEMENTS} are read")]
    CollateralLength {
        /// Length in bytes.
        found: usize,
    },
    /// T3: another shape.
    #[error("the collateral is not the JSON object that is due (QuoteCollateralV3)")]
    Collateral,
    /// T3, T4, T5: not as many certificates as are due.
    #[error("the chain of {at} is not {want} X.509 certificates in PEM, the root last")]
    Certificates {
        /// Its first.
        at: Position,
        /// How many are due.
        want: usize,
    },
    /// T3: under another root.
    #[error(
        "the TCB info's chain ends at a root that is neither Intel's nor a development root that you named"
    )]
    UntrustedRoot,
    /// T4, T5: under another root than the TCB info.
    #[error("the chain of {at} ends at another root than that of the TCB info")]
    OtherRoot {
        /// Its first.
        at: Position,
    },
    /// T3, T4, T5: another name.
    #[error("{at} is not named {expected}")]
    Name {
        /// The certificate.
        at: Position,
        /// The common name that is due.
        expected: &'static str,
    },
    /// T3, T4, T5: another issuer.
    #[error("{at} does not name the certificate above it as its issuer")]
    Issuer {
        /// The certificate.
        at: Position,
    },
    /// T3, T4, T5: a key of another kind.
    #[error("{at} has a key that is not an uncompressed P-256 point")]
    Key {
        /// The certificate.
        at: Position,
    },
    /// T3, T4, T5: a signature of another kind.
    #[error("{at} is not signed with ECDSA and SHA-256")]
    SignatureAlgorithm {
        /// The certificate.
        at: Position,
    },
    /// T3, T4, T5: not signed by the certificate above it.
    #[error("{at} is not signed by the certificate above it")]
    Signature {
        /// The certificate.
        at: Position,
    },
    /// T3, T4, T5: not such a certificate as Intel issues.
    #[error("{at} {fault}")]
    Profile {
        /// The certificate.
        at: Position,
        /// The difference.
        fault: ProfileFault,
    },
    /// T3, T4, T5: not valid yet.
    #[error("{at} is valid from {not_before}, the check is for {now}; is the clock right?")]
    NotYetValid {
        /// The certificate.
        at: Position,
        /// Start of its validity.
        not_before: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// T3, T4, T5: expired.
    #[error("{at} expired at {not_after}, the check is for {now}; fetch fresh collateral")]
    Expired {
        /// The certificate.
        at: Position,
        /// End of its validity.
        not_after: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// T3, T4: not signed.
    #[error("{document} is not signed by the certificate that comes with it")]
    DocumentSignature {
        /// The document.
        document: Document,
    },
    /// T3, T4: another shape.
    #[error("{document} is not the JSON object that Intel signs")]
    DocumentShape {
        /// The document.
        document: Document,
    },
    /// T3, T4: not for TDX.
    #[error("{document} is not for TDX, or of an unknown version")]
    DocumentKind {
        /// The document.
        document: Document,
    },
    /// T3, T4: from the future.
    #[error("{document} is of {issued}, the check is for {now}; is the clock right?")]
    DocumentNotYetValid {
        /// The document.
        document: Document,
        /// When it was made.
        issued: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// T3, T4: out of date.
    #[error("{document} ended at {next_update}, the check is for {now}; fetch fresh collateral")]
    DocumentExpired {
        /// The document.
        document: Document,
        /// When the next one was due.
        next_update: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// T5: the PCK certificate does not say what platform it is of.
    #[error("the PCK certificate has no SGX extension, or one that cannot be read")]
    PckExtension,
    /// T6.
    #[error("{list} {fault}")]
    Crl {
        /// The list.
        list: List,
        /// What is wrong.
        fault: CrlFault,
    },
    /// T7: not signed by the platform.
    #[error("the quoting enclave's report is not signed by the PCK certificate's key")]
    QeReportSignature,
    /// T7: of another key.
    #[error("the quoting enclave's report does not hold the attestation key")]
    QeReportData,
    /// T8.
    #[error("the quoting enclave {0}")]
    Qe(QeFault),
    /// T9.
    #[error("the quote's signature is not by the attestation key: the quote was altered")]
    QuoteSignature,
}

impl ChainError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::CollateralLength { .. } | Self::Collateral | Self::UntrustedRoot => checks::T3,
            Self::Certificates { at, .. }
            | Self::OtherRoot { at }
            | Self::Name { at, .. }
            | Self::Issuer { at }
            | Self::Key { at }
            | Self::SignatureAlgorithm { at }
            | Self::Signature { at }
            | Self::Profile { at, .. }
            | Self::NotYetValid { at, .. }
            | Self::Expired { at, .. } => match at {
                Position::Root | Position::TcbSigner => checks::T3,
                Position::QeSigner => checks::T4,
                Position::PckCa | Position::Pck => checks::T5,
            },
            Self::DocumentSignature { document }
            | Self::DocumentShape { document }
            | Self::DocumentKind { document }
            | Self::DocumentNotYetValid { document, .. }
            | Self::DocumentExpired { document, .. } => match document {
                Document::TcbInfo => checks::T3,
                Document::QeIdentity => checks::T4,
            },
            Self::PckExtension => checks::T5,
            Self::Crl { .. } => checks::T6,
            Self::QeReportSignature | Self::QeReportData => checks::T7,
            Self::Qe(_) => checks::T8,
            Self::QuoteSignature => checks::T9,
        }
    }
}
