//! `sealnote-parent completions` and `sealnote-parent man`: made from the definition of the flags.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;

#[derive(Args, Clone)]
pub(super) struct Completions {
    shell: Shell,
}

#[derive(Args, Clone)]
pub(super) struct Man {
    /// A folder that is there
    folder: PathBuf,
}

impl Completions {
    pub(super) fn run(self, mut definition: Command) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut definition, "sealnote-parent", &mut script);
        std::io::stdout()
            .write_all(&script)
            .context("the completions cannot be written")
    }
}

impl Man {
    /// A page for each command.
    pub(super) fn run(self, definition: Command) -> anyhow::Result<()> {
        clap_mangen::generate_to(definition, &self.folder)
            .with_context(|| format!("pages cannot be written to {}", self.folder.display()))
    }
}
