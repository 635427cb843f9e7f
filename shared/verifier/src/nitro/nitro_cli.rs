//! The JSON of `nitro-cli build-enclave` and `nitro-cli describe-eif`, verbatim.
//!
//! Both have `Measurements`; `describe-eif` has much beside it. The source is aws-nitro-enclaves-cli's
//! and aws-nitro-enclaves-image-format's `get_pcrs`. PCR8 is there if the image is signed.
//!
//! The tools print no other register, but people add those that they computed themselves. PCR3, PCR4 and
//! PCR16 are pins then. Whatever else is in `Measurements` is an error, since to leave it out of the
//! check would accept more than its author meant.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::rules::{PinsFile, RulesError, RulesFile, SetFile};
use crate::schema::{not_null, object};

const LABEL: &str = "nitro-cli";

/// The names that the tools have given to SHA-384: the `Debug` form of a Rust hasher, such as
/// `Sha384 { ... }`, where `Sha512_48` is its type in versions that name the truncated core.
const SHA384_NAMES: [&str; 3] = ["Sha384", "SHA384", "Sha512_48"];

/// What the tools print, as far as it is read.
#[derive(Deserialize)]
pub(crate) struct Output {
    #[serde(rename = "Measurements", deserialize_with = "object")]
    measurements: Measurements,
}

#[derive(Deserialize)]
struct Measurements {
    #[serde(rename = "HashAlgorithm")]
    hash_algorithm: Option<String>,
    #[serde(rename = "PCR0", default, deserialize_with = "not_null")]
    pcr0: Option<String>,
    #[serde(rename = "PCR1", default, deserialize_with = "not_null")]
    pcr1: Option<String>,
    #[serde(rename = "PCR2", default, deserialize_with = "not_null")]
    pcr2: Option<String>,
    #[serde(rename = "PCR3", default, deserialize_with = "not_null")]
    pcr3: Option<String>,
    #[serde(rename = "PCR4", default, deserialize_with = "not_null")]
    pcr4: Option<String>,
    #[serde(rename = "PCR8", default, deserialize_with = "not_null")]
    pcr8: Option<String>,
    #[serde(rename = "PCR16", default, deserialize_with = "not_null")]
    pcr16: Option<String>,
    /// What none of the above is.
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

impl Output {
    /// The same as rules of a policy file: one set, and the pins.
    pub(crate) fn into_rules(self) -> Result<RulesFile, RulesError> {
        let read = self.measurements;
        if let Some(key) = read.unknown.into_keys().next() {
            return Err(RulesError::UnknownMeasurement { key });
        }
        if let Some(found) = read.hash_algorithm {
            let name = found.split([' ', '{']).next().unwrap_or_default();
            if !SHA384_NAMES.contains(&name) {
                return Err(RulesError::HashAlgorithm { found });
            }
        }
        let pin = |text: Option<String>| text.map(|text| vec![text]);
        Ok(RulesFile {
            measurements: vec![SetFile {
                label: LABEL.to_owned(),
                pcr0: read.pcr0,
                pcr1: read.pcr1,
                pcr2: read.pcr2,
                pcr8: read.pcr8,
                ..SetFile::default()
            }],
            pins: Some(PinsFile {
                pcr3: pin(read.pcr3),
                pcr4: pin(read.pcr4),
                pcr8: None,
                pcr16: pin(read.pcr16),
            }),
            max_age_seconds: None,
        })
    }
}
