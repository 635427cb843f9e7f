//! `sealnote policy new`: a policy for one image.

use std::path::PathBuf;

use clap::Args;
use sealnote_client::now;
use sealnote_model::Precision;

use super::warning_lines;
use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::policy::contents::{Pinned, SetChoice, new_policy, pins_of};
use crate::policy::lint::{SOON, warnings};
use crate::policy::outline::Outline;
use crate::policy::set::Set;
use crate::policy::source::Source;
use crate::policy::stored::Checked;

#[derive(Args)]
pub(crate) struct New {
    #[command(flatten)]
    set: SetChoice,
    /// Write the policy here. A file that is there is not replaced.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    pinned: Pinned,
    /// The precision that the model must compute in.
    #[arg(long, value_name = "NAME", value_parser = parse_precision)]
    precision: Option<Precision>,
    /// The number of the weakest suite that is accepted.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    least_suite: Option<u16>,
    /// The greatest age of a document, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    max_age: Option<u64>,
}

fn parse_precision(name: &str) -> Result<Precision, &'static str> {
    Precision::from_name(name).ok_or("it is f32 or int8")
}

impl New {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (set, found) = match Source::read(self.set.source())? {
            Source::Set(set, pins) => (self.set.name(*set), pins_of(pins)),
            Source::Evidence(..) => {
                return Err(Exit::Usage.because(
                    "a new policy is of an image, whose builder can say what it holds: use `sealnote policy add` for \
                     what evidence says",
                ));
            }
        };
        let set = match set {
            Set::Nitro(set) => set,
            other => {
                return Err(Exit::Usage.because(format!(
                    "a policy for {} also says which machines are accepted, and no flag says that: write it as \
                     docs/policies.md has it, and use `sealnote policy add` for further sets",
                    other.kind().name()
                )));
            }
        };
        let label = set.label.clone();
        let model = self.pinned.model.digest()?;
        let pins = [found, self.pinned.pins(model.as_ref())].concat();
        let mut file = new_policy(set, &pins, model.as_ref());
        let session = file.session.get_or_insert_default();
        session.precision = self.precision.map(|precision| precision.name().to_owned());
        if let Some(least) = self.least_suite {
            session.least_suite = Some(least.into());
        }
        if let Some(rules) = &mut file.evidence.nitro {
            rules.max_age_seconds = self.max_age;
        }
        let checked = Checked::new(file)?;
        checked.write_new(&self.output)?;
        let outline = Outline::new(&checked.file, &checked.policy);
        let warnings = warnings(&checked.policy, &outline, now(), SOON);
        let written = format!(
            "{}: written, serial 1, accepts {label:?}",
            shown(&self.output)
        );
        print(&[vec![written], warning_lines(&warnings)].concat())
    }
}
