//! `sealnote inspect`: what a document says, unverified.

use std::path::PathBuf;

use clap::Args;
use sealnote_verifier::nitro::MAX_DOCUMENT;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::facts::{Facts, print};
use crate::{files, json};

const EXAMPLES: &str = "\
Examples:
  $ sealnote inspect document.cbor
  $ curl -s https://enclave.example/attestation | sealnote inspect - --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// The attestation document, as raw CBOR; `-` reads standard input.
    document: PathBuf,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

/// The shape of `--json`. There is no `ok`: nothing was proved.
#[derive(Serialize)]
struct Report {
    verified: bool,
    #[serde(flatten)]
    facts: Facts,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let facts = json::told(self.json, self.read())?;
        if self.json {
            return json::print(&Report {
                verified: false,
                facts,
            });
        }
        let facts = facts.lines();
        let loud = "UNVERIFIED: nothing here is proved; anyone can write such a document";
        let advice = "UNVERIFIED: use `sealnote verify` to check it";
        print(&[vec![loud.to_owned()], facts, vec![advice.to_owned()]].concat())
    }

    fn read(&self) -> Result<Facts, Failure> {
        let bytes = files::read(&self.document, "the document", MAX_DOCUMENT)?;
        match sealnote_verifier::nitro::inspect(&bytes) {
            Ok(document) => Ok(Facts::unverified(&document)),
            Err(rejection) => {
                let check = rejection.check();
                let failure = format!("malformed, check {check}: {rejection}");
                Err(Exit::Rejected.because(failure).at_check(check))
            }
        }
    }
}
