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

use super::error::{Place, PolicyError};
use super::measurement::Measurement;
use super::{DEFAULT_MAX_AGE_SECONDS, MeasurementSet, Policy, Suite, not_null};

const LABEL: &str = "nitro-cli";

/// The names that the tools have given to SHA-384: the `Debug` form of a Rust hasher, such as
/// `Sha384 { ... }`, where `Sha512_48` is its type in versions that name the truncated core.
const SHA384_NAMES: [&str; 3] = ["Sha384", "SHA384", "Sha512_48"];

#[derive(Deserialize)]
struct Output {
    #[serde(rename = "Measurements")]
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

pub(super) fn load(json: &[u8]) -> Result<Policy, PolicyError> {
    let Output { measurements } = serde_json::from_slice(json)?;
    if let Some(key) = measurements.unknown.into_keys().next() {
        return Err(PolicyError::UnknownMeasurement { key });
    }
    if let Some(found) = measurements.hash_algorithm {
        let name = found.split([' ', '{']).next().unwrap_or_default();
        if !SHA384_NAMES.contains(&name) {
            return Err(PolicyError::HashAlgorithm { found });
        }
    }
    let mandatory = |text: Option<String>, register| match text {
        Some(text) => expected(&text, register),
        None => Err(PolicyError::Partial {
            label: LABEL.to_owned(),
            register,
        }),
    };
    let set = MeasurementSet {
        label: LABEL.to_owned(),
        not_after: None,
        image: [
            mandatory(measurements.pcr0, 0)?,
            mandatory(measurements.pcr1, 1)?,
            mandatory(measurements.pcr2, 2)?,
        ],
        pcr8: measurements
            .pcr8
            .map(|text| expected(&text, 8))
            .transpose()?,
    };
    let pins = [
        (3, measurements.pcr3),
        (4, measurements.pcr4),
        (16, measurements.pcr16),
    ];
    Ok(Policy {
        sets: vec![set],
        model_digests: None,
        pins: pins
            .into_iter()
            .filter_map(|(register, text)| Some((register, text?)))
            .map(|(register, text)| Ok((register, vec![expected(&text, register)?])))
            .collect::<Result<_, PolicyError>>()?,
        precision: None,
        least_suite: Suite::DEFAULT_LEAST,
        max_age_seconds: DEFAULT_MAX_AGE_SECONDS,
    })
}

fn expected(text: &str, register: u8) -> Result<Measurement, PolicyError> {
    Measurement::expected_from_hex(text).map_err(|fault| PolicyError::Value {
        place: Place::Set {
            label: LABEL.to_owned(),
            register,
        },
        fault,
    })
}
