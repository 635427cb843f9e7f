//! Evidence by the Nitro Security Module, and the start that must come before it.
//!
//! [`Nsm::open`] seeds the kernel's random numbers, [`Nsm::lock_model`] measures the model and locks
//! the registers, and only what that returns is an attester. Each consumes what came before, so that
//! no order but this one can be written.

mod clock;
mod device;
mod entropy;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use aws_nitro_enclaves_nsm_api::api::{ErrorCode, Request, Response};
use sealnote_model::ModelDigest;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use thiserror::Error;

use super::{AttestError, Attester};

pub use clock::{GREATEST_OFFSET, clock_source};
pub use device::Device;

/// The number of this kind of evidence: a Nitro document.
pub const KIND: EvidenceKind = EvidenceKind(1);

/// The register that is extended by the model: the first that is the image's to extend.
pub(super) const MODEL_REGISTER: u8 = 16;

/// Registers of the module; all of them are locked before there is a key.
const REGISTERS: u16 = 32;

/// What answers the module's requests: [`Device`], or a stand-in in tests.
pub trait Module: Send + Sync {
    /// One request and its response; blocking.
    fn request(&self, request: Request) -> Response;
}

/// The module, open, and the kernel's random numbers seeded by it.
pub struct Nsm<M = Device> {
    module: M,
}

impl Nsm {
    /// Opens the module, and seeds the kernel's pool of random numbers from its generator.
    ///
    /// # Errors
    /// Where there is no module, or the kernel does not take the seed.
    pub fn open() -> Result<Self, NsmError> {
        let nsm = Self {
            module: Device::open().ok_or(NsmError::NoDevice)?,
        };
        entropy::add_to_kernel(&nsm.random()?).map_err(NsmError::Entropy)?;
        Ok(nsm)
    }
}

impl<M: Module> Nsm<M> {
    fn random(&self) -> Result<entropy::Seed, NsmError> {
        let draw = || match self.module.request(Request::GetRandom) {
            Response::GetRandom { random } => entropy::Seed::new(random).ok_or(NsmError::Random),
            other => Err(refused("to give random bytes", other)),
        };
        let (first, second) = (draw()?, draw()?);
        match first == second {
            // A generator that repeats itself is broken, and every key after it would be.
            true => Err(NsmError::Random),
            false => Ok(second),
        }
    }

    /// Extends register 16 by the model, locks all registers, and reads back that both is so.
    ///
    /// # Errors
    /// When anything is not as it was asked for. Register 16 then has a value that no prediction has,
    /// or can still be changed; there must be no key.
    pub fn lock_model(self, model: &ModelDigest) -> Result<NsmAttester<M>, NsmError> {
        let extend = Request::ExtendPCR {
            index: MODEL_REGISTER.into(),
            data: model.extension().to_vec(),
        };
        match self.module.request(extend) {
            Response::ExtendPCR { .. } => {}
            other => return Err(refused("to extend PCR16", other)),
        }
        let expected = model.register();
        if self.model_register()?.value != expected {
            return Err(NsmError::ModelRegister);
        }
        // It locks the registers below the range, so that 16 would leave register 16 open.
        match self.module.request(Request::LockPCRs { range: REGISTERS }) {
            Response::LockPCRs => {}
            other => return Err(refused("to lock the registers", other)),
        }
        let register = self.model_register()?;
        if !register.locked || !self.all_locked()? {
            return Err(NsmError::NotLocked);
        }
        match register.value == expected {
            true => Ok(NsmAttester {
                module: self.module,
            }),
            false => Err(NsmError::ModelRegister),
        }
    }

    fn model_register(&self) -> Result<Register, NsmError> {
        let index = MODEL_REGISTER.into();
        match self.module.request(Request::DescribePCR { index }) {
            Response::DescribePCR { lock, data } => Ok(Register {
                locked: lock,
                value: data,
            }),
            other => Err(refused("to describe PCR16", other)),
        }
    }

