//! The numbered steps of the appraisal of Azure's vTPM evidence, in the order in which they run. V3 comes before V2, so that
//! V2 is about a report that is genuine. There is no V5: see [`super::appraisal`].

use crate::check::Check;

macro_rules! steps {
    ($($(#[$doc:meta])* $id:ident: $title:literal),* $(,)?) => {
        $($(#[$doc])* pub const $id: Check = Check::new("azure-vtpm", stringify!($id), $title);)*

        /// Every step, in the order in which they run; the steps of the hardware's report run within V3.
        pub const ALL: [Check; 8] = [$($id),*];
    };
}

steps! {
    /// Evidence of a session is a strict CBOR map; the HCL report has one structure, and zeros alone behind it.
    V1: "HCL report has its structure",
    /// The SEV-SNP report or TD quote passes every check of its own kind, but for the binding.
    V3: "hardware's report passes its own checks",
    /// `report_data` is SHA-256 of `var_data`, and zeros.
    V2: "report_data is the digest of var_data",
    /// `var_data` has exactly one attestation key: RSA of 2,048 bits, exponent 65537, for signatures alone.
    V4: "attestation key is in var_data",
    /// The quote is a TPMS_ATTEST of type quote with nothing behind it, which the attestation key signed.
    V6: "quote signed by the attestation key",
    /// `qualifyingData` has the length of what is due: nothing padded, nothing cut.
    V7: "qualifyingData is whole",
    /// Every byte of `qualifyingData` is the one that is due.
    B1: "bound to the session",
    /// The quote selects a set's registers of SHA-256 and no others, and they have the set's values.
    V8: "PCRs accepted by the policy",
}
