//! Kind 3: the quote of an Intel TDX guest (a trust domain, TD).
//!
//! Layouts are those of Intel's "TDX DCAP Quoting Library API" (appendix A, quote versions 4 and 5), certificates those of
//! "SGX PCK Certificate and CRL Profile Specification", TCB info and QE identity those of the Provisioning Certification
//! Service's API, version 4.
//!
//! [`Rules::check_quote`] is the one door to a [`VerifiedQuote`]. It runs the numbered steps of [`checks`] in the order
//! that [`appraisal`] states. [`inspect`] reads a quote without believing it.
//!
//! Every signature, date and path is verified twice: by the steps here, which name what is wrong, and by the crate
//! dcap-qvl, which also weighs the TCB as Intel's own library does. What either refuses is refused.
//!
//! A quote carries no time: that it is fresh is shown by the challenge in its `report_data` alone.

pub mod appraisal;
pub mod chain;
pub mod checks;
pub mod event_log;
pub mod quote;
mod rejection;
pub mod rules;
mod tcb;
pub mod wire;

pub use appraisal::VerifiedQuote;
pub use chain::{RootError, RootKind, TrustRoots};
pub use quote::{QuoteFields, UnverifiedQuote, inspect};
pub use rejection::Rejection;
pub use rules::{MeasurementSet, Rules};
pub use tcb::TcbStatus;
