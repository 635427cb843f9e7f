//! Why a policy was not loaded.

use std::fmt;

use sealnote_model::SHA384_LEN;

use super::{MAX_POLICY_LEN, Suite};

/// What is wrong with a value in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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

/// Where in a policy a value stands.
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
    /// A model digest.
    ModelDigest {
        /// Place in the list, from 0.
        index: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { label, register } => write!(f, "PCR{register} of {label:?}"),
            Self::Pin { register, index } => write!(f, "pin {index} of PCR{register}"),
            Self::ModelDigest { index } => write!(f, "model digest {index}"),
        }
    }
}

/// A policy that cannot be used. Nothing is accepted under a part of it.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// More bytes than are read.
    #[error("the policy has {len} bytes, at most {max} are read", max = MAX_POLICY_LEN)]
    TooLarge {
        /// Length of the input in bytes.
        len: usize,
    },
    /// Not JSON; or an unknown, repeated or missing key, or a value of the wrong type.
    #[error("the policy cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// nitro-cli's JSON with a key of ours, which would be ignored.
    #[error(
        "the policy has nitro-cli's \"Measurements\" and our {key:?}; it must be one or the other"
    )]
    MixedShapes {
        /// Our key.
        key: &'static str,
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
    /// A later version's file.
    #[error("the policy has version {found}, this program reads version 1")]
    Version {
        /// The version in the file.
        found: u64,
    },
    /// An image measured with another digest.
    #[error("the image was measured with {found:?}; Nitro measures with SHA-384")]
    HashAlgorithm {
        /// The name in the file.
        found: String,
    },
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
    /// A measurement or digest that is none.
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
    /// An empty list of model digests.
    #[error("model_digests is empty and would accept no model; leave it out to accept any")]
    NoModelDigests,
    /// An empty list of pins.
    #[error("the pin of PCR{register} is empty and would accept nothing; leave it out")]
    EmptyPin {
        /// The register.
        register: u8,
    },
    /// No precision of this program.
    #[error("precision {found:?} is unknown; it is \"f32\" or \"int8\"")]
    Precision {
        /// The name in the file.
        found: String,
    },
    /// No suite of this program.
    #[error("least_suite {found} is unknown; it is {known}", known = known_suites())]
    Suite {
        /// The suite in the file.
        found: u64,
    },
    /// An age that no document has.
    #[error("max_age_seconds is 0 and would accept nothing")]
    MaxAge,
}

fn known_suites() -> String {
    let known = Suite::ALL.map(|suite| format!("{} ({})", suite.id(), suite.name()));
    known.join(" or ")
}
