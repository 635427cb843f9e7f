//! Texts of a policy file: lists, hex and versions.

use super::RulesError;
use crate::schema::{self, ListFault};

/// A list that is given has entries, each once.
pub(super) fn check_list(field: &str, list: &[String]) -> Result<(), RulesError> {
    schema::check_list(list, |entry| entry).map_err(|fault| match fault {
        ListFault::Empty => empty(field),
        ListFault::Duplicate => RulesError::Duplicate {
            field: field.to_owned(),
        },
    })
}

pub(super) fn empty(field: impl Into<String>) -> RulesError {
    RulesError::Empty {
        field: field.into(),
    }
}

/// Hex digits that are not all zero; zero is said by a word.
pub(super) fn value<const N: usize>(text: &str, field: String) -> Result<[u8; N], RulesError> {
    schema::value(text).map_err(|fault| RulesError::Value { field, fault })
}

pub(super) fn value_or_zero<const N: usize>(
    text: &str,
    field: String,
) -> Result<[u8; N], RulesError> {
    schema::value_or_zero(text).map_err(|fault| RulesError::Value { field, fault })
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
