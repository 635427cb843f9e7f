//! `sealnote key show`: the public half, which the model's owner puts in the list of clients.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Failure;
use crate::facts::print;
use crate::files::private_key;

const EXAMPLES: &str = "\
Examples:
  $ sealnote key show ~/.config/sealnote/client.pem";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Show {
    /// The private key, as `sealnote key new` or `openssl genpkey -algorithm ed25519` writes it; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Show {
    pub(crate) fn run(self) -> Result<(), Failure> {
        print(&[private_key(&self.file)?.public().to_string()])
    }
}
