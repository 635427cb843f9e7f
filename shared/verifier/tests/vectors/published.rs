//! Documents in packages that others have published, where Cargo unpacks them.
//!
//! Nothing of those packages is built, and nothing of them is in this repository: what they depend on
//! must not come into this workspace. `tools/published-evidence.sh` fetches them, once.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use x509_cert::der::pem;

use crate::{Entry, Vector};

/// The documents: as `manifest.json` has them, and each with its package.
const LIST: &str = include_str!("published.json");

/// Every document that is listed, or why it is not there.
pub fn vectors() -> Vec<(Entry, Result<Vector, Absent>)> {
    let entries: Vec<Entry> = serde_json::from_str(LIST).expect("the list of published documents");
    let found = |entry: Entry| (entry.clone(), find(entry));
    entries.into_iter().map(found).collect()
}

/// Why a document is not there.
pub enum Absent {
    /// Nobody has fetched its package yet.
    NotFetched,
    /// Its package is there, and is not what it was.
    Changed(String),
}

fn find(entry: Entry) -> Result<Vector, Absent> {
    let package = entry.package.as_deref().unwrap_or_default();
    let folder = unpacked(package).ok_or(Absent::NotFetched)?;
    let read = std::fs::read(folder.join(&entry.file))
        .map_err(|error| Absent::Changed(error.to_string()))?;
    let bytes = match std::str::from_utf8(&read) {
        Ok(base64) => decoded(base64.trim())?,
        Err(_) => read,
    };
    match entry.sha256 == hex::encode(Sha256::digest(&bytes)) {
        true => Ok(Vector { entry, bytes }),
        false => Err(Absent::Changed("it has another SHA-256".into())),
    }
}

/// Where Cargo has unpacked a package, `NAME@VERSION`; "Cargo Home" in the Cargo book.
fn unpacked(package: &str) -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()?.join(".cargo"),
    };
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries
        .filter_map(Result::ok)
        .map(|registry| registry.path().join(package.replace('@', "-")))
        .find(|folder| folder.is_dir())
}

/// Base64, by way of PEM, which is base64 in lines with a line before and after.
fn decoded(base64: &str) -> Result<Vec<u8>, Absent> {
    let digits: Vec<char> = base64.chars().collect();
    let lines: Vec<String> = digits
        .chunks(64)
        .map(|line| line.iter().collect())
        .collect();
    let text = format!(
        "-----BEGIN EVIDENCE-----\n{}\n-----END EVIDENCE-----\n",
        lines.join("\n")
    );
    pem::decode_vec(text.as_bytes())
        .map(|(_, bytes)| bytes)
        .map_err(|error| Absent::Changed(error.to_string()))
}
