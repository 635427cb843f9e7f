//! `sealnote endorsements`: the vendor's files as one that travels.

use std::path::PathBuf;

use clap::Args;
use sealnote_verifier::Kind;

use crate::evidence::file::{self, KindName};
use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::{self, shown};

const EXAMPLES: &str = "\
Examples:
  $ sealnote endorsements --kind sev-snp vcek.der cert_chain.pem crl.der -o endorsements/sev-snp";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Endorsements {
    /// Whose endorsements they are.
    #[arg(long, value_name = "KIND")]
    kind: KindName,
    /// The vendor's files: docs/endorsements.md says where they come from.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write them here, in the place of what is there: `sealnote-parent --endorsements` reads a folder of such files, each
    /// named by its kind.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Endorsements {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let KindName(kind) = self.kind;
        let encoded = file::endorsements(kind, &self.files, None)?;
        let encoded = encoded.ok_or_else(|| no_endorsements(kind))?;
        if encoded.len() > file::MAX {
            return Err(Exit::Usage.because(format!(
                "the endorsements have {} bytes together, and at most {} travel",
                encoded.len(),
                file::MAX
            )));
        }
        let written = files::replace(&self.output, &encoded, 0o644);
        written.map_err(|error| files::unwritten(&self.output, &error))?;
        print(&[format!("{}: {} bytes", shown(&self.output), encoded.len())])
    }
}

fn no_endorsements(kind: Kind) -> Failure {
    Exit::Usage.because(format!("{} evidence has no endorsements", kind.name()))
}
