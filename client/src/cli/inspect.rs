//! `sealnote inspect`: what a document says, unverified.

use std::path::PathBuf;

use clap::Args;
use sealnote_protocol::handshake::MAX_DOCUMENT;

use super::report::Facts;
use super::{Failure, files};

#[derive(Args)]
pub(super) struct Inspect {
    /// The attestation document, as raw CBOR.
    document: PathBuf,
}

impl Inspect {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = files::read(&self.document, MAX_DOCUMENT)?;
        let document = sealnote_verifier::inspect(&bytes).map_err(|rejection| {
            Failure::Rejected(format!(
                "malformed, check {}: {rejection}",
                rejection.check()
            ))
        })?;
        println!("UNVERIFIED: nothing below is proved; anyone can write such a document");
        Facts::unverified(&document).print();
        println!("UNVERIFIED: use `sealnote verify` to check it");
        Ok(())
    }
}
