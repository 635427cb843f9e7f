//! What a relying party accepts: measurements, pins, model digests, age.
//!
//! A policy is read from the JSON that `nitro-cli build-enclave` and `describe-eif` print, or from a
//! policy file:
//!
//! ```json
//! {
//!   "version": 1,
//!   "measurements": [
//!     {
//!       "label": "2026-11 release",
//!       "not_after": "2027-03-01T00:00:00Z",
//!       "pcr0": "96 hex digits", "pcr1": "96 hex digits", "pcr2": "96 hex digits",
//!       "pcr8": "96 hex digits"
//!     }
//!   ],
//!   "model_digests": ["96 hex digits"],
//!   "pins": { "pcr3": ["96 hex digits"], "pcr4": [], "pcr8": [], "pcr16": [] },
//!   "precision": "f32",
//!   "least_suite": 2,
//!   "max_age_seconds": 300
//! }
//! ```
//!
//! Only `version` and `measurements` (one set or more, each with `label`, `pcr0`, `pcr1` and `pcr2`)
//! are mandatory. `not_after` is a time as above or in Unix seconds; a set does not match after it. A
//! list that is given has at least one entry, any one of which is accepted. Unknown and repeated keys
//! are errors, and so is `null`.

mod error;
mod file;
mod measurement;
mod nitro_cli;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

pub use error::{HexFault, Place, PolicyError};
pub use measurement::Measurement;
pub use sealnote_model::ModelDigest;
pub use sealnote_model::Precision;
pub use sealnote_protocol::suite::Suite;

use crate::time::UnixTime;

/// Greatest length of a policy, in bytes. `describe-eif` includes the build's metadata.
pub const MAX_POLICY_LEN: usize = 1024 * 1024;

/// Greatest age of a document unless the policy says otherwise, in seconds.
pub const DEFAULT_MAX_AGE_SECONDS: u64 = 300;

/// A complete set of measurements: one image.
///
/// PCR0, 1 and 2 only ever together: PCR0 alone joins the image's sections without their lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementSet {
    label: String,
    not_after: Option<UnixTime>,
    image: [Measurement; 3],
    pcr8: Option<Measurement>,
}

impl MeasurementSet {
    /// The name that the policy gives it; `nitro-cli` where its JSON is the policy.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The last moment at which it matches.
    pub fn not_after(&self) -> Option<UnixTime> {
        self.not_after
    }

    /// The value that a register must have: always for 0, 1 and 2, perhaps for 8.
    pub fn register(&self, index: u8) -> Option<Measurement> {
        match index {
            8 => self.pcr8,
            _ => self.image.get(usize::from(index)).copied(),
        }
    }
}

/// An appraisal policy: never empty, and never without PCR0, 1 and 2 (X5).
///
/// There is no `Default` and no public constructor but the loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// At least one.
    sets: Vec<MeasurementSet>,
    /// At least one, if any.
    model_digests: Option<Vec<ModelDigest>>,
    /// By register; at least one value each.
    pins: BTreeMap<u8, Vec<Measurement>>,
    precision: Option<Precision>,
    least_suite: Suite,
    max_age_seconds: u64,
}

impl Policy {
    /// Reads a policy file, or the JSON that `nitro-cli build-enclave` or `describe-eif` prints.
    ///
    /// What has a `Measurements` key is nitro-cli's. There PCR3, PCR4 and PCR16 are pins; a key that is
    /// neither a register that is checked nor `HashAlgorithm` is an error, and so is one of our own keys
    /// beside `Measurements`, since a pin must never be ignored. Other keys beside it are nitro-cli's.
    ///
    /// # Errors
    ///
    /// [`PolicyError`]: anything malformed, empty, partial or all zero.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, PolicyError> {
        let json = json.as_ref();
        if json.len() > MAX_POLICY_LEN {
            return Err(PolicyError::TooLarge { len: json.len() });
        }
        let shape: Shape = serde_json::from_slice(json)?;
        match (shape.nitro_cli, shape.own_key()) {
            (Some(_), Some(key)) => Err(PolicyError::MixedShapes { key }),
            (Some(_), None) => nitro_cli::load(json),
            (None, _) => file::load(json),
        }
    }

    /// The sets of measurements that are accepted, at least one.
    pub fn measurement_sets(&self) -> &[MeasurementSet] {
        &self.sets
    }

    /// The models that are accepted, at least one; `None` accepts whatever model the measured image
    /// reports, which the user must be told.
    pub fn model_digests(&self) -> Option<&[ModelDigest]> {
        self.model_digests.as_deref()
    }

    /// The values that a register beside PCR0, 1 and 2 may have; empty if it is not pinned.
    pub fn pin(&self, register: u8) -> &[Measurement] {
        self.pins.get(&register).map_or(&[], Vec::as_slice)
    }

    /// Whether the machine is pinned, by its IAM role (PCR3) or its instance (PCR4). Without, any
    /// account's machine may run the image, which the user must be told.
    pub fn has_machine_pin(&self) -> bool {
        self.pins.contains_key(&3) || self.pins.contains_key(&4)
    }

    /// The precision that the enclave must claim; `None` accepts any.
    pub fn precision(&self) -> Option<Precision> {
        self.precision
    }

    /// The weakest suite that is accepted.
    pub fn least_suite(&self) -> Suite {
        self.least_suite
    }

    /// Greatest age of a document in seconds.
    pub fn max_age_seconds(&self) -> u64 {
        self.max_age_seconds
    }

    /// The pins in the order of their registers.
    pub(crate) fn pins(&self) -> impl Iterator<Item = (u8, &[Measurement])> {
        self.pins
            .iter()
            .map(|(register, accepted)| (*register, accepted.as_slice()))
    }
}

/// serde reads `null` as absent, which would turn a script's empty variable into "anything goes".
fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Which keys a policy has, to tell whose it is.
#[derive(Deserialize)]
struct Shape {
    #[serde(default, deserialize_with = "not_null", rename = "Measurements")]
    nitro_cli: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    version: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    measurements: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    model_digests: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    pins: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    precision: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    least_suite: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    max_age_seconds: Option<IgnoredAny>,
}

impl Shape {
    fn own_key(&self) -> Option<&'static str> {
        [
            (&self.version, "version"),
            (&self.measurements, "measurements"),
            (&self.model_digests, "model_digests"),
            (&self.pins, "pins"),
            (&self.precision, "precision"),
            (&self.least_suite, "least_suite"),
            (&self.max_age_seconds, "max_age_seconds"),
        ]
        .into_iter()
        .find_map(|(value, key)| value.is_some().then_some(key))
    }
}