    fn all_locked(&self) -> Result<bool, NsmError> {
        match self.module.request(Request::DescribeNSM) {
            Response::DescribeNSM { locked_pcrs, .. } => {
                Ok((0..REGISTERS).all(|register| locked_pcrs.contains(&register)))
            }
            other => Err(refused("to describe itself", other)),
        }
    }
}

struct Register {
    locked: bool,
    value: Vec<u8>,
}

/// The module, its registers locked with the model's measurement in register 16.
pub struct NsmAttester<M = Device> {
    module: M,
}

impl<M: Module> NsmAttester<M> {
    /// How far the enclave's clock is from the module's, in seconds: positive when it is ahead.
    ///
    /// # Errors
    /// When that is more than [`GREATEST_OFFSET`]: certificates and ages are judged by the document's
    /// time, and a session's life by the enclave's.
    pub fn check_clock(&self, now: SystemTime) -> Result<i64, NsmError> {
        let document = self.document(Request::Attestation {
            user_data: None,
            nonce: None,
            public_key: None,
        })?;
        clock::check(&document, now)
    }

    fn document(&self, request: Request) -> Result<Vec<u8>, NsmError> {
        match self.module.request(request) {
            Response::Attestation { document } => Ok(document),
            other => Err(refused("to attest", other)),
        }
    }
}

impl<M: Module> Attester for NsmAttester<M> {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let request = Request::Attestation {
            user_data: Some(binding.claims.to_vec().into()),
            nonce: Some(binding.challenge.to_vec().into()),
            public_key: binding.public_key.clone().map(Into::into),
        };
        Ok(self.document(request)?)
    }

    fn nitro_document(
        &self,
        public_key: &[u8],
        user_data: &[u8; 48],
    ) -> Result<Vec<u8>, AttestError> {
        let request = Request::Attestation {
            user_data: Some(user_data.to_vec().into()),
            nonce: None,
            public_key: Some(public_key.to_vec().into()),
        };
        Ok(self.document(request)?)
    }
}

/// Why there is no evidence by the module, or why the enclave must not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NsmError {
    /// There is no Nitro Security Module here.
    #[error(
        "/dev/nsm cannot be opened: this is not a Nitro enclave (or its nsm driver is not loaded). \
         Run the image with `nitro-cli run-enclave`, or use a development build with \
         --attester software"
    )]
    NoDevice,
    /// The module refused a request, or answered another.
    #[error("the Nitro Security Module refused {what}: {why}")]
    Refused {
        /// What it was asked.
        what: &'static str,
        /// Its error code.
        why: String,
    },
    /// The module's generator gave too few bytes, or the same ones twice.
    #[error("the Nitro Security Module's random bytes are not random")]
    Random,
    /// The kernel did not take the seed.
    #[error("the kernel's random numbers cannot be seeded (it takes root): {0}")]
    Entropy(std::io::Error),
    /// Register 16 has not the value that this model gives it.
    #[error(
        "PCR16 is not what this model extends it to; something else has extended it before: \
         run the image anew"
    )]
    ModelRegister,
    /// A register can still be extended.
    #[error("the Nitro Security Module did not lock its registers")]
    NotLocked,
    /// The document has no time.
    #[error("the Nitro Security Module's document has no timestamp")]
    Timestamp,
    /// The clocks differ.
    #[error(
        "the enclave's clock is {offset} s from the Nitro Security Module's; at most \
         {GREATEST_OFFSET} s are accepted"
    )]
    Clock {
        /// Seconds by which the enclave's clock is ahead.
        offset: i64,
    },
}

fn refused(what: &'static str, response: Response) -> NsmError {
    let why = match response {
        Response::Error(ErrorCode::Success) => "it gave no reason".to_owned(),
        Response::Error(code) => format!("{code:?}"),
        _ => "it answered another request".to_owned(),
    };
    NsmError::Refused { what, why }
}
