//! The fields of the payload, and what can be wrong with them.

use std::fmt;

use sealnote_model::SHA384_LEN;

use crate::check::Check;
use crate::nitro::checks;

pub(super) const MAX_PCRS: usize = 32;
pub(super) const MAX_CERTIFICATE_LEN: usize = 1024;

/// Greatest length of `public_key`, `user_data` and `nonce`, in bytes.
///
/// Off-spec: section 3.2.2.2 of AWS's description says 512 for the last two; section 2.2 and the
/// EC2 user guide say 1024, and genuine documents carry as much.
pub(super) const MAX_OPTIONAL_LEN: usize = 1024;

/// Greatest number of certificates in `cabundle`: the root and the six intermediate CAs that webpki
/// follows. Off-spec: AWS states no limit; genuine documents have four.
pub(super) const MAX_BUNDLE_LEN: usize = 7;

/// A field of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // The names are those of AWS's description.
pub enum Field {
    ModuleId,
    Digest,
    Timestamp,
    Pcrs,
    Certificate,
    Cabundle,
    PublicKey,
    UserData,
    Nonce,
}

impl Field {
    pub(super) const ALL: [Self; 9] = [
        Self::ModuleId,
        Self::Digest,
        Self::Timestamp,
        Self::Pcrs,
        Self::Certificate,
        Self::Cabundle,
        Self::PublicKey,
        Self::UserData,
        Self::Nonce,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ModuleId => "module_id",
            Self::Digest => "digest",
            Self::Timestamp => "timestamp",
            Self::Pcrs => "pcrs",
            Self::Certificate => "certificate",
            Self::Cabundle => "cabundle",
            Self::PublicKey => "public_key",
            Self::UserData => "user_data",
            Self::Nonce => "nonce",
        }
    }

    pub(super) const fn is_optional(self) -> bool {
        matches!(self, Self::PublicKey | Self::UserData | Self::Nonce)
    }

    const fn check(self) -> Check {
        match self {
            Self::ModuleId => checks::A8,
            Self::Digest => checks::A9,
            Self::Timestamp => checks::A10,
            Self::Pcrs => checks::A11,
            Self::Cabundle => checks::A12,
            Self::Certificate => checks::A13,
            Self::PublicKey | Self::UserData | Self::Nonce => checks::A14,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The payload is not that of an enclave's attestation document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// A6: no map.
    #[error("the payload is not a map")]
    NotAMap,
    /// A6: a mandatory field is missing.
    #[error("the mandatory field {field} is missing")]
    Missing {
        /// The field.
        field: Field,
    },
    /// A7: a mandatory field is null.
    #[error("the mandatory field {field} is null")]
    Null {
        /// The field.
        field: Field,
    },
    /// X3: a key that is not a text.
    #[error("key {position} of the payload is not a text")]
    KeyNotText {
        /// Place of the key in the map, from 0.
        position: usize,
    },
    /// X3: a key that no attestation document has.
    #[error("key {position} of the payload is none that an attestation document has")]
    UnknownKey {
        /// Place of the key in the map, from 0.
        position: usize,
    },
    /// X3: a field twice.
    #[error("the field {field} is there twice")]
    DuplicateKey {
        /// The field.
        field: Field,
    },
    /// X3: a register twice.
    #[error("PCR{index} is there twice")]
    DuplicatePcr {
        /// Index of the register.
        index: u8,
    },
    /// X3: text where bytes are due.
    #[error("the field {field} has a text where bytes are due")]
    TextForBytes {
        /// The field.
        field: Field,
    },
    /// A8 to A14: another CBOR type than the field's.
    #[error("the field {field} has a value of the wrong type")]
    WrongType {
        /// The field.
        field: Field,
    },
    /// A8: an empty name.
    #[error("the module_id is empty")]
    EmptyModuleId,
    /// A9: another digest.
    #[error("the digest is not SHA384")]
    Digest,
    /// A10: zero or negative.
    #[error("the timestamp is not a positive number of milliseconds")]
    Timestamp,
    /// A11: too few or too many registers.
    #[error("the document has {count} PCRs, not 1 to {max}", max = MAX_PCRS)]
    PcrCount {
        /// Number of registers, as far as they were read.
        count: usize,
    },
    /// A11: a register that does not exist.
    #[error("a PCR has an index that is not 0 to 31")]
    PcrIndex,
    /// A11: a measurement that SHA-384 cannot have made.
    #[error("PCR{index} has {len} bytes, not {want}", want = SHA384_LEN)]
    PcrLength {
        /// Index of the register.
        index: u8,
        /// Length of its value in bytes.
        len: usize,
    },
    /// A12: too few or too many certificates.
    #[error("the cabundle has {count} certificates, not 1 to {max}", max = MAX_BUNDLE_LEN)]
    BundleLength {
        /// Number of certificates, as far as they were read.
        count: usize,
    },
    /// A12, A13: an empty or too long certificate.
    #[error("a certificate in {field} has {len} bytes, not 1 to {max}", max = MAX_CERTIFICATE_LEN)]
    CertificateLength {
        /// `certificate` or `cabundle`.
        field: Field,
        /// Length of the certificate in bytes.
        len: usize,
    },
    /// A14: an optional field is too long, or an empty public key.
    #[error("the field {field} has {len} bytes, not {min} to {max}", max = MAX_OPTIONAL_LEN)]
    OptionalLength {
        /// The field.
        field: Field,
        /// Length of its value in bytes.
        len: usize,
        /// Least length in bytes.
        min: usize,
    },
    /// X11: made by a NitroTPM, not by an enclave.
    #[error("the document is from a NitroTPM of an EC2 instance, not from an enclave")]
    NitroTpm,
}

impl PayloadError {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::NotAMap | Self::Missing { .. } => checks::A6,
            Self::Null { .. } => checks::A7,
            Self::KeyNotText { .. }
            | Self::UnknownKey { .. }
            | Self::DuplicateKey { .. }
            | Self::DuplicatePcr { .. }
            | Self::TextForBytes { .. } => checks::X3,
            Self::WrongType { field }
            | Self::CertificateLength { field, .. }
            | Self::OptionalLength { field, .. } => field.check(),
            Self::EmptyModuleId => checks::A8,
            Self::Digest => checks::A9,
            Self::Timestamp => checks::A10,
            Self::PcrCount { .. } | Self::PcrIndex | Self::PcrLength { .. } => checks::A11,
            Self::BundleLength { .. } => checks::A12,
            Self::NitroTpm => checks::X11,
        }
    }
}
