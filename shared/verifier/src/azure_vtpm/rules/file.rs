//! The rules as a policy file has them, under `evidence.azure-vtpm`, and their checks. Hex is of either case.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{MeasurementSet, PcrFault, Rules, RulesError};
use crate::azure_vtpm::hcl::Tee;
use crate::azure_vtpm::pcrs::{PCR_COUNT, PCR_LEN};
use crate::schema::{
    self, ShapeError, TimeFile, ValueFault, not_null, objects, some_object, suite_number,
};
use crate::{sev_snp, tdx};

/// What the firmware booted (TCG PC Client Platform Firmware Profile).
const BOOT_REGISTER: u8 = 4;

/// The rules, as [`super`] describes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// The guests that are accepted: one or more.
    #[serde(deserialize_with = "objects")]
    pub measurements: Vec<SetFile>,
    /// What is asked of the hardware's report on SEV-SNP.
    #[serde(
        rename = "sev-snp",
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub sev_snp: Option<sev_snp::rules::RulesFile>,
    /// What is asked of the TD quote on TDX.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub tdx: Option<tdx::rules::RulesFile>,
}

/// One guest, as a policy file has it.
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
    /// The weakest suite that a session with this guest may take, in place of the policy's.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_suite: Option<u64>,
    /// The hardware under the paravisor.
    pub tee: Tee,
    /// The registers that must be quoted.
    pub pcrs: PcrsFile,
}

/// Registers by their numbers, each 64 hex digits or `zero`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PcrsFile(pub BTreeMap<u8, String>);

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

impl<'de> Deserialize<'de> for PcrsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PcrsVisitor)
    }
}

/// A map of its own kind: of a number that stands twice, the last would win.
struct PcrsVisitor;

impl<'de> Visitor<'de> for PcrsVisitor {
    type Value = PcrsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of registers, such as {\"4\": \"64 hex digits\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PcrsFile, A::Error> {
        let mut pcrs = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            let register = (0..PCR_COUNT)
                .find(|register| register.to_string() == name)
                .ok_or_else(|| A::Error::custom("a register is none of \"0\" to \"23\""))?;
            if pcrs.insert(register, value).is_some() {
                return Err(A::Error::custom(format_args!(
                    "register {register} stands twice"
                )));
            }
        }
        Ok(PcrsFile(pcrs))
    }
}

impl Rules {
    /// Checks what a file says.
    ///
    /// # Errors
    ///
    /// [`RulesError`]: the first value that cannot be used.
    pub fn load(file: RulesFile) -> Result<Self, RulesError> {
        let sets = sets(file.measurements)?;
        let on_sev_snp = file.sev_snp.iter().flat_map(|rules| &rules.measurements);
        if on_sev_snp.into_iter().any(|set| set.least_suite.is_some()) {
            return Err(RulesError::InnerSuite(Tee::SevSnp));
        }
        let on_tdx = file.tdx.iter().flat_map(|rules| &rules.measurements);
        if on_tdx.into_iter().any(|set| set.least_suite.is_some()) {
            return Err(RulesError::InnerSuite(Tee::Tdx));
        }
        let sev_snp = file.sev_snp.map(sev_snp::Rules::load).transpose()?;
        let tdx = file.tdx.map(tdx::Rules::load).transpose()?;
        let tdx = tdx.map(tdx::Rules::of_paravisor);
        if let Some(found @ 1..) = sev_snp.as_ref().map(sev_snp::Rules::vmpl) {
            return Err(RulesError::Vmpl { found });
        }
        for (tee, has_rules) in [(Tee::SevSnp, sev_snp.is_some()), (Tee::Tdx, tdx.is_some())] {
            match (has_rules, sets.iter().any(|set| set.tee == tee)) {
                (false, true) => return Err(RulesError::NoTeeRules(tee)),
                (true, false) => return Err(RulesError::NoTeeSets(tee)),
                (true, true) | (false, false) => {}
            }
        }
        Ok(Self { sets, sev_snp, tdx })
    }
}

fn sets(read: Vec<SetFile>) -> Result<Vec<MeasurementSet>, RulesError> {
    if read.is_empty() {
        let field = String::from("measurements");
        return Err(RulesError::Empty { field });
    }
    let (mut labels, mut values) = (BTreeSet::new(), BTreeSet::new());
    let mut sets = Vec::new();
    for (index, set) in read.into_iter().enumerate() {
        let set = set.check(index)?;
        let label = set.label.clone();
        // Of two sets with the same values, one would stand for the other, with another end and another suite.
        if !values.insert((set.tee, set.pcrs.clone())) {
            return Err(RulesError::Duplicate { label });
        }
        if !labels.insert(label.clone()) {
            return Err(RulesError::DuplicateLabel { label });
        }
        sets.push(set);
    }
    Ok(sets)
}

impl SetFile {
    fn check(self, index: usize) -> Result<MeasurementSet, RulesError> {
        let at = |name: &str| format!("measurements[{index}].{name}");
        if self.label.trim().is_empty() {
            let field = at("label");
            return Err(RulesError::Empty { field });
        }
        let not_after = match self.not_after.map(TimeFile::read) {
            None => None,
            Some(Some(time)) => Some(time),
            Some(None) => {
                let field = at("not_after");
                return Err(RulesError::Time { field });
            }
        };
        let least_suite = self.least_suite.map(suite_number).transpose();
        let pcrs = self.pcrs.0.iter().map(|(register, text)| {
            let field = at(&format!("pcrs.{register}"));
            let value = value(text).map_err(|fault| RulesError::Pcr { field, fault })?;
            Ok((*register, value))
        });
        let pcrs: BTreeMap<_, _> = pcrs.collect::<Result<_, RulesError>>()?;
        if pcrs
            .get(&BOOT_REGISTER)
            .is_none_or(|value| *value == [0; PCR_LEN])
        {
            let field = at("pcrs");
            return Err(RulesError::NoBootRegister { field });
        }
        Ok(MeasurementSet {
            label: self.label,
            not_after,
            least_suite: least_suite.map_err(|found| RulesError::Suite {
                field: at("least_suite"),
                found,
            })?,
            tee: self.tee,
            pcrs,
        })
    }
}

fn value(text: &str) -> Result<[u8; PCR_LEN], PcrFault> {
    schema::value_or_zero(text).map_err(|fault| match fault {
        ValueFault::Length { found, .. } => PcrFault::Length { found },
        ValueFault::NotHex => PcrFault::NotHex,
        ValueFault::AllZero => PcrFault::AllZero,
    })
}
