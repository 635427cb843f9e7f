//! Texts of a policy file: lists and hex.

use super::RulesError;
use crate::schema::{self, ListFault};

/// A list that is given has entries, each once.
pub(super) fn check_list(field: &str, list: &[String]) -> Result<(), RulesError> {
    schema::check_list(list, |entry| entry.to_lowercase()).map_err(|fault| match fault {
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

/// Hex digits of either case that are not all zero; zero is said by a word.
pub(super) fn value<const N: usize>(text: &str, field: String) -> Result<[u8; N], RulesError> {
    schema::value(text).map_err(|fault| RulesError::Value { field, fault })
}

pub(super) fn value_or_zero<const N: usize>(
    text: &str,
    field: String,
) -> Result<[u8; N], RulesError> {
    schema::value_or_zero(text).map_err(|fault| RulesError::Value { field, fault })
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
