//! The binding between an attestation document and a session (check X8).

/// Why a document is not bound to the session that it came with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// The document carries no public key.
    #[error("the document carries no public key to seal to")]
    PublicKeyMissing,
}
