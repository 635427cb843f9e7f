//! A6 to A14, X3 and X11: the fields of the payload, read strictly.
//!
//! The map may have an indefinite length, as in the documents from 2025 on, and its keys any order:
//! the payload is signed, so its encoding is not an attacker's to choose.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::Decoder;
use minicbor::data::Type;

use crate::check::Check;
use crate::policy::{MEASUREMENT_LEN, Measurement};
use crate::rejection::Rejection;

use super::structure::{Layer, at_break, check_one_item};

const MAX_PCRS: usize = 32;
const MAX_CERTIFICATE_LEN: usize = 1024;

/// Greatest length of `public_key`, `user_data` and `nonce`, in bytes.
///
/// Off-spec: section 3.2.2.2 of AWS's description says 512 for the last two; section 2.2 and the
/// EC2 user guide say 1024, and genuine documents carry as much.
const MAX_OPTIONAL_LEN: usize = 1024;

/// Greatest number of certificates in `cabundle`: the root and the six intermediate CAs that webpki
/// follows. Off-spec: AWS states no limit; genuine documents have four.
const MAX_BUNDLE_LEN: usize = 7;

/// The key under which a NitroTPM document has its registers, in place of `pcrs`.
const NITRO_TPM_PCRS: &str = "nitrotpm_pcrs";

/// A field of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // The names are those of AWS's description.
pub enum Field {
    ModuleId,
    Digest,
    Timestamp,
    Pcrs,
    Certificate,
    Cabundle,
    PublicKey,
    UserData,
    Nonce,
}

