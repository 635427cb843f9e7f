//! Why there is no evidence of a vTPM, or why the enclave must not start.

use thiserror::Error;

use super::hcl::{HclError, INDEX};
use super::wire::TpmError;
use super::{ATTEMPTS, KEY};

/// Why there is no evidence, or why the enclave must not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AzureVtpmError {
    /// There is no TPM, or none for us.
    #[error(
        "/dev/tpmrm0 cannot be opened ({0}). In a confidential VM of Azure, use a kernel with CONFIG_TCG_CRB and run as root or \
         in the device's group, with the device in the container; elsewhere choose another --attester"
    )]
    NoDevice(std::io::Error),
    /// A command failed.
    #[error(transparent)]
    Tpm(#[from] TpmError),
    /// There is no HCL report.
    #[error(
        "the TPM has no HCL report at NV index {INDEX:#010x}, so this is no confidential VM of Azure: choose another --attester"
    )]
    NoReport,
    /// The HCL report is of no use.
    #[error(transparent)]
    Report(#[from] HclError),
    /// There is no attestation key.
    #[error(
        "the vTPM has no attestation key at {KEY:#010x}: start the machine anew, for its paravisor makes one at boot"
    )]
    NoKey,
    /// The key there is not one that clients take.
    #[error(
        "the key at {KEY:#010x} is not Azure's attestation key, an RSA key of 2048 bits that signs with SHA-256 and is restricted: \
         take away what replaced it, and start the machine anew"
    )]
    UnfitKey,
    /// The model's register is not as the guest starts with it.
    #[error(
        "register {0} is not zero: something has extended it before. If that was a former start of this program, start the \
         machine anew; if it was systemd's boot stub, which extends 11, name another by --vtpm-model-pcr"
    )]
    ExtendedBefore(u8),
    /// The model's register has another value than the model gives it.
    #[error(
        "register {0} is not what this model extends it to; something else has extended it as well: start the machine anew"
    )]
    NotExtended(u8),
    /// The model's register no longer shows the model alone.
    #[error(
        "register {0} has been extended since the enclave started, so that no client would accept its quotes: find what did \
         it, and start the machine anew"
    )]
    ExtendedSince(u8),
    /// What was signed is no quote of the bank.
    #[error("what the vTPM signed is no quote of registers of its SHA-256 bank")]
    NoQuote,
    /// A quote of something else.
    #[error("the vTPM's quote is of other data or other registers than were asked for")]
    OtherQuote,
    /// Registers change all the time.
    #[error(
        "the registers changed between reading and quoting, {ATTEMPTS} times: find what extends one that is quoted, or leave \
         it out of --vtpm-pcrs and of the policy"
    )]
    Changing,
}
