//! The order of the checks, and those that weigh a genuine report against a policy.
//!
//! The first check that fails is the one reported, always in this order:
//!
//! 1. S1 to S4, structure, before anything is believed: see [`super::report`];
//! 2. S5: the kind of key that signed is the one that the policy names;
//! 3. S6 to S11, the chain from a pinned ARK to the report's signature: see [`super::chain`];
//! 4. S12 to S14: the leaf is of this product, this TCB, this chip or cloud;
//! 5. S15 and S16: versions in order, firmware committed and not too old;
//! 6. B1: `report_data`, if the caller has what it must be;
//! 7. S17 to S25, the policy.

mod error;

use subtle::ConstantTimeEq;

pub use error::{AppraisalError, TcbName};

use super::chain::{self, Expected, RootKind, TrustRoots, VerifiedChain};
use super::checks;
use super::product::Product;
use super::rejection::Rejection;
use super::report::{self, ReportFields, SigningKey};
use super::rules::{ChipRule, Endorsement, Floors, MeasurementSet, Rules};
use super::wire;
use crate::check::{Check, CheckLog};
use crate::kinds::{Kind, Verified};
use crate::time::UnixTime;
use sealnote_evidence::Binding;

/// Bits of the guest policy (56860, table 10).
const POLICY_RESERVED_ONE: u64 = 1 << 17;
const POLICY_MIGRATION: u64 = 1 << 18;
const POLICY_DEBUG: u64 = 1 << 19;
const POLICY_RESERVED_ZERO: u64 = !0 << 26;

/// How the ids of AWS's regions end.
const AWS: &str = ".amazonaws.com";

/// A chip's id has 8 bytes on Turin, with zeros behind them in the report.
const TURIN_CHIP_ID_LEN: usize = 8;

/// A report that passed every check of [`Rules::check_report`].
///
/// Made nowhere else: no public constructor, no `Default`, no `Deserialize`, no `Clone`.
#[derive(Debug)]
pub struct VerifiedReport {
    fields: Box<ReportFields>,
    product: Product,
    root: RootKind,
    cloud: Option<String>,
    public_key: Option<Vec<u8>>,
    measurement_set: String,
    least_suite: Option<u16>,
    passed: CheckLog,
}