impl Field {
    const ALL: [Self; 9] = [
        Self::ModuleId,
        Self::Digest,
        Self::Timestamp,
        Self::Pcrs,
        Self::Certificate,
        Self::Cabundle,
        Self::PublicKey,
        Self::UserData,
        Self::Nonce,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::ModuleId => "module_id",
            Self::Digest => "digest",
            Self::Timestamp => "timestamp",
            Self::Pcrs => "pcrs",
            Self::Certificate => "certificate",
            Self::Cabundle => "cabundle",
            Self::PublicKey => "public_key",
            Self::UserData => "user_data",
            Self::Nonce => "nonce",
        }
    }

    const fn is_optional(self) -> bool {
        matches!(self, Self::PublicKey | Self::UserData | Self::Nonce)
    }

    const fn check(self) -> Check {
        match self {
            Self::ModuleId => Check::A8,
            Self::Digest => Check::A9,
            Self::Timestamp => Check::A10,
            Self::Pcrs => Check::A11,
            Self::Cabundle => Check::A12,
            Self::Certificate => Check::A13,
            Self::PublicKey | Self::UserData | Self::Nonce => Check::A14,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The payload is not that of an enclave's attestation document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A6: no map.
    #[error("the payload is not a map")]
    NotAMap,
    /// A6: a mandatory field is missing.
    #[error("the mandatory field {field} is missing")]
    Missing {
        /// The field.
        field: Field,
    },
    /// A7: a mandatory field is null.
    #[error("the mandatory field {field} is null")]
    Null {
        /// The field.
        field: Field,
    },
    /// X3: a key that is not a text.
    #[error("key {position} of the payload is not a text")]
    KeyNotText {
        /// Place of the key in the map, from 0.
        position: usize,
    },
    /// X3: a key that no attestation document has.
    #[error("key {position} of the payload is none that an attestation document has")]
    UnknownKey {
        /// Place of the key in the map, from 0.
        position: usize,
    },
    /// X3: a field twice.
    #[error("the field {field} is there twice")]
    DuplicateKey {
        /// The field.
        field: Field,
    },
    /// X3: a register twice.
    #[error("PCR{index} is there twice")]
    DuplicatePcr {
        /// Index of the register.
        index: u8,
    },
    /// X3: text where bytes are due.
    #[error("the field {field} has a text where bytes are due")]
    TextForBytes {
        /// The field.
        field: Field,
    },
    /// A8 to A14: another CBOR type than the field's.
    #[error("the field {field} has a value of the wrong type")]
    WrongType {
        /// The field.
        field: Field,
    },
    /// A8: an empty name.
    #[error("the module_id is empty")]
    EmptyModuleId,
    /// A9: another digest.
    #[error("the digest is not SHA384")]
    Digest,
    /// A10: zero or negative.
    #[error("the timestamp is not a positive number of milliseconds")]
    Timestamp,
    /// A11: too few or too many registers.
    #[error("the document has {count} PCRs, not 1 to {max}", max = MAX_PCRS)]
    PcrCount {
        /// Number of registers, as far as they were read.
        count: usize,
    },
    /// A11: a register that does not exist.
    #[error("a PCR has an index that is not 0 to 31")]
    PcrIndex,
    /// A11: a measurement that SHA-384 cannot have made.
    #[error("PCR{index} has {len} bytes, not {want}", want = MEASUREMENT_LEN)]
    PcrLength {
        /// Index of the register.
        index: u8,
        /// Length of its value in bytes.
        len: usize,
    },
    /// A12: too few or too many certificates.
    #[error("the cabundle has {count} certificates, not 1 to {max}", max = MAX_BUNDLE_LEN)]
    BundleLength {
        /// Number of certificates, as far as they were read.
        count: usize,
    },
    /// A12, A13: an empty or too long certificate.
    #[error("a certificate in {field} has {len} bytes, not 1 to {max}", max = MAX_CERTIFICATE_LEN)]
    CertificateLength {
        /// `certificate` or `cabundle`.
        field: Field,
        /// Length of the certificate in bytes.
        len: usize,
    },
    /// A14: an optional field is too long, or an empty public key.
    #[error("the field {field} has {len} bytes, not {min} to {max}", max = MAX_OPTIONAL_LEN)]
    OptionalLength {
        /// The field.
        field: Field,
        /// Length of its value in bytes.
        len: usize,
        /// Least length in bytes.
        min: usize,
    },
    /// X11: made by a NitroTPM, not by an enclave.
    #[error("the document is from a NitroTPM of an EC2 instance, not from an enclave")]
    NitroTpm,
}

impl PayloadError {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::NotAMap | Self::Missing { .. } => Check::A6,
            Self::Null { .. } => Check::A7,
            Self::KeyNotText { .. }
            | Self::UnknownKey { .. }
            | Self::DuplicateKey { .. }
            | Self::DuplicatePcr { .. }
            | Self::TextForBytes { .. } => Check::X3,
            Self::WrongType { field }
            | Self::CertificateLength { field, .. }
            | Self::OptionalLength { field, .. } => field.check(),
            Self::EmptyModuleId => Check::A8,
            Self::Digest => Check::A9,
            Self::Timestamp => Check::A10,
            Self::PcrCount { .. } | Self::PcrIndex | Self::PcrLength { .. } => Check::A11,
            Self::BundleLength { .. } => Check::A12,
            Self::NitroTpm => Check::X11,
        }
    }
}

/// The fields of a payload within their limits. Nothing about them has been verified.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) module_id: String,
    pub(crate) timestamp_ms: u64,
    pub(crate) pcrs: BTreeMap<u8, Measurement>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) cabundle: Vec<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
}

impl Payload {
    /// Checks X12 (nesting), X2, then each field as it comes, then X11 and A6.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        check_one_item(bytes, Layer::Payload)?;
        Ok(Fields::parse(bytes)?.finish()?)
    }
}

/// The fields met so far. The outer `Option` says whether the key was met.
#[derive(Default)]
struct Fields {
    module_id: Option<String>,
    digest: Option<()>,
    timestamp_ms: Option<u64>,
    pcrs: Option<BTreeMap<u8, Measurement>>,
    certificate: Option<Vec<u8>>,
    cabundle: Option<Vec<Vec<u8>>>,
    public_key: Option<Option<Vec<u8>>>,
    user_data: Option<Option<Vec<u8>>>,
    nonce: Option<Option<Vec<u8>>>,
}

