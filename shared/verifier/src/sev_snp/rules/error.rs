//! Rules that cannot be used.

use crate::schema::ValueFault;

/// Rules that cannot be used. Fields are named as they stand in the policy, under `evidence.sev-snp`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// An empty list, object or text.
    #[error("sev-snp: {field} is empty and would accept nothing")]
    Empty {
        /// The field.
        field: String,
    },
    /// A value that is none.
    #[error("sev-snp: {field} {fault}")]
    Value {
        /// The field.
        field: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// Two sets of one name.
    #[error("sev-snp: two measurement sets have the label {label:?}")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// Something in a list twice.
    #[error("sev-snp: {field} has the same entry twice")]
    Duplicate {
        /// The list.
        field: String,
    },
    /// A date that is none.
    #[error("sev-snp: {field} is neither a time such as \"2027-03-01T00:00:00Z\" nor Unix seconds")]
    Time {
        /// The field.
        field: String,
    },
    /// No suite has this number.
    #[error("sev-snp: {field} is {found}; suites have the numbers 1 to 65535")]
    Suite {
        /// The field.
        field: String,
        /// The number in the file.
        found: u64,
    },
    /// A version that is none.
    #[error("sev-snp: {field} is no version of numbers up to 255, such as {example:?}")]
    Version {
        /// The field.
        field: String,
        /// One that is.
        example: &'static str,
    },
    /// A floor that every version reaches.
    #[error("sev-snp: {field} is all zero, which is no floor")]
    NoFloor {
        /// The field.
        field: String,
    },
    /// Turin has an FMC, and nothing before it has.
    #[error("sev-snp: {field} is due for turin, and for turin alone")]
    Fmc {
        /// The field.
        field: String,
    },
    /// A word or a name that has no meaning here.
    #[error("sev-snp: {field} is unknown; it is {want}")]
    Word {
        /// The field.
        field: String,
        /// What it may be.
        want: &'static str,
    },
    /// A privilege level that is none.
    #[error("sev-snp: vmpl is {found}; there are 0 to 3")]
    Vmpl {
        /// The number in the file.
        found: u8,
    },
    /// Two fields that exclude each other, or of which one needs the other.
    #[error("sev-snp: csp_ids are due where endorsement is \"vlek\", and there alone")]
    CspIds,
    /// An age of a list that nobody asks for.
    #[error("sev-snp: crl_max_age_seconds has no meaning where crl is \"none\"")]
    CrlAgeUnused,
}