impl Rules {
    /// Checks a report with its endorsements (as [`super::wire`] encodes them) against the pinned roots, these rules and
    /// the time.
    ///
    /// `report_data` is what the guest must have put in, all 64 bytes. `None` is for a report whose `report_data` its
    /// caller checks, or that is bound to nothing: [`checks::B1`] is then not among the checks that passed.
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`crate::sev_snp::appraisal`].
    pub fn check_report(
        &self,
        report: &[u8],
        endorsements: &[u8],
        report_data: Option<&[u8; 64]>,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedReport, Rejection> {
        let mut log = CheckLog::default();
        let report = report::parse(report, &mut log)?;
        let fields = &report.fields;
        log.run(checks::S5, || self.check_signing_key(fields))?;
        let expected = Expected {
            endorsement: self.endorsement(),
            crl: self.crl(),
            roots,
            now,
        };
        let chain = chain::verify(&report, endorsements, &expected, &mut log)?;
        let floors = log.run(checks::S12, || self.check_product(fields, &chain))?;
        log.run(checks::S13, || check_leaf_tcb(fields, &chain))?;
        log.run(checks::S14, || self.check_leaf_owner(fields, &chain))?;
        log.run(checks::S15, || check_tcb_order(fields))?;
        log.run(checks::S16, || check_firmware(fields, floors))?;
        if let Some(report_data) = report_data {
            log.run(checks::B1, || check_report_data(fields, report_data))?;
        }
        let set = self.check_policy(fields, floors, now, &mut log)?;
        Ok(VerifiedReport {
            measurement_set: set.label().to_owned(),
            least_suite: set.least_suite(),
            product: chain.product,
            root: chain.root,
            cloud: chain.leaf.csp_id().map(str::to_owned),
            public_key: None,
            fields: Box::new(report.fields),
            passed: log,
        })
    }

    /// The same, of a session's evidence: its report carries the binding of challenge, claims and key.
    ///
    /// On AWS the measurement is the firmware's alone, the same for every customer: a report from there can be checked by
    /// itself, and is no session's evidence (part of S21).
    pub(crate) fn check_evidence(
        &self,
        evidence: &[u8],
        endorsements: &[u8],
        binding: &Binding,
        roots: &TrustRoots,
        now: UnixTime,
    ) -> Result<VerifiedReport, Rejection> {
        let evidence = wire::evidence(evidence).map_err(Rejection::Evidence)?;
        let due = binding.report_data(Kind::SevSnp.number(), evidence.public_key);
        let report = self.check_report(evidence.report, endorsements, Some(&due), roots, now)?;
        if let (true, Some(cloud)) = (report.shows_firmware_alone(), &report.cloud) {
            let cloud = cloud.clone();
            return Err(AppraisalError::FirmwareMeasurement { cloud }.into());
        }
        Ok(VerifiedReport {
            public_key: evidence.public_key.map(<[u8]>::to_vec),
            ..report
        })
    }

    /// S17 to S25; the set that matches.
    fn check_policy(
        &self,
        fields: &ReportFields,
        floors: &Floors,
        now: UnixTime,
        log: &mut CheckLog,
    ) -> Result<&MeasurementSet, AppraisalError> {
        log.run(checks::S17, || check_floors(fields, floors))?;
        log.run(checks::S18, || check_guest_policy(fields.policy))?;
        log.run(checks::S19, || match fields.policy == self.guest_policy() {
            true => Ok(()),
            false => Err(AppraisalError::GuestPolicy {
                actual: fields.policy,
                expected: self.guest_policy(),
            }),
        })?;
        log.run(checks::S20, || {
            match fields.vmpl == u32::from(self.vmpl()) {
                true => Ok(()),
                false => Err(AppraisalError::Vmpl {
                    actual: fields.vmpl,
                    expected: self.vmpl(),
                }),
            }
        })?;
        let sets = log.run(checks::S21, || self.check_measurement(fields, now))?;
        let sets = log.run(checks::S22, || check_host_data(fields, sets))?;
        let set = log.run(checks::S23, || check_keys(fields, &sets))?;
        log.run(checks::S24, || {
            let missing = self.platform_bits() & !fields.platform_info;
            match missing {
                0 => Ok(()),
                missing => Err(AppraisalError::Platform { missing }),
            }
        })?;
        log.run(checks::S25, || match self.chips() {
            ChipRule::Listed(chips) if !chips.contains(&fields.chip_id) => {
                Err(AppraisalError::ChipNotListed)
            }
            ChipRule::Any | ChipRule::Listed(_) => Ok(()),
        })?;
        Ok(set)
    }

    /// S5.
    fn check_signing_key(&self, fields: &ReportFields) -> Result<(), AppraisalError> {
        if fields.is_chip_key_masked {
            return Err(AppraisalError::MaskedKey);
        }
        match (self.endorsement(), fields.signing_key) {
            (Endorsement::Vcek, SigningKey::Vcek) => Ok(()),
            (Endorsement::Vlek { .. }, SigningKey::Vlek) => Ok(()),
            (_, actual) => Err(AppraisalError::SigningKey { actual }),
        }
    }

    /// S12; the product's floors.
    fn check_product(
        &self,
        fields: &ReportFields,
        chain: &VerifiedChain,
    ) -> Result<&Floors, AppraisalError> {
        let product = chain.product;
        if chain.leaf.product() != Some(product) {
            return Err(AppraisalError::LeafProduct { chain: product });
        }
        // Reports before version 3 do not name their processor, and Turin has none of them.
        let is_of_chain = match fields.cpu {
            Some(cpu) => Product::of_cpu(cpu) == Some(product),
            None => !product.is_turin(),
        };
        if !is_of_chain {
            return Err(AppraisalError::Processor { chain: product });
        }
        self.floors(product)
            .ok_or(AppraisalError::ProductNotListed { product })
    }

    /// S14.
    fn check_leaf_owner(
        &self,
        fields: &ReportFields,
        chain: &VerifiedChain,
    ) -> Result<(), AppraisalError> {
        match self.endorsement() {
            Endorsement::Vcek => {
                let (id, rest) = match chain.product.is_turin() {
                    true => fields.chip_id.split_at(TURIN_CHIP_ID_LEN),
                    false => fields.chip_id.split_at(fields.chip_id.len()),
                };
                let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
                if is_zero(id) {
                    return Err(AppraisalError::MaskedChip);
                }
                match is_zero(rest) && chain.leaf.chip() == Some(id) {
                    true => Ok(()),
                    false => Err(AppraisalError::OtherChip),
                }
            }
            Endorsement::Vlek { csp_ids } => match chain.leaf.csp_id() {
                Some(id) if csp_ids.iter().any(|listed| listed == id) => Ok(()),
                _ => Err(AppraisalError::OtherCloud),
            },
        }
    }

    /// S21: the sets of this measurement, of which at least one has not expired.
    fn check_measurement(
        &self,
        fields: &ReportFields,
        now: UnixTime,
    ) -> Result<Vec<&MeasurementSet>, AppraisalError> {
        let sets = self.measurement_sets().iter();
        let of_image: Vec<_> = sets
            .filter(|set| *set.measurement() == fields.measurement)
            .collect();
        let is_live = |set: &&MeasurementSet| set.not_after().is_none_or(|end| now <= end);
        let (live, expired): (Vec<_>, Vec<_>) = of_image.into_iter().partition(is_live);
        match (live.is_empty(), expired.first()) {
            (false, _) => Ok(live),
            (true, Some(set)) => Err(AppraisalError::SetExpired {
                label: set.label().to_owned(),
            }),
            (true, None) => Err(AppraisalError::Measurement {
                actual: hex::encode(fields.measurement),
            }),
        }
    }
}

