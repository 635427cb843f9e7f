//! `sealnote`, the command line of the client: what can be asked, and the exit codes.
//!
//! ```text
//! input → sealnote_client::Submission → output
//! ```
//!
//! What the exit codes mean is in [`exit`].

#![forbid(unsafe_code)]

#[macro_use]
mod say;

mod command;
mod evidence;
pub mod exit;
mod facts;
mod files;
mod policy_file;
pub mod privacy;
pub mod record;
mod report;
mod run;
pub mod sink;
pub mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use sealnote_transport::Endpoint;

/// Verifies a Sealnote enclave, seals clinical notes to it, opens its answers.
#[derive(Parser)]
#[command(name = "sealnote", version)]
pub struct Cli {
    /// Say errors and warnings only.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more of what happens.
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: command::Command,
}

/// What evidence must show; the same for every command that verifies.
#[derive(Args)]
struct Trust {
    /// The policy: measurements as nitro-cli prints them, or a sealnote policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// DANGER: also accept evidence under this development root (PEM). It protects nothing.
    #[arg(long, value_name = "FILE")]
    danger_accept_software_root: Option<PathBuf>,
}

/// Whom to talk to.
#[derive(Args)]
struct Server {
    /// The parent: tcp:HOST:PORT, unix:PATH or vsock:CID:PORT.
    #[arg(long, value_name = "ADDR")]
    server: Endpoint,
    /// How long to wait for the server, and then for each next answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    #[command(flatten)]
    trust: Trust,
}

/// Runs the command, and says on standard error what went wrong.
pub async fn run(cli: Cli) -> ExitCode {
    say::set_level(cli.quiet, cli.verbose);
    match cli.command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say!("{failure}");
            failure.exit().into()
        }
    }
}
