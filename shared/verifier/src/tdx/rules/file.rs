//! The rules as a policy file has them, under `evidence.tdx`, and their checks. Hex is of either case.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::value::{check_list, empty, value, value_or_zero, values};
use super::{
    DEFAULT_COLLATERAL_MAX_AGE_SECONDS, MeasurementSet, PlatformRule, Rules, RulesError, StatusRule,
};
use crate::schema::{self, ListFile, ShapeError, TimeFile, not_null, objects, suite_number};
use crate::tdx::tcb::TcbStatus;
use crate::time::UnixTime;

/// The rules, as [`super`] describes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// The images that are accepted: one or more.
    #[serde(deserialize_with = "objects")]
    pub measurements: Vec<SetFile>,
    /// The statuses of the TCB that are accepted; `UpToDate` unless this says otherwise.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub accept_status: Option<Vec<String>>,
    /// The last moment at which one that lacks an update is accepted.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub out_of_date_until: Option<TimeFile>,
    /// Of TCB info and QE identity.
    pub least_tcb_evaluation_data_number: u32,
    /// Advisories that must not apply, or `none`.
    pub reject_advisories: ListFile,
    /// Greatest age of the collateral.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub collateral_max_age_seconds: Option<u64>,
    /// The kinds of platforms that are accepted, or `any`.
    pub fmspcs: ListFile,
    /// The platforms that are accepted, or `any`.
    pub ppids: ListFile,
}

/// One image, as a policy file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// The weakest suite that a session with this image may take, in place of the policy's.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_suite: Option<u64>,
    /// What was loaded at the launch.
    pub mrtd: String,
    /// Firmware's configuration, or `zero`.
    pub rtmr0: String,
    /// What firmware started, or `zero`.
    pub rtmr1: String,
    /// What that started, or `zero`.
    pub rtmr2: String,
    /// What the guest's own programs measured, or `zero`.
    pub rtmr3: String,
    /// What the host put in, or `zero`.
    pub mr_config_id: String,
    /// What the host put in for the owner, or `zero`.
    pub mr_owner: String,
    /// What the host put in for the owner's configuration, or `zero`.
    pub mr_owner_config: String,
    /// The extended features that the guest may use.
    pub xfam: String,
    /// The TDX modules that are accepted: one or more.
    pub mr_seam: Vec<String>,
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
    /// [`RulesError`]: anything malformed, empty, partial or all zero.
    pub fn load(file: RulesFile) -> Result<Self, RulesError> {
        let max_age = file.collateral_max_age_seconds;
        Ok(Self {
            sets: sets(file.measurements)?,
            statuses: statuses(file.accept_status, file.out_of_date_until)?,
            least_evaluation_number: match file.least_tcb_evaluation_data_number {
                0 => {
                    let field = String::from("least_tcb_evaluation_data_number");
                    return Err(RulesError::NoFloor { field });
                }
                least => least,
            },
            rejected_advisories: advisories(file.reject_advisories)?,
            collateral_max_age_seconds: match max_age {
                Some(0) => return Err(empty("collateral_max_age_seconds")),
                age => age.unwrap_or(DEFAULT_COLLATERAL_MAX_AGE_SECONDS),
            },
            fmspcs: platforms(
                file.fmspcs,
                "fmspcs",
                "a list of FMSPCs in hex, or the word \"any\"",
            )?,
            ppids: platforms(
                file.ppids,
                "ppids",
                "a list of PPIDs in hex, or the word \"any\"",
            )?,
            is_paravisor: false,
        })
    }
}

fn sets(read: Vec<SetFile>) -> Result<Vec<MeasurementSet>, RulesError> {
    let mut labels = BTreeSet::new();
    for (index, set) in read.iter().enumerate() {
        if set.label.trim().is_empty() {
            return Err(empty(format!("measurements[{index}].label")));
        }
        if !labels.insert(&set.label) {
            let label = set.label.clone();
            return Err(RulesError::DuplicateLabel { label });
        }
    }
    match read.is_empty() {
        true => Err(empty("measurements")),
        false => {
            let sets = read.into_iter().enumerate();
            let sets = sets.map(|(index, set)| set.check(index));
            distinct(sets.collect::<Result<_, _>>()?)
        }
    }
}