impl VerifiedReport {
    /// What it says.
    pub fn fields(&self) -> &ReportFields {
        &self.fields
    }

    /// The generation of its processor.
    pub fn product(&self) -> Product {
        self.product
    }

    /// The cloud that AMD made the key for, if it is a VLEK.
    pub fn cloud(&self) -> Option<&str> {
        self.cloud.as_deref()
    }

    /// Whether the measurement is the firmware's, the same for every customer of the cloud: AWS's is.
    pub fn shows_firmware_alone(&self) -> bool {
        self.cloud.as_ref().is_some_and(|id| id.ends_with(AWS))
    }

    /// The public key that the evidence holds and the report is bound to, at most 1024 bytes; `None` for a report by
    /// itself. Its meaning is its reader's to check.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// The label of the measurement set that the guest matches.
    pub fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    /// The least suite that the matching measurement set asks for, if it asks for one.
    pub fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    /// Whose root the report chains to.
    pub fn root(&self) -> RootKind {
        self.root
    }

    /// The checks that ran and passed, in the order in which they did.
    pub fn passed(&self) -> &[Check] {
        self.passed.passed()
    }
}

impl Verified for VerifiedReport {
    fn measurement_set(&self) -> &str {
        &self.measurement_set
    }

    fn least_suite(&self) -> Option<u16> {
        self.least_suite
    }

    fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    fn is_development(&self) -> bool {
        self.root == RootKind::Software
    }

    fn log(&self) -> &CheckLog {
        &self.passed
    }
}

/// S13.
fn check_leaf_tcb(fields: &ReportFields, chain: &VerifiedChain) -> Result<(), AppraisalError> {
    match chain.leaf.tcb(chain.product) {
        Some(tcb) if tcb == fields.reported_tcb => Ok(()),
        certified => Err(AppraisalError::LeafTcb {
            reported: fields.reported_tcb,
            certified,
        }),
    }
}

