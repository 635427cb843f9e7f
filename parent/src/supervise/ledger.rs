//! Which enclaves this parent has started: no other is ever ended by it.
//!
//! Kept in a file, so that a parent that is started anew after a crash still knows. A start is entered before it begins,
//! by its name, since the id is known only when it is done: a parent that is killed in between, or whose `nitro-cli`
//! hangs, finds its enclave again.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::nitro_cli::{Described, EnclaveId};

/// What is known of one's own enclaves.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    file: Option<PathBuf>,
    entries: Entries,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    started: BTreeSet<String>,
    starting: Option<String>,
}

/// The file cannot be used.
#[derive(Debug, Error)]
#[error(
    "the state file {} {problem}; without it a parent that starts anew ends no enclave that this one started",
    path.display()
)]
pub struct LedgerError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, Error)]
enum Problem {
    #[error("cannot be read ({0})")]
    Read(io::Error),
    #[error("is not one of this program's ({0}); remove it")]
    Content(serde_json::Error),
    #[error("cannot be written ({0})")]
    Write(io::Error),
}

impl Ledger {
    /// What the file has, if there is one already; without a path, nothing is kept beyond this process.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, LedgerError> {
        let entries = match &file {
            None => Entries::default(),
            Some(path) => read(path).map_err(|problem| LedgerError {
                path: path.clone(),
                problem,
            })?,
        };
        Ok(Ledger { file, entries })
    }

    /// Whether this parent started it.
    pub(super) fn has(&self, enclave: &Described) -> bool {
        self.entries.started.contains(enclave.id.as_str())
            || self.entries.starting.as_deref() == Some(&enclave.name)
    }

    /// One of that name is about to be started; there is none now.
    pub(super) fn begin(&mut self, name: &str) -> Result<(), LedgerError> {
        self.entries.starting = Some(name.to_owned());
        self.write()
    }

    /// None was started, for certain: whoever has that name from now on is another's.
    pub(super) fn abandon(&mut self) -> Result<(), LedgerError> {
        match self.entries.starting.take() {
            Some(_) => self.write(),
            None => Ok(()),
        }
    }

    /// It is there.
    pub(super) fn enter(&mut self, id: &EnclaveId) -> Result<(), LedgerError> {
        self.entries.starting = None;
        self.entries.started.insert(id.as_str().to_owned());
        self.write()
    }

    /// It has ended.
    pub(super) fn strike(&mut self, id: &EnclaveId) -> Result<(), LedgerError> {
        match self.entries.started.remove(id.as_str()) {
            true => self.write(),
            false => Ok(()),
        }
    }

    /// Writes a new file in the old one's place: a crash leaves the one or the other.
    fn write(&self) -> Result<(), LedgerError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let write = || {
            let new = path.with_added_extension("new");
            fs::write(&new, serde_json::to_vec(&self.entries)?)?;
            fs::rename(&new, path)
        };
        write().map_err(|error| LedgerError {
            path: path.clone(),
            problem: Problem::Write(error),
        })
    }
}

fn read(path: &Path) -> Result<Entries, Problem> {
    match fs::read(path) {
        Ok(json) => serde_json::from_slice(&json).map_err(Problem::Content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::default()),
        Err(error) => Err(Problem::Read(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_is_there_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("enclaves.json");
        let open = || Ledger::open(Some(file.clone())).unwrap();
        let id = |id: &str| EnclaveId::try_from(id.to_owned()).unwrap();

        let mut ledger = open();
        ledger.begin("sealnote").unwrap();
        assert_eq!(open().entries.starting.as_deref(), Some("sealnote"));
        ledger.abandon().unwrap();
        assert_eq!(open().entries.starting, None);
        ledger.begin("sealnote").unwrap();
        ledger.enter(&id("i-1-enc1")).unwrap();
        ledger.enter(&id("i-1-enc2")).unwrap();
        ledger.strike(&id("i-1-enc1")).unwrap();
        ledger.strike(&id("i-1-enc3")).unwrap();
        assert_eq!(open().entries.starting, None);
        assert_eq!(open().entries.started, BTreeSet::from(["i-1-enc2".into()]));
    }

    #[test]
    fn a_file_that_is_another_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("enclaves.json");
        fs::write(&file, "{\"started\":[],\"starting\":null,\"more\":1}").unwrap();
        let error = Ledger::open(Some(file)).unwrap_err().to_string();
        assert!(error.contains("is not one of this program's"), "{error}");
    }
}
