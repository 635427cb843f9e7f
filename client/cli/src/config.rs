//! The config file: profiles, whose keys are the names of flags.
//!
//! ```toml
//! [profile.default]
//! server = "tcp:sealnote.example:7000"
//! policy = "policy.json"
//! ```
//!
//! A profile stands behind the command line and the environment: [`flags`](crate::flags) puts the three together. A path
//! in it that is not absolute is one beside the file, wherever the command runs; `~/` is the home folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::shown;

/// The profile that is used if none is named.
pub(crate) const DEFAULT: &str = "default";

/// More than this is no config file.
const MAX_LEN: u64 = 1 << 20;

/// What a run takes from a config file.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The file that was read, or that would be if it were there: none where the user has no home.
    pub(crate) file: Option<PathBuf>,
    /// The profile that is used.
    pub(crate) profile: Option<Profile>,
    /// Why there is none, though there is a file, or one was named. Only `doctor` goes on then.
    pub(crate) problem: Option<ConfigError>,
}

/// One profile: values of flags, as their texts on a command line.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) values: BTreeMap<String, Vec<String>>,
}

/// Gives the texts of a key, in this file, as its flag takes them; or says what is wrong.
pub(crate) trait Take: Fn(&Path, &str, Vec<String>) -> Result<Vec<String>, String> {}

impl<T: Fn(&Path, &str, Vec<String>) -> Result<Vec<String>, String>> Take for T {}

/// Why a config file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("the config file {} cannot be read: {reason}", shown(.file))]
    Unreadable {
        file: PathBuf,
        reason: std::io::Error,
    },
    #[error("the config file {} has more than {MAX_LEN} bytes", shown(.file))]
    TooLong { file: PathBuf },
    #[error("{}, line {line}: {problem}", shown(.file))]
    Line {
        file: PathBuf,
        line: usize,
        problem: String,
    },
    #[error("{} has no profile {name:?}; it has {}", shown(.file), names(.known))]
    NoSuchProfile {
        file: PathBuf,
        name: String,
        known: Vec<String>,
    },
    #[error("the profile {name:?} was named, and there is no config file: {}", place(.looked))]
    NoFile {
        name: String,
        looked: Option<PathBuf>,
    },
}

/// The config file that is used if none is named.
pub(crate) fn default_file() -> Option<PathBuf> {
    // A relative one is to be ignored: XDG Base Directory Specification.
    let xdg = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = xdg.filter(|path| path.is_absolute());
    let folder = folder.or_else(|| Some(home()?.join(".config")))?;
    Some(folder.join("sealnote").join("config.toml"))
}

/// Reads the profile `name`, or the default one, from `file`, or from the default file if there is one.
/// `take` is given a key and its texts, and the file: it gives them as the flag takes them, or says what is wrong.
pub(crate) fn load(file: Option<OsString>, name: Option<String>, take: impl Take) -> Config {
    let named = file.map(PathBuf::from);
    let is_named = named.is_some();
    let mut config = Config {
        file: named.or_else(default_file),
        ..Config::default()
    };
    match read(config.file.as_deref(), is_named, name, take) {
        Ok(profile) => config.profile = profile,
        Err(problem) => config.problem = Some(problem),
    }
    config
}

fn read(
    file: Option<&Path>,
    is_named: bool,
    name: Option<String>,
    take: impl Take,
) -> Result<Option<Profile>, ConfigError> {
    let absent = |looked: Option<&Path>, name: Option<String>| match name {
        Some(name) => Err(ConfigError::NoFile {
            name,
            looked: looked.map(Path::to_owned),
        }),
        None => Ok(None),
    };
    let Some(file) = file else {
        return absent(None, name);
    };
    let unreadable = |reason| ConfigError::Unreadable {
        file: file.to_owned(),
        reason,
    };
    let text = match read_text(file) {
        Err(error) if error.kind() == ErrorKind::NotFound && !is_named => {
            return absent(Some(file), name);
        }
        Err(error) => return Err(unreadable(error)),
        Ok(None) => {
            let file = file.to_owned();
            return Err(ConfigError::TooLong { file });
        }
        Ok(Some(text)) => text,
    };
    let profiles = profiles(&text, |key, texts| take(file, key, texts));
    let mut profiles = profiles.map_err(|(at, problem)| ConfigError::Line {
        file: file.to_owned(),
        line: line_of(&text, at),
        problem,
    })?;
    let wanted = name.as_deref().unwrap_or(DEFAULT);
    match (profiles.remove(wanted), name.is_some()) {
        (Some(values), _) => Ok(Some(Profile {
            name: wanted.to_owned(),
            values,
        })),
        (None, false) => Ok(None),
        (None, true) => Err(ConfigError::NoSuchProfile {
            file: file.to_owned(),
            name: wanted.to_owned(),
            known: profiles.into_keys().collect(),
        }),
    }
}

/// `None` of a file that is too long.
fn read_text(file: &Path) -> std::io::Result<Option<String>> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(file)?;
    file.take(MAX_LEN + 1).read_to_string(&mut text)?;
    Ok((text.len() as u64 <= MAX_LEN).then_some(text))
}

