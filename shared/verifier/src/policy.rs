//! What a relying party accepts: evidence by its kind, and sessions.
//!
//! A policy is read from the JSON that `nitro-cli build-enclave` and `describe-eif` print, or from a
//! policy file:
//!
//! ```json
//! {
//!   "version": 2,
//!   "serial": 7,
//!   "evidence": {
//!     "nitro": {
//!       "measurements": [
//!         {
//!           "label": "2026-11 release",
//!           "not_after": "2027-03-01T00:00:00Z",
//!           "least_suite": 2,
//!           "pcr0": "96 hex digits", "pcr1": "96 hex digits", "pcr2": "96 hex digits",
//!           "pcr8": "96 hex digits"
//!         }
//!       ],
//!       "pins": { "pcr3": ["96 hex digits"], "pcr4": ["…"], "pcr8": ["…"], "pcr16": ["…"] },
//!       "max_age_seconds": 300
//!     }
//!   },
//!   "session": {
//!     "model_digests": ["96 hex digits"],
//!     "precision": "f32",
//!     "least_suite": 2
//!   }
//! }
//! ```
//!
//! `serial` tells a policy from those before it, for whoever signs policies: a client that knows the signer takes no lower
//! one. Mandatory are `version` and `evidence` with one kind or more; of `nitro` `measurements`, one set or more, each with
//! `label`, `pcr0`, `pcr1` and `pcr2`. `not_after` is a time as above or in Unix seconds; a set does not match
//! after it. A list that is given has at least one entry, any one of which is accepted. Nothing that is left out accepts
//! more than the default. Unknown and repeated keys are errors, and so is `null`. A byte order mark before the JSON is
//! taken off.
//!
//! Files of version 1, which had all of `nitro` and `session` at the top, are read as before.

mod error;
mod file;

use sealnote_model::{ModelDigest, Precision};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use error::PolicyError;
pub use file::{PolicyFile, SessionFile, VERSION};

use crate::hex::expected_digest;
use crate::kinds::{EvidenceRules, EvidenceRulesError};
use crate::nitro;
use crate::schema::{self, not_null, suite_number};
use crate::{azure_vtpm, sev_snp, tdx, token};

/// Greatest length of a policy, in bytes. `describe-eif` includes the build's metadata.
pub const MAX_POLICY_LEN: usize = 1024 * 1024;

/// What editors on Windows put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An appraisal policy: never empty.
///
/// There is no `Default` and no public constructor but the loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    serial: Option<u64>,
    pub(crate) evidence: EvidenceRules,
    session: SessionRules,
}

/// What a policy asks of a session, whatever evidence it has. Its protocol applies them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// At least one, if any.
    model_digests: Option<Vec<ModelDigest>>,
    precision: Option<Precision>,
    least_suite: Option<u16>,
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
        Self::from_file(PolicyFile::from_json(json)?)
    }

    /// Checks what a file says.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_file(file: PolicyFile) -> Result<Self, PolicyError> {
        if file.version != VERSION {
            return Err(PolicyError::Version {
                found: file.version,
            });
        }
        let evidence = EvidenceRules::load(file.evidence)?;
        let session = SessionRules::load(file.session.unwrap_or_default())?;
        Ok(Self {
            serial: file.serial,
            evidence,
            session,
        })
    }

    /// The number of this version of the policy, which its author counts up.
    pub fn serial(&self) -> Option<u64> {
        self.serial
    }

    /// What is asked of Nitro documents; `None` accepts none.
    pub fn nitro(&self) -> Option<&nitro::Rules> {
        self.evidence.nitro.as_ref()
    }

    /// What is asked of SEV-SNP reports; `None` accepts none.
    pub fn sev_snp(&self) -> Option<&sev_snp::Rules> {
        self.evidence.sev_snp.as_ref()
    }

    /// What is asked of TPM quotes from Azure; `None` accepts none.
    pub fn azure_vtpm(&self) -> Option<&azure_vtpm::Rules> {
        self.evidence.azure_vtpm.as_ref()
    }

    /// What is asked of tokens; `None` accepts none.
    pub fn token(&self) -> Option<&token::Rules> {
        self.evidence.token.as_ref()
    }

    /// What is asked of TDX quotes; `None` accepts none.
    pub fn tdx(&self) -> Option<&tdx::Rules> {
        self.evidence.tdx.as_ref()
    }

    /// What is asked of a session, whatever evidence it has.
    pub fn session(&self) -> &SessionRules {
        &self.session
    }

    /// The least suite of the measurement sets, by set; a set that does not say has that of the session rules, `None`
    /// where these do not say either.
    pub fn least_suites(&self) -> impl Iterator<Item = Option<u16>> + '_ {
        let common = self.session.least_suite;
        self.evidence
            .least_suites()
            .map(move |of_set| of_set.or(common))
    }
}

