//! What the operator says: flags, environment variables and TOML files, which all have the same names.
//!
//! A flag goes before its environment variable, that before a file, and a file before the default.

use std::{
    collections::HashMap,
    fmt, fs, io,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::Args;
use sealnote_transport::Endpoint;
use serde::{Deserialize, Deserializer, de};
use thiserror::Error;

use crate::{Config, Endorsements, log::LogFormat};

/// All that can be set, and none of it must be. As a file its keys are the flags' names: `max-connections = 64`.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Where clients come in: vsock:CID:PORT, tcp:HOST:PORT or unix:PATH
    #[arg(long, value_name = "ADDR", env = "SEALNOTE_PARENT_LISTEN")]
    #[serde(default, deserialize_with = "text")]
    pub listen: Option<Endpoint>,

    /// Where the enclave listens, as vsock:16:5005
    #[arg(long, value_name = "ADDR", env = "SEALNOTE_PARENT_ENCLAVE")]
    #[serde(default, deserialize_with = "text")]
    pub enclave: Option<Endpoint>,

    /// The most clients at a time, 160 unless given; one more is told that the parent is full
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_MAX_CONNECTIONS",
        help_heading = LIMITS
    )]
    pub max_connections: Option<NonZeroUsize>,

    /// The most clients at a time from one IPv4 address, IPv6 /64 or vsock CID, 48 unless given; one more is told that the
    /// parent is full
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_MAX_CONNECTIONS_PER_ADDRESS",
        help_heading = LIMITS
    )]
    pub max_connections_per_address: Option<NonZeroUsize>,

    /// How long a client is held while the enclave does not answer, as when it boots: 60 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_CONNECT_TIMEOUT",
        help_heading = LIMITS
    )]
    pub connect_timeout: Option<Seconds>,

    /// Close a connection over which nothing has moved for so long: 3600 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_IDLE_TIMEOUT",
        help_heading = LIMITS
    )]
    pub idle_timeout: Option<Seconds>,

    /// Serve HTTP here: /metrics for Prometheus, /healthz and /readyz. Not for strangers: it has no access control
    #[arg(
        long,
        value_name = "ADDR",
        env = "SEALNOTE_PARENT_METRICS_LISTEN",
        help_heading = OPERATION
    )]
    #[serde(default, deserialize_with = "text")]
    pub metrics_listen: Option<Endpoint>,

    /// After the order to stop: how long clients are still let in while /readyz says that they should not come, so that a
    /// load balancer sees it first; not at all unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_DRAIN_DELAY",
        help_heading = OPERATION
    )]
    pub drain_delay: Option<Seconds>,

    /// After that: how long open connections may go on, 10 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_DRAIN_TIMEOUT",
        help_heading = OPERATION
    )]
    pub drain_timeout: Option<Seconds>,

    /// Log the counters so often
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_METRICS_INTERVAL",
        help_heading = OPERATION
    )]
    pub metrics_interval: Option<Seconds>,

    /// How the log is written, to standard error
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SEALNOTE_PARENT_LOG_FORMAT",
        help_heading = OPERATION
    )]
    pub log_format: Option<LogFormat>,

    /// Have the log say the addresses of clients that are turned away; it says nobody's unless given
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        env = "SEALNOTE_PARENT_LOG_ADDRESSES",
        help_heading = OPERATION
    )]
    pub log_addresses: Option<bool>,

    /// Hand over to the enclave what its machine's vendor signed about it: the files sev-snp, tdx,
    /// azure-vtpm and token of this folder, at the start and then every minute
    #[arg(
        long,
        value_name = "DIR",
        env = "SEALNOTE_PARENT_ENDORSEMENTS",
        help_heading = ENDORSEMENTS
    )]
    pub endorsements: Option<PathBuf>,

    /// Where the enclave takes them, its --endorsements-listen
    #[arg(
        long,
        value_name = "ADDR",
        env = "SEALNOTE_PARENT_ENDORSEMENTS_TO",
        help_heading = ENDORSEMENTS
    )]
    #[serde(default, deserialize_with = "text")]
    pub endorsements_to: Option<Endpoint>,

    /// Answer the heartbeats of enclaves there, as vsock:any:9000, on a machine without nitro-cli; where there is one, it
    /// does that itself, and fails if anybody else does
    #[arg(
        long,
        value_name = "ADDR",
        env = "SEALNOTE_PARENT_ANSWER_HEARTBEAT",
        help_heading = OPERATION
    )]
    #[serde(default, deserialize_with = "text")]
    pub answer_heartbeat: Option<Endpoint>,

    /// The image of the enclave
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_EIF",
        help_heading = RUN
    )]
    pub eif: Option<PathBuf>,

    /// Its memory: four times the image at least
    #[arg(
        long,
        value_name = "MIB",
        env = "SEALNOTE_PARENT_MEMORY",
        help_heading = RUN
    )]
    pub memory: Option<NonZeroU32>,

    /// Its vCPUs: whole cores
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_CPUS",
        help_heading = RUN
    )]
    pub cpus: Option<NonZeroU32>,

    /// Its name with nitro-cli, sealnote unless given; that of its replacement has -2 after it, and so in turn
    #[arg(
        long,
        value_name = "NAME",
        env = "SEALNOTE_PARENT_ENCLAVE_NAME",
        help_heading = RUN
    )]
    pub enclave_name: Option<String>,

    /// Its CID, 16 unless given; that of its replacement is the next, and so in turn
    #[arg(
        long,
        value_name = "CID",
        env = "SEALNOTE_PARENT_ENCLAVE_CID",
        help_heading = RUN,
        value_parser = clap::value_parser!(u32).range(4..0xFFFF_FFFE)
    )]
    pub enclave_cid: Option<u32>,

    /// The program nitro-cli, where PATH does not have it
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_NITRO_CLI",
        help_heading = RUN
    )]
    pub nitro_cli: Option<PathBuf>,

    /// Keep in this file which enclaves were started here: a parent that is started anew after a crash then ends them in the
    /// end. Without it, it takes such an enclave over, and never ends it
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_STATE_FILE",
        help_heading = RUN
    )]
    pub state_file: Option<PathBuf>,

    /// Start the enclave in debug mode, and log what it says on its console; no client accepts it
    #[arg(
        long,
        env = "SEALNOTE_PARENT_DEBUG_CONSOLE",
        help_heading = RUN,
        num_args = 0..=1, default_missing_value = "true", require_equals = true
    )]
    pub debug_console: Option<bool>,

    /// Where the allocator has no room for two enclaves, end the old one before its replacement is started
    #[arg(
        long,
        env = "SEALNOTE_PARENT_REPLACE_BY_RESTART",
        help_heading = RUN,
        num_args = 0..=1, default_missing_value = "true", require_equals = true
    )]
    pub replace_by_restart: Option<bool>,

    /// Let the enclave run when the parent stops, for the next parent to take over
    #[arg(
        long,
        env = "SEALNOTE_PARENT_KEEP_ENCLAVE",
        help_heading = RUN,
        num_args = 0..=1, default_missing_value = "true", require_equals = true
    )]
    pub keep_enclave: Option<bool>,
}

