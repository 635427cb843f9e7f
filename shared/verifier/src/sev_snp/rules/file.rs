//! The rules as a policy file has them, under `evidence.sev-snp`, and their checks. Hex is of either case.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::value::{check_list, empty, value, value_or_zero, version};
use super::{
    ChipRule, CrlRule, DEFAULT_CRL_MAX_AGE_SECONDS, Endorsement, Floors, MeasurementSet, Rules,
    RulesError,
};
use crate::schema::{
    self, ListFile, ShapeError, TimeFile, not_null, object, objects, some_object, suite_number,
};
use crate::sev_snp::product::Product;
use crate::sev_snp::report::{Firmware, Tcb};

/// Bits of the guest policy (56860, table 10).
const POLICY_SMT: u64 = 1 << 16;
const POLICY_RESERVED_ONE: u64 = 1 << 17;
const POLICY_SINGLE_SOCKET: u64 = 1 << 20;
const POLICY_CXL: u64 = 1 << 21;
const POLICY_AES_256_XTS: u64 = 1 << 22;
const POLICY_RAPL_DISABLED: u64 = 1 << 23;
const POLICY_CIPHERTEXT_HIDING: u64 = 1 << 24;
const POLICY_PAGE_SWAP_DISABLED: u64 = 1 << 25;

/// Bits of PLATFORM_INFO (56860, table 24) that a policy may ask for. SMT is not among them: that it is off is asked
/// for by a guest policy that does not allow it.
const PLATFORM_BITS: [(&str, u64); 7] = [
    ("tsme", 1 << 1),
    ("ecc", 1 << 2),
    ("rapl_disabled", 1 << 3),
    ("ciphertext_hiding", 1 << 4),
    ("alias_check_complete", 1 << 5),
    ("iommu_write_safe", 1 << 6),
    ("tio", 1 << 7),
];

/// The rules, as [`super`] describes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// The images that are accepted: one or more.
    #[serde(deserialize_with = "objects")]
    pub measurements: Vec<SetFile>,
    /// The generations that are accepted: one or more.
    #[serde(deserialize_with = "object")]
    pub products: ProductsFile,
    /// Whose key may sign.
    pub endorsement: EndorsementFile,
    /// The clouds whose VLEK is accepted.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub csp_ids: Option<Vec<String>>,
    /// Whether there must be a revocation list; it must unless this says otherwise.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub crl: Option<CrlFile>,
    /// Its greatest age.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub crl_max_age_seconds: Option<u64>,
    /// The whole guest policy.
    #[serde(deserialize_with = "object")]
    pub guest_policy: GuestPolicyFile,
    /// The privilege level; 0 unless this says otherwise.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub vmpl: Option<u8>,
    /// Bits of the platform that must be set, or `none`.
    pub platform_bits: ListFile,
    /// The chips that are accepted, or `any`.
    pub chip_ids: ListFile,
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
    /// The launch measurement.
    pub measurement: String,
    /// What the host put in, or `zero`.
    pub host_data: String,
    /// Digest of the id key, or `zero`.
    pub id_key_digest: String,
    /// Digest of the author key, or `zero`.
    pub author_key_digest: String,
}

/// Floors by generation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductsFile {
    /// EPYC 7003.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub milan: Option<FloorsFile>,
    /// EPYC 9004 and 8004.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub genoa: Option<FloorsFile>,
    /// EPYC 9005.
    #[serde(
        default,
        deserialize_with = "some_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub turin: Option<FloorsFile>,
}

/// The floors of one generation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorsFile {
    /// Of the reported and the launch TCB.
    #[serde(deserialize_with = "object")]
    pub least_tcb: TcbFile,
    /// Of the firmware, as `1.55.40`.
    pub least_firmware: String,
    /// Bits that both mitigation vectors must have.
    pub least_mitigations: u64,
}

/// A TCB.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcbFile {
    /// Of Turin alone.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub fmc: Option<u8>,
    /// Boot loader.
    pub bootloader: u8,
    /// Operating system of the security processor.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

/// Whose key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndorsementFile {
    /// The chip's.
    Vcek,
    /// A cloud's.
    Vlek,
}

/// Whether there must be a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrlFile {
    /// There must.
    Required,
    /// There need not.
    None,
}

