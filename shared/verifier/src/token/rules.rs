//! What a policy asks of tokens. Nothing has a default that accepts more, but a set without `not_after`, which is accepted
//! for ever: what else may be left out is then refused, or has no meaning for that profile.
//!
//! ```json
//! {
//!   "issuers": [
//!     {
//!       "profile": "google",
//!       "issuer": "https://confidentialcomputing.googleapis.com",
//!       "audience": "sealnote",
//!       "keys": { "root": ["64 hex digits"] },
//!       "tcb_status": ["UpToDate", "OutOfDate"],
//!       "out_of_date_until": "2027-01-01T00:00:00Z",
//!       "measurements": [
//!         {
//!           "label": "2026-11 release",
//!           "not_after": "2027-03-01T00:00:00Z",
//!           "least_suite": 2,
//!           "container": {
//!             "image_digest": "sha256:64 hex digits",
//!             "args": ["/usr/bin/sealnote-enclave"],
//!             "env": { "PATH": "/usr/bin" }
//!           }
//!         }
//!       ]
//!     },
//!     {
//!       "profile": "azure",
//!       "issuer": "https://sharedweu.weu.attest.azure.net",
//!       "keys": { "jwks": ["64 hex digits"] },
//!       "policy_hash": "as x-ms-policy-hash has it",
//!       "least_svn": { "bootloader": 4, "tee": 0, "snp": 24, "microcode": 219 },
//!       "measurements": [
//!         {
//!           "label": "on SEV-SNP",
//!           "sev_snp": {
//!             "measurement": "96 hex digits",
//!             "host_data": "64 hex digits, or zero",
//!             "id_key_digest": "96 hex digits, or zero",
//!             "author_key_digest": "96 hex digits, or zero",
//!             "smt_allowed": true
//!           }
//!         }
//!       ]
//!     },
//!     {
//!       "profile": "intel",
//!       "issuer": "https://portal.trustauthority.intel.com",
//!       "keys": { "jwks": ["64 hex digits"] },
//!       "policy_hash": "none",
//!       "tcb_status": ["UpToDate"],
//!       "measurements": [
//!         {
//!           "label": "on TDX",
//!           "tdx": {
//!             "mrtd": "96 hex digits",
//!             "rtmr0": "96 hex digits, or zero",
//!             "rtmr1": "96 hex digits, or zero",
//!             "rtmr2": "96 hex digits, or zero",
//!             "rtmr3": "96 hex digits, or zero",
//!             "mr_config_id": "96 hex digits, or zero",
//!             "mr_owner": "96 hex digits, or zero",
//!             "mr_owner_config": "96 hex digits, or zero",
//!             "td_attributes": "0000001000000000",
//!             "xfam": "e718060000000000"
//!           }
//!         }
//!       ]
//!     }
//!   ]
//! }
//! ```
//!
//! - `issuer`: the token's `iss`, to the letter. Each issuer stands once.
//! - `audience`: the token's `aud`, to the letter; where it is left out, the token must have none. Google's need one.
//! - `keys`: SHA-256 of what is handed in beside the token, to the byte: the issuer's key set (`jwks`), or the root
//!   certificate in PEM (`root`), which Google alone has. Several may be given, so that a new set can come before the old
//!   one goes.
//! - `policy_hash`: Azure's and Intel's. Azure's is due; Intel's may be the word `none`, where our own policy is enough.
//! - `tcb_status`: the words of Intel's that are accepted; due where a set is a `container` or `tdx`. `Revoked` is never
//!   accepted. Where the list has a status that lacks an update (`OutOfDate`, `OutOfDateConfigurationNeeded`,
//!   `TDRelaunchAdvised`, `TDRelaunchAdvisedConfigurationNeeded`), `out_of_date_until` is due beside it: after it these are
//!   refused.
//! - `least_svn`: the least versions that are accepted; due where a set is `sev_snp`.
//! - `measurements`: `container` for Google, `sev_snp` or `tdx` for Azure, `tdx` for Intel.

mod error;
mod file;
mod measured;

pub use crate::schema::ValueFault;
pub use error::RulesError;
pub use file::{
    ContainerFile, IssuerFile, KeysFile, ProfileFile, RulesFile, SetFile, SevSnpFile, SvnFile,
    TdxFile,
};

use super::profile::{Measured, Profile, Svn};
use crate::tdx::rules::StatusRule;
use crate::time::UnixTime;

/// What is asked of tokens: never empty.
///
/// There is no `Default` and no public constructor but the policy's loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At least one.
    issuers: Vec<IssuerRules>,
}

/// What is asked of one issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRules {
    profile: Profile,
    issuer: String,
    audience: Option<String>,
    keys: KeyPins,
    policy_hash: Option<String>,
    statuses: Option<StatusRule>,
    least_svn: Option<Svn>,
    /// At least one.
    sets: Vec<MeasurementSet>,
}

/// Which keys are accepted: SHA-256 of what is handed in; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPins {
    /// Of a key set.
    Jwks(Vec<[u8; 32]>),
    /// Of a root certificate in PEM.
    Root(Vec<[u8; 32]>),
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementSet {
    label: String,
    not_after: Option<UnixTime>,
    least_suite: Option<u16>,
    measured: Measured,
}

impl Rules {
    /// The issuers that are trusted, at least one.
    pub fn issuers(&self) -> &[IssuerRules] {
        &self.issuers
    }

    /// The sets of measurements that are accepted, of all issuers.
    pub fn measurement_sets(&self) -> impl Iterator<Item = &MeasurementSet> {
        self.issuers.iter().flat_map(IssuerRules::measurement_sets)
    }
}

impl IssuerRules {
    /// What its tokens look like.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Its name, to the letter.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For whom its tokens must be; `None` for nobody.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Which keys are accepted.
    pub fn keys(&self) -> &KeyPins {
        &self.keys
    }

    /// By which policy of its own it must have appraised.
    pub fn policy_hash(&self) -> Option<&str> {
        self.policy_hash.as_deref()
    }

    /// Which statuses of a TCB of Intel's are accepted; `None` accepts none.
    pub fn statuses(&self) -> Option<&StatusRule> {
        self.statuses.as_ref()
    }

    /// The least versions of an SEV-SNP platform; `None` accepts none.
    pub fn least_svn(&self) -> Option<Svn> {
        self.least_svn
    }

    /// The sets of measurements that are accepted, at least one.
    pub fn measurement_sets(&self) -> &[MeasurementSet] {
        &self.sets
    }
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

    /// What was measured.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }
}
