//! `sealnote policy diff`: in what two policies differ, or a policy and a document.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use sealnote_verifier::nitro::MAX_DOCUMENT;
use serde::Serialize;

use super::print_json;
use crate::exit::{Exit, Failure};
use crate::facts::print;
use crate::files;
use crate::files::shown;
use crate::policy::against::Comparison;
use crate::policy::compare::{Difference, differences};
use crate::policy::outline::Outline;
use crate::policy::stored::Stored;

/// The comparison came to its end, and found a difference. diff(1)'s 1 stands for internal errors here.
const DIFFERS: Exit = Exit::Records;

#[derive(Args)]
#[command(group(ArgGroup::new("with").required(true).args(["second", "document"])))]
pub(crate) struct Diff {
    /// The policy.
    first: PathBuf,
    /// The other policy.
    second: Option<PathBuf>,
    /// A Nitro document (raw CBOR) to compare with, instead of a policy. Its signature is NOT checked.
    #[arg(long, value_name = "DOC")]
    document: Option<PathBuf>,
    /// Show digests in full.
    #[arg(long)]
    full: bool,
    /// Print JSON, as docs/policies.md describes it.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    same: bool,
    differences: &'a [Difference],
}

#[derive(Serialize)]
struct DocumentReport<'a> {
    same: bool,
    /// Always: whoever can write the file can write what he likes in it.
    verified: bool,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

impl Diff {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let first = Stored::read(&self.first)?;
        match (&self.second, &self.document) {
            (Some(second), _) => self.with_policy(first, second),
            (_, Some(document)) => self.with_document(&first, document),
            (None, None) => unreachable!("clap demands one of them"),
        }
    }

    fn with_policy(&self, first: Stored, second: &Path) -> Result<(), Failure> {
        let second = Stored::read(second)?;
        let differences = differences(
            Outline::new(&first.file, &first.policy),
            Outline::new(&second.file, &second.policy),
        );
        let same = differences.is_empty();
        if self.json {
            print_json(&Report {
                same,
                differences: &differences,
            })?;
        } else {
            let lines = differences.iter().flat_map(|one| one.lines(self.full));
            print(&lines.collect::<Vec<_>>())?;
        }
        ended(same, "the policies differ")
    }

    fn with_document(&self, first: &Stored, document: &Path) -> Result<(), Failure> {
        let Some(rules) = first.policy.nitro() else {
            return Err(
                Exit::Usage.because(format!("{} accepts no Nitro documents", shown(&first.path)))
            );
        };
        let bytes = files::read(document, "the document", MAX_DOCUMENT)?;
        let document = sealnote_verifier::nitro::inspect(&bytes).map_err(|rejection| {
            Exit::Rejected.because(format!(
                "malformed, check {}: {rejection}",
                rejection.check()
            ))
        })?;
        let comparison = Comparison::new(rules, document.pcrs());
        let same = comparison.is_same();
        if self.json {
            print_json(&DocumentReport {
                same,
                verified: false,
                comparison: &comparison,
            })?;
        } else {
            let loud = "UNVERIFIED: the document's signature is not checked here; `sealnote policy check \
                        --document` does";
            print(&[vec![loud.to_owned()], comparison.lines(self.full)].concat())?;
        }
        ended(same, "the document differs from the policy")
    }
}

fn ended(same: bool, differs: &str) -> Result<(), Failure> {
    match same {
        true => Ok(()),
        false => Err(DIFFERS.because(differs)),
    }
}
