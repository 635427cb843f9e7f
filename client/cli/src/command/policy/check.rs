//! `sealnote policy check`: whether a policy can be used, and what it leaves open.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sealnote_client::now;
use sealnote_verifier::nitro::MAX_DOCUMENT;
use sealnote_verifier::{TrustRoots, UnixTime};
use serde::Serialize;

use super::{print_json, warning_lines};
use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files;
use crate::files::shown;
use crate::policy::lint::{Warning, warnings};
use crate::policy::outline::Outline;
use crate::policy::stored::Stored;

#[derive(Args)]
pub(crate) struct Check {
    /// The policy.
    policy: PathBuf,
    /// Also check this Nitro document (raw CBOR) against the policy, its signature included.
    #[arg(long, value_name = "DOC")]
    document: Option<PathBuf>,
    /// The moment to check at, instead of now: a document is valid for minutes only.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// Warn of sets that expire within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    soon: u32,
    /// Exit with 3 if there is a warning.
    #[arg(long)]
    strict: bool,
    /// Print JSON, as docs/policies.md describes it.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    warnings: &'a [Warning],
    document: Option<&'a Verdict>,
}

/// What became of the document.
#[derive(Serialize)]
struct Verdict {
    accepted: bool,
    /// The set that it matches.
    set: Option<String>,
    /// The check that failed.
    check: Option<&'static str>,
    message: String,
}

impl Check {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let stored = Stored::read(&self.policy)?;
        let at = self.at.unwrap_or_else(now);
        let outline = Outline::new(&stored.file, &stored.policy);
        let soon = Duration::from_secs(u64::from(self.soon) * 24 * 3600);
        let warnings = warnings(&stored.policy, &outline, at, soon);
        let verdict = match &self.document {
            None => None,
            Some(path) => {
                let document = files::read(path, "the document", MAX_DOCUMENT)?;
                Some(verdict(&stored, &document, at))
            }
        };
        if self.json {
            print_json(&Report {
                warnings: &warnings,
                document: verdict.as_ref(),
            })?;
        } else {
            let summary = match warnings.len() {
                0 => "it can be used, and leaves nothing open".to_owned(),
                1 => "it can be used, with 1 warning".to_owned(),
                number => format!("it can be used, with {number} warnings"),
            };
            let mut lines = vec![format!("{}: {summary}", shown(&self.policy))];
            lines.extend(warning_lines(&warnings));
            let accepted = verdict.iter().filter(|verdict| verdict.accepted);
            lines.extend(accepted.map(|verdict| verdict.message.clone()));
            print(&lines)?;
        }
        match verdict {
            Some(verdict) if !verdict.accepted => Err(Exit::Rejected.because(verdict.message)),
            _ if self.strict && !warnings.is_empty() => {
                Err(Exit::Rejected.because("the policy has warnings, and --strict accepts none"))
            }
            _ => Ok(()),
        }
    }
}

fn verdict(stored: &Stored, document: &[u8], at: UnixTime) -> Verdict {
    let roots = TrustRoots::vendors();
    match stored.policy.check_document(document, &roots, None, at) {
        Ok(verified) => Verdict {
            accepted: true,
            set: Some(verified.measurement_set().to_owned()),
            check: None,
            message: format!(
                "the document is accepted at {at}, measured as {:?}",
                verified.measurement_set()
            ),
        },
        Err(rejection) => Verdict {
            accepted: false,
            set: None,
            check: Some(rejection.check().id()),
            message: format!(
                "the document is rejected, check {}: {rejection}",
                rejection.check()
            ),
        },
    }
}
