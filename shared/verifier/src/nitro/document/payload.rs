//! A6 to A14, X3 and X11: the fields of the payload, read strictly.
//!
//! The map may have an indefinite length, as in the documents from 2025 on, and its keys any order:
//! the payload is signed, so its encoding is not an attacker's to choose.

use std::collections::BTreeMap;

use minicbor::Decoder;
use minicbor::data::Type;

use sealnote_model::SHA384_LEN;

use crate::check::CheckLog;
use crate::nitro::checks;
use crate::nitro::measurement::Measurement;

use super::DocumentError;
use super::envelope::Envelope;
use super::field::{
    Field, MAX_BUNDLE_LEN, MAX_CERTIFICATE_LEN, MAX_OPTIONAL_LEN, MAX_PCRS, PayloadError,
};
use super::structure::{Layer, array_items, check_one_item, map_entries};

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
    /// Checks X12 and X2, that the keys are texts, then each field as it comes, then X11 and A6.
    pub(crate) fn parse(
        envelope: &Envelope<'_>,
        log: &mut CheckLog,
    ) -> Result<Self, DocumentError> {
        let bytes = envelope.payload;
        log.run_all([checks::X12, checks::X2], |_| {
            check_one_item(bytes, Layer::Payload)
        })?;
        let entries = entries(bytes)?;
        let fields = log.run_all([checks::X3, checks::A7, checks::A14], |log| {
            Fields::read_all(entries, log)
        })?;
        log.run(checks::X11, || fields.check_module_is_enclave())?;
        Ok(log.run(checks::A6, || fields.complete())?)
    }
}

