//! A1 to A5: the COSE_Sign1 envelope (RFC 9052 section 4.2), byte for byte.
//!
//! aws-nitro-enclaves-cose verifies the signature afterwards, but it also takes a tag twice, headers
//! outside the signature, strings in pieces and lengths that are longer than they need be. So only
//! bytes that this module has found to be in the one accepted encoding reach it.

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};

use crate::check::{Check, CheckLog};
use crate::nitro::checks;

use super::structure::{Layer, StructureError, array_items, check_one_item, map_entries};
use super::{DocumentError, MAX_DOCUMENT};

/// `{1: -35}`: the algorithm is ES384 (RFC 9053 section 2.1). So in all genuine documents.
const PROTECTED_HEADER: &[u8] = &[0xa1, 0x01, 0x38, 0x22];

/// The tag of a COSE_Sign1 (RFC 9052 section 2).
const COSE_SIGN1_TAG: u64 = 18;

const MAX_PAYLOAD_LEN: usize = 16 * 1024;

/// Length of an ES384 signature: r and s of 48 bytes each.
///
/// Off-spec: AWS's description allows 32, 48 or 64 bytes, which ES384 cannot have.
const SIGNATURE_LEN: usize = 96;

/// The document is not the COSE_Sign1 that a Nitro hypervisor makes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A1: no array of four, or a tag other than a single 18.
    #[error("the document is not a COSE_Sign1 array of four, tagged 18 or untagged")]
    NotSign1,
    /// A2: anything but ES384 in the protected header.
    #[error("the protected header is not exactly {{1: -35}} (ES384)")]
    ProtectedHeader,
    /// A3: headers that no signature covers.
    #[error("the unprotected header is not an empty map; no signature covers it")]
    UnprotectedHeader,
    /// A4: the payload is no byte string.
    #[error("the payload is not a byte string")]
    PayloadType,
    /// A4: the payload is empty or too long.
    #[error("the payload has {len} bytes, not 1 to {max}", max = MAX_PAYLOAD_LEN)]
    PayloadLength {
        /// Length of the payload in bytes.
        len: usize,
    },
    /// A5: the signature is no byte string.
    #[error("the signature is not a byte string")]
    SignatureType,
    /// A5: the signature cannot be one of ES384.
    #[error("the signature has {len} bytes, an ES384 signature has {want}", want = SIGNATURE_LEN)]
    SignatureLength {
        /// Length of the signature in bytes.
        len: usize,
    },
    /// X2: the same content in another encoding.
    #[error("the envelope is not encoded in definite lengths and shortest form")]
    NotShortestForm,
}

impl EnvelopeError {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::NotSign1 => checks::A1,
            Self::ProtectedHeader => checks::A2,
            Self::UnprotectedHeader => checks::A3,
            Self::PayloadType | Self::PayloadLength { .. } => checks::A4,
            Self::SignatureType | Self::SignatureLength { .. } => checks::A5,
            Self::NotShortestForm => checks::X2,
        }
    }
}

/// An envelope in the one accepted encoding. Its signature has not been verified.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// The whole document, as COSE_Sign1 bytes.
    pub(crate) bytes: &'a [u8],
    /// The payload, 1 to 16384 bytes.
    pub(crate) payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Checks A1 to A5, and what X12 and X2 ask of the envelope.
    pub(crate) fn parse(document: &'a [u8], log: &mut CheckLog) -> Result<Self, DocumentError> {
        if document.len() > MAX_DOCUMENT {
            return Err(StructureError::TooLarge {
                len: document.len(),
            }
            .into());
        }
        check_one_item(document, Layer::Envelope)?;
        Ok(parse_sign1(document, log)?)
    }
}

fn parse_sign1<'a>(document: &'a [u8], log: &mut CheckLog) -> Result<Envelope<'a>, EnvelopeError> {
    let (tagged, items) = log.run(checks::A1, || sign1_items(document))?;
    let [protected, unprotected, payload, signature] = items;
    log.run(checks::A2, || match Decoder::new(protected).bytes() {
        Ok(PROTECTED_HEADER) => Ok(()),
        _ => Err(EnvelopeError::ProtectedHeader),
    })?;
    log.run(checks::A3, || match map_entries(unprotected) {
        Some(entries) if entries.is_empty() => Ok(()),
        _ => Err(EnvelopeError::UnprotectedHeader),
    })?;
    let payload = log.run(checks::A4, || payload_bytes(payload))?;
    let signature = log.run(checks::A5, || signature_bytes(signature))?;
    // The encoder writes definite lengths in shortest form only, so equality says that the input
    // has no other freedom left.
    match encode_sign1(tagged, payload, signature) {
        Ok(bytes) if bytes == document => Ok(Envelope {
            bytes: document,
            payload,
        }),
        _ => Err(EnvelopeError::NotShortestForm),
    }
}

/// Whether the document is tagged, and its four items.
fn sign1_items(document: &[u8]) -> Result<(bool, [&[u8]; 4]), EnvelopeError> {
    let mut decoder = Decoder::new(document);
    let tagged = matches!(decoder.datatype(), Ok(Type::Tag));
    if tagged && decoder.tag().ok() != Some(Tag::new(COSE_SIGN1_TAG)) {
        return Err(EnvelopeError::NotSign1);
    }
    document
        .get(decoder.position()..)
        .and_then(array_items)
        .and_then(|items| items.try_into().ok())
        .map(|items| (tagged, items))
        .ok_or(EnvelopeError::NotSign1)
}

fn payload_bytes(item: &[u8]) -> Result<&[u8], EnvelopeError> {
    let payload = Decoder::new(item)
        .bytes()
        .map_err(|_| EnvelopeError::PayloadType)?;
    match payload.len() {
        1..=MAX_PAYLOAD_LEN => Ok(payload),
        len => Err(EnvelopeError::PayloadLength { len }),
    }
}

fn signature_bytes(item: &[u8]) -> Result<&[u8], EnvelopeError> {
    let signature = Decoder::new(item)
        .bytes()
        .map_err(|_| EnvelopeError::SignatureType)?;
    match signature.len() {
        SIGNATURE_LEN => Ok(signature),
        len => Err(EnvelopeError::SignatureLength { len }),
    }
}

fn encode_sign1(
    tagged: bool,
    payload: &[u8],
    signature: &[u8],
) -> Result<Vec<u8>, minicbor::encode::Error<std::convert::Infallible>> {
    let mut encoder = Encoder::new(Vec::with_capacity(payload.len() + 128));
    if tagged {
        encoder.tag(Tag::new(COSE_SIGN1_TAG))?;
    }
    encoder
        .array(4)?
        .bytes(PROTECTED_HEADER)?
        .map(0)?
        .bytes(payload)?
        .bytes(signature)?;
    Ok(encoder.into_writer())
}
