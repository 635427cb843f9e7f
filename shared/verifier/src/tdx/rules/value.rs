//! Texts of a policy file: lists and hex.

use std::collections::BTreeSet;

use super::{RulesError, ValueFault};

/// A list that is given has entries, each once.
pub(super) fn check_list(field: &str, list: &[String]) -> Result<(), RulesError> {
    let distinct: BTreeSet<String> = list.iter().map(|entry| entry.to_lowercase()).collect();
    if list.is_empty() || list.iter().any(|entry| entry.trim().is_empty()) {
        return Err(empty(field));
    }
    match distinct.len() == list.len() {
        true => Ok(()),
        false => Err(RulesError::Duplicate {
            field: field.to_owned(),
        }),
    }
}

pub(super) fn empty(field: impl Into<String>) -> RulesError {
    RulesError::Empty {
        field: field.into(),
    }
}

/// Hex digits of either case that are not all zero; zero is said by a word.
pub(super) fn value<const N: usize>(text: &str, field: String) -> Result<[u8; N], RulesError> {
    let mut bytes = [0; N];
    let fault = if text.len() != 2 * N {
        ValueFault::Length {
            found: text.len(),
            want: 2 * N,
        }
    } else if hex::decode_to_slice(text, &mut bytes).is_err() {
        ValueFault::NotHex
    } else if bytes == [0; N] {
        ValueFault::AllZero
    } else {
        return Ok(bytes);
    };
    Err(RulesError::Value { field, fault })
}

pub(super) fn value_or_zero<const N: usize>(
    text: &str,
    field: String,
) -> Result<[u8; N], RulesError> {
    match text {
        "zero" => Ok([0; N]),
        text => value(text, field),
    }
}

/// A list of such values, each once.
pub(super) fn values<const N: usize>(
    texts: &[String],
    field: &str,
) -> Result<Vec<[u8; N]>, RulesError> {
    check_list(field, texts)?;
    let texts = texts.iter().enumerate();
    texts
        .map(|(index, text)| value(text, format!("{field}[{index}]")))
        .collect()
}
