//! What is asked of the keys of every type.

use serde::de::DeserializeOwned;

use crate::error::EngineError;

/// The keys of `config.json` that a type reads.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(EngineError::Config)
}

pub(super) fn unsupported(
    key: &'static str,
    found: impl Into<String>,
    supported: &'static str,
) -> EngineError {
    EngineError::Unsupported {
        key,
        found: found.into(),
        supported,
    }
}

/// Refuses a switch that is neither absent nor at the one value that is computed.
pub(super) fn refuse_unless(
    key: &'static str,
    found: Option<bool>,
    computed: bool,
) -> Result<(), EngineError> {
    match found {
        Some(found) if found != computed => {
            let supported = if computed { "true" } else { "false" };
            Err(unsupported(key, found.to_string(), supported))
        }
        _ => Ok(()),
    }
}

pub(super) fn positive(sizes: &[(&'static str, usize)]) -> Result<(), EngineError> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some(&(key, found)) => Err(EngineError::Number {
            key,
            found,
            expected: "positive",
        }),
        None => Ok(()),
    }
}

/// Elements of each head.
pub(super) fn head_width(
    key: &'static str,
    hidden: usize,
    heads: usize,
    expected: &'static str,
) -> Result<usize, EngineError> {
    if hidden.is_multiple_of(heads) {
        return Ok(hidden / heads);
    }
    Err(EngineError::Number {
        key,
        found: hidden,
        expected,
    })
}
