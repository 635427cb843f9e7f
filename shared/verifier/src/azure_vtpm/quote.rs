//! V6, but for the signature: TPMS_ATTEST of a quote (TPM 2.0 Library, Part 2, section 10.12.12; all numbers big-endian).

use super::checks;
use crate::check::Check;

/// What only a TPM writes at the head of what it signs: a restricted key signs nothing else that begins so.
const MAGIC: u32 = 0xff54_4347;
const TYPE_QUOTE: u16 = 0x8018;

/// Greatest lengths of its parts: a name and a nonce with the longest digest, SHA-512.
const MAX_NAME: usize = 2 + 64;
const MAX_QUALIFYING_DATA: usize = 64;
const MAX_DIGEST: usize = 64;

/// Greatest count of banks, and greatest length of a selection (part 2, HASH_COUNT and PCR_SELECT_MAX).
const MAX_BANKS: u32 = 16;
const MAX_SELECT: usize = 4;

/// Not a quote that the attestation key signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// Not made by a TPM.
    #[error("the quote's magic is not a TPM's")]
    Magic,
    /// Signed by the key, and no quote.
    #[error("the quote is of type {found:#06x}, which is no quote")]
    Type {
        /// The type.
        found: u16,
    },
    /// A part is cut, or is longer than it can be.
    #[error("the quote is not a TPMS_ATTEST: its {field} is cut or too long")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// Something behind it.
    #[error("the quote has {found} bytes behind it")]
    Trailing {
        /// How many.
        found: usize,
    },
    /// Another key signed, or another message.
    #[error("the quote is not signed by the attestation key of var_data")]
    Signature,
}

impl QuoteError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        checks::V6
    }
}

/// A quote, as far as the appraisal has a use for it.
pub(super) struct Quote<'a> {
    pub(super) qualifying_data: &'a [u8],
    /// What it selects: a bank's digest, and a bit for each register, from the lowest bit of the first byte on.
    pub(super) selections: Vec<(u16, &'a [u8])>,
    pub(super) pcr_digest: &'a [u8],
}

/// Every field, with nothing behind the last.
pub(super) fn parse(message: &[u8]) -> Result<Quote<'_>, QuoteError> {
    let mut reader = Reader(message);
    if reader.u32("magic")? != MAGIC {
        return Err(QuoteError::Magic);
    }
    match reader.u16("type")? {
        TYPE_QUOTE => {}
        found => return Err(QuoteError::Type { found }),
    }
    reader.sized("qualifiedSigner", MAX_NAME)?;
    let qualifying_data = reader.sized("qualifyingData", MAX_QUALIFYING_DATA)?;
    // Clock, count of resets and count of restarts.
    reader.bytes("clockInfo", 8 + 4 + 4)?;
    if reader.u8("clockInfo")? > 1 {
        return Err(QuoteError::Field { field: "clockInfo" });
    }
    reader.bytes("firmwareVersion", 8)?;
    let banks = reader.u32("pcrSelect")?;
    if banks > MAX_BANKS {
        return Err(QuoteError::Field { field: "pcrSelect" });
    }
    let selections = (0..banks).map(|_| reader.selection());
    let selections = selections.collect::<Result<_, _>>()?;
    let pcr_digest = reader.sized("pcrDigest", MAX_DIGEST)?;
    match reader.0.len() {
        0 => Ok(Quote {
            qualifying_data,
            selections,
            pcr_digest,
        }),
        found => Err(QuoteError::Trailing { found }),
    }
}

/// What is left of the message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], QuoteError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(QuoteError::Field { field })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], QuoteError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(QuoteError::Field { field })?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, QuoteError> {
        self.array(field).map(u8::from_be_bytes)
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, QuoteError> {
        self.array(field).map(u16::from_be_bytes)
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, QuoteError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A TPM2B: its length, and as many bytes.
    fn sized(&mut self, field: &'static str, max: usize) -> Result<&'a [u8], QuoteError> {
        match usize::from(self.u16(field)?) {
            len if len <= max => self.bytes(field, len),
            _ => Err(QuoteError::Field { field }),
        }
    }

    /// A TPMS_PCR_SELECTION.
    fn selection(&mut self) -> Result<(u16, &'a [u8]), QuoteError> {
        let bank = self.u16("pcrSelect")?;
        match usize::from(self.u8("pcrSelect")?) {
            len if len <= MAX_SELECT => Ok((bank, self.bytes("pcrSelect", len)?)),
            _ => Err(QuoteError::Field { field: "pcrSelect" }),
        }
    }
}
