//! Genuine AWS-signed documents, each at its own time, and changes to them.
//!
//! They are outside the repository, in two places. Some are in packages that others have published: see
//! [`published`]. More are in a folder that `SEALNOTE_VECTORS` names, else `../shared/vectors` from the
//! project's root. What is absent is listed as ignored, with the reason.

#[path = "vectors/published.rs"]
mod published;

use std::collections::HashSet;
use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealnote_verifier::nitro::{self, RootKind, checks, inspect};
use sealnote_verifier::{Check, Policy, Rejection, TrustRoots, UnixTime};
use serde::Deserialize;

use published::Absent;

const AWS_ROOT: &[u8] = include_bytes!("../src/nitro/roots/aws-nitro-root-g1.der");

/// Seconds after which every leaf has expired.
const FOUR_HOURS: u64 = 4 * 3600;

/// Every so many bytes one is flipped. Prime, so that it falls into step with no structure.
const FLIP_STRIDE: usize = 307;

/// The documents under `bad/` and the check that each fails.
const BAD: [(&str, &str); 3] = [
    ("2022-11-09-veracruz-project-badsig", "A21"),
    ("2024-07-23-eternisai-badsig", "A21"),
    // Its unprotected header is null, which precedes that it has no bundle.
    ("blocky-selfsigned-nocabundle", "A3"),
];

/// What `manifest.json` says of a document.
#[derive(Clone, Deserialize)]
struct Entry {
    file: String,
    sha256: String,
    /// `NAME@VERSION`, of a published one.
    package: Option<String>,
    /// The check that a published one fails.
    rejected_by: Option<String>,
    verify_at_unix: Option<u64>,
    module_id: Option<String>,
    timestamp_ms: Option<u64>,
    debug: Option<bool>,
    pcr_count: Option<usize>,
    public_key_len: Option<usize>,
    user_data_len: Option<usize>,
    nonce_len: Option<usize>,
}

/// A document with what is known of it.
struct Vector {
    entry: Entry,
    bytes: Vec<u8>,
}

type Case = fn(&Vector) -> Result<(), Failed>;

fn main() {
    let arguments = Arguments::from_args();
    let manifest = folder().join("nitro/manifest.json");
    let mut trials = match std::fs::read(&manifest) {
        Ok(json) => present(&json),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            absent(&format!("{} is absent", manifest.display()))
        }
        Err(error) => vec![broken(error.to_string())],
    };
    trials.extend(published::vectors().into_iter().flat_map(published_trials));
    libtest_mimic::run(&arguments, trials).exit();
}

fn folder() -> PathBuf {
    match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    }
}

/// The cases of every document that the manifest lists. What is there but unreadable is a failure,
/// and so is a manifest that lists too little.
fn present(manifest: &[u8]) -> Vec<Trial> {
    match load(manifest) {
        Ok(vectors) if vectors.len() > BAD.len() => vectors.into_iter().flat_map(trials).collect(),
        Ok(vectors) => vec![broken(format!("only {} documents", vectors.len()))],
        Err(error) => vec![broken(error.to_string())],
    }
}

fn load(manifest: &[u8]) -> Result<Vec<Vector>, Box<dyn Error>> {
    let entries: Vec<Entry> = serde_json::from_slice(manifest)?;
    entries
        .into_iter()
        .map(|entry| {
            let bytes = std::fs::read(folder().join("nitro").join(&entry.file))?;
            Ok(Vector { entry, bytes })
        })
        .collect()
}

fn published_trials((entry, found): (Entry, Result<Vector, Absent>)) -> Vec<Trial> {
    match found {
        Ok(vector) => trials(vector),
        Err(Absent::Changed(reason)) => vec![broken(format!("{}: {reason}", entry.name()))],
        Err(Absent::NotFetched) => {
            let reason = "the package is not fetched; tools/published-evidence.sh fetches it";
            let names = cases(&entry).iter().map(|(case, _)| *case);
            ignored(
                names.map(|case| format!("{}: {case}", entry.name())),
                reason,
            )
        }
    }
}

fn broken(reason: String) -> Trial {
    Trial::test("the vectors can be read", move || Err(reason.into()))
}

/// One ignored case for each that there would be.
fn absent(reason: &str) -> Vec<Trial> {
    let genuine = GENUINE_CASES
        .iter()
        .map(|(name, _)| format!("genuine: {name}"));
    let bad = BAD.iter().map(|(file, check)| format!("{file}: {check}"));
    ignored(genuine.chain(bad), reason)
}

fn ignored(names: impl Iterator<Item = String>, reason: &str) -> Vec<Trial> {
    names
        .map(|name| {
            let reason = reason.to_owned();
            Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
        })
        .collect()
}

