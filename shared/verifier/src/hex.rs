//! Digests as policies write them.

use sealnote_model::SHA384_LEN;

use crate::schema::{self, ValueFault};

/// What is wrong with a value in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexFault {
    /// Too short or too long.
    #[error("has {found} characters, not the {want} hex digits of a SHA-384 value", want = 2 * SHA384_LEN)]
    Length {
        /// Length of the text in bytes.
        found: usize,
    },
    /// Other characters than hex digits.
    #[error("has characters that are not hex digits")]
    NotHex,
    /// All zero, as the registers of a debug enclave.
    #[error("is all zero, which is no measurement: a debug enclave's registers are")]
    AllZero,
}

/// Reads 48 bytes of hex, of either case, that are not all zero.
pub(crate) fn expected_digest(text: &str) -> Result<[u8; SHA384_LEN], HexFault> {
    schema::value(text).map_err(|fault| match fault {
        ValueFault::Length { found, .. } => HexFault::Length { found },
        ValueFault::NotHex => HexFault::NotHex,
        ValueFault::AllZero => HexFault::AllZero,
    })
}
