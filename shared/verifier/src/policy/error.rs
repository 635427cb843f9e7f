//! Why a policy was not loaded.

use super::MAX_POLICY_LEN;
use crate::hex::HexFault;
use crate::kinds::EvidenceRulesError;
use crate::schema::ShapeError;

/// A policy that cannot be used. Nothing is accepted under a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// More bytes than are read.
    #[error("the policy has {len} bytes, at most {max} are read", max = MAX_POLICY_LEN)]
    TooLarge {
        /// Length of the input in bytes.
        len: usize,
    },
    /// Not JSON; or an unknown, repeated or missing key, or a value of the wrong type.
    #[error("the policy cannot be read: {0}")]
    Json(#[from] ShapeError),
    /// nitro-cli's JSON with a key of ours, which would be ignored.
    #[error(
        "the policy has nitro-cli's \"Measurements\" and our {key:?}; it must be one or the other"
    )]
    MixedShapes {
        /// Our key.
        key: &'static str,
    },
    /// A later version's file.
    #[error("the policy has version {found}, this program reads versions 1 and 2")]
    Version {
        /// The version in the file.
        found: u64,
    },
    /// Rules for evidence that cannot be used.
    #[error(transparent)]
    Evidence(#[from] EvidenceRulesError),
    /// An empty list of model digests.
    #[error("model_digests is empty and would accept no model; leave it out to accept any")]
    NoModelDigests,
    /// A digest that is none.
    #[error("model digest {index} {fault}")]
    ModelDigest {
        /// Place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        fault: HexFault,
    },
    /// No precision of this program.
    #[error("precision {found:?} is unknown; it is \"f32\" or \"int8\"")]
    Precision {
        /// The name in the file.
        found: String,
    },
    /// No suite has this number.
    #[error("least_suite is {found}; suites have the numbers 1 to 65535")]
    Suite {
        /// The number in the file.
        found: u64,
    },
}
