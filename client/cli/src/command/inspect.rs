//! `sealnote inspect`: what a document says, unverified.

use std::path::PathBuf;

use clap::Args;
use sealnote_verifier::nitro::MAX_DOCUMENT;

use crate::exit::{Exit, Failure};
use crate::facts::{Facts, print};
use crate::files;

const EXAMPLES: &str = "\
Examples:
  $ sealnote inspect document.cbor
  $ curl -s https://enclave.example/attestation | sealnote inspect -";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// The attestation document, as raw CBOR; `-` reads standard input.
    document: PathBuf,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let bytes = files::read(&self.document, "the document", MAX_DOCUMENT)?;
        let document = sealnote_verifier::nitro::inspect(&bytes).map_err(|rejection| {
            Exit::Rejected.because(format!(
                "malformed, check {}: {rejection}",
                rejection.check()
            ))
        })?;
        let facts = Facts::unverified(&document).lines();
        let loud = "UNVERIFIED: nothing here is proved; anyone can write such a document";
        let advice = "UNVERIFIED: use `sealnote verify` to check it";
        print(&[vec![loud.to_owned()], facts, vec![advice.to_owned()]].concat())
    }
}
