//! Evidence in a file of JSON, in the form in which Confidential Containers' attester for Azure keeps it:
//!
//! ```json
//! {
//!   "version": 1,
//!   "hcl_report": "base64url, padded",
//!   "tpm_quote": {
//!     "message": "hex",
//!     "signature": "hex",
//!     "pcrs": ["64 hex digits", "…"]
//!   },
//!   "td_quote": "base64url, padded",
//!   "vcek": "base64url, padded"
//! }
//! ```
//!
//! `pcrs` are the values of the registers that the quote selects, in ascending order of their numbers. `td_quote` is there on
//! TDX and there alone; `vcek`, the certificate of the chip's key, may be there on SEV-SNP and is an endorsement, not
//! evidence. Unknown and repeated keys are errors, and so is `null`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde::Deserialize;

use super::pcrs::{PCR_COUNT, PCR_LEN};
use super::wire::Parts;
use crate::schema::{self, ShapeError, not_null, object};

/// Greatest length of a file, in bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// Evidence that was read from a file: bytes to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceFile {
    td_quote: Vec<u8>,
    hcl_report: Vec<u8>,
    quote: Vec<u8>,
    signature: Vec<u8>,
    pcrs: Vec<u8>,
    vcek: Option<Vec<u8>>,
}

/// A file that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// More bytes than are read.
    #[error("the file has {len} bytes, at most {MAX_FILE} are read")]
    TooLarge {
        /// Length in bytes.
        len: usize,
    },
    /// Not JSON; or an unknown, repeated or missing key, or a value of the wrong type.
    #[error("the file cannot be read: {0}")]
    Json(#[from] ShapeError),
    /// A later version's file.
    #[error("the file has version {found}, not 1")]
    Version {
        /// The version in the file.
        found: u64,
    },
    /// Text that is not the encoding that is due.
    #[error("{field} is not in {encoding}")]
    Encoding {
        /// The field.
        field: &'static str,
        /// Its encoding.
        encoding: &'static str,
    },
    /// Values that are none.
    #[error("tpm_quote.pcrs are not 1 to {PCR_COUNT} values of {PCR_LEN} bytes")]
    Pcrs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    version: u64,
    hcl_report: String,
    #[serde(deserialize_with = "object")]
    tpm_quote: QuoteJson,
    #[serde(default, deserialize_with = "not_null")]
    td_quote: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    vcek: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuoteJson {
    message: String,
    signature: String,
    pcrs: Vec<String>,
}

impl EvidenceFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`FileError`]: another form, or other encodings.
    pub fn from_json(json: &[u8]) -> Result<Self, FileError> {
        if json.len() > MAX_FILE {
            return Err(FileError::TooLarge { len: json.len() });
        }
        let json: Json = schema::read(json)?;
        if json.version != 1 {
            return Err(FileError::Version {
                found: json.version,
            });
        }
        let quote = json.tpm_quote;
        let td_quote = json.td_quote.map(|text| base64url("td_quote", &text));
        let vcek = json.vcek.map(|text| base64url("vcek", &text));
        Ok(Self {
            td_quote: td_quote.transpose()?.unwrap_or_default(),
            hcl_report: base64url("hcl_report", &json.hcl_report)?,
            quote: from_hex("tpm_quote.message", &quote.message)?,
            signature: from_hex("tpm_quote.signature", &quote.signature)?,
            pcrs: pcrs(&quote.pcrs)?,
            vcek: vcek.transpose()?,
        })
    }

    /// What it has.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            td_quote: &self.td_quote,
            hcl_report: &self.hcl_report,
            quote: &self.quote,
            signature: &self.signature,
            pcrs: &self.pcrs,
        }
    }

    /// The certificate of the chip's key, DER, where the file has it.
    pub fn vcek(&self) -> Option<&[u8]> {
        self.vcek.as_deref()
    }
}

fn base64url(field: &'static str, text: &str) -> Result<Vec<u8>, FileError> {
    let encoding = "padded base64url";
    URL_SAFE
        .decode(text)
        .map_err(|_| FileError::Encoding { field, encoding })
}

fn from_hex(field: &'static str, text: &str) -> Result<Vec<u8>, FileError> {
    let encoding = "hex";
    hex::decode(text).map_err(|_| FileError::Encoding { field, encoding })
}

fn pcrs(texts: &[String]) -> Result<Vec<u8>, FileError> {
    let fits = |text: &String| text.len() == 2 * PCR_LEN;
    match (1..=usize::from(PCR_COUNT)).contains(&texts.len()) && texts.iter().all(fits) {
        true => from_hex("tpm_quote.pcrs", &texts.concat()),
        false => Err(FileError::Pcrs),
    }
}
