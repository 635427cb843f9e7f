//! Rules that cannot be used.

use crate::schema::ValueFault;

/// Rules that cannot be used. Fields are named as they stand in the policy, under `evidence.tdx`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// An empty list or text, or a zero.
    #[error("tdx: {field} is empty and would accept nothing")]
    Empty {
        /// The field.
        field: String,
    },
    /// A value that is none.
    #[error("tdx: {field} {fault}")]
    Value {
        /// The field.
        field: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// Two sets of one name.
    #[error("tdx: two measurement sets have the label {label:?}")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// Something in a list twice.
    #[error("tdx: {field} has the same entry twice")]
    Duplicate {
        /// The list.
        field: String,
    },
    /// A date that is none.
    #[error("tdx: {field} is neither a time such as \"2027-03-01T00:00:00Z\" nor Unix seconds")]
    Time {
        /// The field.
        field: String,
    },
    /// No suite has this number.
    #[error("tdx: {field} is {found}; suites have the numbers 1 to 65535")]
    Suite {
        /// The field.
        field: String,
        /// The number in the file.
        found: u64,
    },
    /// A floor that every number reaches.
    #[error("tdx: {field} is 0, which is no floor")]
    NoFloor {
        /// The field.
        field: String,
    },
    /// A word or a name that has no meaning here.
    #[error("tdx: {field} is unknown; it is {want}")]
    Word {
        /// The field.
        field: String,
        /// What it may be.
        want: &'static str,
    },
    /// A status that is never accepted.
    #[error(
        "tdx: {field} is \"Revoked\": the keys of such a platform are compromised, and it is never accepted"
    )]
    Revoked {
        /// The field.
        field: String,
    },
    /// Two fields of which one needs the other.
    #[error(
        "tdx: out_of_date_until is due where accept_status has a status that lacks an update (OutOfDate, \
         OutOfDateConfigurationNeeded, TDRelaunchAdvised or TDRelaunchAdvisedConfigurationNeeded), and there alone"
    )]
    OutOfDateUntil,
}
