//! Evidence in the shape of an Azure confidential VM's: a paravisor's HCL report around a report as of SEV-SNP, and the quote
//! of the vTPM whose key that report is about (Azure's guest attestation; TCG, "Trusted Platform Module Library", part 2).
//!
//! [`SoftwareAttester`] gives what passes every check. Its parts are public.

mod attester;
mod hcl;
mod quote;

pub use attester::{Gathered, SoftwareAttester};
pub use hcl::{hcl_report, jwk, var_data};
pub use quote::{Pcrs, message, values};
