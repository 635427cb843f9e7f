//! How facts of a document are printed.

use std::collections::BTreeMap;

use sealnote_verifier::policy::Measurement;
use sealnote_verifier::{UnixTime, UnverifiedDocument, VerifiedDocument};
use serde::Serialize;

/// A document's facts, in the shape of `sealnote verify --json`.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub(super) module_id: String,
    pub(super) timestamp_ms: u64,
    pub(super) pcrs: BTreeMap<u8, String>,
    pub(super) public_key: Option<String>,
    pub(super) user_data: Option<String>,
    pub(super) nonce: Option<String>,
}

impl Facts {
    fn new(
        module_id: &str,
        timestamp_ms: u64,
        pcrs: &BTreeMap<u8, Measurement>,
        [public_key, user_data, nonce]: [Option<&[u8]>; 3],
    ) -> Self {
        Self {
            module_id: module_id.into(),
            timestamp_ms,
            pcrs: pcrs
                .iter()
                .map(|(index, value)| (*index, value.to_string()))
                .collect(),
            public_key: public_key.map(hex::encode),
            user_data: user_data.map(hex::encode),
            nonce: nonce.map(hex::encode),
        }
    }

    pub(super) fn verified(document: &VerifiedDocument) -> Self {
        let optional = [
            document.public_key(),
            document.user_data(),
            document.nonce(),
        ];
        Self::new(
            document.module_id(),
            document.timestamp_ms(),
            document.pcrs(),
            optional,
        )
    }

    pub(super) fn unverified(document: &UnverifiedDocument) -> Self {
        let optional = [
            document.public_key(),
            document.user_data(),
            document.nonce(),
        ];
        Self::new(
            document.module_id(),
            document.timestamp_ms(),
            document.pcrs(),
            optional,
        )
    }

    /// For people: a line a fact; registers that are all zero are left out.
    pub(super) fn print(&self) {
        // A text from the document is shown escaped: it must not write to the terminal as it likes.
        println!("module id    {}", self.module_id.escape_debug());
        let time = UnixTime::from_millis(self.timestamp_ms);
        println!("made at      {time} ({} ms)", self.timestamp_ms);
        for (index, value) in &self.pcrs {
            if value.bytes().any(|digit| digit != b'0') {
                println!("{:<12} {value}", format!("PCR{index}"));
            }
        }
        for (name, value) in [
            ("public key", &self.public_key),
            ("user data", &self.user_data),
            ("nonce", &self.nonce),
        ] {
            println!("{name:<12} {}", value.as_deref().unwrap_or("(none)"));
        }
    }
}
