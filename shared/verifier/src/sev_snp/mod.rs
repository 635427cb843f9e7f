//! Kind 2: the attestation report of an AMD SEV-SNP guest.
//!
//! Layouts are those of AMD's 56860, "SEV Secure Nested Paging Firmware ABI Specification"; certificates are those of
//! AMD's 57230, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification".
//!
//! [`Rules::check_report`] is the one door to a [`VerifiedReport`]. It runs the numbered steps of [`checks`] in the
//! order that [`appraisal`] states. [`inspect`] reads a report without believing it. [`wire`] has the encodings of
//! evidence and of endorsements.
//!
//! A report carries no time: that it is fresh is shown by the challenge in its `report_data` alone.

pub mod appraisal;
pub mod chain;
pub mod checks;
pub mod files;
mod product;
mod rejection;
pub mod report;
pub mod rules;
pub mod wire;

pub use appraisal::VerifiedReport;
pub use chain::{RootError, RootKind, TrustRoots};
pub use product::Product;
pub use rejection::Rejection;
pub use report::{REPORT_LEN, ReportFields, UnverifiedReport, inspect};
pub use rules::{MeasurementSet, Rules};
