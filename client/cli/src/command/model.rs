//! `sealnote model`: a model that only an attested enclave can read, for whoever owns it.

mod encrypt;
mod inspect;
mod new_key;

use clap::{Args, Subcommand};

use crate::exit::Failure;

const NEW_KEY: &str = "\
Examples:
  $ sealnote model new-key keys/icd10-chapter.key";

const ENCRYPT: &str = "\
Examples:
  $ sealnote model encrypt models/icd10-chapter --out encrypted --key keys/icd10-chapter.key --key-id icd10-chapter";

const INSPECT: &str = "\
Examples:
  $ sealnote model inspect encrypted
  $ sealnote model inspect encrypted --key keys/icd10-chapter.key";

#[derive(Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key, in a new file that only you can read.
    #[command(after_help = NEW_KEY)]
    NewKey(new_key::NewKey),
    /// Encrypt a model's folder, for enclaves that are given its key.
    #[command(after_help = ENCRYPT)]
    Encrypt(encrypt::Encrypt),
    /// Show what an encrypted folder says of itself, and whether its files belong together; with the key, verify all of it.
    #[command(after_help = INSPECT)]
    Inspect(inspect::Inspect),
}

impl Model {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::NewKey(command) => command.run(),
            Command::Encrypt(command) => command.run(),
            Command::Inspect(command) => command.run(),
        }
    }
}
