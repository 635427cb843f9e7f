//! `sealnote policy`: what a client accepts, for whoever is answerable for it.

mod add;
mod check;
mod diff;
mod new;
mod remove;
mod show;
mod sign;
mod verify;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::exit::Failure;
use crate::facts::print;
use crate::policy::lint::Warning;

#[derive(Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a policy that accepts one image.
    New(new::New),
    /// Accept one more image beside those of a policy, as while a new one is rolled out.
    Add(add::Add),
    /// Take an image out of a policy.
    Remove(remove::Remove),
    /// Show what a policy accepts, and what it leaves open.
    Show(show::Show),
    /// Check that a policy can be used, and warn of what it leaves open and of what expires.
    Check(check::Check),
    /// Show in what two policies differ, or a policy and an attestation document.
    Diff(diff::Diff),
    /// Sign a policy with an SSH key, as `ssh-keygen -Y sign -n sealnote-policy` does.
    Sign(sign::Sign),
    /// Check a policy's signature, and that its serial is not below one that was accepted.
    Verify(verify::Verify),
}

impl Policy {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::New(command) => command.run(),
            Command::Add(command) => command.run(),
            Command::Remove(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Check(command) => command.run(),
            Command::Diff(command) => command.run(),
            Command::Sign(command) => command.run(),
            Command::Verify(command) => command.run(),
        }
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(json) => print(&[json]),
        Err(error) => unreachable!("texts and numbers: {error}"),
    }
}

fn warning_lines(warnings: &[Warning]) -> Vec<String> {
    let line = |warning: &Warning| format!("warning: {}", warning.message);
    warnings.iter().map(line).collect()
}