/// The whole guest policy; a bit that is left out is clear.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestPolicyFile {
    /// The least version of the firmware's ABI, as the guest's owner asked for it: `0.31`.
    pub abi: String,
    /// It may run where SMT is on.
    #[serde(default)]
    pub smt_allowed: bool,
    /// It may run on one socket alone.
    #[serde(default)]
    pub single_socket: bool,
    /// CXL may be populated.
    #[serde(default)]
    pub cxl_allowed: bool,
    /// Memory must be encrypted by AES-256-XTS.
    #[serde(default)]
    pub aes_256_xts: bool,
    /// RAPL must be off.
    #[serde(default)]
    pub rapl_disabled: bool,
    /// Ciphertext must be hidden.
    #[serde(default)]
    pub ciphertext_hiding: bool,
    /// Pages may not be swapped or moved.
    #[serde(default)]
    pub page_swap_disabled: bool,
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
    pub(crate) fn load(file: RulesFile) -> Result<Self, RulesError> {
        Ok(Self {
            sets: sets(file.measurements)?,
            products: file.products.check()?,
            endorsement: endorsement(file.endorsement, file.csp_ids)?,
            crl: crl(file.crl, file.crl_max_age_seconds)?,
            guest_policy: file.guest_policy.check()?,
            vmpl: match file.vmpl.unwrap_or(0) {
                vmpl @ 0..=3 => vmpl,
                found => return Err(RulesError::Vmpl { found }),
            },
            platform_bits: platform_bits(file.platform_bits)?,
            chips: chips(file.chip_ids)?,
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

/// Of two sets with the same values, one would stand for the other, with another end and another suite.
fn distinct(sets: Vec<MeasurementSet>) -> Result<Vec<MeasurementSet>, RulesError> {
    let mut values = BTreeSet::new();
    for set in &sets {
        let (image, host) = (set.measurement(), set.host_data());
        let keys = (set.id_key_digest(), set.author_key_digest());
        if !values.insert((image, host, keys)) {
            let field = format!("measurements ({:?})", set.label());
            return Err(RulesError::Duplicate { field });
        }
    }
    Ok(sets)
}

impl SetFile {
    fn check(self, index: usize) -> Result<MeasurementSet, RulesError> {
        let at = |name: &str| format!("measurements[{index}].{name}");
        let not_after = match self.not_after {
            None => None,
            Some(time) => match time.read() {
                Some(time) => Some(time),
                None => {
                    return Err(RulesError::Time {
                        field: at("not_after"),
                    });
                }
            },
        };
        let least_suite = self.least_suite.map(suite_number).transpose();
        Ok(MeasurementSet {
            not_after,
            least_suite: least_suite.map_err(|found| RulesError::Suite {
                field: at("least_suite"),
                found,
            })?,
            measurement: value(&self.measurement, at("measurement"))?,
            host_data: value_or_zero(&self.host_data, at("host_data"))?,
            id_key_digest: value_or_zero(&self.id_key_digest, at("id_key_digest"))?,
            author_key_digest: value_or_zero(&self.author_key_digest, at("author_key_digest"))?,
            label: self.label,
        })
    }
}

impl ProductsFile {
    fn check(self) -> Result<BTreeMap<Product, Floors>, RulesError> {
        let given = [
            (Product::Milan, self.milan),
            (Product::Genoa, self.genoa),
            (Product::Turin, self.turin),
        ];
        let floors: BTreeMap<_, _> = given
            .into_iter()
            .filter_map(|(product, floors)| Some((product, floors?)))
            .map(|(product, floors)| Ok((product, floors.check(product)?)))
            .collect::<Result<_, RulesError>>()?;
        match floors.is_empty() {
            true => Err(empty("products")),
            false => Ok(floors),
        }
    }
}

impl FloorsFile {
    fn check(self, product: Product) -> Result<Floors, RulesError> {
        let product_name = product.name().to_lowercase();
        let at = |name: &str| format!("products.{product_name}.{name}");
        let TcbFile {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        } = self.least_tcb;
        if fmc.is_some() != product.is_turin() {
            let field = at("least_tcb.fmc");
            return Err(RulesError::Fmc { field });
        }
        if [fmc.unwrap_or(0), bootloader, tee, snp, microcode] == [0; 5] {
            let field = at("least_tcb");
            return Err(RulesError::NoFloor { field });
        }
        let field = at("least_firmware");
        let firmware = match version(&self.least_firmware) {
            Some([0, 0, 0]) => return Err(RulesError::NoFloor { field }),
            Some([major, minor, build]) => Firmware {
                major,
                minor,
                build,
            },
            None => {
                let example = "1.55.40";
                return Err(RulesError::Version { field, example });
            }
        };
        Ok(Floors {
            tcb: Tcb {
                fmc,
                bootloader,
                tee,
                snp,
                microcode,
            },
            firmware,
            mitigations: self.least_mitigations,
        })
    }
}

fn endorsement(
    kind: EndorsementFile,
    csp_ids: Option<Vec<String>>,
) -> Result<Endorsement, RulesError> {
    match (kind, csp_ids) {
        (EndorsementFile::Vcek, None) => Ok(Endorsement::Vcek),
        (EndorsementFile::Vlek, Some(csp_ids)) => {
            check_list("csp_ids", &csp_ids)?;
            Ok(Endorsement::Vlek { csp_ids })
        }
        _ => Err(RulesError::CspIds),
    }
}

fn crl(word: Option<CrlFile>, max_age: Option<u64>) -> Result<CrlRule, RulesError> {
    match (word.unwrap_or(CrlFile::Required), max_age) {
        (CrlFile::None, None) => Ok(CrlRule::None),
        (CrlFile::None, Some(_)) => Err(RulesError::CrlAgeUnused),
        (CrlFile::Required, Some(0)) => Err(empty("crl_max_age_seconds")),
        (CrlFile::Required, age) => Ok(CrlRule::Required {
            max_age_seconds: age.unwrap_or(DEFAULT_CRL_MAX_AGE_SECONDS),
        }),
    }
}

impl GuestPolicyFile {
    fn check(self) -> Result<u64, RulesError> {
        let [major, minor] = version(&self.abi).ok_or_else(|| RulesError::Version {
            field: String::from("guest_policy.abi"),
            example: "0.31",
        })?;
        let abi = u64::from(major) << 8 | u64::from(minor);
        let bits = [
            (true, POLICY_RESERVED_ONE),
            (self.smt_allowed, POLICY_SMT),
            (self.single_socket, POLICY_SINGLE_SOCKET),
            (self.cxl_allowed, POLICY_CXL),
            (self.aes_256_xts, POLICY_AES_256_XTS),
            (self.rapl_disabled, POLICY_RAPL_DISABLED),
            (self.ciphertext_hiding, POLICY_CIPHERTEXT_HIDING),
            (self.page_swap_disabled, POLICY_PAGE_SWAP_DISABLED),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        Ok(set.fold(abi, |policy, (_, bit)| policy | bit))
    }
}

fn platform_bits(read: ListFile) -> Result<u64, RulesError> {
    let unknown = |field: String| RulesError::Word {
        field,
        want: "a list of tsme, ecc, rapl_disabled, ciphertext_hiding, alias_check_complete, iommu_write_safe \
               and tio, or the word \"none\"",
    };
    let names = match read {
        ListFile::Word(word) if word == "none" => return Ok(0),
        ListFile::Word(_) => return Err(unknown(String::from("platform_bits"))),
        ListFile::List(names) => names,
    };
    check_list("platform_bits", &names)?;
    names.iter().enumerate().try_fold(0, |bits, (index, name)| {
        let known = PLATFORM_BITS.iter().find(|(known, _)| known == name);
        match known {
            Some((_, bit)) => Ok(bits | bit),
            None => Err(unknown(format!("platform_bits[{index}]"))),
        }
    })
}

fn chips(read: ListFile) -> Result<ChipRule, RulesError> {
    let texts = match read {
        ListFile::Word(word) if word == "any" => return Ok(ChipRule::Any),
        ListFile::Word(_) => {
            return Err(RulesError::Word {
                field: String::from("chip_ids"),
                want: "a list of chip ids in hex, or the word \"any\"",
            });
        }
        ListFile::List(texts) => texts,
    };
    check_list("chip_ids", &texts)?;
    let ids = texts.iter().enumerate().map(|(index, text)| {
        let field = format!("chip_ids[{index}]");
        // Turin's ids have 8 bytes, and zeros behind them in a report.
        if text.len() == 16 {
            let mut id = [0; 64];
            id[..8].copy_from_slice(&value::<8>(text, field)?);
            return Ok(id);
        }
        value(text, field)
    });
    Ok(ChipRule::Listed(ids.collect::<Result<_, RulesError>>()?))
}
