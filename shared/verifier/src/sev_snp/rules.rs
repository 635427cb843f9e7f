//! What a policy asks of SEV-SNP reports. Nothing has a default that accepts more, but a set without `not_after`, which is
//! accepted for ever: what else may be left out is then refused, or is held to the value that is stated here.
//!
//! ```json
//! {
//!   "measurements": [
//!     {
//!       "label": "2026-11 release",
//!       "not_after": "2027-03-01T00:00:00Z",
//!       "least_suite": 2,
//!       "measurement": "96 hex digits",
//!       "host_data": "64 hex digits, or zero",
//!       "id_key_digest": "96 hex digits, or zero",
//!       "author_key_digest": "96 hex digits, or zero"
//!     }
//!   ],
//!   "products": {
//!     "genoa": {
//!       "least_tcb": { "bootloader": 10, "tee": 0, "snp": 23, "microcode": 84 },
//!       "least_firmware": "1.55.40",
//!       "least_mitigations": 0
//!     },
//!     "turin": {
//!       "least_tcb": { "fmc": 1, "bootloader": 1, "tee": 1, "snp": 4, "microcode": 81 },
//!       "least_firmware": "1.55.65",
//!       "least_mitigations": 63
//!     }
//!   },
//!   "endorsement": "vcek",
//!   "crl": "required",
//!   "crl_max_age_seconds": 7776000,
//!   "guest_policy": { "abi": "0.31", "smt_allowed": true },
//!   "vmpl": 0,
//!   "platform_bits": ["ecc", "alias_check_complete"],
//!   "chip_ids": "any"
//! }
//! ```
//!
//! - `products`: a generation that is not named is refused. The floors hold for the reported and the launch TCB, and
//!   `least_mitigations` are bits that both mitigation vectors must have; reports before version 5 have none.
//! - `endorsement`: `vcek`; or `vlek`, which needs `csp_ids`, a list of the clouds whose keys are accepted.
//! - `crl`: `required` if it is left out; `none` accepts endorsements without a revocation list, and still checks one
//!   that is there (AMD has revoked an ASK of Genoa: without a list it passes). `crl_max_age_seconds` is [`DEFAULT_CRL_MAX_AGE_SECONDS`] if it is left out.
//! - `guest_policy`: the whole guest policy, bit for bit. What is left out must be clear in the report. The names are
//!   `smt_allowed`, `single_socket`, `cxl_allowed`, `aes_256_xts`, `rapl_disabled`, `ciphertext_hiding` and
//!   `page_swap_disabled`; debugging and migration have none.
//! - `vmpl`: 0 if it is left out.
//! - `platform_bits`: bits that must be set, of `tsme`, `ecc`, `rapl_disabled`, `ciphertext_hiding`,
//!   `alias_check_complete`, `iommu_write_safe` and `tio`; or the word `none`.
//! - `chip_ids`: a list of 128 hex digits each (16 for Turin), or the word `any`.

mod error;
mod file;
mod value;

use std::collections::BTreeMap;

pub use crate::schema::{ListFile, ValueFault};
pub use error::RulesError;
pub use file::{
    CrlFile, EndorsementFile, FloorsFile, GuestPolicyFile, ProductsFile, RulesFile, SetFile,
    TcbFile,
};

use super::product::Product;
use super::report::{Firmware, Tcb};
use crate::time::UnixTime;

/// Greatest age of a revocation list unless the policy says otherwise, in seconds: 90 days.
pub const DEFAULT_CRL_MAX_AGE_SECONDS: u64 = 90 * 24 * 3600;

/// What is asked of SEV-SNP reports: never empty.
///
/// There is no `Default` and no public constructor but the policy's loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At least one.
    sets: Vec<MeasurementSet>,
    /// At least one.
    products: BTreeMap<Product, Floors>,
    endorsement: Endorsement,
    crl: CrlRule,
    guest_policy: u64,
    vmpl: u8,
    platform_bits: u64,
    chips: ChipRule,
}

/// One image, and how it was launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurementSet {
    label: String,
    not_after: Option<UnixTime>,
    least_suite: Option<u16>,
    measurement: [u8; 48],
    host_data: [u8; 32],
    id_key_digest: [u8; 48],
    author_key_digest: [u8; 48],
}

/// The least versions that are accepted of one generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Floors {
    /// Of the reported and the launch TCB.
    pub tcb: Tcb,
    /// Of the firmware.
    pub firmware: Firmware,
    /// Bits that both mitigation vectors must have.
    pub mitigations: u64,
}

/// Whose key may sign reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endorsement {
    /// The chip's.
    Vcek,
    /// A cloud's.
    Vlek {
        /// Its id, as AMD has certified it; at least one.
        csp_ids: Vec<String>,
    },
}

/// Whether there must be a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlRule {
    /// There must.
    Required {
        /// Its greatest age in seconds.
        max_age_seconds: u64,
    },
    /// There need not.
    None,
}

/// Which chips are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChipRule {
    /// Any, which the user must be told.
    Any,
    /// These; at least one.
    Listed(Vec<[u8; 64]>),
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

    /// The launch measurement.
    pub fn measurement(&self) -> &[u8; 48] {
        &self.measurement
    }

    /// What the host must have put in.
    pub fn host_data(&self) -> &[u8; 32] {
        &self.host_data
    }

    /// SHA-384 of the key that signed the id block.
    pub fn id_key_digest(&self) -> &[u8; 48] {
        &self.id_key_digest
    }

    /// SHA-384 of the key that signed the id key.
    pub fn author_key_digest(&self) -> &[u8; 48] {
        &self.author_key_digest
    }
}

impl Rules {
    /// The sets of measurements that are accepted, at least one.
    pub fn measurement_sets(&self) -> &[MeasurementSet] {
        &self.sets
    }

    /// The floors of a generation; `None` accepts none of its reports.
    pub fn floors(&self, product: Product) -> Option<&Floors> {
        self.products.get(&product)
    }

    /// Whose key may sign.
    pub fn endorsement(&self) -> &Endorsement {
        &self.endorsement
    }

    /// Whether there must be a revocation list.
    pub fn crl(&self) -> CrlRule {
        self.crl
    }

    /// The guest policy, bit for bit (56860, table 10).
    pub fn guest_policy(&self) -> u64 {
        self.guest_policy
    }

    /// The privilege level.
    pub fn vmpl(&self) -> u8 {
        self.vmpl
    }

    /// The bits of PLATFORM_INFO that must be set (56860, table 24).
    pub fn platform_bits(&self) -> u64 {
        self.platform_bits
    }

    /// Which chips are accepted.
    pub fn chips(&self) -> &ChipRule {
        &self.chips
    }
}
