//! What the claims say, weighed against evidence and policy: the same for every kind of evidence.
//!
//! The evidence attests the claims' digest, and its verifier has compared it. In this order: B2, B3, P2, P3, P4.

use sealnote_model::{ModelDigest, Precision};
use sealnote_protocol::claims::{Claims, ClaimsError};
use sealnote_protocol::suite::{KeyError, PublicKey, Suite};
use sealnote_protocol::task::Task;
use sealnote_verifier::policy::SessionRules;
use sealnote_verifier::{Check, CheckLog};

/// The steps after those of the evidence's kind.
pub const CHECKS: [Check; 5] = [B2, B3, P2, P3, P4];

const B2: Check = Check::new("any", "B2", "claims well-formed and understood");
const B3: Check = Check::new("any", "B3", "keys are those that the claims name");
pub(crate) const P2: Check = Check::new("any", "P2", "suite accepted by the policy");
const P3: Check = Check::new("any", "P3", "model accepted by the policy");
const P4: Check = Check::new("any", "P4", "precision accepted by the policy");

/// Why attested claims are not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// B2: the claims are out of shape or range, or name what is not known here.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// B3: a key is none that its suite allows, or not the one that the claims name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// P2: no suite is both attested and accepted.
    #[error("the enclave attests no suite of {} or above, which the policy asks for", least.id())]
    Suite {
        /// The policy's least suite.
        least: Suite,
    },
    /// P3: the attested model is none that the policy accepts.
    #[error("the enclave runs model {actual}, which is none of the policy's model_digests")]
    Model {
        /// The attested digest.
        actual: ModelDigest,
    },
    /// P4: the policy asks for a precision, of an enclave that claims none: it computes nothing yet.
    #[error(
        "the policy asks for {expected}, and an enclave that asks for its model's key claims no precision; leave precision \
         out of the policy that releases the key"
    )]
    NoPrecision {
        /// The policy's.
        expected: Precision,
    },
    /// P4: the encoder is computed in another precision than the policy asks for.
    #[error("the enclave computes in {actual}, and the policy asks for {expected}")]
    Precision {
        /// The attested precision.
        actual: Precision,
        /// The policy's.
        expected: Precision,
    },
}

impl BindingError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Claims(_) => B2,
            Self::Key(_) => B3,
            Self::Suite { .. } => P2,
            Self::Model { .. } => P3,
            Self::Precision { .. } | Self::NoPrecision { .. } => P4,
        }
    }
}

/// Checks the claims, and yields the key of the strongest suite, which is `least` or above, and the task's own least.
pub(crate) fn check<T: Task>(
    claims: &[u8],
    evidence_key: Option<&[u8]>,
    least: Suite,
    rules: &SessionRules,
    log: &mut CheckLog,
) -> Result<(Claims<T>, PublicKey), BindingError> {
    let claims = log.run(B2, || Claims::<T>::decode(claims))?;
    let keys = log.run(B3, || claims.public_keys(evidence_key))?;
    let least = least.max(T::LEAST_SUITE);
    let key = log.run(P2, || {
        keys.into_iter()
            .max_by_key(PublicKey::suite)
            .filter(|key| key.suite() >= least)
            .ok_or(BindingError::Suite { least })
    })?;
    log.run(P3, || check_model(claims.task().model(), rules))?;
    log.run(P4, || check_precision(claims.task().precision(), rules))?;
    Ok((claims, key))
}

fn check_model(actual: ModelDigest, rules: &SessionRules) -> Result<(), BindingError> {
    match rules.model_digests() {
        Some(accepted) if !accepted.contains(&actual) => Err(BindingError::Model { actual }),
        _ => Ok(()),
    }
}

fn check_precision(actual: Option<Precision>, rules: &SessionRules) -> Result<(), BindingError> {
    match (rules.precision(), actual) {
        (Some(expected), None) => Err(BindingError::NoPrecision { expected }),
        (Some(expected), Some(actual)) if actual != expected => {
            Err(BindingError::Precision { actual, expected })
        }
        _ => Ok(()),
    }
}
