//! What a run has done: `RESULTS.run.json`, beside the results.
//!
//! While the run goes on it is the journal from which it can be resumed: it says how many records have their rows on
//! the disk, and where these end. When the run is complete it says what classified them. It is replaced as a whole,
//! so that it is always that of a moment at which everything that it names was on the disk.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The format of the file.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Of this format.
    pub(super) version: u32,
    /// The client's release.
    pub(super) sealnote: String,
    pub(super) state: State,
    /// Times as `2026-11-23T20:25:17Z`.
    pub(super) started: String,
    pub(super) updated: String,
    pub(super) input: InputState,
    pub(super) output: OutputState,
    pub(super) counts: Counts,
    /// The sessions that gave results, oldest first.
    pub(super) sessions: Vec<Session>,
    /// What decides the rows' bytes: a run is resumed with the same.
    pub(super) settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Records are still to come.
    Running,
    /// All rows are on the disk, and the files are given their names.
    Finishing,
    Complete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputState {
    pub(super) name: String,
    /// Records that have their rows.
    pub(super) records: u64,
    /// Of these records, in their order: each one's SHA-256 is hashed after the digest of those before.
    pub(super) sha256: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputState {
    /// Bytes of whole rows in the results.
    pub(super) bytes: u64,
    /// The same of the rejects' file.
    pub(super) rejects_bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) classified: u64,
    pub(super) failed: u64,
    /// The failed ones, by the code of the error.
    pub(super) errors: BTreeMap<String, u64>,
}

/// One session that gave results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// What rows name it by: the first 16 hex digits of SHA-256 of its evidence.
    pub(super) evidence: String,
    /// The whole digest.
    pub(super) evidence_sha256: String,
    pub(super) kind: String,
    /// The policy's label of the measurements.
    pub(super) measured_as: String,
    pub(super) model: String,
    pub(super) precision: String,
    pub(super) suite: u16,
    /// When it was verified.
    pub(super) at: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) text_field: String,
    pub(super) id_field: String,
    pub(super) format: Option<String>,
    pub(super) output_format: String,
    pub(super) pass: Vec<String>,
    pub(super) scores: String,
    pub(super) min_known: Option<f64>,
    pub(super) unique_ids: bool,
    pub(super) rejects: Option<String>,
    pub(super) max_record_bytes: usize,
    pub(super) allow_other_model: bool,
}

impl Manifest {
    pub(super) fn new(name: String, settings: Settings, now: String) -> Self {
        Self {
            version: VERSION,
            sealnote: env!("CARGO_PKG_VERSION").into(),
            state: State::Running,
            started: now.clone(),
            updated: now,
            input: InputState {
                name,
                records: 0,
                sha256: hex::encode([0; 32]),
            },
            output: OutputState::default(),
            counts: Counts::default(),
            sessions: Vec::new(),
            settings,
        }
    }

    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        match manifest.version {
            VERSION => Ok(manifest),
            other => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("its version is {other}, and this release knows {VERSION}"),
            )),
        }
    }

    /// Replaces the file as a whole, and waits until the disk has it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        file.write_all(&json)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        // The new name is on the disk when its folder is.
        std::fs::File::open(folder)?.sync_all()
    }
}

impl Settings {
    /// The first setting that differs, with both values.
    pub(super) fn difference(&self, other: &Self) -> Option<(String, String, String)> {
        let (ours, theirs) = (object(self), object(other));
        let mut pairs = ours.iter().zip(theirs.values());
        let ((name, ours), theirs) = pairs.find(|((_, ours), theirs)| ours != theirs)?;
        Some((name.replace('_', "-"), ours.to_string(), theirs.to_string()))
    }
}

fn object(settings: &Settings) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(fields)) => fields,
        other => unreachable!("settings are an object: {:?}", other.is_ok()),
    }
}
