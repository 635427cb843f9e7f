//! Where a quote says what it is of (TPMS_ATTEST; TCG, "TPM 2.0 Library", part 2, section 10.12). It comes from this
//! machine, so it is read and not verified.

use super::registers::Registers;
use super::wire::Reader;

/// What only a TPM writes there, and the type of a quote (part 2, TPM_GENERATED and TPM_ST_ATTEST_QUOTE).
const MAGIC: u32 = 0xff54_4347;
const QUOTE: u16 = 0x8018;

/// What is looked at of a quote.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body<'a> {
    pub(super) qualifying_data: &'a [u8],
    pub(super) registers: Registers,
    /// SHA-256 of their values, in ascending order of their numbers.
    pub(super) digest: &'a [u8],
}

impl<'a> Body<'a> {
    /// `None` if it is not a quote of registers of the SHA-256 bank.
    pub(super) fn of(message: &'a [u8]) -> Option<Self> {
        let mut message = Reader(message);
        let is_quote = (message.u32()?, message.u16()?) == (MAGIC, QUOTE);
        let _signer = message.sized()?;
        let qualifying_data = message.sized()?;
        // Clock, resets, restarts, and whether the clock is safe; version of the firmware.
        message.bytes(8 + 4 + 4 + 1 + 8)?;
        let registers = Registers::selected(&mut message)?;
        let digest = message.sized()?;
        (is_quote && message.0.is_empty()).then_some(Self {
            qualifying_data,
            registers,
            digest,
        })
    }
}
