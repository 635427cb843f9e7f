//! Of a Nitro document.

use std::collections::BTreeMap;

use sealnote_verifier::UnixTime;
use sealnote_verifier::nitro::{Measurement, UnverifiedDocument, VerifiedDocument, inspect};
use serde_json::{Value, json};

use super::{Fact, MEASUREMENT, line, malformed};
use crate::exit::Failure;

pub(super) const KEYS: [&str; 7] = [
    "module_id",
    "timestamp_ms",
    MEASUREMENT,
    "pcrs",
    "public_key",
    "user_data",
    "nonce",
];

/// The two kinds of document have the same accessors and, on purpose, no type in common.
macro_rules! facts_of {
    ($document:expr) => {{
        let module_id = $document.module_id();
        let timestamp_ms = $document.timestamp_ms();
        let mut facts = vec![
            Fact {
                lines: vec![line("module id", module_id.escape_debug())],
                ..Fact::new("module_id", module_id)
            },
            Fact {
                lines: vec![line("made at", UnixTime::from_millis(timestamp_ms))],
                ..Fact::new("timestamp_ms", timestamp_ms)
            },
        ];
        facts.extend(registers($document.pcrs()));
        facts.extend([
            optional("public_key", $document.public_key()),
            optional("user_data", $document.user_data()),
            optional("nonce", $document.nonce()),
        ]);
        facts
    }};
}

pub(super) fn verified(document: &VerifiedDocument) -> Vec<Fact> {
    facts_of!(document)
}

pub(super) fn unverified(document: &[u8]) -> Result<Vec<Fact>, Failure> {
    let document: UnverifiedDocument =
        inspect(document).map_err(|rejection| malformed(rejection.check(), &rejection))?;
    Ok(facts_of!(document))
}

/// Registers that are all zero have no line.
fn registers(pcrs: &BTreeMap<u8, Measurement>) -> [Fact; 2] {
    let values: BTreeMap<_, _> = pcrs
        .iter()
        .map(|(index, value)| (*index, value.to_string()))
        .collect();
    let is_set = |value: &str| value.bytes().any(|digit| digit != b'0');
    let lines = values
        .iter()
        .filter(|(_, value)| is_set(value))
        .map(|(index, value)| line(&format!("PCR{index}"), value))
        .collect();
    [
        Fact::new(MEASUREMENT, values.get(&0).cloned()),
        Fact {
            lines,
            ..Fact::new("pcrs", json!(values))
        },
    ]
}

fn optional(key: &'static str, bytes: Option<&[u8]>) -> Fact {
    match bytes {
        Some(bytes) => Fact::shown(key, hex::encode(bytes)),
        None => Fact {
            lines: vec![line(&key.replace('_', " "), "(none)")],
            ..Fact::new(key, Value::Null)
        },
    }
}
