//! Kind 4: a quote of the vTPM that Azure's paravisor gives a confidential guest, on SEV-SNP or on TDX.
//!
//! The paravisor is what the hardware measures; it makes the vTPM's attestation key and puts the digest of that key, within
//! `var_data`, into the hardware's report. The guest is what the vTPM measures. So there are two appraisals in one: of the
//! hardware's report by the rules of [`sev_snp`](crate::sev_snp) or [`tdx`](crate::tdx), where the measurements are the
//! paravisor's, and of the vTPM's quote.
//!
//! Structures are those of the HCL report at the vTPM's NV index 0x01400001 (Microsoft's OpenHCL, `igvm_attest`), and of the
//! TCG's "TPM 2.0 Library, Part 2: Structures".
//!
//! [`Rules::check_vtpm`] is the one door to a [`VerifiedVtpm`]. It runs the numbered steps of [`checks`] in the order that
//! [`appraisal`] states. [`inspect`] reads evidence without believing it. [`wire`] has its encoding, and [`file`] the form
//! in which Azure's own tools keep it.
//!
//! Nothing here carries a time that could be trusted: that a quote is fresh is shown by its `qualifyingData` alone. The HCL
//! report may be as old as the guest's boot, and the hardware's TCB is as of then.

pub mod appraisal;
mod attestation_key;
pub mod checks;
pub mod file;
pub mod hcl;
pub mod pcrs;
pub mod quote;
mod rejection;
pub mod rules;
pub mod wire;

pub use appraisal::{Hardware, HardwareRoots, UnverifiedVtpm, VerifiedVtpm, inspect};
pub use hcl::Tee;
pub use pcrs::Pcrs;
pub use rejection::Rejection;
pub use rules::{MeasurementSet, Rules};
pub use wire::Parts;
