//! A policy on disk, as [`sealnote_verifier::policy`] reads and writes it.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sealnote_verifier::Policy;
use sealnote_verifier::policy::{MAX_POLICY_LEN, PolicyFile};

use super::signature;
use crate::exit::{Exit, Failure};
use crate::files::{self, replace, shown, unwritten};

/// A policy that was read.
pub(crate) struct Stored {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) file: PolicyFile,
    pub(crate) policy: Policy,
}

impl Stored {
    /// Reads a policy, as every command that verifies does.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::parse(path, files::read(path, "the policy", MAX_POLICY_LEN)?)
    }

    /// The same of one that is to be changed or signed: standard input has no place beside it.
    pub(crate) fn read_file(path: &Path) -> Result<Self, Failure> {
        match files::is_stdin(path) {
            true => Err(Exit::Usage.because("a policy that is changed or signed has to be a file")),
            false => Self::read(path),
        }
    }

    /// Of a file's bytes.
    pub(crate) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Failure> {
        let wrong = |error: &dyn core::fmt::Display| {
            Exit::Usage.because(format!("{}: {error}", shown(path)))
        };
        let file = PolicyFile::from_json(&bytes).map_err(|error| wrong(&error))?;
        let policy = Policy::from_file(file.clone()).map_err(|error| wrong(&error))?;
        sealnote_session::offered(&policy).map_err(|error| wrong(&error))?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            file,
            policy,
        })
    }

    /// Writes what was made of the file in its place, with the next serial; returns what is to be said of it, `what` it
    /// now does included.
    pub(crate) fn write_next(self, what: &str) -> Result<String, Failure> {
        let name = shown(&self.path);
        if self.is_nitro_cli() {
            return Err(Exit::Usage.because(format!(
                "{name} is what nitro-cli printed, and is left as it is; make a policy of it first, with `sealnote \
                 policy new`"
            )));
        }
        let serial = self.file.serial.unwrap_or(0).checked_add(1);
        let serial = serial.ok_or_else(|| {
            Exit::Usage.because(format!("{name} has the greatest serial there is"))
        })?;
        let checked = Checked::new(PolicyFile {
            serial: Some(serial),
            ..self.file
        })?;
        checked.replace(&self.path)?;
        let signature = signature::path(&self.path);
        let stale = match signature.exists() {
            true => format!(
                "; {} is of the policy before: sign again",
                shown(&signature)
            ),
            false => String::new(),
        };
        Ok(format!("{name}: written, serial {serial}, {what}{stale}"))
    }

    /// Whether it has keys that a policy file has no place for.
    fn is_nitro_cli(&self) -> bool {
        let json = self.bytes.strip_prefix(b"\xef\xbb\xbf");
        serde_json::from_slice(json.unwrap_or(&self.bytes))
            .is_ok_and(|json: serde_json::Value| json.get("Measurements").is_some())
    }
}

/// A policy that the loader accepts, to be written.
pub(crate) struct Checked {
    pub(crate) file: PolicyFile,
    pub(crate) policy: Policy,
}

impl Checked {
    /// Fails on what the loader would not take, such as an empty label.
    pub(crate) fn new(file: PolicyFile) -> Result<Self, Failure> {
        let wrong = |error: &dyn core::fmt::Display| {
            Exit::Usage.because(format!("no policy can be made: {error}"))
        };
        let policy = Policy::from_file(file.clone()).map_err(|error| wrong(&error))?;
        sealnote_session::offered(&policy).map_err(|error| wrong(&error))?;
        Ok(Self { file, policy })
    }

    /// Writes a new file. One that is there may be a policy with pins and sets that nobody has noted
    /// elsewhere, or the very image: it is never replaced.
    pub(crate) fn write_new(&self, path: &Path) -> Result<(), Failure> {
        let file = File::create_new(path);
        file.and_then(|mut file| file.write_all(self.file.to_json().as_bytes()))
            .map_err(|error| unwritten(path, &error))
    }

    /// Puts it in the place of the policy that it was made from: whoever reads the file meanwhile sees the one or the
    /// other, whole.
    pub(crate) fn replace(&self, path: &Path) -> Result<(), Failure> {
        let mode = path
            .metadata()
            .map_or(0o644, |file| file.permissions().mode());
        replace(path, self.file.to_json().as_bytes(), mode).map_err(|error| unwritten(path, &error))
    }
}
