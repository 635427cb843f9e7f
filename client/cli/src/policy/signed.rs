//! A policy as the commands that verify take it: signed, where a signer is pinned.

use std::path::Path;

use sealnote_verifier::policy::MAX_POLICY_LEN;

use super::serials::{Seen, SerialError, Serials};
use super::signature::{self, SignatureError};
use super::signers::{Signer, Signers};
use super::stored::Stored;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::files::shown;

/// A policy whose signature is right, and its serial.
pub(crate) struct Signed<'a> {
    pub(crate) stored: Stored,
    pub(crate) serial: u64,
    pub(crate) signer: &'a Signer,
}

/// Why a policy is not taken as signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignedError {
    /// No file, or no policy.
    #[error("{0}")]
    File(Failure),
    /// No signature that is asked for.
    #[error("{0}")]
    Signature(SignatureError),
    /// A policy that says nothing of its place among others.
    #[error("the policy has no \"serial\", without which an older one could take its place")]
    NoSerial,
    /// An older one, or one that cannot be remembered.
    #[error(transparent)]
    Serial(#[from] SerialError),
}

/// Reads a policy. With `signers`, its signature must be of one of them, and its serial not below what was accepted of
/// them before, which is remembered.
pub(crate) fn load(policy: &Path, signers: Option<&Path>) -> Result<Stored, Failure> {
    let Some(signers) = signers else {
        return Stored::read(policy);
    };
    let signers = Signers::read(signers)?;
    let accepted = Signed::read(policy, &signers).and_then(|signed| {
        Serials::of_user()?.accept(&signed.seen())?;
        Ok(signed.stored)
    });
    accepted.map_err(|error| error.because(Exit::Usage, policy))
}

impl<'a> Signed<'a> {
    /// Reads a policy with its signature, which is looked at before anything else.
    pub(crate) fn read(policy: &Path, signers: &'a Signers) -> Result<Self, SignedError> {
        let bytes = files::read(policy, "the policy", MAX_POLICY_LEN).map_err(SignedError::File)?;
        let pem = signature::read(&signature::path(policy)).map_err(SignedError::File)?;
        let signer = signature::verify(signers, &bytes, &pem).map_err(SignedError::Signature)?;
        let stored = Stored::parse(policy, bytes).map_err(SignedError::File)?;
        let serial = stored.policy.serial().ok_or(SignedError::NoSerial)?;
        Ok(Self {
            stored,
            serial,
            signer,
        })
    }

    /// What is remembered of it.
    pub(crate) fn seen(&self) -> Seen {
        Seen::new(self.signer.fingerprint(), self.serial, &self.stored.bytes)
    }
}

impl SignedError {
    /// The failure of a command: `exit`, unless it is that a file cannot be read.
    pub(crate) fn because(self, exit: Exit, policy: &Path) -> Failure {
        match self {
            Self::File(failure) => failure,
            Self::Signature(error) => {
                exit.because(format!("{}: {error}", shown(&signature::path(policy))))
            }
            Self::Serial(error @ (SerialError::Older { .. } | SerialError::Other { .. })) => {
                exit.because(format!("{}: {error}", shown(policy)))
            }
            Self::Serial(error) => Exit::Usage.because(error.to_string()),
            Self::NoSerial => exit.because(format!("{}: {self}", shown(policy))),
        }
    }
}
