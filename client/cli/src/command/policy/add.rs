//! `sealnote policy add`: one more image in a policy.

use std::path::PathBuf;

use clap::Args;
use sealnote_verifier::Kind;
use sealnote_verifier::policy::PolicyFile;

use crate::evidence::file::KindName;
use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files::shown;
use crate::policy::contents::{Pinned, SetChoice, pins_of, widen};
use crate::policy::set::{Set, of_evidence};
use crate::policy::source::Source;
use crate::policy::stored::Stored;

/// What is said of a set that was made from evidence.
const UNVERIFIED: &str = "warning: these are the values that the evidence says, and nobody has verified it: compare them \
                          with those of the image's builder (`sealnote policy show --full`), then check the evidence \
                          against the policy (`sealnote verify`)";

#[derive(Args)]
pub(crate) struct Add {
    /// The policy, which is replaced by one with the further set and the next serial.
    policy: PathBuf,
    #[command(flatten)]
    set: SetChoice,
    /// The source is evidence of this kind, as its machine made it or as `--evidence-out` kept it. Its values are taken as
    /// they are: nothing is verified.
    #[arg(long, value_name = "KIND")]
    kind: Option<KindName>,
    /// Add a token's set to those of this issuer. Needed if the policy has several, and the source is no token.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// The number of the weakest suite that a session with this image may take, in place of the policy's.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    least_suite: Option<u16>,
    #[command(flatten)]
    pinned: Pinned,
}

impl Add {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut stored = Stored::read_file(&self.policy)?;
        let file = &mut stored.file;
        let source = match self.kind {
            Some(KindName(kind)) => Source::read_evidence(kind, self.set.source())?,
            None => Source::read(self.set.source())?,
        };
        let is_evidence = matches!(source, Source::Evidence(..));
        let (set, found, issuer) = match source {
            Source::Set(set, pins) => (*set, pins_of(pins), self.issuer.clone()),
            Source::Evidence(kind, facts) => {
                let (set, issuer) = of_evidence(kind, &facts, file)?;
                (set, Vec::new(), issuer)
            }
        };
        self.check_flags(set.kind(), issuer.as_deref())?;
        let mut set = self.set.name(set);
        let common = set.common();
        if let Some(least) = self.least_suite {
            *common.least_suite = Some(least.into());
        }
        let label = self.unused(file, common.label)?;
        let model = self.pinned.model.digest()?;
        let pins = match set {
            Set::Nitro(_) => [self.pinned.pins(model.as_ref()), found].concat(),
            _ => Vec::new(),
        };
        set.add_to(file, &pins, issuer.as_deref())?;
        widen(file, &pins, model.as_ref())?;
        let said = stored.write_next(&format!("accepts {label:?} too"))?;
        let warning = is_evidence.then(|| UNVERIFIED.to_owned());
        print(&[said].into_iter().chain(warning).collect::<Vec<_>>())
    }

    /// Flags that would be passed over are refused.
    fn check_flags(&self, kind: Kind, issuer: Option<&str>) -> Result<(), Failure> {
        let refused = |what: &str| Err(Exit::Usage.because(what));
        match &self.issuer {
            Some(_) if kind != Kind::Token => refused("--issuer is for the set of a token"),
            Some(given) if Some(given.as_str()) != issuer => {
                refused("the token names another issuer than --issuer does")
            }
            _ if kind != Kind::Nitro && self.pinned.given().next().is_some() => {
                refused("--pin, --pin-role and --pin-instance are for registers of Nitro")
            }
            _ => Ok(()),
        }
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
