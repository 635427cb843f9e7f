//! How facts of a document are printed.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{ErrorKind, Write};

use sealnote_verifier::UnixTime;
use sealnote_verifier::nitro::{Measurement, UnverifiedDocument, VerifiedDocument};
use serde::Serialize;

use crate::exit::{Exit, Failure};

/// A document's facts, in the shape of `sealnote verify --json`.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    pub(crate) module_id: String,
    pub(crate) timestamp_ms: u64,
    pub(crate) pcrs: BTreeMap<u8, String>,
    pub(crate) public_key: Option<String>,
    pub(crate) user_data: Option<String>,
    pub(crate) nonce: Option<String>,
}

/// The two kinds of document have the same accessors and, on purpose, no type in common.
macro_rules! facts_of {
    ($document:expr) => {
        Facts {
            module_id: $document.module_id().into(),
            timestamp_ms: $document.timestamp_ms(),
            pcrs: hex_registers($document.pcrs()),
            public_key: $document.public_key().map(hex::encode),
            user_data: $document.user_data().map(hex::encode),
            nonce: $document.nonce().map(hex::encode),
        }
    };
}

fn hex_registers(pcrs: &BTreeMap<u8, Measurement>) -> BTreeMap<u8, String> {
    pcrs.iter()
        .map(|(index, value)| (*index, value.to_string()))
        .collect()
}

impl Facts {
    pub(crate) fn verified(document: &VerifiedDocument) -> Self {
        facts_of!(document)
    }

    pub(crate) fn unverified(document: &UnverifiedDocument) -> Self {
        facts_of!(document)
    }

    /// For people: a line a fact; registers that are all zero are left out.
    pub(crate) fn lines(&self) -> Vec<String> {
        // A text from the document is shown escaped: it must not write to the terminal as it likes.
        let mut lines = vec![
            line("module id", self.module_id.escape_debug()),
            line("made at", UnixTime::from_millis(self.timestamp_ms)),
        ];
        for (index, value) in &self.pcrs {
            if value.bytes().any(|digit| digit != b'0') {
                lines.push(line(&format!("PCR{index}"), value));
            }
        }
        for (name, value) in [
            ("public key", &self.public_key),
            ("user data", &self.user_data),
            ("nonce", &self.nonce),
        ] {
            lines.push(line(name, value.as_deref().unwrap_or("(none)")));
        }
        lines
    }
}

/// A name and its value, in columns.
pub(crate) fn line(name: &str, value: impl Display) -> String {
    format!("{name:<12} {value}")
}

/// Writes lines to standard output. A reader that has gone (`sealnote attest … | head`) wants no more,
/// and that is no failure.
pub(crate) fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Exit::Output.because(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
