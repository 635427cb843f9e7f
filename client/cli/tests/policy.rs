//! `sealnote policy` as it is run: the files that it writes, what it prints, and its exit codes.
//!
//! What needs a genuine document finds it in the folder that `SEALNOTE_VECTORS` names, else in `../shared/vectors` from the
//! project's root; what is absent is listed as ignored, with the reason.

#[path = "policy/added.rs"]
mod added;
mod common;
#[path = "policy/compared.rs"]
mod compared;
#[path = "policy/contents.rs"]
mod contents;
#[path = "policy/documented.rs"]
mod documented;
#[path = "policy/interop.rs"]
mod interop;
#[path = "policy/made.rs"]
mod made;
#[path = "policy/shown.rs"]
mod shown;
#[path = "policy/signed.rs"]
mod signed;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Completion, Trial};
use sealnote_verifier::Policy;
use tempfile::TempDir;

/// A test, and what it needs that may be absent.
type Case = (&'static str, Option<Need>, fn());

#[derive(Clone, Copy)]
enum Need {
    Vectors,
    SshKeygen,
}

fn main() {
    let arguments = Arguments::from_args();
    let cases = [
        contents::CASES,
        added::CASES,
        made::CASES,
        shown::CASES,
        compared::CASES,
        signed::CASES,
        interop::CASES,
        documented::CASES,
    ];
    let trials = cases.into_iter().flatten().map(|(name, need, case)| {
        let absent = need.and_then(Need::absent);
        Trial::ignorable_test(*name, move || match absent {
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => {
                case();
                Ok(Completion::Completed)
            }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

impl Need {
    fn absent(self) -> Option<String> {
        match self {
            Self::Vectors => {
                let folder = vectors();
                (!folder.is_dir()).then(|| format!("{} is absent", folder.display()))
            }
            Self::SshKeygen => {
                let run = Command::new("ssh-keygen").arg("-?").output();
                run.err()
                    .map(|error| format!("ssh-keygen cannot be run: {error}"))
            }
        }
    }
}

/// Nitro documents that AWS has signed.
fn vectors() -> PathBuf {
    let root = match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    };
    root.join("nitro/genuine")
}

/// A run in `folder`, whose state is kept in `folder/state`.
fn sealnote(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .current_dir(folder)
        .env("XDG_STATE_HOME", folder.join("state"))
        .args(arguments)
        .output()
        .unwrap()
}

fn policy(folder: &Path, arguments: &[&str]) -> Output {
    sealnote(folder, &[&["policy"], arguments].concat())
}

/// Standard output, of a run that must have ended with this exit code.
fn printed(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{printed}{error}");
    printed
}

/// The one line on standard error, of a run that must have failed with this exit code.
fn refusal(output: &Output, code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(output.stdout.is_empty());
    error
}

/// 48 bytes in hex.
fn digest(byte: u8) -> String {
    hex::encode([byte; 48])
}

/// What nitro-cli prints of an image with these registers, and more in `Measurements`, with a comma before it.
fn nitro_cli([pcr0, pcr1, pcr2]: [u8; 3], more: &str) -> String {
    format!(
        r#"{{"Measurements": {{"HashAlgorithm": "Sha384 {{ ... }}", "PCR0": "{}", "PCR1": "{}", "PCR2": "{}"{more}}}}}"#,
        digest(pcr0),
        digest(pcr1),
        digest(pcr2)
    )
}

/// A folder with what nitro-cli printed of two images: `old.json` and `new.json`, which has another application.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old.json", nitro_cli([1, 2, 3], ""));
    write(folder.path(), "new.json", nitro_cli([9, 2, 8], ""));
    folder
}

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), contents).unwrap();
}

fn loaded(folder: &Path, name: &str) -> Policy {
    Policy::from_json(std::fs::read(folder.join(name)).unwrap()).unwrap()
}
