//! Reports in the shape of an AMD SEV-SNP guest's, and the endorsements under them: AMD's documents 56860 ("SEV Secure
//! Nested Paging Firmware ABI Specification") and 57230 ("VCEK Certificate and KDS Interface Specification").
//!
//! [`SoftwareAttester`] gives what passes every check. Its parts are public: the [`Report`] before it is signed, and what
//! the [`Authority`] certifies.

mod attester;
mod authority;
mod machine;
mod report;

pub use attester::SoftwareAttester;
pub use authority::{Authority, Validity, amd_extension, name};
pub use machine::{KeyOwner, Machine, Product, Tcb};
pub use report::{Guest, REPORT_LEN, Report};
