//! The HCL report: what Azure's paravisor writes for the guest, with the hardware's report in it and the attestation key
//! that it is about. PROTOCOL.md, V1, V2 and V4, and the verifier's module `hcl` have its layout. It comes from this
//! machine, so only what would make it useless is looked at.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::AzureVtpmError;
use super::command;
use super::tpm::Tpm;
use super::wire::TpmError;
use crate::attester::sev_snp::Machine;

/// The vTPM's index that has it.
pub(super) const INDEX: u32 = 0x0140_0001;

/// No client takes a longer one.
const MAX_LEN: u16 = 4096;

/// SEV-SNP's report.
const REPORT: Range<usize> = 32..1216;
/// `REPORT_DATA` of it.
const REPORT_DATA: Range<usize> = 32 + 0x50..32 + 0x90;
const KIND: usize = 1224;
const VAR_LEN: usize = 1232;
const VAR_DATA: usize = 1236;

const SEV_SNP: u32 = 2;
const TDX: u32 = 4;

/// The name that the paravisor gives the attestation key.
const KEY_ID: &str = "HCLAkPub";

/// How often it is read anew when its parts are of two.
const ATTEMPTS: usize = 3;

/// An HCL report on SEV-SNP.
pub(super) struct HclReport {
    bytes: Vec<u8>,
    var_data: Range<usize>,
}

/// Why an HCL report is of no use.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HclError {
    /// As long as no client takes it.
    #[error(
        "NV index {INDEX:#010x} has {0} bytes, and so no HCL report in it that a client would take"
    )]
    Length(u16),
    /// Something else.
    #[error("NV index {INDEX:#010x} has no HCL report in it")]
    Structure,
    /// On TDX.
    #[error(
        "this machine is on TDX. There the evidence needs a TD quote, which only http://169.254.169.254/acc/tdquote gives, \
         and the enclave makes no connections. Use a confidential VM of Azure on SEV-SNP (DCas and ECas series)"
    )]
    Tdx,
    /// On other hardware.
    #[error("the HCL report is of hardware {0}, which is not known here; 2 is SEV-SNP")]
    Hardware(u32),
    /// Not about what is beside it.
    #[error(
        "the hardware's report is not about the keys beside it in the HCL report: something else makes the paravisor write \
         new ones all the time; leave the vTPM to the enclave"
    )]
    VarData,
    /// Of another key.
    #[error(
        "the HCL report does not name the vTPM's attestation key as its one {KEY_ID}: start the machine anew"
    )]
    OtherKey,
}

/// How long the index is.
pub(super) fn len(tpm: &mut impl Tpm) -> Result<u16, TpmError> {
    command::nv_len(tpm, INDEX)
}

impl HclReport {
    /// Reads it. The paravisor writes a new one when its beginning is read, though not every time.
    pub(super) fn read(tpm: &mut impl Tpm, len: u16) -> Result<Self, AzureVtpmError> {
        if !(VAR_DATA + 1..=usize::from(MAX_LEN)).contains(&usize::from(len)) {
            return Err(HclError::Length(len).into());
        }
        let mut attempts = 1..ATTEMPTS;
        loop {
            match Self::parse(command::nv_read(tpm, INDEX, len)?) {
                // The hardware's report with its signature comes by one command, and the keys by later ones.
                Err(HclError::VarData) if attempts.next().is_some() => {}
                read => return Ok(read?),
            }
        }
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, HclError> {
        let number = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk()?;
            Some(u32::from_le_bytes(*bytes))
        };
        let (kind, var_len) = number(KIND)
            .zip(number(VAR_LEN))
            .filter(|_| bytes.starts_with(b"HCLA"))
            .ok_or(HclError::Structure)?;
        match kind {
            SEV_SNP => {}
            TDX => return Err(HclError::Tdx),
            other => return Err(HclError::Hardware(other)),
        }
        let var_data = VAR_DATA..VAR_DATA.saturating_add(var_len as usize);
        let text = bytes.get(var_data.clone()).ok_or(HclError::Structure)?;
        let (digest, zeros) = bytes[REPORT_DATA].split_at(32);
        if digest != Sha256::digest(text).as_slice() || zeros != [0; 32] {
            return Err(HclError::VarData);
        }
        Ok(Self { bytes, var_data })
    }

    /// Whether this is the one key that it names.
    pub(super) fn check_key(&self, modulus: &[u8]) -> Result<(), HclError> {
        let var_data: Value = serde_json::from_slice(&self.bytes[self.var_data.clone()])
            .map_err(|_| HclError::Structure)?;
        let keys = var_data["keys"].as_array().ok_or(HclError::Structure)?;
        let mut named = keys.iter().filter(|key| key["kid"] == KEY_ID);
        match (named.next(), named.next()) {
            (Some(key), None) if key["n"] == URL_SAFE_NO_PAD.encode(modulus) => Ok(()),
            _ => Err(HclError::OtherKey),
        }
    }

    /// Which key signed the hardware's report.
    pub(super) fn machine(&self) -> Machine {
        Machine::of(&self.bytes[REPORT])
    }

    /// As the index has it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
