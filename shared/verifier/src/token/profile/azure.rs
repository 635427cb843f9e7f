//! Microsoft Azure Attestation's tokens about a guest's own report or quote.
//!
//! SEV-SNP: the `x-ms-sevsnpvm-` claims (learn.microsoft.com/azure/attestation/claim-sets). TDX: "Azure Attestation EAT
//! profile for Intel TDX" (learn.microsoft.com/azure/attestation/trust-domain-extensions-eat-profile). Tokens of type
//! `azurevm` are refused: their report was made by the paravisor at boot, and what is the session's is in a nonce.

use super::{Carried, Issuer, Measured, SevSnp, Svn, Tcb, tdx};
use crate::token::claims::{ClaimFault, Claims};
use crate::token::jws::Algorithm;

pub(super) struct Azure;

/// Whose evidence the service was given.
enum Tee {
    SevSnp,
    Tdx,
}

impl Issuer for Azure {
    fn algorithms(&self) -> &'static [Algorithm] {
        &[Algorithm::Rs256]
    }

    fn jku(&self, issuer: &str) -> Option<String> {
        Some(format!("{issuer}/certs"))
    }

    /// Never `nonce` or `x-ms-runtime`: the service repeats the one, and the other only matters by its hash, which is in
    /// the first half of `report_data` (learn.microsoft.com/rest/api/attestation/attestation/attest-sev-snp-vm).
    fn carried(&self, claims: Claims<'_>) -> Result<Carried, ClaimFault> {
        let data = match tee(claims)? {
            Tee::SevSnp => claims.hex("x-ms-sevsnpvm-reportdata"),
            Tee::Tdx => tdx::report_data(claims),
        };
        data.map(Carried::ReportDataOrSha256)
    }

    fn check_no_debug(&self, claims: Claims<'_>) -> Result<(), ClaimFault> {
        match tee(claims)? {
            Tee::SevSnp => {
                claims.must_be_false("x-ms-sevsnpvm-is-debuggable")?;
                claims.must_be_false("x-ms-sevsnpvm-migration-allowed")
            }
            Tee::Tdx => tdx::check_no_debug(claims),
        }
    }

    fn has_applied(&self, claims: Claims<'_>, policy_hash: &str) -> Result<bool, ClaimFault> {
        Ok(claims.text("x-ms-policy-hash")? == policy_hash)
    }

    fn tcb<'a>(&self, claims: Claims<'a>) -> Result<Tcb<'a>, ClaimFault> {
        match tee(claims)? {
            Tee::SevSnp => Ok(Tcb::Svn(Svn {
                bootloader: claims.number("x-ms-sevsnpvm-bootloader-svn")?,
                tee: claims.number("x-ms-sevsnpvm-tee-svn")?,
                snp: claims.number("x-ms-sevsnpvm-snpfw-svn")?,
                microcode: claims.number("x-ms-sevsnpvm-microcode-svn")?,
            })),
            Tee::Tdx => claims.text("attester_tcb_status").map(Tcb::Status),
        }
    }

    fn measured(&self, claims: Claims<'_>) -> Result<Measured, ClaimFault> {
        match tee(claims)? {
            Tee::SevSnp => sev_snp(claims),
            Tee::Tdx => tdx::measured(claims),
        }
    }
}

fn tee(claims: Claims<'_>) -> Result<Tee, ClaimFault> {
    let claim = "x-ms-attestation-type";
    match claims.text(claim)? {
        "sevsnpvm" => Ok(Tee::SevSnp),
        "tdxvm" => Ok(Tee::Tdx),
        _ => Err(ClaimFault {
            claim,
            want: "sevsnpvm or tdxvm",
        }),
    }
}

fn sev_snp(claims: Claims<'_>) -> Result<Measured, ClaimFault> {
    let vmpl = "x-ms-sevsnpvm-vmpl";
    if claims.number(vmpl)? != 0 {
        let (claim, want) = (vmpl, "0");
        return Err(ClaimFault { claim, want });
    }
    Ok(Measured::SevSnp(SevSnp {
        measurement: claims.hex("x-ms-sevsnpvm-launchmeasurement")?,
        host_data: claims.hex("x-ms-sevsnpvm-hostdata")?,
        id_key_digest: claims.hex("x-ms-sevsnpvm-idkeydigest")?,
        author_key_digest: claims.hex("x-ms-sevsnpvm-authorkeydigest")?,
        smt_allowed: claims.flag("x-ms-sevsnpvm-smt-allowed")?,
    }))
}
