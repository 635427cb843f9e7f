//! `sealnote check`: what this machine can do for confidential computing, and what is on. It proves nothing to anyone
//! else: docs/check.md.

mod amd;
mod finding;
mod hyper_v;
mod intel;
mod look;
mod machine;
mod metadata;
mod nitro;
mod platform;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
mod vtpm;

use std::io::{ErrorKind, Write};

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::json;

use finding::{Finding, Report, Subject};
use machine::Machine;
use metadata::Answer;
use platform::Platform;

const EXAMPLES: &str = "\
Examples:
  $ sealnote check
  $ sealnote check --require sev-snp-host
  $ sealnote check --require tdx --json

Exit codes: 0, or 4 if something that --require names is not active.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// End with exit code 4 unless this is active; may be given more than once. A kind as policies spell it is this
    /// machine as one that makes evidence; with -host (Nitro: -parent) it is one that starts such machines.
    #[arg(long, value_name = "KIND")]
    require: Vec<Subject>,
    /// Also ask the metadata services of EC2 and Azure, at 169.254.169.254, whether they answer. Nothing else is asked.
    #[arg(long)]
    metadata: bool,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let metadata = match self.metadata {
            true => Some(metadata::ask(metadata::ADDRESS, metadata::PATIENCE).await),
            false => None,
        };
        let report = report(&Machine::this(), metadata, &self.require);
        match self.json {
            true => json::print(&report)?,
            false => print(&report.lines(crate::say::is_verbose()))?,
        }
        report.end()
    }
}

/// Writes lines, with their colours only where they are seen. A reader that has gone wants no more, and that is no failure.
fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let written = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Exit::Output.because(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

fn report(machine: &Machine, metadata: Option<Vec<Answer>>, required: &[Subject]) -> Report {
    let platform = Platform::of(machine);
    Report::new(platform, findings(machine), metadata, required)
}

/// What there is to say of each subject, in the order in which it is shown.
fn findings(machine: &Machine) -> Vec<Finding> {
    let mut all = nitro::findings(machine).to_vec();
    all.extend(amd::findings(machine));
    all.extend(intel::findings(machine));
    all.extend(vtpm::findings(machine));
    all
}
