//! Platform configuration registers of the SHA-256 bank.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sealnote_model::SHA384_LEN;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::wire::Reader;

/// A register's value.
pub(in crate::attester) type Value = [u8; 32];

/// Their values by their numbers.
pub(in crate::attester) type Values = BTreeMap<u8, Value>;

/// How many registers a TPM of a computer has (TCG PC Client Platform TPM Profile).
const COUNT: u8 = 24;

/// What the firmware booted; no policy does without it.
const BOOT: u8 = 4;

/// The registers below are the firmware's, and those above can be reset by the guest.
const FOR_THE_MODEL: std::ops::RangeInclusive<u8> = 8..=15;

/// TPM_ALG_SHA256 (part 2, table "TPM_ALG_ID").
pub(super) const SHA256: u16 = 0x000b;

/// Some registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// A bit for each, from the lowest on.
    bits: u32,
}

/// Which registers a quote is of, and which of them shows the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    quoted: Registers,
    model: u8,
}

/// Why registers cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// Not a list.
    #[error(
        "registers are given as numbers from 0 to 23 with commas between them, each once, as 4,7,11"
    )]
    List,
    /// The firmware's own, or one that can be reset.
    #[error(
        "register {0} cannot show the model: those from 8 to 15 can; the ones below are the firmware's, and those above can \
         be reset"
    )]
    Model(u8),
    /// One that must be quoted is not.
    #[error(
        "register {0} must be among those that are quoted: 4 shows what was booted, and the model's own the model"
    )]
    NotQuoted(u8),
}

impl Default for Layout {
    /// The firmware's and the boot loader's registers, and 11. Those that may be others at each boot are left out.
    fn default() -> Self {
        Self {
            quoted: Registers {
                bits: 0b1011_1011_1111,
            },
            model: 11,
        }
    }
}

impl Layout {
    /// Quotes of these registers, of which this one shows the model.
    ///
    /// # Errors
    /// Where a policy could make nothing of them.
    pub fn new(quoted: Registers, model: u8) -> Result<Self, LayoutError> {
        if !FOR_THE_MODEL.contains(&model) {
            return Err(LayoutError::Model(model));
        }
        match [BOOT, model].into_iter().find(|due| !quoted.contains(*due)) {
            Some(absent) => Err(LayoutError::NotQuoted(absent)),
            None => Ok(Self { quoted, model }),
        }
    }

    /// The registers that are quoted.
    pub fn quoted(&self) -> Registers {
        self.quoted
    }

    /// The register that shows the model.
    pub fn model(&self) -> u8 {
        self.model
    }
}

impl Registers {
    pub(super) fn one(register: u8) -> Self {
        Self {
            bits: 1 << register,
        }
    }

    pub(super) fn contains(self, register: u8) -> bool {
        self.bits & (1 << register) != 0
    }

    pub(super) fn numbers(self) -> impl Iterator<Item = u8> {
        (0..COUNT).filter(move |register| self.contains(*register))
    }

    pub(super) fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Without these, if all of them are there.
    pub(super) fn without(self, others: Self) -> Option<Self> {
        let bits = self.bits & !others.bits;
        (self.bits & others.bits == others.bits).then_some(Self { bits })
    }

    /// TPML_PCR_SELECTION: one bank, and a bit for each register, from the lowest of the first byte on.
    pub(super) fn select(self) -> Vec<u8> {
        let [mask @ .., _] = self.bits.to_le_bytes();
        let mut list = vec![0, 0, 0, 1];
        list.extend(SHA256.to_be_bytes());
        list.push(mask.len() as u8);
        list.extend(mask);
        list
    }

    /// The same, read: of no other bank.
    pub(super) fn selected(reader: &mut Reader<'_>) -> Option<Self> {
        let (banks, bank) = (reader.u32()?, reader.u16()?);
        let len = reader.u8()?;
        let mask: [u8; 3] = reader.array()?;
        let [first, second, third] = mask;
        let bits = u32::from_le_bytes([first, second, third, 0]);
        (banks == 1 && bank == SHA256 && usize::from(len) == mask.len()).then_some(Self { bits })
    }
}