/// What is wrong, and where.
type Problem = (usize, String);

/// Every profile is checked, not only the one that is used: a mistake is found when it is made.
fn profiles(
    text: &str,
    take: impl Fn(&str, Vec<String>) -> Result<Vec<String>, String>,
) -> Result<BTreeMap<String, BTreeMap<String, Vec<String>>>, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (at, error.message().to_owned())
    })?;
    let mut profiles = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let at = key.span().start;
        if key.get_ref() != "profile" {
            let problem = format!(
                "{:?} is not known here; settings stand under [profile.NAME]",
                key.get_ref()
            );
            return Err((at, problem));
        }
        let what = "`profile` is a table of profiles, as in [profile.default]";
        for (name, profile) in table_of(value, what)? {
            let what = "a profile is a table, as in [profile.default]";
            let mut values = BTreeMap::new();
            for (key, value) in table_of(profile, what)? {
                let (name, at) = (key.get_ref().as_ref(), key.span());
                let texts = take(name, texts(name, value)?);
                let texts = texts.map_err(|problem| (at.start, problem))?;
                values.insert(name.to_owned(), texts);
            }
            profiles.insert(name.get_ref().to_string(), values);
        }
    }
    Ok(profiles)
}

fn table_of<'a, 'i>(
    value: &'a Spanned<DeValue<'i>>,
    what: &str,
) -> Result<&'a DeTable<'i>, Problem> {
    let table = value.get_ref().as_table();
    table.ok_or_else(|| (value.span().start, what.to_owned()))
}

fn texts(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Problem> {
    let Range { start, .. } = value.span();
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| (start, format!("{key}: the number is too large")))?
            .to_string(),
        DeValue::Array(list) => {
            let mut all = Vec::new();
            for entry in list.iter() {
                all.append(&mut texts(key, entry)?);
            }
            return Ok(all);
        }
        DeValue::Datetime(_) | DeValue::Table(_) => {
            let problem = format!("{key}: a text, a number, a boolean or a list is due");
            return Err((start, problem));
        }
    };
    Ok(vec![text])
}

/// From 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// A path in the config file `file`.
pub(crate) fn resolve(file: &Path, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        // Standard input.
        _ if path == "-" => path.into(),
        (Some(rest), Some(home)) => home.join(rest),
        _ => file.parent().unwrap_or(Path::new("")).join(path),
    }
}

fn home() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    home.filter(|home| home.is_absolute())
}

fn names(known: &[String]) -> String {
    match known {
        [] => "none".into(),
        known => known.join(", ").escape_debug().to_string(),
    }
}

fn place(looked: &Option<PathBuf>) -> String {
    match looked {
        Some(path) => format!("{} is not there", shown(path)),
        None => "neither XDG_CONFIG_HOME nor HOME says where one would be".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(key: &str, texts: Vec<String>) -> Result<Vec<String>, String> {
        match key {
            "server" | "connections" | "pass" | "quiet" | "min-known" => Ok(texts),
            other => Err(format!("no {other}")),
        }
    }

    #[test]
    fn a_profile_is_a_table_of_texts() {
        let text = "[profile.a]\nserver = 'tcp:h:1'\nconnections = 0x1_0\n\n[profile.b]\n\
                    pass = ['x', 'y']\nquiet = true\nmin-known = 0.5\n";
        let profiles = profiles(text, take).unwrap();
        assert_eq!(profiles["a"]["server"], ["tcp:h:1"]);
        assert_eq!(profiles["a"]["connections"], ["16"]);
        assert_eq!(profiles["b"]["pass"], ["x", "y"]);
        assert_eq!(profiles["b"]["quiet"], ["true"]);
        assert_eq!(profiles["b"]["min-known"], ["0.5"]);
    }

    #[test]
    fn each_mistake_has_its_line() {
        for (text, line, says) in [
            ("\nserver = 'tcp:h:1'", 2, "[profile.NAME]"),
            ("profile = 1", 1, "table of profiles"),
            ("[profile]\na = 1", 2, "a profile is a table"),
            ("[profile.a]\n\nsever = 'x'", 3, "no sever"),
            ("[profile.a]\nserver = { a = 1 }", 2, "server: a text"),
            ("[profile.a]\nserver = 1979-05-27", 2, "server: a text"),
            ("[profile.a]\nserver = 9999999999999999999", 2, "too large"),
            ("[profile.a]\nserver = ", 2, ""),
            ("[profile.a]\nserver = 'a'\nserver = 'b'", 3, "duplicate"),
        ] {
            let (at, problem) = profiles(text, take).unwrap_err();
            assert_eq!(line_of(text, at), line, "{text}: {problem}");
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn a_path_is_one_beside_the_file() {
        let file = Path::new("/etc/sealnote/config.toml");
        let resolved = |path| resolve(file, path);
        assert_eq!(resolved("p.json"), Path::new("/etc/sealnote/p.json"));
        assert_eq!(resolved("/p.json"), Path::new("/p.json"));
        assert_eq!(resolved("-"), Path::new("-"));
        assert!(resolved("~/p.json").ends_with("p.json"));
        assert!(!resolved("~/p.json").starts_with("/etc"));
    }
}
