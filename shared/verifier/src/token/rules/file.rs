//! The rules as a policy file has them, under `evidence.token`, and their checks. Hex is of either case.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::measured::value;
use super::{IssuerRules, KeyPins, MeasurementSet, Rules, RulesError};
use crate::schema::{
    self, ListFault, ShapeError, TimeFile, not_null, objects, some_object, suite_number,
};
use crate::tdx::TcbStatus;
use crate::tdx::rules::StatusRule;
use crate::time::UnixTime;
use crate::token::profile::{Measured, Profile, Svn};

/// The rules, as [`super`] describes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// The issuers that are trusted: one or more.
    #[serde(deserialize_with = "objects")]
    pub issuers: Vec<IssuerFile>,
}

/// One issuer, as a policy file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerFile {
    /// What its tokens look like.
    pub profile: ProfileFile,
    /// Its name, to the letter.
    pub issuer: String,
    /// For whom its tokens must be.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub audience: Option<String>,
    /// Which keys are accepted.
    pub keys: KeysFile,
    /// Digest of its own policy, as its tokens have it.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub policy_hash: Option<String>,
    /// The words for a TCB that are accepted.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub tcb_status: Option<Vec<String>>,
    /// The last moment at which one that lacks an update is accepted.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub out_of_date_until: Option<TimeFile>,
    /// The least versions of an SEV-SNP platform.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_svn: Option<SvnFile>,
    /// The workloads that are accepted: one or more.
    #[serde(deserialize_with = "objects")]
    pub measurements: Vec<SetFile>,
}

/// What an issuer's tokens look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileFile {
    /// Google Cloud Attestation.
    Google,
    /// Microsoft Azure Attestation.
    Azure,
    /// Intel Trust Authority.
    Intel,
}

/// Which keys are accepted: SHA-256 of what is handed in, one or more.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeysFile {
    /// Of a key set.
    Jwks(Vec<String>),
    /// Of a root certificate in PEM.
    Root(Vec<String>),
}

/// Versions of an SEV-SNP platform.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SvnFile {
    /// Boot loader.
    pub bootloader: u8,
    /// Operating system of the security processor.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

/// One workload, as a policy file has it: with one of the last three.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFile {
    /// Its name, which no other set has.
    pub label: String,
    /// The last moment at which it matches.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_after: Option<TimeFile>,
    /// The weakest suite that a session with this workload may take, in place of the policy's.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_suite: Option<u64>,
    /// A container of Confidential Space.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub container: Option<ContainerFile>,
    /// A TDX domain.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub tdx: Option<TdxFile>,
    /// An SEV-SNP guest.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub sev_snp: Option<SevSnpFile>,
}

/// A container of Confidential Space.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerFile {
    /// As `sha256:` and 64 hex digits.
    pub image_digest: String,
    /// The whole command line.
    pub args: Vec<String>,
    /// The whole environment, but for `HOSTNAME`.
    pub env: BTreeMap<String, String>,
}

/// A TDX domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TdxFile {
    /// Of the domain as it was built.
    pub mrtd: String,
    /// Of the virtual firmware's configuration, or `zero`.
    pub rtmr0: String,
    /// Of the kernel, or `zero`.
    pub rtmr1: String,
    /// Of the command line and the initrd, or `zero`.
    pub rtmr2: String,
    /// Of the model, or `zero`.
    pub rtmr3: String,
    /// What the owner put in, or `zero`.
    pub mr_config_id: String,
    /// What the owner put in, or `zero`.
    pub mr_owner: String,
    /// What the owner put in, or `zero`.
    pub mr_owner_config: String,
    /// TD attributes: 16 hex digits, in the order of a quote's bytes.
    pub td_attributes: String,
    /// Extended features: 16 hex digits, in the order of a quote's bytes.
    pub xfam: String,
}

/// An SEV-SNP guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SevSnpFile {
    /// The launch measurement.
    pub measurement: String,
    /// What the host put in, or `zero`.
    pub host_data: String,
    /// Digest of the id key, or `zero`.
    pub id_key_digest: String,
    /// Digest of the author key, or `zero`.
    pub author_key_digest: String,
    /// Whether it may run where SMT is on.
    pub smt_allowed: bool,
}