/// Of two sets that one quote may match, one would stand for the other, with another end and another suite.
fn distinct(sets: Vec<MeasurementSet>) -> Result<Vec<MeasurementSet>, RulesError> {
    let mut values = BTreeSet::new();
    for set in &sets {
        let host = (set.mr_config_id, set.mr_owner, set.mr_owner_config);
        for mr_seam in &set.mr_seams {
            if !values.insert((set.mrtd, set.rtmrs, host, set.xfam, *mr_seam)) {
                let field = format!("measurements ({:?})", set.label());
                return Err(RulesError::Duplicate { field });
            }
        }
    }
    Ok(sets)
}

impl SetFile {
    fn check(self, index: usize) -> Result<MeasurementSet, RulesError> {
        let at = |name: &str| format!("measurements[{index}].{name}");
        let not_after = self.not_after.map(|time| read_time(time, at("not_after")));
        let least_suite = self.least_suite.map(suite_number).transpose();
        let measured = |text: &str, name| value_or_zero(text, at(name));
        Ok(MeasurementSet {
            not_after: not_after.transpose()?,
            least_suite: least_suite.map_err(|found| RulesError::Suite {
                field: at("least_suite"),
                found,
            })?,
            mrtd: value(&self.mrtd, at("mrtd"))?,
            rtmrs: [
                measured(&self.rtmr0, "rtmr0")?,
                measured(&self.rtmr1, "rtmr1")?,
                measured(&self.rtmr2, "rtmr2")?,
                measured(&self.rtmr3, "rtmr3")?,
            ],
            mr_config_id: measured(&self.mr_config_id, "mr_config_id")?,
            mr_owner: measured(&self.mr_owner, "mr_owner")?,
            mr_owner_config: measured(&self.mr_owner_config, "mr_owner_config")?,
            xfam: value(&self.xfam, at("xfam"))?,
            mr_seams: values(&self.mr_seam, &at("mr_seam"))?,
            label: self.label,
        })
    }
}

fn statuses(names: Option<Vec<String>>, until: Option<TimeFile>) -> Result<StatusRule, RulesError> {
    let names = names.unwrap_or_else(|| vec![TcbStatus::UpToDate.name().to_owned()]);
    check_list("accept_status", &names)?;
    let accepted = names.iter().enumerate().map(|(index, name)| {
        let field = format!("accept_status[{index}]");
        match TcbStatus::from_name(name) {
            Some(TcbStatus::Revoked) => Err(RulesError::Revoked { field }),
            Some(status) => Ok(status),
            None => Err(RulesError::Word {
                field,
                want: "a status of a TCB as Intel spells it, such as \"UpToDate\" or \"SWHardeningNeeded\"",
            }),
        }
    });
    let accepted: Vec<TcbStatus> = accepted.collect::<Result<_, _>>()?;
    let until = until.map(|time| read_time(time, String::from("out_of_date_until")));
    StatusRule::new(accepted, until.transpose()?).ok_or(RulesError::OutOfDateUntil)
}

fn read_time(time: TimeFile, field: String) -> Result<UnixTime, RulesError> {
    time.read().ok_or(RulesError::Time { field })
}

fn advisories(read: ListFile) -> Result<Vec<String>, RulesError> {
    match read {
        ListFile::Word(word) if word == "none" => Ok(Vec::new()),
        ListFile::Word(_) => Err(RulesError::Word {
            field: String::from("reject_advisories"),
            want: "a list of advisories such as \"INTEL-SA-01036\", or the word \"none\"",
        }),
        ListFile::List(names) => {
            check_list("reject_advisories", &names)?;
            match names.iter().position(|name| !is_advisory(name)) {
                None => Ok(names),
                Some(index) => Err(RulesError::Word {
                    field: format!("reject_advisories[{index}]"),
                    want: "the name of an advisory as Intel spells it, such as \"INTEL-SA-01036\"",
                }),
            }
        }
    }
}

/// A name that Intel never spells so would reject nothing.
fn is_advisory(name: &str) -> bool {
    name.strip_prefix("INTEL-SA-")
        .is_some_and(|number| number.len() == 5 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn platforms<const N: usize>(
    read: ListFile,
    field: &str,
    want: &'static str,
) -> Result<PlatformRule<N>, RulesError> {
    match read {
        ListFile::Word(word) if word == "any" => Ok(PlatformRule::Any),
        ListFile::Word(_) => Err(RulesError::Word {
            field: field.to_owned(),
            want,
        }),
        ListFile::List(texts) => Ok(PlatformRule::Listed(values(&texts, field)?)),
    }
}
