//! Our own policy file; [`super`] describes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::{Place, PolicyError};
use super::measurement::{Measurement, expected_digest};
use super::{
    DEFAULT_MAX_AGE_SECONDS, MeasurementSet, ModelDigest, Policy, Precision, Suite, not_null,
};
use crate::time::UnixTime;

const VERSION: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    measurements: Vec<Set>,
    #[serde(default, deserialize_with = "not_null")]
    model_digests: Option<Vec<String>>,
    #[serde(default, deserialize_with = "not_null")]
    pins: Option<Pins>,
    #[serde(default, deserialize_with = "not_null")]
    precision: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    least_suite: Option<u64>,
    #[serde(default, deserialize_with = "not_null")]
    max_age_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    label: String,
    #[serde(default, deserialize_with = "not_null")]
    not_after: Option<Time>,
    #[serde(default, deserialize_with = "not_null")]
    pcr0: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pcr1: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pcr2: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pcr8: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Seconds(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pins {
    #[serde(default, deserialize_with = "not_null")]
    pcr3: Option<Vec<String>>,
    #[serde(default, deserialize_with = "not_null")]
    pcr4: Option<Vec<String>>,
    #[serde(default, deserialize_with = "not_null")]
    pcr8: Option<Vec<String>>,
    #[serde(default, deserialize_with = "not_null")]
    pcr16: Option<Vec<String>>,
}

pub(super) fn load(json: &[u8]) -> Result<Policy, PolicyError> {
    let file: File = serde_json::from_slice(json)?;
    if file.version != VERSION {
        return Err(PolicyError::Version {
            found: file.version,
        });
    }
    Ok(Policy {
        sets: sets(file.measurements)?,
        model_digests: file.model_digests.map(model_digests).transpose()?,
        pins: file.pins.map(pins).transpose()?.unwrap_or_default(),
        precision: file.precision.map(precision).transpose()?,
        least_suite: file
            .least_suite
            .map_or(Ok(Suite::DEFAULT_LEAST), known_suite)?,
        max_age_seconds: match file.max_age_seconds {
            Some(0) => return Err(PolicyError::MaxAge),
            Some(seconds) => seconds,
            None => DEFAULT_MAX_AGE_SECONDS,
        },
    })
}

fn sets(read: Vec<Set>) -> Result<Vec<MeasurementSet>, PolicyError> {
    let mut sets: Vec<MeasurementSet> = Vec::with_capacity(read.len());
    for (index, set) in read.into_iter().enumerate() {
        if set.label.trim().is_empty() {
            return Err(PolicyError::EmptyLabel { index });
        }
        if sets.iter().any(|other| other.label == set.label) {
            return Err(PolicyError::DuplicateLabel { label: set.label });
        }
        sets.push(set.check()?);
    }
    match sets.is_empty() {
        true => Err(PolicyError::NoMeasurements),
        false => Ok(sets),
    }
}

impl Set {
    fn check(self) -> Result<MeasurementSet, PolicyError> {
        let label = self.label;
        let expected = |text: String, register| {
            let place = Place::Set {
                label: label.clone(),
                register,
            };
            measurement(&text, place)
        };
        let mandatory = |text: Option<String>, register| match text {
            Some(text) => expected(text, register),
            None => Err(PolicyError::Partial {
                label: label.clone(),
                register,
            }),
        };
        let image = [
            mandatory(self.pcr0, 0)?,
            mandatory(self.pcr1, 1)?,
            mandatory(self.pcr2, 2)?,
        ];
        let pcr8 = self.pcr8.map(|text| expected(text, 8)).transpose()?;
        let not_after = match self.not_after {
            None => None,
            Some(Time::Seconds(seconds)) => Some(UnixTime::from_seconds(seconds)),
            Some(Time::Text(text)) => match UnixTime::from_date(&text) {
                Some(time) => Some(time),
                None => return Err(PolicyError::NotAfter { label }),
            },
        };
        Ok(MeasurementSet {
            label,
            not_after,
            image,
            pcr8,
        })
    }
}

fn model_digests(read: Vec<String>) -> Result<Vec<ModelDigest>, PolicyError> {
    if read.is_empty() {
        return Err(PolicyError::NoModelDigests);
    }
    read.iter()
        .enumerate()
        .map(|(index, text)| {
            let place = Place::ModelDigest { index };
            expected_digest(text)
                .map(ModelDigest)
                .map_err(|fault| PolicyError::Value { place, fault })
        })
        .collect()
}

fn pins(read: Pins) -> Result<BTreeMap<u8, Vec<Measurement>>, PolicyError> {
    [
        (3, read.pcr3),
        (4, read.pcr4),
        (8, read.pcr8),
        (16, read.pcr16),
    ]
    .into_iter()
    .filter_map(|(register, values)| Some((register, values?)))
    .map(|(register, values)| {
        if values.is_empty() {
            return Err(PolicyError::EmptyPin { register });
        }
        let values: Result<Vec<_>, _> = values
            .iter()
            .enumerate()
            .map(|(index, text)| measurement(text, Place::Pin { register, index }))
            .collect();
        Ok((register, values?))
    })
    .collect()
}

fn measurement(text: &str, place: Place) -> Result<Measurement, PolicyError> {
    Measurement::expected_from_hex(text).map_err(|fault| PolicyError::Value { place, fault })
}

fn precision(name: String) -> Result<Precision, PolicyError> {
    Precision::from_name(&name).ok_or(PolicyError::Precision { found: name })
}

fn known_suite(found: u64) -> Result<Suite, PolicyError> {
    u16::try_from(found)
        .ok()
        .and_then(Suite::from_id)
        .ok_or(PolicyError::Suite { found })
}
