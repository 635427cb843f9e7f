//! Evidence that is kept for an auditor: `--evidence-out DIR`.
//!
//! Each appraisal leaves these files, named by the first 16 hex digits of the SHA-256 of the evidence, as results name it:
//! `DIGEST.cbor`, the evidence as it came; `DIGEST.claims` and `DIGEST.endorsements` (where there are any), what came with
//! it; and `DIGEST.json`, what the appraisal found, with the challenge: all that `sealnote verify` needs to appraise it again.
//! Rejected evidence is kept as well: it is what somebody has to look at.

pub(crate) mod file;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sealnote_client::{Appraisal, EvidenceDigest};
use sealnote_protocol::task::Task;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::files::shown;

/// What a run knows of the evidence that it saw, and where it is kept.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    shared: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    folder: Option<PathBuf>,
    accepted: Vec<Accepted>,
    broken: Option<String>,
}

/// Evidence that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accepted {
    pub(crate) digest: EvidenceDigest,
    pub(crate) report: Report,
}

/// What an appraisal found; the shape of `DIGEST.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    pub(crate) evidence_sha256: String,
    pub(crate) kind: &'static str,
    /// What the evidence answers.
    pub(crate) challenge: String,
    /// When it was appraised.
    pub(crate) at: String,
    pub(crate) accepted: bool,
    /// The check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(flatten)]
    pub(crate) found: Option<Found>,
}

/// What accepted evidence says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Found {
    /// The policy's label of the measurements.
    pub(crate) measured_as: String,
    pub(crate) model: String,
    /// How the model is computed; of a key release there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precision: Option<String>,
    /// The suite of the session: PROTOCOL.md, "Suites".
    pub(crate) suite: u16,
    pub(crate) checks: Vec<String>,
}

impl Seen {
    /// Keeps evidence in this folder, which is made if it is not there.
    pub(crate) fn kept_in(folder: Option<PathBuf>) -> Result<Self, Failure> {
        make_folder(folder.as_deref())?;
        let log = Log {
            folder,
            ..Log::default()
        };
        Ok(Self {
            shared: Arc::new(Mutex::new(log)),
        })
    }

    /// Is to be told of every appraisal.
    pub(crate) fn observer(
        &self,
    ) -> impl Fn(&Appraisal<'_>) -> io::Result<()> + Send + Sync + 'static {
        let shared = self.shared.clone();
        move |appraisal| {
            let mut log = shared.lock().unwrap_or_else(PoisonError::into_inner);
            log.take(appraisal)
        }
    }

    /// Fails if evidence could not be kept: of what was rejected, nothing else says so.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.log().broken {
            Some(problem) => {
                Err(Exit::Output.because(format!("evidence cannot be kept: {problem}")))
            }
            None => Ok(()),
        }
    }

    /// What was accepted with this digest.
    pub(crate) fn accepted(&self, digest: EvidenceDigest) -> Option<Accepted> {
        let log = self.log();
        log.accepted
            .iter()
            .rev()
            .find(|seen| seen.digest == digest)
            .cloned()
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn take(&mut self, appraisal: &Appraisal<'_>) -> io::Result<()> {
        let report = Report::of(appraisal);
        let kept = match &self.folder {
            Some(folder) => keep_with(folder, appraisal, &report),
            None => Ok(()),
        };
        if let Err(error) = &kept {
            self.broken.get_or_insert(error.to_string());
        }
        if report.accepted {
            self.accepted.push(Accepted {
                digest: appraisal.digest,
                report,
            });
        }
        kept
    }
}

impl Report {
    pub(crate) fn of<T: Task>(appraisal: &Appraisal<'_, T>) -> Self {
        let (failed_check, message, found) = match appraisal.verdict {
            Ok(evidence) => {
                let task = evidence.claims().task();
                let found = Found {
                    measured_as: evidence.facts().measurement_set().to_owned(),
                    model: task.model().to_string(),
                    precision: task.precision().map(|precision| precision.to_string()),
                    suite: evidence.suite().id(),
                    checks: evidence.passed().iter().map(ToString::to_string).collect(),
                };
                (None, None, Some(found))
            }
            Err(rejection) => {
                let check = rejection.check().to_string();
                (Some(check), Some(rejection.to_string()), None)
            }
        };
        Self {
            evidence_sha256: appraisal.digest.to_string(),
            kind: appraisal.saved.kind.name(),
            challenge: hex::encode(appraisal.saved.challenge),
            at: appraisal.at.to_string(),
            accepted: found.is_some(),
            failed_check,
            message,
            found,
        }
    }
}

/// Makes the folder for evidence, for its owner alone.
pub(crate) fn make_folder(folder: Option<&Path>) -> Result<(), Failure> {
    let Some(folder) = folder else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Exit::Output.because(format!("{}: {error}", shown(folder))))
}

/// Keeps one appraisal, of evidence for any task.
pub(crate) fn keep<T: Task>(folder: &Path, appraisal: &Appraisal<'_, T>) -> io::Result<()> {
    keep_with(folder, appraisal, &Report::of(appraisal))
}

fn keep_with<T>(folder: &Path, appraisal: &Appraisal<'_, T>, report: &Report) -> io::Result<()> {
    write_all(folder, appraisal, report)
        .map_err(|error| io::Error::other(format!("{}: {error}", shown(folder))))
}

fn write_all<T>(folder: &Path, appraisal: &Appraisal<'_, T>, report: &Report) -> io::Result<()> {
    // A name of its own: whoever is on the way can send accepted evidence once more, with other claims, and what is kept
    // of its acceptance must stay.
    let verdict = if report.accepted { "" } else { "-rejected" };
    let name = format!("{}{verdict}", appraisal.digest.short());
    let mut json = serde_json::to_vec_pretty(report)?;
    json.push(b'\n');
    let saved = &appraisal.saved;
    write(&folder.join(format!("{name}.cbor")), saved.evidence)?;
    write(&folder.join(format!("{name}.claims")), saved.claims)?;
    if let Some(endorsements) = saved.endorsements {
        write(&folder.join(format!("{name}.endorsements")), endorsements)?;
    }
    write(&folder.join(format!("{name}.json")), &json)
}

/// A document of the same digest is the same: it may be there.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    // Rows that name it may be on the disk next.
    file.sync_data()
}