impl PolicyFile {
    /// Reads what [`Policy::from_json`] reads, in the form of a policy file of the version that is written. Its values are
    /// not checked yet.
    ///
    /// # Errors
    ///
    /// [`PolicyError`]: what has not the shape of a policy.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, PolicyError> {
        let json = json.as_ref();
        if json.len() > MAX_POLICY_LEN {
            return Err(PolicyError::TooLarge { len: json.len() });
        }
        let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
        let shape: Shape = schema::read(json)?;
        if shape.nitro_cli.is_some() {
            return match shape.own_key() {
                Some(key) => Err(PolicyError::MixedShapes { key }),
                None => {
                    let read: nitro::nitro_cli::Output = schema::read(json)?;
                    let rules = read.into_rules().map_err(EvidenceRulesError::from)?;
                    Ok(Self::new(rules.into(), SessionFile::default()))
                }
            };
        }
        match shape.version {
            Some(1) => Ok(schema::read::<file::Version1>(json)?.into()),
            // Without a version, the error is that it is missing.
            Some(VERSION) | None => Ok(schema::read(json)?),
            Some(found) => Err(PolicyError::Version { found }),
        }
    }
}

impl SessionRules {
    fn load(file: SessionFile) -> Result<Self, PolicyError> {
        let least_suite = file.least_suite.map(suite_number).transpose();
        Ok(Self {
            model_digests: file.model_digests.map(model_digests).transpose()?,
            precision: file.precision.map(precision).transpose()?,
            least_suite: least_suite.map_err(|found| PolicyError::Suite { found })?,
        })
    }

    /// The models that are accepted, at least one; `None` accepts whatever model the measured image
    /// reports, which the user must be told.
    pub fn model_digests(&self) -> Option<&[ModelDigest]> {
        self.model_digests.as_deref()
    }

    /// The precision that the claims must have; `None` accepts any.
    pub fn precision(&self) -> Option<Precision> {
        self.precision
    }

    /// The number of the weakest suite that is accepted; `None` leaves it to the protocol.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }
}

fn model_digests(read: Vec<String>) -> Result<Vec<ModelDigest>, PolicyError> {
    if read.is_empty() {
        return Err(PolicyError::NoModelDigests);
    }
    read.iter()
        .enumerate()
        .map(|(index, text)| {
            expected_digest(text)
                .map(ModelDigest)
                .map_err(|fault| PolicyError::ModelDigest { index, fault })
        })
        .collect()
}

fn precision(name: String) -> Result<Precision, PolicyError> {
    Precision::from_name(&name).ok_or(PolicyError::Precision { found: name })
}

/// Which keys a policy has, to tell whose it is.
#[derive(Deserialize)]
struct Shape {
    #[serde(default, deserialize_with = "not_null", rename = "Measurements")]
    nitro_cli: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    version: Option<u64>,
    #[serde(default, deserialize_with = "not_null")]
    serial: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    evidence: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    session: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    nitro: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null", rename = "sev-snp")]
    sev_snp: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null", rename = "azure-vtpm")]
    azure_vtpm: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    token: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    tdx: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    not_after: Option<IgnoredAny>,
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
            (self.version.is_some(), "version"),
            (self.serial.is_some(), "serial"),
            (self.evidence.is_some(), "evidence"),
            (self.session.is_some(), "session"),
            (self.nitro.is_some(), "nitro"),
            (self.sev_snp.is_some(), "sev-snp"),
            (self.azure_vtpm.is_some(), "azure-vtpm"),
            (self.token.is_some(), "token"),
            (self.tdx.is_some(), "tdx"),
            (self.not_after.is_some(), "not_after"),
            (self.measurements.is_some(), "measurements"),
            (self.model_digests.is_some(), "model_digests"),
            (self.pins.is_some(), "pins"),
            (self.precision.is_some(), "precision"),
            (self.least_suite.is_some(), "least_suite"),
            (self.max_age_seconds.is_some(), "max_age_seconds"),
        ]
        .into_iter()
        .find_map(|(is_there, key)| is_there.then_some(key))
    }
}
