//! The commands, a file each.

mod attest;
mod check;
mod doctor;
mod endorsements;
mod generate;
mod inspect;
mod key;
mod measure;
mod model;
mod model_digest;
mod policy;
mod release;
mod report;
mod submit;
mod verify;

use clap::Subcommand;

use crate::config::Config;
use crate::exit::Failure;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show what runs behind an address, and which checks its evidence passed.
    Attest(attest::Attest),
    /// Check saved evidence of any kind offline. It may come from another product's enclave.
    Verify(verify::Verify),
    /// Print what evidence says WITHOUT verifying it.
    Inspect(inspect::Inspect),
    /// Verify the enclave, then send it notes to classify.
    Submit(submit::Submit),
    /// Show what results say as a whole, in the terminal and as a page.
    Report(report::ReportCommand),
    /// Recompute the measurements of an enclave image file, without AWS's tools, and write a policy.
    Measure(measure::Measure),
    /// Find out, step by step, why there is no session: address, protocol, evidence, policy, clock. Sends no note.
    Doctor(doctor::Doctor),
    /// Put what a vendor signed about a machine into the one file that `sealnote-parent --endorsements` hands to its enclave.
    Endorsements(endorsements::Endorsements),
    /// Show what this machine can do for confidential computing, and what is on: TDX, SEV, Nitro Enclaves, vTPM.
    Check(check::Check),
    /// Make and show the key by which an enclave knows a client.
    Key(key::Key),
    /// Print the digest of a model folder, as claims report it and policies pin it.
    ModelDigest(model_digest::ModelDigest),
    /// Encrypt a model, so that only enclaves that are given its key can read it.
    Model(model::Model),
    /// Make, show, check, compare and sign policies.
    Policy(policy::Policy),
    /// Give models' keys to enclaves whose evidence the policy accepts: the model owner's service.
    Release(release::Release),
    /// Print a shell's completions of these commands and flags.
    Completions(generate::Completions),
    /// Write the man pages into a folder.
    #[command(hide = true)]
    Man(generate::Man),
}

impl Command {
    /// Whether it runs though the config file cannot be used.
    pub(crate) fn goes_on_without_config(&self) -> bool {
        matches!(
            self,
            Self::Check(_) | Self::Doctor(_) | Self::Completions(_) | Self::Man(_)
        )
    }

    pub(crate) async fn run(self, config: Config) -> Result<(), Failure> {
        match self {
            Self::Attest(command) => command.run().await,
            Self::Verify(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Submit(command) => command.run().await,
            Self::Report(command) => command.run(),
            Self::Measure(command) => command.run(),
            Self::Check(command) => command.run().await,
            Self::ModelDigest(command) => command.run(),
            Self::Model(command) => command.run(),
            Self::Endorsements(command) => command.run(),
            Self::Key(command) => command.run(),
            Self::Policy(command) => command.run(),
            Self::Doctor(command) => command.run(config).await,
            Self::Release(command) => command.run().await,
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}
