//! Texts of a policy file: lists, hex and versions.

use std::collections::BTreeSet;

use super::{RulesError, ValueFault};

/// A list that is given has entries, each once.
pub(super) fn check_list(field: &str, list: &[String]) -> Result<(), RulesError> {
    let distinct: BTreeSet<&String> = list.iter().collect();
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

/// Hex digits that are not all zero; zero is said by a word.
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

/// Numbers with dots between them, in digits alone.
pub(super) fn version<const N: usize>(text: &str) -> Option<[u8; N]> {
    let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
        true => part.parse().ok(),
        false => None,
    };
    let numbers: Option<Vec<u8>> = text.split('.').map(number).collect();
    numbers?.try_into().ok()
}
