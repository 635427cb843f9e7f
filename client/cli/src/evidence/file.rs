//! Evidence and endorsements in files: raw, as machines and vendors make them, or as `--evidence-out` kept them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sealnote_evidence::Evidence;
use sealnote_verifier::{Kind, sev_snp};

use crate::exit::{Exit, Failure};
use crate::files;

/// Greatest length of evidence, and of endorsements, in bytes (PROTOCOL.md).
pub(crate) const MAX: usize = 64 * 1024;

/// A kind of evidence, as flags have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindName(pub(crate) Kind);

impl FromStr for KindName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        found
            .map(Self)
            .ok_or_else(|| format!("the kinds are {}", Kind::ALL.map(Kind::name).join(", ")))
    }
}

/// Reads evidence.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, "the evidence", MAX)
}

/// The report, quote or document by itself, out of the map that it may be in.
pub(crate) fn report(kind: Kind, evidence: &[u8]) -> &[u8] {
    match map(kind, evidence) {
        Some(map) => map.report,
        None => evidence,
    }
}

/// As it travels: in a map, where the kind has one.
pub(crate) fn as_sent(kind: Kind, evidence: Vec<u8>) -> Vec<u8> {
    match kind == Kind::Nitro || map(kind, &evidence).is_some() {
        true => evidence,
        false => Evidence {
            report: &evidence,
            ..Evidence::default()
        }
        .encode(),
    }
}

/// No report, quote or token reads as a map with nothing behind it.
fn map(kind: Kind, evidence: &[u8]) -> Option<Evidence<'_>> {
    match kind {
        Kind::Nitro => None,
        _ => Evidence::decode(evidence, MAX).ok(),
    }
}

/// Reads endorsements as they travel: from the vendor's files, or one that is in that form already.
pub(crate) fn endorsements(kind: Kind, paths: &[PathBuf]) -> Result<Option<Vec<u8>>, Failure> {
    let read = |path: &PathBuf| files::read(path, "the endorsements", MAX);
    let files: Vec<_> = paths.iter().map(read).collect::<Result<_, _>>()?;
    let [first, ..] = &files[..] else {
        return match kind {
            Kind::Nitro => Ok(None),
            _ => Err(Exit::Usage.because(format!(
                "{} evidence is checked with what the vendor signed about the machine: give --endorsements FILE",
                kind.name()
            ))),
        };
    };
    match kind {
        Kind::Nitro => Err(Exit::Usage.because("a Nitro document has no endorsements beside it")),
        Kind::SevSnp if sev_snp::wire::Endorsements::decode(first).is_ok() => one(files).map(Some),
        Kind::SevSnp => sev_snp::files::endorsements(&files)
            .map(Some)
            .map_err(|error| Exit::Usage.because(error.to_string())),
        _ => one(files).map(Some),
    }
}

fn one(files: Vec<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    match <[_; 1]>::try_from(files) {
        Ok([file]) => Ok(file),
        Err(_) => Err(Exit::Usage.because("one file of endorsements is due here")),
    }
}
