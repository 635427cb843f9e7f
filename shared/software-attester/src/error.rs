//! Why there is no evidence.

use std::convert::Infallible;

use aws_nitro_enclaves_cose::error::CoseError;

/// A root, a chain, a document or a report that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttesterError {
    /// A field of the request is longer than the Nitro Security Module takes.
    #[error("{field} has {len} bytes, at most {max} can be attested")]
    TooLong {
        /// The field's name.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The greatest length in bytes.
        max: usize,
    },
    /// A register that does not exist.
    #[error("there is no PCR{index}; a document has 0 to 15 and at most 31")]
    NoSuchPcr {
        /// The register's index.
        index: u8,
    },
    /// A time that X.509 cannot express, or a name or number that it does not allow.
    #[error("a certificate cannot be encoded: {0}")]
    Der(#[from] x509_cert::der::Error),
    /// A certificate could not be assembled.
    #[error("a certificate cannot be signed: {0}")]
    Certificate(#[from] x509_cert::builder::Error),
    /// A public key could not be encoded.
    #[error("a public key cannot be encoded: {0}")]
    PublicKey(#[from] x509_cert::spki::Error),
    /// An RSA key could not be made.
    #[error("an RSA key cannot be made: {0}")]
    Rsa(#[from] rsa::Error),
    /// A revocation list could not be signed.
    #[error("a revocation list cannot be signed: {0}")]
    Signature(#[from] rsa::signature::Error),
    /// The payload could not be encoded.
    #[error("the payload cannot be encoded: {0}")]
    Cbor(#[from] minicbor::encode::Error<Infallible>),
    /// The document could not be signed.
    #[error("the document cannot be signed: {0}")]
    Cose(CoseError),
}
