//! What can be wrong with a quote before anything is believed.

use crate::check::Check;
use crate::tdx::checks;
use crate::tdx::quote::MAX_QUOTE;

/// The quote is not what a TDX machine's quoting enclave makes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// T1: too long.
    #[error("the quote has {found} bytes, at most {MAX_QUOTE} are read")]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// T1: too short for what it says that it holds.
    #[error("the quote's {found} bytes end before what they announce")]
    Truncated {
        /// Length in bytes.
        found: usize,
    },
    /// T1: of an SGX enclave.
    #[error("this is the quote of an SGX enclave, not of a TDX guest")]
    Sgx,
    /// T1: of an unknown kind of machine.
    #[error("the quote is of TEE type {found:#x}, not 0x81 (TDX)")]
    TeeType {
        /// The number.
        found: u32,
    },
    /// T1: another version.
    #[error("the quote has version {found}; versions 4 and 5 are known")]
    Version {
        /// The version.
        found: u16,
    },
    /// T1: another body.
    #[error(
        "the quote's body has type {found} and {len} bytes; known are 2 (TDX 1.0) and 3 (TDX 1.5), with their lengths"
    )]
    Body {
        /// The type.
        found: u16,
        /// Its length in bytes.
        len: u32,
    },
    /// T1: another algorithm.
    #[error("the quote is signed with a key of type {found}, not 2 (ECDSA P-256)")]
    KeyType {
        /// The number.
        found: u16,
    },
    /// T1: another maker of the quoting enclave.
    #[error("the quote is not by Intel's quoting enclave")]
    Vendor,
    /// T1: the PCK certificate is not in it.
    #[error(
        "the quote has certification data of types {outer} and {inner}, not 6 and 5 (a QE report with a PCK certificate chain)"
    )]
    CertificationData {
        /// Around the QE report.
        outer: u16,
        /// In it.
        inner: u16,
    },
    /// T1: lengths that do not add up.
    #[error("the lengths in the quote's signature data do not add up")]
    Lengths,
    /// T2: something behind it.
    #[error("there is something other than zeros behind the quote, at offset {offset}")]
    Trailing {
        /// The first byte that is not zero.
        offset: usize,
    },
}

impl QuoteError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Trailing { .. } => checks::T2,
            _ => checks::T1,
        }
    }
}