fn trials(vector: Vector) -> Vec<Trial> {
    let vector = std::sync::Arc::new(vector);
    cases(&vector.entry)
        .iter()
        .map(|(name, case)| {
            let vector = vector.clone();
            let name = format!("{}: {name}", vector.entry.name());
            Trial::test(name, move || case(&vector))
        })
        .collect()
}

fn cases(entry: &Entry) -> &'static [(&'static str, Case)] {
    match entry.rejected_by.is_some() || entry.file.starts_with("bad/") {
        true => &[("rejected", bad)],
        false => GENUINE_CASES,
    }
}

const GENUINE_CASES: &[(&str, Case)] = &[
    ("appraised", appraised),
    ("inspected as the manifest says", inspected),
    ("another policy", another_policy),
    ("four hours later", four_hours_later),
    ("four hours earlier", four_hours_earlier),
    ("stale", stale),
    ("a nonce of ours", a_nonce_of_ours),
    ("a tag", a_tag),
    ("flips in the signature", flips_in_the_signature),
    ("flips anywhere", flips_anywhere),
    ("another root in the bundle", another_root),
    ("truncated", truncated),
];

/// Under a policy of its own measurements: accepted, or X6 if it is a debug enclave's.
fn appraised(vector: &Vector) -> Result<(), Failed> {
    let debug = vector.entry.debug == Some(true);
    match (vector.check(&vector.bytes, vector.at(0)?), debug) {
        (Ok(document), false) => {
            if document.root() != RootKind::Aws {
                return Err("the root is not AWS's".into());
            }
            // All but the nonce, the session's binding, and A19, which is no step.
            let expected = checks::ALL
                .into_iter()
                .filter(|check| !matches!(*check, checks::A19 | checks::X7 | checks::X8));
            let ran = HashSet::<Check>::from_iter(document.passed().iter().copied());
            match ran == HashSet::from_iter(expected) {
                true => Ok(()),
                false => Err(format!("only {:?} have run", document.passed()).into()),
            }
        }
        (Err(rejection), true) => expect(Err(rejection), checks::X6),
        (Err(rejection), false) => Err(describe(&rejection).into()),
        (Ok(_), true) => Err("a debug enclave was accepted".into()),
    }
}

fn inspected(vector: &Vector) -> Result<(), Failed> {
    let document =
        inspect(&vector.bytes).map_err(|error| describe(&nitro::Rejection::from(error).into()))?;
    let entry = &vector.entry;
    let same = Some(document.module_id()) == entry.module_id.as_deref()
        && Some(document.timestamp_ms()) == entry.timestamp_ms
        && Some(document.pcrs().len()) == entry.pcr_count
        && document.public_key().map(<[u8]>::len) == entry.public_key_len
        && document.user_data().map(<[u8]>::len) == entry.user_data_len
        && document.nonce().map(<[u8]>::len) == entry.nonce_len;
    match same {
        true => Ok(()),
        false => Err(format!("{document:?}").into()),
    }
}

fn another_policy(vector: &Vector) -> Result<(), Failed> {
    let expected = match vector.entry.debug {
        Some(true) => checks::X6,
        _ => checks::X5,
    };
    let one = "11".repeat(48);
    let result = policy([&one, &one, &one])
        .check_document(&vector.bytes, &TrustRoots::vendors(), None, vector.at(0)?)
        .map(drop);
    expect(result, expected)
}

fn four_hours_later(vector: &Vector) -> Result<(), Failed> {
    expect(
        vector
            .check(&vector.bytes, vector.at(FOUR_HOURS)?)
            .map(drop),
        checks::A16,
    )
}

fn four_hours_earlier(vector: &Vector) -> Result<(), Failed> {
    let then = UnixTime::from_seconds(vector.at(0)?.as_seconds() - FOUR_HOURS);
    expect(vector.check(&vector.bytes, then).map(drop), checks::A16)
}

/// Ten minutes later: X9, unless the leaf had less than that left.
fn stale(vector: &Vector) -> Result<(), Failed> {
    let result = vector.check(&vector.bytes, vector.at(600)?).map(drop);
    let expected = match (&result, vector.entry.debug) {
        (Err(rejection), _) if rejection.check() == checks::A16 => checks::A16,
        (_, Some(true)) => checks::X6,
        _ => checks::X9,
    };
    expect(result, expected)
}

fn a_nonce_of_ours(vector: &Vector) -> Result<(), Failed> {
    let result = vector
        .policy()
        .check_document(
            &vector.bytes,
            &TrustRoots::vendors(),
            Some(&[0; 32]),
            vector.at(0)?,
        )
        .map(drop);
    let expected = match vector.entry.debug {
        Some(true) => checks::X6,
        _ => checks::X7,
    };
    expect(result, expected)
}

fn a_tag(vector: &Vector) -> Result<(), Failed> {
    let tagged = [&[0xd2], vector.bytes.as_slice()].concat();
    let result = vector.check(&tagged, vector.at(0)?);
    match vector.entry.debug {
        Some(true) => expect(result.map(drop), checks::X6),
        _ => result
            .map(drop)
            .map_err(|rejection| describe(&rejection).into()),
    }
}

