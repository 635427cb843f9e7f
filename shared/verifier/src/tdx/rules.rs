//! What a policy asks of TDX quotes. Nothing has a default that accepts more, but a set without `not_after`, which is
//! accepted for ever: what else may be left out is then refused, or is held to the value that is stated here.
//!
//! ```json
//! {
//!   "measurements": [
//!     {
//!       "label": "2026-11 release",
//!       "not_after": "2027-03-01T00:00:00Z",
//!       "least_suite": 2,
//!       "mrtd": "96 hex digits",
//!       "rtmr0": "96 hex digits, or zero",
//!       "rtmr1": "96 hex digits, or zero",
//!       "rtmr2": "96 hex digits, or zero",
//!       "rtmr3": "96 hex digits, or zero",
//!       "mr_config_id": "96 hex digits, or zero",
//!       "mr_owner": "96 hex digits, or zero",
//!       "mr_owner_config": "96 hex digits, or zero",
//!       "xfam": "16 hex digits",
//!       "mr_seam": ["96 hex digits"]
//!     }
//!   ],
//!   "accept_status": ["UpToDate", "OutOfDate"],
//!   "out_of_date_until": "2027-01-01T00:00:00Z",
//!   "least_tcb_evaluation_data_number": 18,
//!   "reject_advisories": ["INTEL-SA-01036"],
//!   "collateral_max_age_seconds": 2592000,
//!   "fmspcs": ["50806f000000"],
//!   "ppids": "any"
//! }
//! ```
//!
//! - Values are in the order of the quote's bytes, as Intel's tools print them.
//! - `rtmr0` to `rtmr3`: all four are pinned. Firmware, kernel and command line are in the first three; the model is in
//!   the last, so that an image with two models has two sets.
//! - `mr_seam`: the TDX modules that are accepted; one or more.
//! - `accept_status`: `["UpToDate"]` if it is left out. `Revoked` is never accepted. Where the list has a status that lacks
//!   an update (`OutOfDate`, `OutOfDateConfigurationNeeded`, `TDRelaunchAdvised`,
//!   `TDRelaunchAdvisedConfigurationNeeded`), `out_of_date_until` is due: after it these are refused.
//! - `least_tcb_evaluation_data_number`: of TCB info and QE identity alike.
//! - `reject_advisories`: Intel's names of advisories that must not apply to the platform; or the word `none`.
//! - `collateral_max_age_seconds`: of TCB info, QE identity and the PCK CA's revocation list; the root's list is made once
//!   a year, and must be in date alone. [`DEFAULT_COLLATERAL_MAX_AGE_SECONDS`] if it is left out.
//! - `fmspcs`: the kinds of platforms that are accepted, 12 hex digits each; or the word `any`.
//! - `ppids`: the platforms that are accepted, 32 hex digits each; or the word `any`.

mod error;
mod file;
mod value;

pub use crate::schema::{ListFile, ValueFault};
pub use error::RulesError;
pub use file::{RulesFile, SetFile};

use super::tcb::TcbStatus;
use crate::time::UnixTime;

/// Greatest age of the collateral unless the policy says otherwise, in seconds: 30 days, after which Intel's own ends.
pub const DEFAULT_COLLATERAL_MAX_AGE_SECONDS: u64 = 30 * 24 * 3600;

/// What is asked of TDX quotes: never empty.
///
/// There is no `Default` and no public constructor but the loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At least one.
    sets: Vec<MeasurementSet>,
    statuses: StatusRule,
    least_evaluation_number: u32,
    /// None, where the policy says so.
    rejected_advisories: Vec<String>,
    collateral_max_age_seconds: u64,
    fmspcs: PlatformRule<6>,
    ppids: PlatformRule<16>,
    /// Whether the guest is one that may do without SEPT_VE_DISABLE.
    is_paravisor: bool,
}

/// One image, and how it was launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementSet {
    label: String,
    not_after: Option<UnixTime>,
    least_suite: Option<u16>,
    mrtd: [u8; 48],
    rtmrs: [[u8; 48]; 4],
    mr_config_id: [u8; 48],
    mr_owner: [u8; 48],
    mr_owner_config: [u8; 48],
    xfam: [u8; 8],
    /// At least one.
    mr_seams: Vec<[u8; 48]>,
}