impl SetFile {
    /// Reads one set alone. Its values are checked with the policy that it becomes part of.
    ///
    /// # Errors
    ///
    /// What has not the shape of a set.
    pub fn from_json(json: &[u8]) -> Result<Self, ShapeError> {
        schema::read(json)
    }
}

impl Rules {
    /// Checks what a file says.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be used.
    pub fn load(file: RulesFile) -> Result<Self, RulesError> {
        if file.issuers.is_empty() {
            return Err(empty("issuers"));
        }
        let issuers = file.issuers.into_iter().enumerate();
        let issuers = issuers.map(|(index, file)| file.check(&format!("issuers[{index}]")));
        let issuers: Vec<IssuerRules> = issuers.collect::<Result<_, _>>()?;
        let (mut names, mut labels) = (BTreeSet::new(), BTreeSet::new());
        for rules in &issuers {
            if !names.insert(&rules.issuer) {
                let issuer = rules.issuer.clone();
                return Err(RulesError::DuplicateIssuer { issuer });
            }
            for set in &rules.sets {
                if !labels.insert(&set.label) {
                    let label = set.label.clone();
                    return Err(RulesError::DuplicateLabel { label });
                }
            }
        }
        Ok(Self { issuers })
    }
}

impl IssuerFile {
    fn check(self, at: &str) -> Result<IssuerRules, RulesError> {
        let profile = self.profile.into();
        let field = |name: &str| format!("{at}.{name}");
        let due = |name: &str| RulesError::Due {
            field: field(name),
            profile,
        };
        let unused = |name: &str| RulesError::Unused {
            field: field(name),
            profile,
        };
        for (name, text) in [
            ("issuer", Some(&self.issuer)),
            ("audience", self.audience.as_ref()),
            ("policy_hash", self.policy_hash.as_ref()),
        ] {
            if text.is_some_and(|text| text.trim().is_empty()) {
                return Err(empty(field(name)));
            }
        }
        if profile == Profile::Google && self.audience.is_none() {
            return Err(due("audience"));
        }
        let policy_hash = match (profile, self.policy_hash) {
            (Profile::Google, None) => None,
            (Profile::Google, Some(_)) => return Err(unused("policy_hash")),
            (Profile::Azure | Profile::Intel, None) => return Err(due("policy_hash")),
            (Profile::Intel, Some(word)) if word == "none" => None,
            (_, hash) => hash,
        };
        let sets = sets(self.measurements, profile, at)?;
        let is_sev_snp = |set: &MeasurementSet| matches!(set.measured, Measured::SevSnp(_));
        let has_sev_snp = sets.iter().any(is_sev_snp);
        let has_intel = !sets.iter().all(is_sev_snp);
        let statuses = match (self.tcb_status, self.out_of_date_until, has_intel) {
            (None, None, false) => None,
            (None, _, true) => return Err(due("tcb_status")),
            (Some(_), _, false) => return Err(unused("tcb_status")),
            (None, Some(_), false) => return Err(unused("out_of_date_until")),
            (Some(words), until, true) => Some(statuses(&words, until, at)?),
        };
        let least_svn = match (self.least_svn, has_sev_snp) {
            (None, false) => None,
            (None, true) => return Err(due("least_svn")),
            (Some(_), false) => return Err(unused("least_svn")),
            (Some(floor), true) => Some(floor.check(field("least_svn"))?),
        };
        Ok(IssuerRules {
            profile,
            issuer: self.issuer,
            audience: self.audience,
            keys: self.keys.check(profile, &field("keys"))?,
            policy_hash,
            statuses,
            least_svn,
            sets,
        })
    }
}

impl KeysFile {
    fn check(self, profile: Profile, at: &str) -> Result<KeyPins, RulesError> {
        let digests = |list: Vec<String>, name: &str| {
            let field = format!("{at}.{name}");
            check_list(&field, &list)?;
            list.iter()
                .enumerate()
                .map(|(index, text)| value(text, format!("{field}[{index}]")))
                .collect::<Result<Vec<_>, _>>()
        };
        match self {
            Self::Jwks(list) => digests(list, "jwks").map(KeyPins::Jwks),
            Self::Root(_) if profile != Profile::Google => Err(RulesError::Unused {
                field: format!("{at}.root"),
                profile,
            }),
            Self::Root(list) => digests(list, "root").map(KeyPins::Root),
        }
    }
}

