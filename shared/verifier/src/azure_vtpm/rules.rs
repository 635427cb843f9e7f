//! What a policy asks of Azure's vTPM. Nothing has a default that accepts more, but a set without `not_after`, which is
//! accepted for ever.
//!
//! ```json
//! {
//!   "measurements": [
//!     {
//!       "label": "2026-11 release",
//!       "not_after": "2027-03-01T00:00:00Z",
//!       "least_suite": 2,
//!       "tee": "sev-snp",
//!       "pcrs": { "0": "64 hex digits", "4": "64 hex digits", "7": "64 hex digits", "8": "zero", "11": "64 hex digits" }
//!     }
//!   ],
//!   "sev-snp": { "measurements": ["…"], "products": { "…": {} }, "…": "…" },
//!   "tdx": { "measurements": ["…"], "…": "…" }
//! }
//! ```
//!
//! - `pcrs`: registers 0 to 23 of the SHA-256 bank. A quote must be of these registers and of no others. A register that
//!   must be untouched is `zero`. Register 4 must be among them and not zero: it has what the firmware booted, and without
//!   it any system could be behind the others. A set should name every register from 0 to 15 that does not change from one
//!   boot to the next; 16 and 23 can be reset by the guest and say nothing.
//! - `sev-snp` and `tdx`, one of them or both: the rules of the hardware's report, as [`crate::sev_snp::rules`] and
//!   [`crate::tdx::rules`] have them. Here the measurements are those of Azure's paravisor, and `vmpl` is 0, where it runs:
//!   a report of another level could be the guest's own. On TDX the paravisor may have been started without
//!   SEPT_VE_DISABLE.
//!
//! There is at least one set of each hardware that has rules, and there are rules for the hardware of each set.

mod error;
mod file;

pub use error::{PcrFault, RulesError};
pub use file::{PcrsFile, RulesFile, SetFile};

use super::hcl::Tee;
use super::pcrs::Pcrs;
use crate::time::UnixTime;
use crate::{sev_snp, tdx};

/// What is asked of evidence of a vTPM: never empty.
///
/// There is no `Default` and no public constructor but the loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At least one.
    sets: Vec<MeasurementSet>,
    sev_snp: Option<sev_snp::Rules>,
    tdx: Option<tdx::Rules>,
}

/// One guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementSet {
    label: String,
    not_after: Option<UnixTime>,
    least_suite: Option<u16>,
    tee: Tee,
    pcrs: Pcrs,
}

impl MeasurementSet {
    /// The name that the policy gives it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The last moment at which it matches.
    pub fn not_after(&self) -> Option<UnixTime> {
        self.not_after
    }

    /// The weakest suite that it accepts, if it says so itself.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// The hardware under the paravisor.
    pub fn tee(&self) -> Tee {
        self.tee
    }

    /// The registers that must be quoted, with their values; register 4 is among them.
    pub fn pcrs(&self) -> &Pcrs {
        &self.pcrs
    }
}

impl Rules {
    /// The sets of measurements that are accepted, at least one.
    pub fn measurement_sets(&self) -> &[MeasurementSet] {
        &self.sets
    }

    /// What is asked of SEV-SNP reports; `None` accepts no guest on SEV-SNP.
    pub fn sev_snp(&self) -> Option<&sev_snp::Rules> {
        self.sev_snp.as_ref()
    }

    /// What is asked of TD quotes; `None` accepts no guest on TDX.
    pub fn tdx(&self) -> Option<&tdx::Rules> {
        self.tdx.as_ref()
    }
}
