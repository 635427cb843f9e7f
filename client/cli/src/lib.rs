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
mod config;
mod evidence;
pub mod exit;
mod facts;
mod files;
mod flags;
mod json;
mod model_key;
pub mod policy;
pub mod privacy;
pub mod record;
mod release;
mod report;
mod run;
pub mod sink;
pub mod source;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use sealnote_transport::Endpoint;

/// Verifies a Sealnote enclave, seals clinical notes to it, opens its answers.
#[derive(Parser)]
#[command(
    name = "sealnote",
    version = version::SHORT,
    long_version = version::long(),
    after_help = "Flags are taken from the command line, else from the environment, else from a profile of the config \
                  file: $XDG_CONFIG_HOME/sealnote/config.toml, or ~/.config/sealnote/config.toml."
)]
pub struct Cli {
    /// Say errors and warnings only.
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = EVERYWHERE)]
    quiet: bool,
    /// Say more of what happens.
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    verbose: bool,
    /// Read profiles from this file instead of the one in the place for config files.
    #[arg(long, value_name = "FILE", global = true, help_heading = EVERYWHERE)]
    config: Option<PathBuf>,
    /// The profile of the config file to use.
    #[arg(long, value_name = "NAME", global = true, help_heading = EVERYWHERE)]
    profile: Option<String>,
    #[command(subcommand)]
    command: command::Command,
}

/// Where help has the flags that every command takes.
const EVERYWHERE: &str = "With every command";

/// What evidence must show; the same for every command that verifies.
#[derive(Args)]
struct Trust {
    /// The policy: measurements as nitro-cli prints them, or a sealnote policy file.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Take the policy only if one of these has signed it (FILE.sig), and never an older one than before: a public
    /// SSH key, or a file of allowed signers as ssh-keygen reads it.
    #[arg(long, value_name = "FILE")]
    policy_signer: Option<PathBuf>,
    /// DANGER: also accept evidence under this development root (PEM); may be given for each of several. It protects
    /// nothing.
    #[arg(long, value_name = "FILE")]
    danger_accept_software_root: Vec<PathBuf>,
}

/// Whom to talk to.
#[derive(Args)]
struct Server {
    /// The parent: tcp:HOST:PORT, unix:PATH or vsock:CID:PORT.
    #[arg(long, value_name = "ADDR")]
    server: Option<Endpoint>,
    /// How long to wait for the server, and then for each next answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// The private key that this client signs with, where the enclave serves only the clients that its model's owner has
    /// listed: see `sealnote key`. Another enclave is not told of it.
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

/// A command line that was understood, with what stands behind it.
pub struct Invocation {
    cli: Cli,
    config: config::Config,
}

/// Reads the command line, the environment and the config file; or says what there is to say, and with which code to end.
///
/// # Errors
///
/// The exit code, where there is nothing to run: help was asked for, or something is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, ExitCode> {
    flags::parse(arguments.into_iter().collect()).map_err(|stop| stop.say())
}

/// Runs the command, and says on standard error what went wrong.
pub async fn run(Invocation { cli, config }: Invocation) -> ExitCode {
    say::set_level(cli.quiet, cli.verbose);
    if let (Some(file), Some(profile)) = (&config.file, &config.profile) {
        detail!("the profile {:?} of {}", profile.name, files::shown(file));
    }
    match cli.command.run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say!("{failure}");
            failure.exit().into()
        }
    }
}
