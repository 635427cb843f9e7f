//! Why a genuine document is not what was asked for.

use std::fmt;

use crate::check::Check;
use crate::nitro::checks;
use crate::nitro::measurement::Measurement;
use crate::time::UnixTime;

/// How far a document's time may lie ahead of ours, in seconds, for clocks that disagree.
pub const MAX_SKEW_SECONDS: u64 = 60;

/// A value that a measurement set expects of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The set's label.
    pub label: String,
    /// The value.
    pub value: Measurement,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.value, self.label)
    }
}

/// A genuine document that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppraisalError {
    /// X6: a debug enclave, whose console and memory the parent can read.
    #[error("PCR{register} is all zero: the enclave runs in debug mode and protects nothing")]
    Debug {
        /// The first register that is all zero.
        register: u8,
    },
    /// X9: too old.
    #[error("the document is {age} s old, at most {max} s are accepted; ask for a fresh one")]
    Stale {
        /// Age in seconds.
        age: u64,
        /// Greatest age in seconds.
        max: u64,
    },
    /// X9: from the future.
    #[error(
        "the document is dated {ahead} s ahead, at most {max} s are accepted; is the clock right?",
        max = MAX_SKEW_SECONDS
    )]
    Future {
        /// Seconds ahead of the time of the check.
        ahead: u64,
    },
    /// X7: no nonce.
    #[error("the document has no nonce and so does not answer the challenge")]
    NonceMissing,
    /// X7: another nonce.
    #[error("the document's nonce is not the challenge: it was made for another session")]
    NonceMismatch,
    /// X5: no measurement set has this value.
    #[error("PCR{register} is {}, expected {}", display_actual(.actual), display_any(.expected))]
    Measurement {
        /// The first register at which no set is left.
        register: u8,
        /// Its value; `None` if the document does not have it.
        actual: Option<Measurement>,
        /// What the sets that matched so far expect.
        expected: Vec<Expectation>,
    },
    /// X5: the set that matches has expired.
    #[error(
        "the measurements are those of {label:?}, which the policy accepts only until {not_after}"
    )]
    SetExpired {
        /// The set's label.
        label: String,
        /// The last moment at which it was accepted.
        not_after: UnixTime,
    },
    /// X5: a pinned register has another value.
    #[error("PCR{register} is {}, pinned to {}", display_actual(.actual), display_any(.accepted))]
    Pin {
        /// The register.
        register: u8,
        /// Its value; `None` if the document does not have it.
        actual: Option<Measurement>,
        /// The values that the policy accepts.
        accepted: Vec<Measurement>,
    },
    /// X8: no user data.
    #[error("the document carries no user_data: it was not made for a session")]
    UserDataMissing,
    /// X8: the user data is not the digest of the claims.
    #[error("the claims are not those that the document attests: they were changed on the way")]
    UserData,
}

impl AppraisalError {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Debug { .. } => checks::X6,
            Self::Stale { .. } | Self::Future { .. } => checks::X9,
            Self::NonceMissing | Self::NonceMismatch => checks::X7,
            Self::Measurement { .. } | Self::SetExpired { .. } | Self::Pin { .. } => checks::X5,
            Self::UserDataMissing | Self::UserData => checks::X8,
        }
    }
}

fn display_actual(actual: &Option<Measurement>) -> String {
    match actual {
        Some(value) => value.to_string(),
        None => String::from("missing"),
    }
}

fn display_any<T: fmt::Display>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    values.join(" or ")
}