fn flips_in_the_signature(vector: &Vector) -> Result<(), Failed> {
    let signature = vector.bytes.len() - 96..vector.bytes.len();
    for (at, bit) in signature.step_by(13).zip((0..8).cycle()) {
        let flipped = vector.flipped(at, bit);
        expect(vector.check(&flipped, vector.at(0)?).map(drop), checks::A21)?;
    }
    Ok(())
}

/// Headers, payload and certificates alike.
fn flips_anywhere(vector: &Vector) -> Result<(), Failed> {
    let everywhere = (0..vector.bytes.len()).step_by(FLIP_STRIDE);
    for (at, bit) in everywhere.zip((0..8).cycle()) {
        if vector
            .check(&vector.flipped(at, bit), vector.at(0)?)
            .is_ok()
        {
            return Err(format!("accepted with bit {bit} of byte {at} flipped").into());
        }
    }
    Ok(())
}

/// A bit of the root's signature flipped, which nothing but the comparison of its bytes would see.
fn another_root(vector: &Vector) -> Result<(), Failed> {
    let root = vector
        .bytes
        .windows(AWS_ROOT.len())
        .position(|window| window == AWS_ROOT)
        .ok_or("the root is not in the document")?;
    let flipped = vector.flipped(root + AWS_ROOT.len() - 1, 0);
    expect(vector.check(&flipped, vector.at(0)?).map(drop), checks::X1)
}

fn truncated(vector: &Vector) -> Result<(), Failed> {
    for len in (0..vector.bytes.len()).step_by(29) {
        let rest = vector.bytes.get(..len).unwrap_or_default();
        expect(vector.check(rest, vector.at(0)?).map(drop), checks::X2)?;
    }
    Ok(())
}

fn bad(vector: &Vector) -> Result<(), Failed> {
    let listed = BAD
        .iter()
        .find(|(file, _)| vector.entry.file.contains(file))
        .map(|(_, check)| *check);
    let expected = vector.entry.rejected_by.as_deref().or(listed);
    let expected = expected.ok_or("the expected check is not known")?;
    let at = UnixTime::from_seconds(vector.entry.verify_at_unix.unwrap_or_default());
    match vector.check(&vector.bytes, at) {
        Err(rejection) if rejection.check().id() == expected => Ok(()),
        Err(rejection) => Err(describe(&rejection).into()),
        Ok(_) => Err("accepted".into()),
    }
}

impl Entry {
    /// The package, if it is in one, and the file.
    fn name(&self) -> String {
        match &self.package {
            Some(package) => format!("{package}/{}", self.file),
            None => self.file.clone(),
        }
    }
}

impl Vector {
    /// So many seconds after the time at which it verifies.
    fn at(&self, later: u64) -> Result<UnixTime, Failed> {
        let at = self.entry.verify_at_unix.ok_or("no verify_at_unix")?;
        Ok(UnixTime::from_seconds(at + later))
    }

    /// A policy of the document's own measurements; of others, if they are no policy.
    fn policy(&self) -> Policy {
        let one = "11".repeat(48);
        match inspect(&self.bytes) {
            Ok(document) if self.entry.debug == Some(false) => {
                let values = [0, 1, 2].map(|index| match document.pcrs().get(&index) {
                    Some(value) => value.to_string(),
                    None => one.clone(),
                });
                policy(values.each_ref())
            }
            _ => policy([&one, &one, &one]),
        }
    }

    fn check(
        &self,
        document: &[u8],
        at: UnixTime,
    ) -> Result<sealnote_verifier::nitro::VerifiedDocument, Rejection> {
        self.policy()
            .check_document(document, &TrustRoots::vendors(), None, at)
    }

    fn flipped(&self, at: usize, bit: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[at] ^= 1 << bit;
        bytes
    }
}

fn policy([pcr0, pcr1, pcr2]: [&String; 3]) -> Policy {
    let json = serde_json::json!({
        "Measurements": {
            "HashAlgorithm": "Sha384 { ... }", "PCR0": pcr0, "PCR1": pcr1, "PCR2": pcr2,
        }
    });
    Policy::from_json(json.to_string()).expect("the measurements are a policy")
}

fn expect(result: Result<(), Rejection>, expected: Check) -> Result<(), Failed> {
    match result {
        Err(rejection) if rejection.check() == expected => Ok(()),
        Err(rejection) => {
            Err(format!("expected {expected}, found {}", describe(&rejection)).into())
        }
        Ok(()) => Err(format!("expected {expected}, but it was accepted").into()),
    }
}

fn describe(rejection: &Rejection) -> String {
    format!("{}: {rejection}", rejection.check())
}
