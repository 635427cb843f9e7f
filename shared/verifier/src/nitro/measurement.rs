//! One measurement: the value of a platform configuration register.

use std::fmt;

use sealnote_model::SHA384_LEN;

use crate::hex::{HexFault, expected_digest};

/// The register that Sealnote's enclave extends by its model: the first that is the image's to extend.
pub const MODEL_REGISTER: u8 = 16;

/// The value of a register, 48 bytes. Displayed as 96 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Measurement([u8; SHA384_LEN]);

impl Measurement {
    /// The value of a register that nothing was measured into, as PCR0, 1 and 2 of a debug enclave.
    pub const ZERO: Self = Self([0; SHA384_LEN]);

    /// The value's bytes.
    pub fn as_bytes(&self) -> &[u8; SHA384_LEN] {
        &self.0
    }

    /// Reads 96 hex digits of either case; a value that is all zero is no expectation.
    pub(super) fn expected_from_hex(text: &str) -> Result<Self, HexFault> {
        expected_digest(text).map(Self)
    }
}

impl From<[u8; SHA384_LEN]> for Measurement {
    fn from(bytes: [u8; SHA384_LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measurement({self})")
    }
}