impl Fields {
    fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut decoder = Decoder::new(bytes);
        let mut left = decoder.map().map_err(|_| PayloadError::NotAMap)?;
        let mut fields = Self::default();
        let mut position = 0;
        while more(&decoder, &mut left) {
            let key = decoder
                .str()
                .map_err(|_| PayloadError::KeyNotText { position })?;
            if key == NITRO_TPM_PCRS {
                return Err(PayloadError::NitroTpm);
            }
            let field = Field::ALL
                .into_iter()
                .find(|field| field.name() == key)
                .ok_or(PayloadError::UnknownKey { position })?;
            fields.read(field, &mut decoder)?;
            position += 1;
        }
        Ok(fields)
    }

    fn read(&mut self, field: Field, decoder: &mut Decoder<'_>) -> Result<(), PayloadError> {
        if matches!(decoder.datatype(), Ok(Type::Null)) && !field.is_optional() {
            return Err(PayloadError::Null { field });
        }
        match field {
            Field::ModuleId => set(&mut self.module_id, field, module_id(decoder)?),
            Field::Digest => set(&mut self.digest, field, digest(decoder)?),
            Field::Timestamp => set(&mut self.timestamp_ms, field, timestamp(decoder)?),
            Field::Pcrs => set(&mut self.pcrs, field, pcrs(decoder)?),
            Field::Certificate => set(&mut self.certificate, field, certificate(decoder, field)?),
            Field::Cabundle => set(&mut self.cabundle, field, cabundle(decoder)?),
            Field::PublicKey => set(&mut self.public_key, field, optional(decoder, field, 1)?),
            Field::UserData => set(&mut self.user_data, field, optional(decoder, field, 0)?),
            Field::Nonce => set(&mut self.nonce, field, optional(decoder, field, 0)?),
        }
    }

    fn finish(self) -> Result<Payload, PayloadError> {
        let missing = |field| PayloadError::Missing { field };
        let module_id = self.module_id.ok_or(missing(Field::ModuleId))?;
        // An enclave's module is `i-…-enc…`, a NitroTPM's `i-…-tpm…`; the same root signs both.
        if module_id.contains("-tpm") {
            return Err(PayloadError::NitroTpm);
        }
        self.digest.ok_or(missing(Field::Digest))?;
        Ok(Payload {
            module_id,
            timestamp_ms: self.timestamp_ms.ok_or(missing(Field::Timestamp))?,
            pcrs: self.pcrs.ok_or(missing(Field::Pcrs))?,
            certificate: self.certificate.ok_or(missing(Field::Certificate))?,
            cabundle: self.cabundle.ok_or(missing(Field::Cabundle))?,
            public_key: self.public_key.flatten(),
            user_data: self.user_data.flatten(),
            nonce: self.nonce.flatten(),
        })
    }
}

fn set<T>(slot: &mut Option<T>, field: Field, value: T) -> Result<(), PayloadError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(PayloadError::DuplicateKey { field }),
    }
}

/// Whether an array or map of `left` items (`None`: indefinite) goes on; counts one off if so.
fn more(decoder: &Decoder<'_>, left: &mut Option<u64>) -> bool {
    match left {
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
        None => !at_break(decoder),
    }
}

/// Steps over the end of an array or map, if it had an indefinite length.
fn end(decoder: &mut Decoder<'_>, left: Option<u64>) {
    if left.is_none() {
        decoder.set_position(decoder.position() + 1);
    }
}

fn module_id(decoder: &mut Decoder<'_>) -> Result<String, PayloadError> {
    let field = Field::ModuleId;
    match decoder
        .str()
        .map_err(|_| PayloadError::WrongType { field })?
    {
        "" => Err(PayloadError::EmptyModuleId),
        text => Ok(text.to_owned()),
    }
}

