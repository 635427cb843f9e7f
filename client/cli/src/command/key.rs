//! `sealnote key`: the key by which an enclave knows a client.

mod new;
mod show;

use clap::{Args, Subcommand};

use crate::exit::Failure;

#[derive(Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a private key, and print its public half.
    New(new::New),
    /// Print the public half of a private key, as a list of clients has it.
    Show(show::Show),
}

impl Key {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::New(command) => command.run(),
            Command::Show(command) => command.run(),
        }
    }
}
