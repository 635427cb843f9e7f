//! What a policy asks of Nitro documents: measurement sets, pins, age.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::measurement::Measurement;
use crate::hex::HexFault;
use crate::schema::{TimeFile, not_null, objects, some_object, suite_number};
use crate::time::UnixTime;

/// Greatest age of a document unless the policy says otherwise, in seconds.
pub const DEFAULT_MAX_AGE_SECONDS: u64 = 300;

/// A complete set of measurements: one image.
///
/// PCR0, 1 and 2 only ever together: PCR0 alone joins the image's sections without their lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementSet {
    label: String,
    not_after: Option<UnixTime>,
    least_suite: Option<u16>,
    image: [Measurement; 3],
    pcr8: Option<Measurement>,
}

/// What is asked of Nitro documents: never empty, and never without PCR0, 1 and 2 (X5).
///
/// There is no `Default` and no public constructor but the policy's loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At least one.
    sets: Vec<MeasurementSet>,
    /// By register; at least one value each.
    pins: BTreeMap<u8, Vec<Measurement>>,
    max_age_seconds: u64,
}

/// The rules as a policy file has them, under `evidence.nitro`. Hex is of either case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// The images that are accepted: one or more.
    #[serde(deserialize_with = "objects")]
    pub measurements: Vec<SetFile>,
    /// Values of registers beside the image's.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub pins: Option<PinsFile>,
    /// Greatest age of a document in seconds; [`DEFAULT_MAX_AGE_SECONDS`] unless it is given.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_age_seconds: Option<u64>,
}

/// One image, as a policy file has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFile {
    /// Its name, which no other set has.
    pub label: String,
    /// The last moment at which it matches.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_after: Option<TimeFile>,
    /// The weakest suite that a session with this image may take, in place of the policy's.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_suite: Option<u64>,
    /// The whole image.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr0: Option<String>,
    /// Kernel and boot ramdisk.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr1: Option<String>,
    /// The application.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr2: Option<String>,
    /// The certificate that signed the image.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr8: Option<String>,
}

/// Accepted values by register, as a policy file has them. A list that is given is not empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinsFile {
    /// The IAM role of the parent instance.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr3: Option<Vec<String>>,
    /// The parent instance.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr4: Option<Vec<String>>,
    /// The certificate that signed the image.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr8: Option<Vec<String>>,
    /// The model that the enclave extended the register by.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub pcr16: Option<Vec<String>>,
}

/// Where in the rules a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A register of a measurement set.
    Set {
        /// The set's label.
        label: String,
        /// The register's index.
        register: u8,
    },
    /// A pinned value of a register.
    Pin {
        /// The register's index.
        register: u8,
        /// Place in the list, from 0.
        index: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { label, register } => write!(f, "PCR{register} of {label:?}"),
            Self::Pin { register, index } => write!(f, "pin {index} of PCR{register}"),
        }
    }
}

/// Rules that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// No measurement set.
    #[error("the policy has no measurements; it would accept nothing")]
    NoMeasurements,
    /// A set without one of PCR0, 1 and 2.
    #[error("PCR{register} of {label:?} is missing; PCR0, 1 and 2 go together")]
    Partial {
        /// The set's label.
        label: String,
        /// The register that is missing.
        register: u8,
    },
    /// A measurement that is none.
    #[error("{place} {fault}")]
    Value {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        fault: HexFault,
    },
    /// A set without a name.
    #[error("measurement set {index} has an empty label")]
    EmptyLabel {
        /// Place in the list, from 0.
        index: usize,
    },
    /// Two sets of one name.
    #[error("two measurement sets have the label {label:?}")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// A date that is none.
    #[error(
        "not_after of {label:?} is neither a time such as \"2027-03-01T00:00:00Z\" nor Unix seconds"
    )]
    NotAfter {
        /// The set's label.
        label: String,
    },
    /// No suite has this number.
    #[error("least_suite of {label:?} is {found}; suites have the numbers 1 to 65535")]
    Suite {
        /// The set's label.
        label: String,
        /// The number in the file.
        found: u64,
    },
    /// An empty list of pins.
    #[error("the pin of PCR{register} is empty and would accept nothing; leave it out")]
    EmptyPin {
        /// The register.
        register: u8,
    },
    /// An age that no document has.
    #[error("max_age_seconds is 0 and would accept nothing")]
    MaxAge,
    /// An image measured with another digest.
    #[error("the image was measured with {found:?}; Nitro measures with SHA-384")]
    HashAlgorithm {
        /// The name in the file.
        found: String,
    },
    /// Something in nitro-cli's `Measurements` that is not checked.
    #[error(
        "\"Measurements\" has {key:?}, which is not checked here: take it out, if it need not be checked; \
         PCR0, 1, 2, 3, 4, 8 and 16 are"
    )]
    UnknownMeasurement {
        /// The key in the file.
        key: String,
    },
}

