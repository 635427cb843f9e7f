//! Attestation documents as bytes: strict parsing, without any belief in what they say.
//!
//! Order: X12 (size) → X12 and X2 of the whole → A1 → A2 → A3 → A4 → A5 → X2 (shortest form) →
//! X12 and X2 of the payload → it is a map (A6) with text keys (X3) → its fields as they come (X11, X3,
//! A7 and A8 to A14) → X11 → A6.

mod envelope;
mod field;
mod payload;
mod structure;

use std::collections::BTreeMap;

pub use envelope::EnvelopeError;
pub use field::{Field, PayloadError};
pub use structure::{Layer, StructureError};

pub(crate) use envelope::Envelope;
pub(crate) use payload::Payload;

use super::measurement::Measurement;
use crate::check::{Check, CheckLog};

/// Greatest length of a document in bytes. The longest genuine one known has 7539.
pub const MAX_DOCUMENT: usize = 32 * 1024;

/// Greatest depth of nested arrays, maps and tags, in the envelope and again in the payload.
pub const MAX_NESTING: usize = 8;

/// The bytes are no attestation document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The CBOR is not well-formed, or beyond the limits.
    #[error(transparent)]
    Structure(#[from] StructureError),
    /// The COSE envelope deviates.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A field of the payload deviates.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl DocumentError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Structure(error) => error.check(),
            Self::Envelope(error) => error.check(),
            Self::Payload(error) => error.check(),
        }
    }
}

/// A well-formed document whose signature, chain and measurements nobody has checked.
///
/// Anyone can make one that says anything. For display only; [`Rules::check_document`](super::Rules::check_document)
/// yields the type that can be relied upon.
#[derive(Debug)]
pub struct UnverifiedDocument {
    payload: Payload,
}

/// Parses a document and verifies **nothing**: neither signature, chain, time nor measurements.
///
/// # Errors
///
/// The structural checks only: A1 to A14, X2, X3, X11 and X12.
pub fn inspect(document: &[u8]) -> Result<UnverifiedDocument, DocumentError> {
    let (_, payload) = parse(document, &mut CheckLog::default())?;
    Ok(UnverifiedDocument { payload })
}

impl UnverifiedDocument {
    /// What the document says of its enclave's name.
    pub fn module_id(&self) -> &str {
        &self.payload.module_id
    }

    /// What the document says of its time, in milliseconds since 1970.
    pub fn timestamp_ms(&self) -> u64 {
        self.payload.timestamp_ms
    }

    /// What the document says of its platform configuration registers, by index (0 to 31).
    pub fn pcrs(&self) -> &BTreeMap<u8, Measurement> {
        &self.payload.pcrs
    }

    /// The public key that the document carries, at most 1024 bytes, as the enclave encoded it.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.payload.public_key.as_deref()
    }

    /// The user data that the document carries, at most 1024 bytes.
    pub fn user_data(&self) -> Option<&[u8]> {
        self.payload.user_data.as_deref()
    }

    /// The nonce that the document carries, at most 1024 bytes.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.payload.nonce.as_deref()
    }

    /// The leaf certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.payload.certificate
    }

    /// The CA certificates, DER, from the root down.
    pub fn cabundle(&self) -> &[Vec<u8>] {
        &self.payload.cabundle
    }
}

/// Both layers of a document, still unverified.
pub(crate) fn parse<'a>(
    document: &'a [u8],
    log: &mut CheckLog,
) -> Result<(Envelope<'a>, Payload), DocumentError> {
    let envelope = Envelope::parse(document, log)?;
    let payload = Payload::parse(&envelope, log)?;
    Ok((envelope, payload))
}
