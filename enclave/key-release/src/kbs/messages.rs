//! RCAR's messages, as `kbs-types` has them. That crate is not taken: its "std" brings OpenSSL, and it leaves open what is
//! pinned here. The tests' KBS is built from it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha384};

use super::error::KbsError;
use super::jwe::PublicJwk;
use super::snp::SnpEvidence;
use crate::evidence::{Tee, TeeKind};

/// The protocol's version. A KBS takes its own and no other.
pub const PROTOCOL: &str = "0.4.0";

/// The most characters of a nonce. Trustee's have 44.
pub const MAX_NONCE_LEN: usize = 512;

/// How runtime data are hashed: the default of both sides, and the one that is offered.
const HASH: &str = "sha384";

pub(super) const fn name(kind: TeeKind) -> &'static str {
    match kind {
        TeeKind::SevSnp => "snp",
        TeeKind::Tdx => "tdx",
    }
}

/// The first message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Request {
    version: &'static str,
    tee: &'static str,
    extra_params: Offered,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Offered {
    supported_hash_algorithms: [&'static str; 1],
}

impl Request {
    pub(super) fn of(kind: TeeKind) -> Self {
        Self {
            version: PROTOCOL,
            tee: name(kind),
            extra_params: Offered {
                supported_hash_algorithms: [HASH],
            },
        }
    }
}

/// What a KBS wants in the evidence. Used up by the evidence that it goes into.
#[derive(Debug)]
pub(super) struct Nonce(String);

impl Nonce {
    /// Of a challenge. What is not in the protocol is passed over, but for `extra-params`, which say how to hash.
    pub(super) fn parse(challenge: &[u8]) -> Result<Self, KbsError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Challenge {
            nonce: String,
            #[serde(default)]
            extra_params: Value,
        }
        let Challenge {
            nonce,
            extra_params,
        } = serde_json::from_slice(challenge).map_err(|_| KbsError::Challenge)?;
        let printable = nonce.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !printable || !(1..=MAX_NONCE_LEN).contains(&nonce.len()) {
            return Err(KbsError::Challenge);
        }
        match selects_our_hash(&extra_params) {
            true => Ok(Self(nonce)),
            false => Err(KbsError::ExtraParams),
        }
    }
}

/// Nothing, which Trustee writes as `""`, or the hash that was offered.
fn selects_our_hash(extra_params: &Value) -> bool {
    match extra_params {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.iter().all(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            name == "selected-hash-algorithm" && value.eq_ignore_ascii_case(HASH)
        }),
        _ => false,
    }
}

/// What the evidence is bound to. Members in the order of their names: RFC 8785, in which both sides hash them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RuntimeData {
    nonce: String,
    tee_pubkey: PublicJwk,
}

impl RuntimeData {
    pub(super) fn new(nonce: Nonce, tee_pubkey: PublicJwk) -> Self {
        Self {
            nonce: nonce.0,
            tee_pubkey,
        }
    }

    /// What the evidence must have as its `report_data`: the SHA-384 of these and of what other devices add, which is
    /// nothing, filled with zeros.
    pub(super) fn report_data(&self) -> Result<[u8; 64], KbsError> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Hashed<'a> {
            additional_evidence: &'static str,
            #[serde(flatten)]
            runtime_data: &'a RuntimeData,
        }
        let hashed = json(&Hashed {
            additional_evidence: NO_DEVICES,
            runtime_data: self,
        })?;
        let mut report_data = [0; 64];
        report_data[..48].copy_from_slice(&Sha384::digest(hashed));
        Ok(report_data)
    }
}

const NO_DEVICES: &str = "";

/// The third message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attestation<'a> {
    runtime_data: RuntimeData,
    tee_evidence: CompositeEvidence<'a>,
}

#[derive(Debug, Serialize)]
struct CompositeEvidence<'a> {
    primary_evidence: PrimaryEvidence<'a>,
    additional_evidence: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum PrimaryEvidence<'a> {
    Snp(Box<SnpEvidence<'a>>),
    Tdx {
        /// No log is read: what a register says is compared, not what was said of it.
        cc_eventlog: Option<&'a str>,
        quote: String,
    },
}

impl<'a> Attestation<'a> {
    pub(super) fn new(runtime_data: RuntimeData, tee: &'a Tee) -> Result<Self, KbsError> {
        let primary_evidence = match tee {
            Tee::SevSnp {
                report,
                certificates,
            } => PrimaryEvidence::Snp(Box::new(SnpEvidence::new(report, certificates)?)),
            Tee::Tdx { quote } => PrimaryEvidence::Tdx {
                cc_eventlog: None,
                quote: STANDARD.encode(quote),
            },
        };
        Ok(Self {
            runtime_data,
            tee_evidence: CompositeEvidence {
                primary_evidence,
                additional_evidence: NO_DEVICES,
            },
        })
    }
}

/// Compact, in the order of the members.
pub(super) fn json(message: &impl Serialize) -> Result<Vec<u8>, KbsError> {
    serde_json::to_vec(message).map_err(|_| KbsError::Message)
}
