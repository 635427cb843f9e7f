//! A6 to A14, X3 and X11: the fields of the payload, read strictly.
//!
//! The map may have an indefinite length, as in the documents from 2025 on, and its keys any order:
//! the payload is signed, so its encoding is not an attacker's to choose.

use std::collections::BTreeMap;

use minicbor::Decoder;
use minicbor::data::Type;

use crate::policy::{MEASUREMENT_LEN, Measurement};
use crate::rejection::Rejection;

use super::field::{
    Field, MAX_BUNDLE_LEN, MAX_CERTIFICATE_LEN, MAX_OPTIONAL_LEN, MAX_PCRS, PayloadError,
};
use super::structure::{Layer, at_break, check_one_item};

/// The key under which a NitroTPM document has its registers, in place of `pcrs`.
const NITRO_TPM_PCRS: &str = "nitrotpm_pcrs";

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
