//! `sealnote policy remove`: an image that is no longer accepted.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::policy::stored::Stored;

#[derive(Args)]
pub(crate) struct Remove {
    /// The policy, which is replaced by one without the set and with the next serial.
    policy: PathBuf,
    /// The set's name. Pins and model digests stay as they are.
    label: String,
}

impl Remove {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut stored = Stored::read_file(&self.policy)?;
        let known: Vec<String> = stored
            .file
            .labels()
            .map(|label| format!("{label:?}"))
            .collect();
        let evidence = &mut stored.file.evidence;
        evidence.retain_sets(|label| label != self.label);
        let left = stored.file.labels().count();
        let label = &self.label;
        if left == known.len() {
            return Err(Exit::Usage.because(format!(
                "{} has no set {label:?}; it has {}",
                shown(&self.policy),
                known.join(", ")
            )));
        }
        let said = stored.write_next(&format!("no longer accepts {label:?}"))?;
        print(&[said])
    }
}
