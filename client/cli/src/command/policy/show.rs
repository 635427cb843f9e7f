//! `sealnote policy show`: a policy, for a person.

use std::path::PathBuf;

use clap::Args;
use sealnote_client::now;
use sealnote_verifier::UnixTime;
use serde::Serialize;

use super::{print_json, warning_lines};
use crate::exit::Failure;
use crate::facts::print;
use crate::files;
use crate::policy::lint::{SOON, Warning, holds, warnings};
use crate::policy::outline::{Demand, Outline, shown};
use crate::policy::stored::Stored;

#[derive(Args)]
pub(crate) struct Show {
    /// The policy.
    policy: PathBuf,
    /// The moment to look at it, instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// Show digests in full.
    #[arg(long)]
    full: bool,
    /// Print JSON, as docs/policies.md describes it.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    outline: &'a Outline,
    warnings: &'a [Warning],
}

impl Show {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let stored = Stored::read(&self.policy)?;
        let outline = Outline::new(&stored.file, &stored.policy);
        let at = self.at.unwrap_or_else(now);
        let warnings = warnings(&stored.policy, &outline, at, SOON);
        if self.json {
            return print_json(&Report {
                outline: &outline,
                warnings: &warnings,
            });
        }
        let images = match outline.sets.len() {
            1 => "1 image".to_owned(),
            images => format!("{images} images"),
        };
        let serial = match outline.serial {
            Some(serial) => format!("serial {serial}"),
            None => "without a serial".to_owned(),
        };
        let mut lines = vec![format!(
            "{}: {serial}, accepts {images}",
            files::shown(&self.policy)
        )];
        for set in &outline.sets {
            lines.push(format!("{} set {:?}", set.kind, set.label));
            lines.push(format!("    {}", holds(set.not_after, at)));
            lines.extend(self.demands(&set.demands));
        }
        for section in &outline.evidence {
            lines.push(format!("{} evidence, whatever the image", section.kind));
            lines.extend(self.demands(&section.demands));
        }
        lines.push("session, whatever the evidence".into());
        lines.extend(self.demands(&outline.session));
        lines.extend(warning_lines(&warnings));
        print(&lines)
    }

    fn demands(&self, demands: &[Demand]) -> Vec<String> {
        let width = demands.iter().map(|demand| demand.name.len()).max();
        let width = width.unwrap_or_default();
        let line = |demand: &Demand| {
            let values = match &demand.accepted {
                None => "anything".to_owned(),
                Some(values) => {
                    let values: Vec<String> =
                        values.iter().map(|value| shown(value, self.full)).collect();
                    values.join(", ")
                }
            };
            format!("    {:<width$}  {values}  ({})", demand.name, demand.means)
        };
        demands.iter().map(line).collect()
    }
}
