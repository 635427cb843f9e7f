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

const NEW: &str = "\
Examples:
  $ sealnote policy new sealnote.eif -o policy.json
  $ sealnote policy new measurements.json --label '2026-11' --not-after 2027-03-01T00:00:00Z -o policy.json";

const ADD: &str = "\
Examples:
  $ sealnote policy add policy.json sealnote-next.eif --label '2026-12'
  $ sealnote policy add policy.json guest-next.json --label '2026-12'
  $ sealnote policy add policy.json evidence/0123456789abcdef.cbor --kind tdx --label '2026-12'";

const REMOVE: &str = "\
Examples:
  $ sealnote policy remove policy.json '2026-11'";

const SHOW: &str = "\
Examples:
  $ sealnote policy show policy.json
  $ sealnote policy show policy.json --full --json";

const CHECK: &str = "\
Examples:
  $ sealnote policy check policy.json --strict --soon 60
  $ sealnote policy check policy.json --document evidence/0123456789abcdef.cbor --at 2026-11-28T06:00:00Z";

const DIFF: &str = "\
Examples:
  $ sealnote policy diff policy.json policy-next.json
  $ sealnote policy diff policy.json --document evidence/0123456789abcdef.cbor";

const SIGN: &str = "\
Examples:
  $ sealnote policy sign policy.json --key ~/.ssh/policy_ed25519";

const VERIFY: &str = "\
Examples:
  $ sealnote policy verify policy.json --signer allowed_signers";

#[derive(Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a policy that accepts one image.
    #[command(after_help = NEW)]
    New(new::New),
    /// Accept one more image beside those of a policy, as while a new one is rolled out.
    #[command(after_help = ADD)]
    Add(add::Add),
    /// Take an image out of a policy.
    #[command(after_help = REMOVE)]
    Remove(remove::Remove),
    /// Show what a policy accepts, and what it leaves open.
    #[command(after_help = SHOW)]
    Show(show::Show),
    /// Check that a policy can be used, and warn of what it leaves open and of what expires.
    #[command(after_help = CHECK)]
    Check(check::Check),
    /// Show in what two policies differ, or a policy and an attestation document.
    #[command(after_help = DIFF)]
    Diff(diff::Diff),
    /// Sign a policy with an SSH key, as `ssh-keygen -Y sign -n sealnote-policy` does.
    #[command(after_help = SIGN)]
    Sign(sign::Sign),
    /// Check a policy's signature, and that its serial is not below one that was accepted.
    #[command(after_help = VERIFY)]
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
