//! `sealnote inspect`: what evidence says, unverified.

use std::path::PathBuf;

use clap::Args;
use sealnote_verifier::Kind;
use serde::Serialize;

use crate::evidence::file::{self, KindName};
use crate::exit::Failure;
use crate::facts::{Facts, print};
use crate::json;

const EXAMPLES: &str = "\
Examples:
  $ sealnote inspect document.cbor
  $ sealnote inspect --kind sev-snp report.bin
  $ curl -s https://enclave.example/attestation | sealnote inspect - --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// The evidence: a Nitro document as raw CBOR; a report or quote as its machine made it; what `--evidence-out` kept.
    /// `-` reads standard input.
    #[arg(value_name = "FILE")]
    evidence: PathBuf,
    /// What it is evidence of.
    #[arg(long, value_name = "KIND", default_value = "nitro")]
    kind: KindName,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

/// The shape of `--json`. There is no `ok`: nothing was proved.
#[derive(Serialize)]
struct Report {
    verified: bool,
    kind: &'static str,
    #[serde(flatten)]
    facts: Facts,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let KindName(kind) = self.kind;
        let facts = json::told(self.json, self.read(kind))?;
        if self.json {
            return json::print(&Report {
                verified: false,
                kind: kind.name(),
                facts,
            });
        }
        let facts = facts.lines();
        let loud = "UNVERIFIED: nothing here is proved; anyone can write such evidence";
        let advice = "UNVERIFIED: use `sealnote verify` to check it";
        print(&[vec![loud.to_owned()], facts, vec![advice.to_owned()]].concat())
    }

    fn read(&self, kind: Kind) -> Result<Facts, Failure> {
        Facts::unverified(kind, &file::read(kind, &self.evidence, None)?.sent)
    }
}