impl SvnFile {
    fn check(self, field: String) -> Result<Svn, RulesError> {
        let floor = Svn {
            bootloader: self.bootloader.into(),
            tee: self.tee.into(),
            snp: self.snp.into(),
            microcode: self.microcode.into(),
        };
        match floor.bootloader | floor.tee | floor.snp | floor.microcode {
            0 => Err(RulesError::NoFloor { field }),
            _ => Ok(floor),
        }
    }
}

fn statuses(words: &[String], until: Option<TimeFile>, at: &str) -> Result<StatusRule, RulesError> {
    check_list(&format!("{at}.tcb_status"), words)?;
    let accepted = words.iter().enumerate().map(|(index, word)| {
        let field = format!("{at}.tcb_status[{index}]");
        match TcbStatus::from_name(word) {
            Some(TcbStatus::Revoked) => Err(RulesError::Revoked { field }),
            Some(status) => Ok(status),
            None => Err(RulesError::Word { field }),
        }
    });
    let accepted = accepted.collect::<Result<_, _>>()?;
    let field = format!("{at}.out_of_date_until");
    let until = until.map(|time| read_time(time, field.clone()));
    StatusRule::new(accepted, until.transpose()?).ok_or(RulesError::OutOfDateUntil { field })
}

fn read_time(time: TimeFile, field: String) -> Result<UnixTime, RulesError> {
    time.read().ok_or(RulesError::Time { field })
}

fn sets(read: Vec<SetFile>, profile: Profile, at: &str) -> Result<Vec<MeasurementSet>, RulesError> {
    let field = format!("{at}.measurements");
    if read.is_empty() {
        return Err(empty(field));
    }
    let sets = read.into_iter().enumerate();
    let sets = sets.map(|(index, set)| set.check(profile, &format!("{field}[{index}]")));
    let sets: Vec<MeasurementSet> = sets.collect::<Result<_, _>>()?;
    // Of two sets with the same values, one would stand for the other, with another end and another suite.
    let values: BTreeSet<&Measured> = sets.iter().map(MeasurementSet::measured).collect();
    match values.len() == sets.len() {
        true => Ok(sets),
        false => Err(RulesError::Duplicate { field }),
    }
}

impl SetFile {
    fn check(self, profile: Profile, at: &str) -> Result<MeasurementSet, RulesError> {
        let field = |name: &str| format!("{at}.{name}");
        if self.label.trim().is_empty() {
            return Err(empty(field("label")));
        }
        let not_after = self
            .not_after
            .map(|time| read_time(time, field("not_after")));
        let least_suite = self.least_suite.map(suite_number).transpose();
        let least_suite = least_suite.map_err(|found| RulesError::Suite {
            field: field("least_suite"),
            found,
        })?;
        let measured = match (profile, self.container, self.tdx, self.sev_snp) {
            (Profile::Google, Some(container), None, None) => container.check(&field("container")),
            (Profile::Azure | Profile::Intel, None, Some(tdx), None) => tdx.check(&field("tdx")),
            (Profile::Azure, None, None, Some(guest)) => guest.check(&field("sev_snp")),
            _ => Err(RulesError::Measured {
                field: at.to_owned(),
                want: match profile {
                    Profile::Google => "a container",
                    Profile::Azure => "either sev_snp or tdx",
                    Profile::Intel => "tdx",
                },
            }),
        }?;
        Ok(MeasurementSet {
            label: self.label,
            not_after: not_after.transpose()?,
            least_suite,
            measured,
        })
    }
}

impl From<ProfileFile> for Profile {
    fn from(file: ProfileFile) -> Self {
        match file {
            ProfileFile::Google => Self::Google,
            ProfileFile::Azure => Self::Azure,
            ProfileFile::Intel => Self::Intel,
        }
    }
}

/// A list has entries, each once.
fn check_list(field: &str, list: &[String]) -> Result<(), RulesError> {
    schema::check_list(list, |entry| entry).map_err(|fault| match fault {
        ListFault::Empty => empty(field),
        ListFault::Duplicate => RulesError::Duplicate {
            field: field.to_owned(),
        },
    })
}

fn empty(field: impl Into<String>) -> RulesError {
    RulesError::Empty {
        field: field.into(),
    }
}
