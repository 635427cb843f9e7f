//! A policy file, as [`super`] describes it: read and written by the same types.

use serde::{Deserialize, Serialize};

use crate::kinds::EvidenceFile;
use crate::nitro;
use crate::schema::{TimeFile, not_null, object, objects, some_object};

/// The version that is written.
pub const VERSION: u64 = 2;

/// A policy file of version 2. [`Policy::from_file`](super::Policy::from_file) checks it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// [`VERSION`].
    pub version: u64,
    /// The number of this version of the policy.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub serial: Option<u64>,
    /// What is asked of evidence, by kind.
    #[serde(deserialize_with = "object")]
    pub evidence: EvidenceFile,
    /// What is asked of the session, whatever the kind.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub session: Option<SessionFile>,
}

/// What is asked of a session, as a policy file has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFile {
    /// The models that are accepted, 96 hex digits each.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub model_digests: Option<Vec<String>>,
    /// `f32` or `int8`.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub precision: Option<String>,
    /// The weakest suite that is accepted.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_suite: Option<u64>,
}

/// A policy file of version 1, which knew Nitro alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version1 {
    #[serde(rename = "version")]
    _version: u64,
    #[serde(deserialize_with = "objects")]
    measurements: Vec<OldSet>,
    #[serde(default, deserialize_with = "not_null")]
    model_digests: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some_object")]
    pins: Option<nitro::rules::PinsFile>,
    #[serde(default, deserialize_with = "not_null")]
    precision: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    least_suite: Option<u64>,
    #[serde(default, deserialize_with = "not_null")]
    max_age_seconds: Option<u64>,
}

/// A set of version 1, which had no suite of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldSet {
    label: String,
    #[serde(default, deserialize_with = "not_null")]
    not_after: Option<TimeFile>,
    #[serde(default, deserialize_with = "not_null")]
    pcr0: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pcr1: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pcr2: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pcr8: Option<String>,
}

impl From<OldSet> for nitro::rules::SetFile {
    fn from(old: OldSet) -> Self {
        Self {
            label: old.label,
            not_after: old.not_after,
            least_suite: None,
            pcr0: old.pcr0,
            pcr1: old.pcr1,
            pcr2: old.pcr2,
            pcr8: old.pcr8,
        }
    }
}

impl From<Version1> for PolicyFile {
    fn from(old: Version1) -> Self {
        let rules = nitro::rules::RulesFile {
            measurements: old.measurements.into_iter().map(Into::into).collect(),
            pins: old.pins,
            max_age_seconds: old.max_age_seconds,
        };
        let session = SessionFile {
            model_digests: old.model_digests,
            precision: old.precision,
            least_suite: old.least_suite,
        };
        Self::new(rules.into(), session)
    }
}

impl PolicyFile {
    /// A file of the version that is written.
    pub fn new(evidence: EvidenceFile, session: SessionFile) -> Self {
        Self {
            version: VERSION,
            serial: None,
            evidence,
            session: Some(session),
        }
    }

    /// The names of all measurement sets.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.evidence.labels()
    }

    /// The file's bytes: JSON, indented, with a line's end.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(json) => json + "\n",
            Err(error) => unreachable!("texts and numbers: {error}"),
        }
    }
}
