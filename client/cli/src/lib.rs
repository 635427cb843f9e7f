//! `sealnote`, the command line of the client: what can be asked, and the exit codes.
//!
//! ```text
//! input → sealnote_client::Submission → output
//! ```
//!
//! Exit 0: done, accepted. 1: rejected, or a note without a result. 2: usage, an unreadable file, a
//! bad policy.

#![forbid(unsafe_code)]

/// Says something on standard error. If that cannot be written, nobody is there to hear it, and the work
/// goes on: `eprintln!` would panic.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "sealnote: {}", format_args!($($part)*));
    }};
}

mod attest;
mod files;
mod input;
mod inspect;
mod measure;
mod model_digest;
mod output;
mod policy_file;
mod report;
mod result_file;
mod submit;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sealnote_transport::Endpoint;

/// Verifies a Sealnote enclave, seals clinical notes to it, opens its answers.
#[derive(Parser)]
#[command(name = "sealnote", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what runs behind an address, and which checks its evidence passed.
    Attest(attest::Attest),
    /// Check a saved attestation document offline. It may come from another product's enclave.
    Verify(verify::Verify),
    /// Print an attestation document WITHOUT verifying it.
    Inspect(inspect::Inspect),
    /// Verify the enclave, then send it notes to classify.
    Submit(submit::Submit),
    /// Recompute the measurements of an enclave image file, without AWS's tools, and write a policy.
    Measure(measure::Measure),
    /// Print the digest of a model folder, as claims report it and policies pin it.
    ModelDigest(model_digest::ModelDigest),
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

/// Why a command did not succeed: what it says on standard error, and its exit code.
#[derive(Debug)]
enum Failure {
    /// Exit 1.
    Rejected(String),
    /// Exit 2.
    Usage(String),
}

/// Runs the command, and says on standard error what went wrong.
pub async fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Attest(command) => command.run().await,
        Command::Verify(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Submit(command) => command.run().await,
        Command::Measure(command) => command.run(),
        Command::ModelDigest(command) => command.run(),
    };
    let (code, message) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Rejected(message)) => (1, message),
        Err(Failure::Usage(message)) => (2, message),
    };
    say!("{message}");
    ExitCode::from(code)
}
