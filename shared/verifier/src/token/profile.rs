//! What differs from issuer to issuer, a file each.

mod azure;
mod google;
mod intel;
pub(super) mod tdx;

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::claims::{ClaimFault, Claims};
use super::json;
use super::jws::Algorithm;

/// A service whose tokens are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Google Cloud Attestation, for Confidential Space.
    Google,
    /// Microsoft Azure Attestation.
    Azure,
    /// Intel Trust Authority.
    Intel,
}

/// What was measured of the machine or its workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measured {
    /// A container of Confidential Space.
    Container(Container),
    /// A TDX domain.
    Tdx(Box<Tdx>),
    /// An SEV-SNP guest.
    SevSnp(SevSnp),
}

/// A container of Confidential Space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Container {
    /// SHA-256 of the image's manifest.
    pub image_digest: [u8; 32],
    /// The whole command line.
    pub args: Vec<String>,
    /// The whole environment, but for `HOSTNAME`, which is another one on each machine.
    pub env: BTreeMap<String, String>,
}

/// A TDX domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tdx {
    /// Of the domain as it was built.
    pub mrtd: [u8; 48],
    /// Extended while it runs.
    pub rtmrs: [[u8; 48]; 4],
    /// What the owner put in.
    pub mr_config_id: [u8; 48],
    /// What the owner put in.
    pub mr_owner: [u8; 48],
    /// What the owner put in.
    pub mr_owner_config: [u8; 48],
    /// TD attributes, as a quote has them.
    pub td_attributes: [u8; 8],
    /// Extended features, as a quote has them.
    pub xfam: [u8; 8],
}

/// An SEV-SNP guest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SevSnp {
    /// The launch measurement.
    pub measurement: [u8; 48],
    /// What the host put in.
    pub host_data: [u8; 32],
    /// Digest of the key that signed the id block.
    pub id_key_digest: [u8; 48],
    /// Digest of the key that signed the id key.
    pub author_key_digest: [u8; 48],
    /// Whether it may run where SMT is on.
    pub smt_allowed: bool,
}

/// Versions of an SEV-SNP platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Svn {
    /// Boot loader.
    pub bootloader: u64,
    /// Operating system of the security processor.
    pub tee: u64,
    /// SNP firmware.
    pub snp: u64,
    /// Microcode.
    pub microcode: u64,
}

/// What a token says of the platform.
pub(super) enum Tcb<'a> {
    /// Intel's word.
    Status(&'a str),
    /// AMD's numbers.
    Svn(Svn),
}

/// What a token's claims about the machine's evidence say of the binding.
pub(super) enum Carried {
    /// SHA-256 of it.
    Sha256([u8; 32]),
    /// `report_data`: the binding, or SHA-256 of it with zeros behind, as Azure asks for where it is given runtime data.
    ReportDataOrSha256([u8; 64]),
    /// `report_data`: the binding, or SHA-512 of it, as Intel's client makes it of user data without a nonce.
    ReportDataOrSha512([u8; 64]),
}

/// What one issuer's tokens look like. Each method reads claims of a token that is genuine.
pub(super) trait Issuer {
    /// With which it signs.
    fn algorithms(&self) -> &'static [Algorithm];
    /// Where it says in every header that its keys are, if it does.
    fn jku(&self, issuer: &str) -> Option<String>;
    /// J10.
    fn carried(&self, claims: Claims<'_>) -> Result<Carried, ClaimFault>;
    /// J11.
    fn check_no_debug(&self, claims: Claims<'_>) -> Result<(), ClaimFault>;
    /// J14: whether it appraised by this policy.
    fn has_applied(&self, claims: Claims<'_>, policy_hash: &str) -> Result<bool, ClaimFault>;
    /// J13.
    fn tcb<'a>(&self, claims: Claims<'a>) -> Result<Tcb<'a>, ClaimFault>;
    /// J12.
    fn measured(&self, claims: Claims<'_>) -> Result<Measured, ClaimFault>;
}

impl Profile {
    /// As policies have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Azure => "azure",
            Self::Intel => "intel",
        }
    }

    /// What a token with these claims says was measured. Nobody has verified it.
    ///
    /// # Errors
    ///
    /// The first claim that is not as this issuer writes it.
    pub fn measured(self, claims: &[u8]) -> Result<Measured, ClaimFault> {
        let claims = json::object(claims).ok_or(ClaimFault {
            claim: "set of claims",
            want: "one JSON object in which each key stands once",
        })?;
        self.issuer().measured(Claims(&claims))
    }

    pub(super) fn issuer(self) -> &'static dyn Issuer {
        match self {
            Self::Google => &google::Google,
            Self::Azure => &azure::Azure,
            Self::Intel => &intel::Intel,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Carried {
    /// B1, all bytes.
    pub(super) fn is_of(&self, due: &[u8; 64]) -> bool {
        let sha256: [u8; 32] = Sha256::digest(due).into();
        match self {
            Self::Sha256(digest) => digest.ct_eq(&sha256).into(),
            Self::ReportDataOrSha256(data) => {
                let mut hashed = [0; 64];
                hashed[..32].copy_from_slice(&sha256);
                (data.ct_eq(due) | data.ct_eq(&hashed)).into()
            }
            Self::ReportDataOrSha512(data) => {
                let hashed: [u8; 64] = Sha512::digest(due).into();
                (data.ct_eq(due) | data.ct_eq(&hashed)).into()
            }
        }
    }
}

impl Svn {
    /// Whether no version is below the floor's.
    pub(super) fn reaches(&self, floor: &Self) -> bool {
        self.bootloader >= floor.bootloader
            && self.tee >= floor.tee
            && self.snp >= floor.snp
            && self.microcode >= floor.microcode
    }
}