impl MeasurementSet {
    /// The name that the policy gives it; `nitro-cli` where its JSON is the policy.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The last moment at which it matches.
    pub fn not_after(&self) -> Option<UnixTime> {
        self.not_after
    }

    /// The weakest suite that it accepts, if it says so itself.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// The value that a register must have: always for 0, 1 and 2, perhaps for 8.
    pub fn register(&self, index: u8) -> Option<Measurement> {
        match index {
            8 => self.pcr8,
            _ => self.image.get(usize::from(index)).copied(),
        }
    }
}

impl Rules {
    /// Checks what a file says.
    pub(crate) fn load(file: RulesFile) -> Result<Self, RulesError> {
        Ok(Self {
            sets: sets(file.measurements)?,
            pins: file.pins.map(pins).transpose()?.unwrap_or_default(),
            max_age_seconds: match file.max_age_seconds {
                Some(0) => return Err(RulesError::MaxAge),
                Some(seconds) => seconds,
                None => DEFAULT_MAX_AGE_SECONDS,
            },
        })
    }

    /// The sets of measurements that are accepted, at least one.
    pub fn measurement_sets(&self) -> &[MeasurementSet] {
        &self.sets
    }

    /// The values that a register beside PCR0, 1 and 2 may have; empty if it is not pinned.
    pub fn pin(&self, register: u8) -> &[Measurement] {
        self.pins.get(&register).map_or(&[], Vec::as_slice)
    }

    /// Whether the machine is pinned, by its IAM role (PCR3) or its instance (PCR4). Without, any
    /// account's machine may run the image, which the user must be told.
    pub fn has_machine_pin(&self) -> bool {
        self.pins.contains_key(&3) || self.pins.contains_key(&4)
    }

    /// Greatest age of a document in seconds.
    pub fn max_age_seconds(&self) -> u64 {
        self.max_age_seconds
    }

    /// The pins in the order of their registers.
    pub(super) fn pins(&self) -> impl Iterator<Item = (u8, &[Measurement])> {
        self.pins
            .iter()
            .map(|(register, accepted)| (*register, accepted.as_slice()))
    }
}

fn sets(read: Vec<SetFile>) -> Result<Vec<MeasurementSet>, RulesError> {
    let mut sets: Vec<MeasurementSet> = Vec::with_capacity(read.len());
    for (index, set) in read.into_iter().enumerate() {
        if set.label.trim().is_empty() {
            return Err(RulesError::EmptyLabel { index });
        }
        if sets.iter().any(|other| other.label == set.label) {
            return Err(RulesError::DuplicateLabel { label: set.label });
        }
        sets.push(set.check()?);
    }
    match sets.is_empty() {
        true => Err(RulesError::NoMeasurements),
        false => Ok(sets),
    }
}

impl SetFile {
    fn check(self) -> Result<MeasurementSet, RulesError> {
        let label = self.label;
        let expected = |text: String, register| {
            let place = Place::Set {
                label: label.clone(),
                register,
            };
            measurement(&text, place)
        };
        let mandatory = |text: Option<String>, register| match text {
            Some(text) => expected(text, register),
            None => Err(RulesError::Partial {
                label: label.clone(),
                register,
            }),
        };
        let image = [
            mandatory(self.pcr0, 0)?,
            mandatory(self.pcr1, 1)?,
            mandatory(self.pcr2, 2)?,
        ];
        let pcr8 = self.pcr8.map(|text| expected(text, 8)).transpose()?;
        let not_after = match self.not_after {
            None => None,
            Some(time) => match time.read() {
                Some(time) => Some(time),
                None => return Err(RulesError::NotAfter { label }),
            },
        };
        let least_suite = match self.least_suite.map(suite_number) {
            None => None,
            Some(Ok(suite)) => Some(suite),
            Some(Err(found)) => return Err(RulesError::Suite { label, found }),
        };
        Ok(MeasurementSet {
            label,
            not_after,
            least_suite,
            image,
            pcr8,
        })
    }
}

fn pins(read: PinsFile) -> Result<BTreeMap<u8, Vec<Measurement>>, RulesError> {
    [
        (3, read.pcr3),
        (4, read.pcr4),
        (8, read.pcr8),
        (16, read.pcr16),
    ]
    .into_iter()
    .filter_map(|(register, values)| Some((register, values?)))
    .map(|(register, values)| {
        if values.is_empty() {
            return Err(RulesError::EmptyPin { register });
        }
        let values: Result<Vec<_>, _> = values
            .iter()
            .enumerate()
            .map(|(index, text)| measurement(text, Place::Pin { register, index }))
            .collect();
        Ok((register, values?))
    })
    .collect()
}

fn measurement(text: &str, place: Place) -> Result<Measurement, RulesError> {
    Measurement::expected_from_hex(text).map_err(|fault| RulesError::Value { place, fault })
}
