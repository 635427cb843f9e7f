//! Evidence of a confidential VM of Azure on SEV-SNP: the HCL report of its paravisor, and a quote of its vTPM.
//!
//! [`AzureVtpm::extend_model`] consumes what [`AzureVtpm::open`] gave, and only what it returns is an attester, so that there
//! is no key before the model's register shows the model. It must be zero before, is read back after, and every quote is of
//! it. It cannot be locked; what extends it later makes every quote unlike the policy, and [`AzureVtpmAttester`] stops at
//! the first.
//!
//! The six commands of a TPM are marshalled here: the library that others use for it is C, and the enclave is one static
//! program.
//!
//! Tried against a TPM in software (`make test-vtpm-quote`), and not on Azure.

mod command;
mod error;
mod hcl;
mod quote;
pub(super) mod registers;
mod tpm;
mod wire;

use std::sync::{Mutex, PoisonError};

use sealnote_evidence::{Evidence, map};
use sealnote_model::ModelDigest;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use sha2::{Digest, Sha256};

use super::sev_snp::Machine;
use super::{AttestError, Attester, report_data};
use command::Signed;
use hcl::HclReport;
use quote::Body;
use registers::{Value, Values};

pub use error::AzureVtpmError;
pub use hcl::HclError;
pub use registers::{Layout, LayoutError, Registers};
pub use tpm::{Device, Tpm};
pub use wire::{Code, TpmError};

/// The number of this kind of evidence: an HCL report and a vTPM's quote.
pub const KIND: EvidenceKind = EvidenceKind(4);

/// Its name in policies, flags and the hand-over of endorsements.
pub const NAME: &str = "azure-vtpm";

/// Where the paravisor keeps the attestation key.
const KEY: u32 = 0x8100_0003;

/// How often a quote is made anew when a register has changed meanwhile.
const ATTEMPTS: usize = 3;

/// A guest with a vTPM, in which the model is not measured yet.
pub struct AzureVtpm<T = Device> {
    vtpm: Vtpm<T>,
    machine: Machine,
}

impl AzureVtpm {
    /// Finds the vTPM, its key, and the report that names that key.
    ///
    /// # Errors
    /// Where this is no confidential VM of Azure on SEV-SNP, or something was measured into the model's register before.
    pub fn open(layout: Layout) -> Result<Self, AzureVtpmError> {
        let device = Device::open().map_err(AzureVtpmError::NoDevice)?;
        Self::with(device, layout)
    }
}

impl<T: Tpm> AzureVtpm<T> {
    /// The same, through this TPM.
    ///
    /// # Errors
    /// As [`open`](AzureVtpm::open).
    pub fn with(mut tpm: T, layout: Layout) -> Result<Self, AzureVtpmError> {
        let absent = |otherwise| {
            |error: TpmError| match error.is_absent() {
                true => otherwise,
                false => error.into(),
            }
        };
        let report_len = hcl::len(&mut tpm).map_err(absent(AzureVtpmError::NoReport))?;
        let report = HclReport::read(&mut tpm, report_len)?;
        let key = command::attestation_key(&mut tpm, KEY).map_err(absent(AzureVtpmError::NoKey))?;
        let mut vtpm = Vtpm {
            tpm,
            layout,
            report_len,
            modulus: key.ok_or(AzureVtpmError::UnfitKey)?.to_vec(),
        };
        report.check_key(&vtpm.modulus)?;
        // Before a model is loaded for nothing.
        vtpm.check_model([0; 32], AzureVtpmError::ExtendedBefore)?;
        let machine = report.machine();
        Ok(Self { vtpm, machine })
    }

