//! Rules that cannot be used.

use crate::schema::ValueFault;
use crate::token::profile::Profile;

/// Rules that cannot be used. Fields are named as they stand in the policy, under `evidence.token`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// An empty list or text.
    #[error("token: {field} is empty and would accept nothing")]
    Empty {
        /// The field.
        field: String,
    },
    /// A value that is none.
    #[error("token: {field} {fault}")]
    Value {
        /// The field.
        field: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// Two sets of one name.
    #[error("token: two measurement sets have the label {label:?}")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// Something in a list twice.
    #[error("token: {field} has the same entry twice")]
    Duplicate {
        /// The list.
        field: String,
    },
    /// One issuer twice.
    #[error("token: the issuer {issuer:?} stands twice")]
    DuplicateIssuer {
        /// Its name.
        issuer: String,
    },
    /// A date that is none.
    #[error("token: {field} is neither a time such as \"2027-03-01T00:00:00Z\" nor Unix seconds")]
    Time {
        /// The field.
        field: String,
    },
    /// No suite has this number.
    #[error("token: {field} is {found}; suites have the numbers 1 to 65535")]
    Suite {
        /// The field.
        field: String,
        /// The number in the file.
        found: u64,
    },
    /// A field that must be there.
    #[error("token: {field} is due, for a {profile} issuer with these measurements")]
    Due {
        /// The field.
        field: String,
        /// Whose.
        profile: Profile,
    },
    /// A field that must not be there.
    #[error("token: {field} has no meaning, for a {profile} issuer with these measurements")]
    Unused {
        /// The field.
        field: String,
        /// Whose.
        profile: Profile,
    },
    /// A set that does not have exactly one kind of measurement, or one that the issuer's tokens do not have.
    #[error("token: {field} is to have {want}, and nothing else beside it")]
    Measured {
        /// The set.
        field: String,
        /// What it may have.
        want: &'static str,
    },
    /// An image by another name than its digest.
    #[error("token: {field} does not start with \"sha256:\"")]
    ImageDigest {
        /// The field.
        field: String,
    },
    /// Attributes under which a domain is not protected.
    #[error(
        "token: {field} allows debugging, profiling, migration or SERVTD_EXT, has a reserved bit, or has SEPT_VE_DISABLE clear"
    )]
    TdAttributes {
        /// The field.
        field: String,
    },
    /// A floor that every version reaches.
    #[error("token: {field} is all zero, which is no floor")]
    NoFloor {
        /// The field.
        field: String,
    },
    /// A word that is no status.
    #[error(
        "token: {field} is unknown; it is a status of a TCB as Intel spells it, such as \"UpToDate\" or \"SWHardeningNeeded\""
    )]
    Word {
        /// The field.
        field: String,
    },
    /// A status that is never accepted.
    #[error(
        "token: {field} is \"Revoked\": the keys of such a platform are compromised, and it is never accepted"
    )]
    Revoked {
        /// The field.
        field: String,
    },
    /// Two fields of which one needs the other.
    #[error(
        "token: {field} is due where tcb_status has a status that lacks an update (OutOfDate, \
         OutOfDateConfigurationNeeded, TDRelaunchAdvised or TDRelaunchAdvisedConfigurationNeeded), and there alone"
    )]
    OutOfDateUntil {
        /// The field.
        field: String,
    },
}