const LIMITS: &str = "Limits";
const OPERATION: &str = "Operation";
const ENDORSEMENTS: &str = "Endorsements";
const RUN: &str = "The enclave of `run`";

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

    /// What the parent is told, with defaults for what is not set.
    pub fn config(self) -> Result<Config, SettingsError> {
        let listen = self.listen.ok_or(SettingsError::Missing("listen"))?;
        let enclave = self.enclave.ok_or(SettingsError::Missing("enclave"))?;
        let mut config = Config::new(listen, enclave);
        set(&mut config.max_connections, self.max_connections);
        set(
            &mut config.max_connections_per_address,
            self.max_connections_per_address,
        );
        set(&mut config.connect_timeout, self.connect_timeout);
        set(&mut config.idle_timeout, self.idle_timeout);
        set(&mut config.drain_delay, self.drain_delay);
        set(&mut config.drain_timeout, self.drain_timeout);
        set(&mut config.log_addresses, self.log_addresses);
        config.metrics_listen = self.metrics_listen;
        config.metrics_interval = self.metrics_interval.map(Duration::from);
        config.endorsements = match (self.endorsements, self.endorsements_to) {
            (Some(folder), Some(enclave)) => Some(Endorsements::new(folder, enclave)),
            (None, None) => None,
            (Some(_), None) => return Err(SettingsError::Missing("endorsements-to")),
            (None, Some(_)) => return Err(SettingsError::Missing("endorsements")),
        };
        Ok(config)
    }

    fn over(self, under: Settings) -> Settings {
        Settings {
            listen: self.listen.or(under.listen),
            enclave: self.enclave.or(under.enclave),
            max_connections: self.max_connections.or(under.max_connections),
            max_connections_per_address: self
                .max_connections_per_address
                .or(under.max_connections_per_address),
            connect_timeout: self.connect_timeout.or(under.connect_timeout),
            idle_timeout: self.idle_timeout.or(under.idle_timeout),
            metrics_listen: self.metrics_listen.or(under.metrics_listen),
            drain_delay: self.drain_delay.or(under.drain_delay),
            drain_timeout: self.drain_timeout.or(under.drain_timeout),
            metrics_interval: self.metrics_interval.or(under.metrics_interval),
            log_format: self.log_format.or(under.log_format),
            log_addresses: self.log_addresses.or(under.log_addresses),
            endorsements: self.endorsements.or(under.endorsements),
            endorsements_to: self.endorsements_to.or(under.endorsements_to),
            answer_heartbeat: self.answer_heartbeat.or(under.answer_heartbeat),
            eif: self.eif.or(under.eif),
            memory: self.memory.or(under.memory),
            cpus: self.cpus.or(under.cpus),
            enclave_name: self.enclave_name.or(under.enclave_name),
            enclave_cid: self.enclave_cid.or(under.enclave_cid),
            nitro_cli: self.nitro_cli.or(under.nitro_cli),
            state_file: self.state_file.or(under.state_file),
            debug_console: self.debug_console.or(under.debug_console),
            replace_by_restart: self.replace_by_restart.or(under.replace_by_restart),
            keep_enclave: self.keep_enclave.or(under.keep_enclave),
        }
    }
}

