//! Texts of a policy file, the same in every kind's rules: values in hex, lists, and a word in the place of a list.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What is wrong with a value in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueFault {
    /// Too short or too long.
    #[error("has {found} characters, not {want} hex digits")]
    Length {
        /// Length of the text in bytes.
        found: usize,
        /// The length that is due.
        want: usize,
    },
    /// Other characters than hex digits.
    #[error("has characters that are not hex digits")]
    NotHex,
    /// All zero.
    #[error("is all zero, which accepts what was never measured or set")]
    AllZero,
}

/// A list, or a word in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a list of texts, or a word in its place, is due"
)]
pub enum ListFile {
    /// `any` or `none`.
    Word(String),
    /// One or more.
    List(Vec<String>),
}

/// What is wrong with a list.
pub(crate) enum ListFault {
    /// It, or an entry, is empty.
    Empty,
    /// An entry is there twice.
    Duplicate,
}

/// Hex digits of either case that are not all zero; zero is said by a word.
pub(crate) fn value<const N: usize>(text: &str) -> Result<[u8; N], ValueFault> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return Err(ValueFault::Length {
            found: text.len(),
            want: 2 * N,
        });
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| ValueFault::NotHex)?;
    match bytes == [0; N] {
        true => Err(ValueFault::AllZero),
        false => Ok(bytes),
    }
}

/// The same, or the word.
pub(crate) fn value_or_zero<const N: usize>(text: &str) -> Result<[u8; N], ValueFault> {
    match text {
        "zero" => Ok([0; N]),
        text => value(text),
    }
}

/// A list that is given has entries, each once; two are the same if their keys are.
pub(crate) fn check_list<'a, K: Ord>(
    list: &'a [String],
    key: impl Fn(&'a String) -> K,
) -> Result<(), ListFault> {
    if list.is_empty() || list.iter().any(|entry| entry.trim().is_empty()) {
        return Err(ListFault::Empty);
    }
    let distinct: BTreeSet<K> = list.iter().map(key).collect();
    match distinct.len() == list.len() {
        true => Ok(()),
        false => Err(ListFault::Duplicate),
    }
}
