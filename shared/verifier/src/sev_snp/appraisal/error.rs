//! Why a genuine report was rejected.

use std::fmt;

use crate::check::Check;
use crate::sev_snp::checks;
use crate::sev_snp::product::Product;
use crate::sev_snp::report::{Component, Firmware, SigningKey, Tcb};

/// Which of a report's TCBs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcbName {
    /// That the key was derived for.
    Reported,
    /// That cannot be gone below.
    Committed,
    /// That runs.
    Current,
    /// That ran when the guest was launched.
    Launch,
}

impl fmt::Display for TcbName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reported => "reported",
            Self::Committed => "committed",
            Self::Current => "current",
            Self::Launch => "launch",
        })
    }
}

/// The report is genuine, but not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppraisalError {
    /// S5: nothing signed.
    #[error("the chip's key is masked: the report is not signed")]
    MaskedKey,
    /// S5: another kind of key.
    #[error(
        "the report is signed by another kind of key ({actual:?}) than the policy's endorsement"
    )]
    SigningKey {
        /// What it is signed by.
        actual: SigningKey,
    },
    /// S12: the leaf is of another product.
    #[error("the leaf certificate is not for {chain}, whose root it chains to")]
    LeafProduct {
        /// Whose root it is.
        chain: Product,
    },
    /// S12: the processor is another one.
    #[error("the report's processor is no {chain}, whose root its certificates chain to")]
    Processor {
        /// Whose root it is.
        chain: Product,
    },
    /// S12: not in the policy.
    #[error("the processor is a {product}, and the policy's products do not name it")]
    ProductNotListed {
        /// The generation.
        product: Product,
    },
    /// S13: the leaf is of another TCB.
    #[error("the leaf certificate is not for the report's TCB ({reported})")]
    LeafTcb {
        /// In the report.
        reported: Tcb,
        /// In the leaf; `None` if its extensions are not one TCB of that product.
        certified: Option<Tcb>,
    },
    /// S14: no chip id.
    #[error("the report's chip id is masked, so that no certificate can be of its chip")]
    MaskedChip,
    /// S14: the leaf is of another chip.
    #[error("the leaf certificate is not of the report's chip")]
    OtherChip,
    /// S14: the leaf is of another cloud.
    #[error("the leaf certificate is of no cloud that the policy's csp_ids name")]
    OtherCloud,
    /// S21: a measurement that is the firmware's alone.
    #[error(
        "the report is of {cloud}, where the measurement is the firmware's alone: every customer's guest has it, whatever \
         runs there"
    )]
    FirmwareMeasurement {
        /// The cloud's id, as AMD certified it.
        cloud: String,
    },
    /// S15: a TCB that should be lower is not.
    #[error("the {component} of the {lower} TCB is newer than that of the {upper} TCB")]
    TcbOrder {
        /// Which should be lower or equal.
        lower: TcbName,
        /// Than which.
        upper: TcbName,
        /// In which part.
        component: Component,
    },
    /// S16: the firmware can be rolled back.
    #[error(
        "the firmware {current} runs and is not committed ({committed} is): it can be rolled back"
    )]
    FirmwareNotCommitted {
        /// The version that is.
        committed: Firmware,
        /// The version that runs.
        current: Firmware,
    },
    /// S16: too old.
    #[error("the firmware is {actual}, the policy asks for {least} at least")]
    Firmware {
        /// The version.
        actual: Firmware,
        /// The policy's.
        least: Firmware,
    },
    /// B1: bound to something else.
    #[error("the report's report_data is not what is due: it is bound to another session")]
    ReportData,
    /// S17: a TCB that is too old.
    #[error(
        "the {component} of the {name} TCB is too old: it is {actual}, the policy asks for {least}"
    )]
    TcbFloor {
        /// Which TCB.
        name: TcbName,
        /// The first part that is too old.
        component: Component,
        /// The TCB.
        actual: Tcb,
        /// The policy's.
        least: Tcb,
    },
    /// S17: mitigations missing.
    #[error("mitigations {missing:#x} of the policy were not verified, at launch or now")]
    Mitigations {
        /// Bits that are missing.
        missing: u64,
    },
    /// S18: the host can read the guest's memory.
    #[error("the guest may be debugged by its host: nothing in it is secret")]
    Debug,
    /// S18: the guest can be moved.
    #[error("the guest may be handed to a migration agent")]
    Migration,
    /// S18: bits that have no meaning.
    #[error("the guest policy {actual:#x} has reserved bits that are not as they must be")]
    GuestPolicyReserved {
        /// The guest policy.
        actual: u64,
    },
    /// S19: another guest policy.
    #[error("the guest policy is {actual:#x}, the policy asks for {expected:#x}")]
    GuestPolicy {
        /// The report's.
        actual: u64,
        /// The policy's.
        expected: u64,
    },
    /// S20: another privilege level.
    #[error("the report is of privilege level {actual}, the policy asks for {expected}")]
    Vmpl {
        /// The report's.
        actual: u32,
        /// The policy's.
        expected: u8,
    },
    /// S21: another image.
    #[error("the measurement {actual} is in no set of the policy")]
    Measurement {
        /// The report's, in hex.
        actual: String,
    },
    /// S21: an image whose time is over.
    #[error("the measurement set {label:?} has expired")]
    SetExpired {
        /// Its label.
        label: String,
    },
    /// S22: other host data.
    #[error("the host data {actual} are in no set of this measurement")]
    HostData {
        /// The report's, in hex.
        actual: String,
    },
    /// S23: other keys.
    #[error(
        "the digests of id key ({id}) and author key ({author}) are in no set of this measurement"
    )]
    Keys {
        /// The report's digest of the id key, in hex.
        id: String,
        /// The report's digest of the author key, in hex.
        author: String,
    },
    /// S24: the platform is not as it should be.
    #[error("the platform lacks {missing:#x} of the bits that the policy asks for")]
    Platform {
        /// Bits that are missing.
        missing: u64,
    },
    /// S25: another chip.
    #[error("the chip is not one that the policy's chip_ids name")]
    ChipNotListed,
}

impl AppraisalError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::MaskedKey | Self::SigningKey { .. } => checks::S5,
            Self::LeafProduct { .. } | Self::Processor { .. } | Self::ProductNotListed { .. } => {
                checks::S12
            }
            Self::LeafTcb { .. } => checks::S13,
            Self::MaskedChip | Self::OtherChip | Self::OtherCloud => checks::S14,
            Self::TcbOrder { .. } => checks::S15,
            Self::FirmwareNotCommitted { .. } | Self::Firmware { .. } => checks::S16,
            Self::ReportData => checks::B1,
            Self::TcbFloor { .. } | Self::Mitigations { .. } => checks::S17,
            Self::Debug | Self::Migration | Self::GuestPolicyReserved { .. } => checks::S18,
            Self::GuestPolicy { .. } => checks::S19,
            Self::Vmpl { .. } => checks::S20,
            Self::Measurement { .. }
            | Self::SetExpired { .. }
            | Self::FirmwareMeasurement { .. } => checks::S21,
            Self::HostData { .. } => checks::S22,
            Self::Keys { .. } => checks::S23,
            Self::Platform { .. } => checks::S24,
            Self::ChipNotListed => checks::S25,
        }
    }
}