/// Which statuses of the TCB are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRule {
    /// At least one; never Revoked.
    accepted: Vec<TcbStatus>,
    /// The last moment at which one that lacks an update is; there if one is accepted.
    out_of_date_until: Option<UnixTime>,
}

/// Which platforms are accepted, by an id of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformRule<const N: usize> {
    /// Any, which the user must be told.
    Any,
    /// These; at least one.
    Listed(Vec<[u8; N]>),
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

    /// What was loaded at the launch.
    pub fn mrtd(&self) -> &[u8; 48] {
        &self.mrtd
    }

    /// The runtime measurements.
    pub fn rtmrs(&self) -> &[[u8; 48]; 4] {
        &self.rtmrs
    }

    /// What the host must have put in.
    pub fn mr_config_id(&self) -> &[u8; 48] {
        &self.mr_config_id
    }

    /// What the host must have put in for the owner.
    pub fn mr_owner(&self) -> &[u8; 48] {
        &self.mr_owner
    }

    /// What the host must have put in for the owner's configuration.
    pub fn mr_owner_config(&self) -> &[u8; 48] {
        &self.mr_owner_config
    }

    /// The extended features that the guest may use.
    pub fn xfam(&self) -> &[u8; 8] {
        &self.xfam
    }

    /// The measurements of the TDX modules that are accepted, at least one.
    pub fn mr_seams(&self) -> &[[u8; 48]] {
        &self.mr_seams
    }
}

impl StatusRule {
    /// `None` unless there is an end where a status lacks an update, and there alone. Neither an empty list nor Revoked is
    /// to be handed in.
    pub(crate) fn new(
        accepted: Vec<TcbStatus>,
        out_of_date_until: Option<UnixTime>,
    ) -> Option<Self> {
        let lacks_update = accepted.iter().any(|status| status.is_out_of_date());
        (lacks_update == out_of_date_until.is_some()).then_some(Self {
            accepted,
            out_of_date_until,
        })
    }

    /// The statuses that are accepted, at least one.
    pub fn accepted(&self) -> &[TcbStatus] {
        &self.accepted
    }

    /// The last moment at which one that lacks an update is accepted; there if one is.
    pub fn out_of_date_until(&self) -> Option<UnixTime> {
        self.out_of_date_until
    }

    /// The end, if this status lacks an update and it is past.
    pub(crate) fn ended(&self, status: TcbStatus, now: UnixTime) -> Option<UnixTime> {
        self.out_of_date_until
            .filter(|until| status.is_out_of_date() && now > *until)
    }
}

impl<const N: usize> PlatformRule<N> {
    /// Whether this id is accepted.
    pub fn accepts(&self, id: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(ids) => ids.iter().any(|listed| listed == id),
        }
    }
}

impl Rules {
    /// The sets of measurements that are accepted, at least one.
    pub fn measurement_sets(&self) -> &[MeasurementSet] {
        &self.sets
    }

    /// Which statuses of the TCB are accepted.
    pub fn statuses(&self) -> &StatusRule {
        &self.statuses
    }

    /// The least evaluation data number of the collateral.
    pub fn least_tcb_evaluation_data_number(&self) -> u32 {
        self.least_evaluation_number
    }

    /// The advisories that must not apply.
    pub fn rejected_advisories(&self) -> &[String] {
        &self.rejected_advisories
    }

    /// Greatest age of the collateral in seconds.
    pub fn collateral_max_age_seconds(&self) -> u64 {
        self.collateral_max_age_seconds
    }

    /// Which kinds of platforms are accepted.
    pub fn fmspcs(&self) -> &PlatformRule<6> {
        &self.fmspcs
    }

    /// Which platforms are accepted.
    pub fn ppids(&self) -> &PlatformRule<16> {
        &self.ppids
    }

    /// The same rules, of a paravisor. SEPT_VE_DISABLE is the word of a Linux guest, which must not be handed a #VE for a
    /// page that is gone. A paravisor is measured whole, what it does then is its code's, and it can switch that #VE off by
    /// itself (TDCS.TD_CTLS), which no attribute shows. Azure's quotes have the bit clear.
    pub(crate) fn of_paravisor(self) -> Self {
        Self {
            is_paravisor: true,
            ..self
        }
    }

    /// Whether T16 is without SEPT_VE_DISABLE.
    pub(crate) fn is_of_paravisor(&self) -> bool {
        self.is_paravisor
    }
}
