//! `sealnote completions` and `sealnote man`: made from the definition of the flags.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::flags;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  $ sealnote completions bash > ~/.local/share/bash-completion/completions/sealnote
  $ sealnote completions zsh > ~/.zfunc/_sealnote
  $ sealnote completions fish > ~/.config/fish/completions/sealnote.fish";

#[derive(Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct Completions {
    shell: Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// A folder that is there.
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut flags::definition(),
            "sealnote",
            &mut script,
        );
        print(&[String::from_utf8_lossy(&script).trim_end().to_owned()])
    }
}

impl Man {
    /// A page for each command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        clap_mangen::generate_to(flags::definition(), &self.folder).map_err(|error| {
            Exit::Output.because(format!(
                "pages cannot be written to {}: {error}",
                shown(&self.folder)
            ))
        })
    }
}