impl FromStr for Registers {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        text.split(',').try_fold(Self { bits: 0 }, |read, number| {
            let register = (0..COUNT).find(|register| register.to_string() == number);
            let register = register.ok_or(LayoutError::List)?;
            match read.contains(register) {
                true => Err(LayoutError::List),
                false => Ok(Self {
                    bits: read.bits | 1 << register,
                }),
            }
        })
    }
}

impl fmt::Display for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self
            .numbers()
            .map(|register| register.to_string())
            .collect();
        f.write_str(&numbers.join(","))
    }
}

/// What a register is extended with to show a measurement of 48 bytes: their SHA-256, as TPM2_PCR_Event would make it.
pub(in crate::attester) fn event(measurement: &[u8; SHA384_LEN]) -> Value {
    Sha256::digest(measurement).into()
}

/// A register after that (part 3, TPM2_PCR_Extend).
pub(in crate::attester) fn extended(register: Value, event: &Value) -> Value {
    Sha256::new_with_prefix(register)
        .chain_update(event)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_read_as_they_are_written() {
        for text in ["4", "0,1,2,3,4,5,7,8,9,11", "23"] {
            let registers: Registers = text.parse().unwrap();
            assert_eq!(registers.to_string(), text);
            let list = registers.select();
            assert_eq!(Registers::selected(&mut Reader(&list)), Some(registers));
        }
        assert_eq!("11,4".parse::<Registers>().unwrap().to_string(), "4,11");
        for text in ["", "24", "4,4", "4,", "4, 7", "04", "+4", "-1", "4-7", "x"] {
            assert_eq!(text.parse::<Registers>(), Err(LayoutError::List), "{text}");
        }
    }

    /// Bits as TPMS_PCR_SELECTION has them.
    #[test]
    fn a_selection_is_of_one_bank_and_24_registers() {
        let registers: Registers = "0,9,23".parse().unwrap();
        let list = [0, 0, 0, 1, 0, 0x0b, 3, 0b1, 0b10, 0x80];
        assert_eq!(registers.select(), list);
        for (at, byte) in [(3, 2), (3, 0), (5, 4), (6, 2), (6, 4)] {
            let mut other = list;
            other[at] = byte;
            assert_eq!(Registers::selected(&mut Reader(&other)), None, "{at}");
        }
    }

    #[test]
    fn a_layout_has_what_was_booted_and_a_register_that_cannot_be_reset() {
        let registers = |text: &str| text.parse::<Registers>().unwrap();
        for model in 8..=15 {
            let all = format!("4,{model}");
            assert!(Layout::new(registers(&all), model).is_ok());
        }
        let default = Layout::default();
        assert_eq!(default.quoted(), registers("0,1,2,3,4,5,7,8,9,11"));
        assert_eq!(Layout::new(default.quoted(), 11), Ok(default));
        let all = registers("0,1,2,3,4,5,6,7,8,16,23");
        for model in [0, 4, 7, 16, 23, 24, 255] {
            assert_eq!(Layout::new(all, model), Err(LayoutError::Model(model)));
        }
        for (text, absent) in [("11", 4), ("4,8", 11)] {
            let error = LayoutError::NotQuoted(absent);
            assert_eq!(Layout::new(registers(text), 11), Err(error));
        }
    }

    /// Python: `e = sha384(b"sealnote/1 model\0" + bytes(range(48))).digest()`, then
    /// `sha256(bytes(32) + sha256(e).digest())`.
    #[test]
    fn the_models_register_has_the_value_that_another_implementation_computes() {
        let model = sealnote_model::ModelDigest(std::array::from_fn(|index| index as u8));
        let value = extended([0; 32], &event(&model.extension()));
        let value: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            value,
            "e9fab454b2890621bc3d612454ecdf412b01b2a249d65ccc1ef9e7071aab5679"
        );
    }
}
