//! Rules that cannot be used.

use crate::azure_vtpm::hcl::Tee;
use crate::{sev_snp, tdx};

/// What is wrong with a register's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcrFault {
    /// Too short or too long.
    #[error("has {found} characters, not 64 hex digits nor the word \"zero\"")]
    Length {
        /// Length of the text in bytes.
        found: usize,
    },
    /// Other characters than hex digits.
    #[error("has characters that are not hex digits")]
    NotHex,
    /// All zero.
    #[error("is all zero; a register that must be untouched is \"zero\"")]
    AllZero,
}

/// Rules that cannot be used. Fields are named as they stand in the policy, under `evidence.azure-vtpm`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// An empty list or text.
    #[error("azure-vtpm: {field} is empty and would accept nothing")]
    Empty {
        /// The field.
        field: String,
    },
    /// A register's value that is none.
    #[error("azure-vtpm: {field} {fault}")]
    Pcr {
        /// The field.
        field: String,
        /// What is wrong with it.
        fault: PcrFault,
    },
    /// What the firmware booted is left open.
    #[error(
        "azure-vtpm: {field} does not have register 4, which has what the firmware booted: any system would be accepted"
    )]
    NoBootRegister {
        /// The field.
        field: String,
    },
    /// Two sets of one name.
    #[error("azure-vtpm: two measurement sets have the label {label:?}")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// Two sets of the same values.
    #[error("azure-vtpm: the measurement set {label:?} has the same values as another")]
    Duplicate {
        /// The label of the later one.
        label: String,
    },
    /// A date that is none.
    #[error(
        "azure-vtpm: {field} is neither a time such as \"2027-03-01T00:00:00Z\" nor Unix seconds"
    )]
    Time {
        /// The field.
        field: String,
    },
    /// No suite has this number.
    #[error("azure-vtpm: {field} is {found}; suites have the numbers 1 to 65535")]
    Suite {
        /// The field.
        field: String,
        /// The number in the file.
        found: u64,
    },
    /// A set without rules for its hardware.
    #[error("azure-vtpm: a measurement set is of {name}, and there are no rules for it", name = .0.name())]
    NoTeeRules(Tee),
    /// Rules for hardware that no set is of.
    #[error("azure-vtpm: there are rules for {name}, and no measurement set is of it", name = .0.name())]
    NoTeeSets(Tee),
    /// A suite of the paravisor's, in place of which the guest's or the session's would count or not.
    #[error("azure-vtpm: a set under {} has a least_suite; the guest's sets have one", .0.name())]
    InnerSuite(Tee),
    /// A report that could be the guest's own.
    #[error("azure-vtpm: sev-snp.vmpl is {found}; it is 0, where the paravisor runs")]
    Vmpl {
        /// The number in the file.
        found: u8,
    },
    /// The rules of SEV-SNP reports.
    #[error("azure-vtpm: {0}")]
    SevSnp(#[from] sev_snp::rules::RulesError),
    /// The rules of TDX quotes.
    #[error("azure-vtpm: {0}")]
    Tdx(#[from] tdx::rules::RulesError),
}
