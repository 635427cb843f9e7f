//! Google Cloud Attestation's tokens for Confidential Space.
//!
//! Claims: Google's "Confidential Space token claims" (docs.cloud.google.com/confidential-computing/confidential-space/
//! docs/reference/token-claims). Machines other than TDX's have no claim about their TCB, and SEV without SNP does not
//! protect the integrity of memory; they are refused.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Carried, Container, Issuer, Measured, Tcb};
use crate::token::claims::{ClaimFault, Claims};
use crate::token::jws::Algorithm;

pub(super) struct Google;

impl Issuer for Google {
    fn algorithms(&self) -> &'static [Algorithm] {
        &[Algorithm::Rs256]
    }

    fn jku(&self, _: &str) -> Option<String> {
        None
    }

    /// One text: of several it would not be known whose the others are. The launcher makes the nonce part of the
    /// machine's own quote.
    fn carried(&self, claims: Claims<'_>) -> Result<Carried, ClaimFault> {
        claims.hex("eat_nonce").map(Carried::Sha256)
    }

    /// Debug images have other values of the first two.
    fn check_no_debug(&self, claims: Claims<'_>) -> Result<(), ClaimFault> {
        claims.must_be("dbgstat", "disabled-since-boot")?;
        claims.must_be("swname", "CONFIDENTIAL_SPACE")?;
        claims.must_be_true("secboot")
    }

    /// It has none; the loader asks for none.
    fn has_applied(&self, _: Claims<'_>, _: &str) -> Result<bool, ClaimFault> {
        Ok(false)
    }

    /// The evidence was of TDX's own root of trust, not of a virtual TPM's. Google withdraws `STABLE` from images of the operating system with known weaknesses.
    fn tcb<'a>(&self, claims: Claims<'a>) -> Result<Tcb<'a>, ClaimFault> {
        claims.must_be("hwmodel", "GCP_INTEL_TDX")?;
        must_list(claims, "attester_tcb", "INTEL", "a list with INTEL")?;
        let space = claims.object("submods")?.object("confidential_space")?;
        must_list(space, "support_attributes", "STABLE", "a list with STABLE")?;
        let tdx = claims.object("tdx")?;
        tdx.text("gcp_attester_tcb_status").map(Tcb::Status)
    }

    fn measured(&self, claims: Claims<'_>) -> Result<Measured, ClaimFault> {
        let container = claims.object("submods")?.object("container")?;
        Ok(Measured::Container(Container {
            image_digest: image_digest(container)?,
            args: args(container)?,
            env: env(container)?,
        }))
    }
}

/// This word is in a list of them.
fn must_list(
    claims: Claims<'_>,
    claim: &'static str,
    word: &str,
    want: &'static str,
) -> Result<(), ClaimFault> {
    match claims.list(claim)?.iter().any(|listed| listed == word) {
        true => Ok(()),
        false => Err(ClaimFault { claim, want }),
    }
}

fn image_digest(container: Claims<'_>) -> Result<[u8; 32], ClaimFault> {
    let claim = "image_digest";
    let mut digest = [0; 32];
    let hex = container.text(claim)?.strip_prefix("sha256:");
    hex.and_then(|hex| hex::decode_to_slice(hex, &mut digest).ok())
        .ok_or(ClaimFault {
            claim,
            want: "a SHA-256 digest",
        })?;
    Ok(digest)
}

fn args(container: Claims<'_>) -> Result<Vec<String>, ClaimFault> {
    let claim = "args";
    let want = "a list of texts";
    let text = |arg: &Value| arg.as_str().map(str::to_owned);
    let args = container.list(claim)?.iter().map(text);
    args.collect::<Option<_>>()
        .ok_or(ClaimFault { claim, want })
}

fn env(container: Claims<'_>) -> Result<BTreeMap<String, String>, ClaimFault> {
    let claim = "env";
    let want = "an object of texts";
    let variables = container.object(claim)?.0.iter();
    let variables = variables.filter(|(name, _)| *name != "HOSTNAME");
    variables
        .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect::<Option<_>>()
        .ok_or(ClaimFault { claim, want })
}