/// The keys, and each value in its own bytes: what A6 and X3 ask before any field is looked at.
fn entries(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, PayloadError> {
    map_entries(bytes)
        .ok_or(PayloadError::NotAMap)?
        .into_iter()
        .enumerate()
        .map(|(position, (key, value))| match Decoder::new(key).str() {
            Ok(key) => Ok((key, value)),
            Err(_) => Err(PayloadError::KeyNotText { position }),
        })
        .collect()
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
    fn read_all(entries: Vec<(&str, &[u8])>, log: &mut CheckLog) -> Result<Self, PayloadError> {
        let mut fields = Self::default();
        for (position, (key, value)) in entries.into_iter().enumerate() {
            if key == NITRO_TPM_PCRS {
                return Err(PayloadError::NitroTpm);
            }
            let field = Field::ALL
                .into_iter()
                .find(|field| field.name() == key)
                .ok_or(PayloadError::UnknownKey { position })?;
            fields.read(field, value, log)?;
        }
        Ok(fields)
    }

    fn read(&mut self, field: Field, value: &[u8], log: &mut CheckLog) -> Result<(), PayloadError> {
        if is_null(value) && !field.is_optional() {
            return Err(PayloadError::Null { field });
        }
        match field {
            Field::ModuleId => {
                let module_id = log.run(checks::A8, || module_id(value))?;
                set(&mut self.module_id, field, module_id)
            }
            Field::Digest => {
                log.run(checks::A9, || digest(value))?;
                set(&mut self.digest, field, ())
            }
            Field::Timestamp => {
                let timestamp = log.run(checks::A10, || timestamp(value))?;
                set(&mut self.timestamp_ms, field, timestamp)
            }
            Field::Pcrs => {
                let pcrs = log.run(checks::A11, || pcrs(value))?;
                set(&mut self.pcrs, field, pcrs)
            }
            // A12 and A13 pass when the certificates are parsed, in `crate::nitro::chain`.
            Field::Certificate => set(&mut self.certificate, field, certificate(value, field)?),
            Field::Cabundle => set(&mut self.cabundle, field, cabundle(value)?),
            Field::PublicKey => set(&mut self.public_key, field, optional(value, field, 1)?),
            Field::UserData => set(&mut self.user_data, field, optional(value, field, 0)?),
            Field::Nonce => set(&mut self.nonce, field, optional(value, field, 0)?),
        }
    }

    /// X11: an enclave's module is `i-…-enc…`, a NitroTPM's `i-…-tpm…`; the same root signs both.
    fn check_module_is_enclave(&self) -> Result<(), PayloadError> {
        match &self.module_id {
            Some(module_id) if module_id.contains("-tpm") => Err(PayloadError::NitroTpm),
            _ => Ok(()),
        }
    }

    /// A6.
    fn complete(self) -> Result<Payload, PayloadError> {
        let missing = |field| PayloadError::Missing { field };
        let module_id = self.module_id.ok_or(missing(Field::ModuleId))?;
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

fn module_id(value: &[u8]) -> Result<String, PayloadError> {
    match text(value, Field::ModuleId)? {
        "" => Err(PayloadError::EmptyModuleId),
        text => Ok(text.to_owned()),
    }
}

fn digest(value: &[u8]) -> Result<(), PayloadError> {
    match text(value, Field::Digest)? {
        "SHA384" => Ok(()),
        _ => Err(PayloadError::Digest),
    }
}

fn timestamp(value: &[u8]) -> Result<u64, PayloadError> {
    let millis = Decoder::new(value)
        .int()
        .map_err(|_| PayloadError::WrongType {
            field: Field::Timestamp,
        })?;
    u64::try_from(millis)
        .ok()
        .filter(|millis| *millis > 0)
        .ok_or(PayloadError::Timestamp)
}

fn pcrs(value: &[u8]) -> Result<BTreeMap<u8, Measurement>, PayloadError> {
    let field = Field::Pcrs;
    let mut pcrs = BTreeMap::new();
    for (index, value) in map_entries(value).ok_or(PayloadError::WrongType { field })? {
        let index = Decoder::new(index)
            .int()
            .map_err(|_| PayloadError::WrongType { field })?;
        let index = u8::try_from(index)
            .ok()
            .filter(|index| usize::from(*index) < MAX_PCRS)
            .ok_or(PayloadError::PcrIndex)?;
        let value = bytes(value, field)?;
        let measurement =
            <[u8; SHA384_LEN]>::try_from(value).map_err(|_| PayloadError::PcrLength {
                index,
                len: value.len(),
            })?;
        // Indices are unique and below 32, which also bounds their number.
        if pcrs.insert(index, Measurement::from(measurement)).is_some() {
            return Err(PayloadError::DuplicatePcr { index });
        }
    }
    match pcrs.len() {
        0 => Err(PayloadError::PcrCount { count: 0 }),
        _ => Ok(pcrs),
    }
}

fn cabundle(value: &[u8]) -> Result<Vec<Vec<u8>>, PayloadError> {
    let field = Field::Cabundle;
    let mut bundle = Vec::new();
    for item in array_items(value).ok_or(PayloadError::WrongType { field })? {
        bundle.push(certificate(item, field)?);
        if bundle.len() > MAX_BUNDLE_LEN {
            return Err(PayloadError::BundleLength {
                count: bundle.len(),
            });
        }
    }
    match bundle.len() {
        0 => Err(PayloadError::BundleLength { count: 0 }),
        _ => Ok(bundle),
    }
}

fn certificate(value: &[u8], field: Field) -> Result<Vec<u8>, PayloadError> {
    let der = bytes(value, field)?;
    match der.len() {
        1..=MAX_CERTIFICATE_LEN => Ok(der.to_vec()),
        len => Err(PayloadError::CertificateLength { field, len }),
    }
}

fn optional(value: &[u8], field: Field, min: usize) -> Result<Option<Vec<u8>>, PayloadError> {
    if is_null(value) {
        return Ok(None);
    }
    let value = bytes(value, field)?;
    match value.len() {
        len if len < min || len > MAX_OPTIONAL_LEN => {
            Err(PayloadError::OptionalLength { field, len, min })
        }
        _ => Ok(Some(value.to_vec())),
    }
}

fn is_null(value: &[u8]) -> bool {
    matches!(Decoder::new(value).datatype(), Ok(Type::Null))
}

fn text(value: &[u8], field: Field) -> Result<&str, PayloadError> {
    Decoder::new(value)
        .str()
        .map_err(|_| PayloadError::WrongType { field })
}

fn bytes(value: &[u8], field: Field) -> Result<&[u8], PayloadError> {
    let mut decoder = Decoder::new(value);
    match decoder.datatype() {
        Ok(Type::String) => Err(PayloadError::TextForBytes { field }),
        _ => decoder
            .bytes()
            .map_err(|_| PayloadError::WrongType { field }),
    }
}