/// Whole seconds, from one to a year, so that no sum of times overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(u64);

const YEAR: u64 = 365 * 24 * 60 * 60;

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Duration {
        Duration::from_secs(seconds.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds @ 1..=YEAR) => Ok(Seconds(seconds)),
            _ => Err(format!("seconds are a whole number from 1 to {YEAR}")),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer)?
            .to_string()
            .parse()
            .map_err(de::Error::custom)
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

fn set<T>(place: &mut T, value: Option<impl Into<T>>) {
    if let Some(value) = value {
        *place = value.into();
    }
}

/// A value that is written as text, as its flag is.
fn text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_a_file_and_a_file_before_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let one = file(
            &dir,
            "one",
            "listen = 'tcp:127.0.0.1:7000'\nenclave = 'vsock:16:5005'\n",
        );
        let two = file(&dir, "two", "idle-timeout = 5\nmax-connections = 7\n");
        let flags = Settings {
            max_connections: NonZeroUsize::new(3),
            ..Settings::default()
        };
        let config = flags.over_files(&[one, two]).unwrap().config().unwrap();
        assert_eq!(config.listen.to_string(), "tcp:127.0.0.1:7000");
        assert_eq!(config.max_connections.get(), 3);
        assert_eq!(config.idle_timeout, Duration::from_secs(5));
        assert_eq!(config.connect_timeout, Duration::from_secs(60));
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        for (text, expected) in [
            (
                "listen = 'tcp:a:1'\nlimit = 3\n",
                ":2:1: unknown field `limit`",
            ),
            ("\n  idle-timeout = 'é'", ":2:18: invalid type: string"),
            ("idle-timeout = 0", ":1:16: seconds are a whole number"),
            ("listen = 'here'", ":1:10: `here` is not an endpoint"),
            ("max-connections = 0", ":1:19: invalid value: integer `0`"),
            ("listen = ", ":1:10: "),
            ("log-format = 'xml'", ":1:14: unknown variant `xml`"),
        ] {
            let path = file(&dir, "bad", text);
            let error = Settings::default()
                .over_files(std::slice::from_ref(&path))
                .unwrap_err()
                .to_string();
            let expected = format!("{}{expected}", path.display());
            assert!(error.starts_with(&expected), "{error}, not {expected}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn one_key_in_two_files_is_an_error_that_names_both() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            file(&dir, "one", "idle-timeout = 5"),
            file(&dir, "two", "idle-timeout = 5"),
        ];
        let error = Settings::default().over_files(&files).unwrap_err();
        let SettingsError::Twice { key, paths } = error else {
            panic!("{error}");
        };
        assert_eq!((key.as_str(), paths), ("idle-timeout", files));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Settings::default().config().unwrap_err().to_string();
        assert!(
            error.starts_with("listen is not set: give --listen"),
            "{error}"
        );
        let settings = Settings {
            listen: "tcp:a:1".parse().ok(),
            enclave: "tcp:a:2".parse().ok(),
            endorsements: Some("folder".into()),
            ..Settings::default()
        };
        let error = settings.config().unwrap_err();
        assert!(matches!(error, SettingsError::Missing("endorsements-to")));
    }

    fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}