/// S15.
fn check_tcb_order(fields: &ReportFields) -> Result<(), AppraisalError> {
    let pairs = [
        (
            TcbName::Reported,
            fields.reported_tcb,
            TcbName::Committed,
            fields.committed_tcb,
        ),
        (
            TcbName::Committed,
            fields.committed_tcb,
            TcbName::Current,
            fields.current_tcb,
        ),
    ];
    for (lower, below, upper, above) in pairs {
        if let Some(component) = above.first_below(&below) {
            return Err(AppraisalError::TcbOrder {
                lower,
                upper,
                component,
            });
        }
    }
    Ok(())
}

/// S16.
fn check_firmware(fields: &ReportFields, floors: &Floors) -> Result<(), AppraisalError> {
    let (committed, current) = (fields.committed_firmware, fields.current_firmware);
    if committed != current {
        return Err(AppraisalError::FirmwareNotCommitted { committed, current });
    }
    match committed >= floors.firmware {
        true => Ok(()),
        false => Err(AppraisalError::Firmware {
            actual: committed,
            least: floors.firmware,
        }),
    }
}

/// B1.
fn check_report_data(fields: &ReportFields, due: &[u8; 64]) -> Result<(), AppraisalError> {
    match bool::from(fields.report_data.ct_eq(due)) {
        true => Ok(()),
        false => Err(AppraisalError::ReportData),
    }
}

/// S17.
fn check_floors(fields: &ReportFields, floors: &Floors) -> Result<(), AppraisalError> {
    for (name, tcb) in [
        (TcbName::Reported, fields.reported_tcb),
        (TcbName::Launch, fields.launch_tcb),
    ] {
        if let Some(component) = tcb.first_below(&floors.tcb) {
            return Err(AppraisalError::TcbFloor {
                name,
                component,
                actual: tcb,
                least: floors.tcb,
            });
        }
    }
    let (launch, current) = match fields.mitigations {
        Some(mitigations) => (mitigations.launch, mitigations.current),
        None => (0, 0),
    };
    match floors.mitigations & !(launch & current) {
        0 => Ok(()),
        missing => Err(AppraisalError::Mitigations { missing }),
    }
}

/// S18, whatever the policy says.
fn check_guest_policy(policy: u64) -> Result<(), AppraisalError> {
    if policy & POLICY_DEBUG != 0 {
        return Err(AppraisalError::Debug);
    }
    if policy & POLICY_MIGRATION != 0 {
        return Err(AppraisalError::Migration);
    }
    match policy & POLICY_RESERVED_ONE != 0 && policy & POLICY_RESERVED_ZERO == 0 {
        true => Ok(()),
        false => Err(AppraisalError::GuestPolicyReserved { actual: policy }),
    }
}

/// S22.
fn check_host_data<'a>(
    fields: &ReportFields,
    mut sets: Vec<&'a MeasurementSet>,
) -> Result<Vec<&'a MeasurementSet>, AppraisalError> {
    sets.retain(|set| *set.host_data() == fields.host_data);
    match sets.is_empty() {
        true => Err(AppraisalError::HostData {
            actual: hex::encode(fields.host_data),
        }),
        false => Ok(sets),
    }
}

/// S23.
fn check_keys<'a>(
    fields: &ReportFields,
    sets: &[&'a MeasurementSet],
) -> Result<&'a MeasurementSet, AppraisalError> {
    let mut sets = sets.iter();
    let found = sets.find(|set| {
        *set.id_key_digest() == fields.id_key_digest
            && *set.author_key_digest() == fields.author_key_digest
    });
    found.copied().ok_or_else(|| AppraisalError::Keys {
        id: hex::encode(fields.id_key_digest),
        author: hex::encode(fields.author_key_digest),
    })
}