fn digest(decoder: &mut Decoder<'_>) -> Result<(), PayloadError> {
    let field = Field::Digest;
    match decoder
        .str()
        .map_err(|_| PayloadError::WrongType { field })?
    {
        "SHA384" => Ok(()),
        _ => Err(PayloadError::Digest),
    }
}

fn timestamp(decoder: &mut Decoder<'_>) -> Result<u64, PayloadError> {
    let field = Field::Timestamp;
    let millis = decoder
        .int()
        .map_err(|_| PayloadError::WrongType { field })?;
    u64::try_from(millis)
        .ok()
        .filter(|millis| *millis > 0)
        .ok_or(PayloadError::Timestamp)
}

fn pcrs(decoder: &mut Decoder<'_>) -> Result<BTreeMap<u8, Measurement>, PayloadError> {
    let field = Field::Pcrs;
    let mut left = decoder
        .map()
        .map_err(|_| PayloadError::WrongType { field })?;
    let mut pcrs = BTreeMap::new();
    while more(decoder, &mut left) {
        let index = decoder
            .int()
            .map_err(|_| PayloadError::WrongType { field })?;
        let index = u8::try_from(index)
            .ok()
            .filter(|index| usize::from(*index) < MAX_PCRS)
            .ok_or(PayloadError::PcrIndex)?;
        let value = bytes(decoder, field)?;
        let measurement =
            <[u8; MEASUREMENT_LEN]>::try_from(value).map_err(|_| PayloadError::PcrLength {
                index,
                len: value.len(),
            })?;
        // Indices are unique and below 32, which also bounds their number.
        if pcrs.insert(index, Measurement::from(measurement)).is_some() {
            return Err(PayloadError::DuplicatePcr { index });
        }
    }
    end(decoder, left);
    match pcrs.len() {
        0 => Err(PayloadError::PcrCount { count: 0 }),
        _ => Ok(pcrs),
    }
}

fn cabundle(decoder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>, PayloadError> {
    let field = Field::Cabundle;
    let mut left = decoder
        .array()
        .map_err(|_| PayloadError::WrongType { field })?;
    let mut bundle = Vec::new();
    while more(decoder, &mut left) {
        bundle.push(certificate(decoder, field)?);
        if bundle.len() > MAX_BUNDLE_LEN {
            return Err(PayloadError::BundleLength {
                count: bundle.len(),
            });
        }
    }
    end(decoder, left);
    match bundle.len() {
        0 => Err(PayloadError::BundleLength { count: 0 }),
        _ => Ok(bundle),
    }
}

fn certificate(decoder: &mut Decoder<'_>, field: Field) -> Result<Vec<u8>, PayloadError> {
    let der = bytes(decoder, field)?;
    match der.len() {
        1..=MAX_CERTIFICATE_LEN => Ok(der.to_vec()),
        len => Err(PayloadError::CertificateLength { field, len }),
    }
}

fn optional(
    decoder: &mut Decoder<'_>,
    field: Field,
    min: usize,
) -> Result<Option<Vec<u8>>, PayloadError> {
    if matches!(decoder.datatype(), Ok(Type::Null)) {
        return match decoder.null() {
            Ok(()) => Ok(None),
            Err(_) => Err(PayloadError::WrongType { field }),
        };
    }
    let value = bytes(decoder, field)?;
    match value.len() {
        len if len < min || len > MAX_OPTIONAL_LEN => {
            Err(PayloadError::OptionalLength { field, len, min })
        }
        _ => Ok(Some(value.to_vec())),
    }
}

fn bytes<'a>(decoder: &mut Decoder<'a>, field: Field) -> Result<&'a [u8], PayloadError> {
    match decoder.datatype() {
        Ok(Type::String) => Err(PayloadError::TextForBytes { field }),
        _ => decoder
            .bytes()
            .map_err(|_| PayloadError::WrongType { field }),
    }
}
