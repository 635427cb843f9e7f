//! The first part of V8: the registers that a quote selects, and their values.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::checks;
use super::quote::Quote;
use crate::check::Check;

/// Registers of the SHA-256 bank by their numbers.
pub type Pcrs = BTreeMap<u8, [u8; PCR_LEN]>;

/// How many registers a TPM of a computer has (TCG PC Client Platform TPM Profile).
pub const PCR_COUNT: u8 = 24;

/// Length of a register's value.
pub const PCR_LEN: usize = 32;

/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;

/// Values that are not those of the quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcrError {
    /// Other banks than SHA-256, several, or none.
    #[error("the quote does not select registers of the SHA-256 bank alone")]
    Bank,
    /// More or fewer values than registers.
    #[error(
        "there are {found} bytes of register values, the quote selects {selected} registers of {PCR_LEN}"
    )]
    Count {
        /// Bytes of values.
        found: usize,
        /// Registers that the quote selects.
        selected: usize,
    },
    /// The values are not those that were signed.
    #[error("the digest of the register values is not the one in the quote")]
    Digest,
}

impl PcrError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        checks::V8
    }
}

/// The registers that the quote is about, with these values.
pub(super) fn quoted(quote: &Quote<'_>, values: &[u8]) -> Result<Pcrs, PcrError> {
    let registers = match quote.selections.as_slice() {
        [(SHA256, mask)] if mask.len() * 8 == usize::from(PCR_COUNT) => {
            let is_set = |register: &u8| mask[usize::from(register / 8)] & 1 << (register % 8) != 0;
            (0..PCR_COUNT).filter(is_set)
        }
        _ => return Err(PcrError::Bank),
    };
    let selected = registers.clone().count();
    let (values_of, []) = values.as_chunks::<PCR_LEN>() else {
        let found = values.len();
        return Err(PcrError::Count { found, selected });
    };
    if values_of.len() != selected {
        let found = values.len();
        return Err(PcrError::Count { found, selected });
    }
    match quote.pcr_digest == Sha256::digest(values).as_slice() {
        true => Ok(registers.zip(values_of.iter().copied()).collect()),
        false => Err(PcrError::Digest),
    }
}
