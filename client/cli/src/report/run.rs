//! What the manifest of a run says of it: who classified the notes, and how long it took.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealnote_verifier::UnixTime;
use serde::{Deserialize, Serialize};

/// The part of `RESULTS.run.json` that is shown. Fields that are missing are not.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct RunFacts {
    pub(crate) state: Option<String>,
    pub(crate) started: Option<String>,
    pub(crate) updated: Option<String>,
    pub(crate) counts: RunCounts,
    pub(crate) sessions: Vec<SessionFacts>,
}

/// Of all records, also of those whose rows are in a file of rejects.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct RunCounts {
    pub(crate) classified: u64,
    pub(crate) failed: u64,
    pub(crate) errors: BTreeMap<String, u64>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct SessionFacts {
    /// What rows name it by.
    pub(crate) evidence: String,
    pub(crate) kind: String,
    pub(crate) measured_as: String,
    pub(crate) model: String,
    pub(crate) at: String,
}

/// A manifest of more bytes is none of ours.
const LONGEST: usize = 16 << 20;

impl RunFacts {
    /// Where the manifest of these results is, or that of a run that still goes on.
    pub(crate) fn path(results: &Path) -> PathBuf {
        let name = results.as_os_str().to_string_lossy();
        let mut path = match name.strip_suffix(".partial") {
            Some(name) => name.into(),
            None => results.as_os_str().to_owned(),
        };
        path.push(".run.json");
        path.into()
    }

    /// `None` if there is no manifest that says anything.
    pub(crate) fn beside(results: &Path) -> Option<Self> {
        let bytes = crate::files::read(&Self::path(results), "the manifest", LONGEST).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Seconds from its start to its last step, pauses included.
    pub(super) fn seconds(&self) -> Option<f64> {
        let time = |text: &Option<String>| text.as_ref()?.parse::<UnixTime>().ok();
        let (started, updated) = (time(&self.started)?, time(&self.updated)?);
        let seconds = updated.as_millis().checked_sub(started.as_millis())?;
        (seconds > 0).then_some(seconds as f64 / 1000.0)
    }

    /// Records a second.
    pub(super) fn rate(&self) -> Option<f64> {
        let records = self.counts.classified + self.counts.failed;
        Some(records as f64 / self.seconds()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_beside_the_results_or_what_they_grow_in() {
        for results in ["r.csv", "r.csv.partial"] {
            assert_eq!(
                RunFacts::path(Path::new(results)),
                Path::new("r.csv.run.json")
            );
        }
    }

    #[test]
    fn the_rate_is_of_all_records_and_the_whole_time() {
        let mut run: RunFacts = serde_json::from_str(
            r#"{"started":"2026-01-02T03:04:05Z","updated":"2026-01-02T03:04:25Z","counts":{"classified":90,"failed":10}}"#,
        )
        .unwrap();
        assert_eq!(run.rate(), Some(5.0));
        run.updated = run.started.clone();
        assert_eq!(run.rate(), None, "no time has passed");
    }
}