    /// Which key signed the hardware's report: by it the operator finds the endorsements.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Extends the model's register by the model, and reads back that it shows the model and nothing else.
    ///
    /// # Errors
    /// When that is not so; there must be no key.
    pub fn extend_model(
        mut self,
        model: &ModelDigest,
    ) -> Result<AzureVtpmAttester<T>, AzureVtpmError> {
        self.vtpm
            .check_model([0; 32], AzureVtpmError::ExtendedBefore)?;
        let event = registers::event(&model.extension());
        let register = registers::extended([0; 32], &event);
        command::pcr_extend(&mut self.vtpm.tpm, self.vtpm.layout.model(), &event)?;
        self.vtpm
            .check_model(register, AzureVtpmError::NotExtended)?;
        Ok(AzureVtpmAttester {
            vtpm: Mutex::new(self.vtpm),
            register,
        })
    }
}

/// The attester of a guest whose vTPM shows the model.
pub struct AzureVtpmAttester<T = Device> {
    /// One at a time: several commands make an evidence.
    vtpm: Mutex<Vtpm<T>>,
    /// What the model's register must be.
    register: Value,
}

impl<T: Tpm> Attester for AzureVtpmAttester<T> {
    fn kind(&self) -> EvidenceKind {
        KIND
    }

    fn endorsed_as(&self) -> Option<&'static str> {
        Some(NAME)
    }

    /// A vTPM takes no 64 bytes, so that the binding is hashed once more.
    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        let due = Sha256::digest(report_data(KIND, binding)).into();
        let mut vtpm = self.vtpm.lock().unwrap_or_else(PoisonError::into_inner);
        let report = vtpm.report()?;
        let (signed, values) = vtpm.quote(&due, &self.register)?;
        let parts = map::write(&[
            (1, report.bytes()),
            (2, &signed.message),
            (3, &signed.signature),
            (4, &in_order(&values)),
        ]);
        let evidence = Evidence {
            public_key: binding.public_key.as_deref(),
            vtpm: Some(&parts),
            ..Evidence::default()
        };
        Ok(evidence.encode())
    }
}

/// A vTPM that has what evidence is made of.
struct Vtpm<T> {
    tpm: T,
    layout: Layout,
    report_len: u16,
    /// Of the attestation key.
    modulus: Vec<u8>,
}

impl<T: Tpm> Vtpm<T> {
    /// As the paravisor has it now.
    fn report(&mut self) -> Result<HclReport, AzureVtpmError> {
        let report = HclReport::read(&mut self.tpm, self.report_len)?;
        report.check_key(&self.modulus)?;
        Ok(report)
    }

    /// A quote of the registers, and their values in it.
    fn quote(
        &mut self,
        qualifying_data: &[u8; 32],
        model: &Value,
    ) -> Result<(Signed, Values), AzureVtpmError> {
        let quoted = self.layout.quoted();
        for _ in 0..ATTEMPTS {
            let values = command::pcr_read(&mut self.tpm, quoted)?;
            if values.get(&self.layout.model()) != Some(model) {
                return Err(AzureVtpmError::ExtendedSince(self.layout.model()));
            }
            let signed = command::quote(&mut self.tpm, KEY, qualifying_data, quoted)?;
            let body = Body::of(&signed.message).ok_or(AzureVtpmError::NoQuote)?;
            if (body.qualifying_data, body.registers) != (qualifying_data, quoted) {
                return Err(AzureVtpmError::OtherQuote);
            }
            if body.digest == Sha256::digest(in_order(&values)).as_slice() {
                return Ok((signed, values));
            }
        }
        Err(AzureVtpmError::Changing)
    }

    fn check_model(
        &mut self,
        due: Value,
        otherwise: fn(u8) -> AzureVtpmError,
    ) -> Result<(), AzureVtpmError> {
        let register = self.layout.model();
        let values = command::pcr_read(&mut self.tpm, Registers::one(register))?;
        match values.get(&register) == Some(&due) {
            true => Ok(()),
            false => Err(otherwise(register)),
        }
    }
}

/// As evidence and the quote's digest have them.
fn in_order(values: &Values) -> Vec<u8> {
    values.values().flatten().copied().collect()
}

#[cfg(test)]
mod double;
#[cfg(test)]
mod tests;
