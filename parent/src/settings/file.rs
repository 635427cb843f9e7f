//! Settings out of TOML files, and what is wrong with them.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::Settings;
use crate::{
    EnclavesError,
    egress::{AllowlistError, RoutesError},
};

impl Settings {
    /// These, and where they say nothing, those of `files`; no two files may say the same.
    pub fn over_files(self, files: &[PathBuf]) -> Result<Settings, SettingsError> {
        let mut said_in: HashMap<String, &Path> = HashMap::new();
        let mut all = self;
        for path in files {
            let text = fs::read_to_string(path).map_err(|reason| SettingsError::Read {
                path: path.clone(),
                reason,
            })?;
            let fault = |error: toml::de::Error| SettingsError::file(path, &text, &error);
            let keys: toml::Table = toml::from_str(&text).map_err(fault)?;
            for key in keys.into_iter().map(|(key, _)| key) {
                if let Some(other) = said_in.insert(key.clone(), path) {
                    return Err(SettingsError::Twice {
                        key,
                        paths: [other.to_owned(), path.clone()],
                    });
                }
            }
            all = all.over(toml::from_str(&text).map_err(fault)?);
        }
        Ok(all)
    }
}

/// Why settings are not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("the settings of {} cannot be read: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// A file is not TOML, or has a key or a value that is none of a setting.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Two files have one key.
    #[error("{} and {} both set {key}; keep one of them", paths[0].display(), paths[1].display())]
    Twice {
        /// The key.
        key: String,
        /// The files.
        paths: [PathBuf; 2],
    },
    /// What cannot be done without is not set.
    #[error("{0} is not set: give --{0}, or the same key in a file of --config")]
    Missing(&'static str),
    /// One excludes the other.
    #[error("{0} does not go with {1}: {2}")]
    Together(&'static str, &'static str, &'static str),
    /// The enclaves are none that can be served with.
    #[error(transparent)]
    Enclaves(#[from] EnclavesError),
    /// There is no list of what the enclaves may reach.
    #[error(transparent)]
    Allowlist(#[from] AllowlistError),
    /// The enclaves may not reach what they were to.
    #[error(transparent)]
    Egress(#[from] RoutesError),
    /// A PROXY header is of a proxy over TCP or a Unix socket.
    #[error("proxy-protocol is for listeners over TCP or Unix sockets, and listen is over vsock")]
    ProxyOverVsock,
}

impl SettingsError {
    fn file(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = String::from_utf8_lossy(&text.as_bytes()[..at]);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        SettingsError::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem: error.message().replace('\n', "; "),
        }
    }
}
