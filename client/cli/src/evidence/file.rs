//! Evidence and endorsements in files: raw, as machines and vendors make them, or as `--evidence-out` kept them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sealnote_evidence::Evidence;
use sealnote_verifier::sev_snp::files::FilesError;
use sealnote_verifier::{Kind, azure_vtpm, sev_snp};

use crate::exit::{Exit, Failure};
use crate::files;

/// Greatest length of evidence, and of endorsements, in bytes (PROTOCOL.md).
pub(crate) const MAX: usize = 64 * 1024;

/// Greatest length of an event log, in bytes: firmware sets so much memory aside for it.
const MAX_EVENT_LOG: usize = 1024 * 1024;

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

/// Evidence that was read.
pub(crate) struct Read {
    /// As it travels.
    pub(crate) sent: Vec<u8>,
    /// An endorsement that its file has with it.
    leaf: Option<Vec<u8>>,
}

/// Reads evidence, and puts it into the form in which it travels: in a map, where the kind has one.
pub(crate) fn read(kind: Kind, path: &Path, event_log: Option<&Path>) -> Result<Read, Failure> {
    let bytes = files::read(path, "the evidence", MAX)?;
    let mut leaf = None;
    let log = event_log.map(|path| files::read(path, "the event log", MAX_EVENT_LOG));
    let log = log.transpose()?;
    let sent = match (kind, log) {
        (Kind::Tdx, Some(log)) => Evidence {
            event_log: Some(&log),
            ..parts(&bytes)
        }
        .encode(),
        (_, Some(_)) => {
            return Err(Exit::Usage.because("an event log belongs to a TDX quote"));
        }
        (Kind::Nitro, None) => bytes,
        (Kind::AzureVtpm, None) if bytes.trim_ascii_start().starts_with(b"{") => {
            let file = azure_vtpm::file::EvidenceFile::from_json(&bytes);
            let file = file.map_err(|error| files::malformed(path, &error))?;
            leaf = file.vcek().map(<[u8]>::to_vec);
            file.parts().encode(None)
        }
        // A token's file may end with a line's end; a map's last byte may be one.
        (Kind::Token, None) if Evidence::decode(&bytes, MAX).is_err() => {
            parts(bytes.trim_ascii()).encode()
        }
        (_, None) => parts(&bytes).encode(),
    };
    let of_others = match kind {
        Kind::Nitro | Kind::AzureVtpm => false,
        Kind::Tdx => parts(&sent).vtpm.is_some(),
        _ => parts(&sent).vtpm.is_some() || parts(&sent).event_log.is_some(),
    };
    match of_others {
        true => Err(Exit::Rejected.because(format!(
            "the evidence has parts that no {} evidence has",
            kind.name()
        ))),
        false => Ok(Read { sent, leaf }),
    }
}

/// What evidence consists of. No report, quote or token reads as a map with nothing behind it.
pub(crate) fn parts(evidence: &[u8]) -> Evidence<'_> {
    Evidence::decode(evidence, MAX + MAX_EVENT_LOG).unwrap_or(Evidence {
        report: evidence,
        ..Evidence::default()
    })
}

/// Reads endorsements as they travel: from the vendor's files, or one that is in that form already.
pub(crate) fn endorsements(
    kind: Kind,
    paths: &[PathBuf],
    beside: Option<&Read>,
) -> Result<Option<Vec<u8>>, Failure> {
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
    let is_json = first.trim_ascii_start().starts_with(b"{");
    match kind {
        Kind::Nitro => Err(Exit::Usage.because("a Nitro document has no endorsements beside it")),
        Kind::Tdx | Kind::Token => one(files),
        Kind::AzureVtpm if is_json => one(files),
        _ if sev_snp::wire::Endorsements::decode(first).is_ok() => one(files),
        _ => match (sev_snp::files::endorsements(&files), beside) {
            (
                Err(FilesError::NoLeaf),
                Some(Read {
                    leaf: Some(leaf), ..
                }),
            ) => {
                let files: Vec<_> = files.iter().chain([leaf]).collect();
                sev_snp::files::endorsements(&files)
            }
            (endorsements, _) => endorsements,
        }
        .map_err(|error| Exit::Usage.because(error.to_string())),
    }
    .map(Some)
}

fn one(files: Vec<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    match <[_; 1]>::try_from(files) {
        Ok([file]) => Ok(file),
        Err(_) => Err(Exit::Usage.because("one file of endorsements is due here")),
    }
}
