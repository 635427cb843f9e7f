//! `sealnote policy add`: one more image in a policy.

use std::path::PathBuf;

use clap::Args;
use sealnote_verifier::nitro::rules::SetFile;
use sealnote_verifier::policy::PolicyFile;
use sealnote_verifier::sev_snp;

use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::policy::contents::{Pinned, SetChoice, new_policy, pins_of, widen};
use crate::policy::registers::Pin;
use crate::policy::source::Source;
use crate::policy::stored::Stored;

#[derive(Args)]
pub(crate) struct Add {
    /// The policy, which is replaced by one with the further set and the next serial.
    policy: PathBuf,
    #[command(flatten)]
    set: SetChoice,
    /// The number of the weakest suite that a session with this image may take, in place of the policy's.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    least_suite: Option<u16>,
    #[command(flatten)]
    pinned: Pinned,
}

impl Add {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut stored = Stored::read_file(&self.policy)?;
        let least_suite = self.least_suite.map(u64::from);
        let model = self.pinned.model.digest()?;
        let mut pins = self.pinned.pins(model.as_ref());
        let file = &mut stored.file;
        let label = match Source::read(self.set.source())? {
            Source::Nitro(set, found) => {
                pins.extend(pins_of(found));
                let set = SetFile {
                    least_suite,
                    ..self.set.of_nitro(set)
                };
                let label = self.unused(file, &set.label)?;
                add_nitro(file, set, &pins)?;
                label
            }
            Source::SevSnp(set) => {
                let mut set = self.set.of_sev_snp(set);
                set.least_suite = least_suite.or(set.least_suite);
                let label = self.unused(file, &set.label)?;
                add_sev_snp(file, set)?;
                label
            }
        };
        widen(file, &pins, model.as_ref())?;
        let said = stored.write_next(&format!("accepts {label:?} too"))?;
        print(&[said])
    }

    /// The label, which no set has so far.
    fn unused(&self, file: &PolicyFile, label: &str) -> Result<String, Failure> {
        match file.labels().any(|known| known == label) {
            true => Err(Exit::Usage.because(format!(
                "{} has a set {label:?} already; give the new one another --label",
                shown(&self.policy)
            ))),
            false => Ok(label.to_owned()),
        }
    }
}

fn add_nitro(file: &mut PolicyFile, set: SetFile, pins: &[Pin]) -> Result<(), Failure> {
    let Some(rules) = &mut file.evidence.nitro else {
        file.evidence.nitro = new_policy(set, pins, None).evidence.nitro;
        return Ok(());
    };
    let registers = |set: &SetFile| {
        let registers = [&set.pcr0, &set.pcr1, &set.pcr2, &set.pcr8];
        registers.map(|value| value.as_deref().map(str::to_ascii_lowercase))
    };
    let same = |known: &&SetFile| registers(known) == registers(&set);
    if let Some(known) = rules.measurements.iter().find(same) {
        return Err(Exit::Usage.because(format!(
            "the policy accepts this image already, as {:?}",
            known.label
        )));
    }
    rules.measurements.push(set);
    Ok(())
}

/// Of two sets with the same values the loader says so.
fn add_sev_snp(file: &mut PolicyFile, set: sev_snp::rules::SetFile) -> Result<(), Failure> {
    match &mut file.evidence.sev_snp {
        Some(rules) => {
            rules.measurements.push(set);
            Ok(())
        }
        None => Err(Exit::Usage.because(
            "the policy says nothing of SEV-SNP: which firmware is accepted must be written in it first, as \
             docs/policies.md has it",
        )),
    }
}
