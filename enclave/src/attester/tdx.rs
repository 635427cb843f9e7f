//! Evidence of a TDX guest: a quote, by configfs-tsm, and the register that shows the model.
//!
//! [`Tdx::extend_model`] consumes what [`Tdx::open`] gave, and only what it returns is an attester, so that there is no key
//! before register RTMR3 shows the model. RTMR3 is the one that neither firmware nor kernel extends. It cannot be locked;
//! what extends it later makes every quote unlike the policy, and [`TdxAttester`] stops at the first.
//!
//! Tried against a stand-in for configfs and sysfs, and not on hardware.

mod quote;
mod register;

use sealnote_evidence::Evidence;
use sealnote_key_release::evidence::Tee;
use sealnote_model::{ModelDigest, SHA384_LEN};
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use thiserror::Error;

use super::tsm::{Entries, Folder, Provider, Tsm, TsmError};
use super::{AttestError, Attester, report_data};
use quote::Body;

pub use register::{ModelRegister, RegisterFile};

/// The number of this kind of evidence: a TDX quote.
pub const KIND: EvidenceKind = EvidenceKind(3);

/// Its name in policies, flags and the hand-over of endorsements.
pub const NAME: &str = "tdx";

/// A TDX guest in which nothing is measured yet.
pub struct Tdx<E = Folder, R = RegisterFile> {
    quotes: Tsm<E>,
    register: R,
}

impl Tdx {
    /// Finds what gives quotes here.
    ///
    /// # Errors
    /// Where this is no TDX guest, or RTMR3 cannot be extended for the model.
    pub fn open() -> Result<Self, TdxError> {
        Self::with(Folder::of_the_kernel(), RegisterFile::of_the_kernel())
    }
}

impl<E: Entries, R: ModelRegister> Tdx<E, R> {
    fn with(entries: E, register: R) -> Result<Self, TdxError> {
        let quotes = Tsm::open(entries, Provider::TdxGuest)?;
        let tdx = Self { quotes, register };
        // Before a model is loaded for nothing.
        tdx.check_register([0; SHA384_LEN], TdxError::ExtendedBefore)?;
        Ok(tdx)
    }

    /// Extends RTMR3 by the model, and reads back that it shows the model and nothing else.
    ///
    /// # Errors
    /// When that is not so; there must be no key.
    pub fn extend_model(self, model: &ModelDigest) -> Result<TdxAttester<E>, TdxError> {
        self.check_register([0; SHA384_LEN], TdxError::ExtendedBefore)?;
        self.register
            .extend(&model.extension())
            .map_err(TdxError::Extend)?;
        self.check_register(model.register(), TdxError::NotExtended)?;
        Ok(TdxAttester {
            quotes: self.quotes,
            register: model.register(),
        })
    }

    fn check_register(&self, due: [u8; SHA384_LEN], otherwise: TdxError) -> Result<(), TdxError> {
        let value = self.register.read().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => TdxError::NoRegister,
            _ => TdxError::Read(error),
        })?;
        match value == due {
            true => Ok(()),
            false => Err(otherwise),
        }
    }
}

/// The attester of a TDX guest whose RTMR3 shows the model.
pub struct TdxAttester<E = Folder> {
    quotes: Tsm<E>,
    register: [u8; SHA384_LEN],
}

impl<E: Entries> TdxAttester<E> {
    fn quote(&self, data: &[u8; 64]) -> Result<Vec<u8>, TdxError> {
        let quote = self.quotes.report(data)?;
        let body = Body::of(&quote).ok_or(TdxError::NoQuote(quote.len()))?;
        if body.report_data != data {
            return Err(TdxError::OtherData);
        }
        match body.rtmr3 == &self.register {
            true => Ok(quote),
            false => Err(TdxError::ExtendedSince),
        }
    }
}

impl<E: Entries> Attester for TdxAttester<E> {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn endorsed_as(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let quote = self.quote(&report_data(KIND, binding))?;
        let evidence = Evidence {
            report: &quote,
            public_key: binding.public_key.as_deref(),
            ..Evidence::default()
        };
        Ok(evidence.encode())
    }

    fn tee(&self, report_data: &[u8; 64]) -> Result<Tee, AttestError> {
        let quote = self.quote(report_data)?;
        Ok(Tee::Tdx { quote })
    }
}

/// Why there is no quote, or why the enclave must not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TdxError {
    /// configfs-tsm gives none.
    #[error(transparent)]
    Tsm(#[from] TsmError),
    /// RTMR3 is not to be had.
    #[error(
        "{} is not there, so the model cannot be measured: use a kernel of 6.16 or later, with CONFIG_TSM_MEASUREMENTS and \
         the driver tdx-guest",
        register::PATH
    )]
    NoRegister,
    /// RTMR3 cannot be read.
    #[error("RTMR3 cannot be read: {0}")]
    Read(std::io::Error),
    /// RTMR3 is not as the guest starts with it.
    #[error(
        "RTMR3 is not zero: something has extended it before, a former start of this program perhaps. Start the guest anew, \
         and let nothing else in it extend RTMR3"
    )]
    ExtendedBefore,
    /// RTMR3 cannot be extended.
    #[error("RTMR3 cannot be extended (it takes root): {0}")]
    Extend(std::io::Error),
    /// RTMR3 has another value than the model gives it.
    #[error(
        "RTMR3 is not what this model extends it to; something else has extended it as well: start the guest anew"
    )]
    NotExtended,
    /// It is not a quote of a TDX guest.
    #[error("what the kernel gave is no TDX quote of version 4 or 5 ({0} bytes)")]
    NoQuote(usize),
    /// It is the quote of something else.
    #[error(
        "the quote carries other data than were asked for: something else asks for quotes here; leave that to the enclave"
    )]
    OtherData,
    /// RTMR3 no longer shows the model alone.
    #[error(
        "RTMR3 has been extended since the enclave started, so that no client would accept its quotes: find what did it, \
         and start the guest anew"
    )]
    ExtendedSince,
}

#[cfg(test)]
mod tests;
