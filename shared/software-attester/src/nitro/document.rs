//! The payload of a document.

use std::collections::BTreeMap;

use minicbor::Encoder;

use crate::error::AttesterError;

/// The fields of a payload, with the names and types of AWS's description
/// (aws-nitro-enclaves-nsm-api, `docs/attestation_process.md`, section 3.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Name of the module, `i-…-enc…`.
    pub module_id: String,
    /// Name of the digest in the registers, `SHA384`.
    pub digest: String,
    /// When the document was made, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The registers' values by index, 48 bytes each.
    pub pcrs: BTreeMap<u8, Vec<u8>>,
    /// The leaf certificate, DER.
    pub certificate: Vec<u8>,
    /// The CA certificates, DER, from the root down.
    pub cabundle: Vec<Vec<u8>>,
    /// The public key that is attested, if any.
    pub public_key: Option<Vec<u8>>,
    /// The user data that is attested, if any.
    pub user_data: Option<Vec<u8>>,
    /// The nonce, if any.
    pub nonce: Option<Vec<u8>>,
}

impl Document {
    /// The payload: a map of indefinite length with the keys in the genuine order, absent fields
    /// null, as hypervisors write it since 2025.
    ///
    /// # Errors
    ///
    /// None in practice: the encoder writes to memory.
    pub fn encode(&self) -> Result<Vec<u8>, AttesterError> {
        encode_fields(&self.fields()?)
    }

    /// Each field's key, and its value in CBOR.
    ///
    /// # Errors
    ///
    /// None in practice: the encoder writes to memory.
    pub fn fields(&self) -> Result<Vec<(&'static str, Vec<u8>)>, AttesterError> {
        Ok(vec![
            ("module_id", text(&self.module_id)?),
            ("digest", text(&self.digest)?),
            ("timestamp", unsigned(self.timestamp_ms)?),
            ("pcrs", registers(&self.pcrs)?),
            ("certificate", bytes(Some(&self.certificate))?),
            ("cabundle", list(&self.cabundle)?),
            ("public_key", bytes(self.public_key.as_deref())?),
            ("user_data", bytes(self.user_data.as_deref())?),
            ("nonce", bytes(self.nonce.as_deref())?),
        ])
    }
}

/// A map of indefinite length of keys and values that are CBOR already.
///
/// # Errors
///
/// None in practice: the encoder writes to memory.
pub fn encode_fields(fields: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, AttesterError> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.begin_map()?;
    for (key, value) in fields {
        encoder.str(key)?;
        encoder.writer_mut().extend_from_slice(value);
    }
    encoder.end()?;
    Ok(encoder.into_writer())
}

fn text(value: &str) -> Result<Vec<u8>, AttesterError> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.str(value)?;
    Ok(encoder.into_writer())
}

fn unsigned(value: u64) -> Result<Vec<u8>, AttesterError> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.u64(value)?;
    Ok(encoder.into_writer())
}

fn bytes(value: Option<&[u8]>) -> Result<Vec<u8>, AttesterError> {
    let mut encoder = Encoder::new(Vec::new());
    match value {
        Some(value) => encoder.bytes(value)?,
        None => encoder.null()?,
    };
    Ok(encoder.into_writer())
}

fn list(values: &[Vec<u8>]) -> Result<Vec<u8>, AttesterError> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(values.len() as u64)?;
    for value in values {
        encoder.bytes(value)?;
    }
    Ok(encoder.into_writer())
}

fn registers(values: &BTreeMap<u8, Vec<u8>>) -> Result<Vec<u8>, AttesterError> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(values.len() as u64)?;
    for (index, value) in values {
        encoder.u8(*index)?.bytes(value)?;
    }
    Ok(encoder.into_writer())
}
