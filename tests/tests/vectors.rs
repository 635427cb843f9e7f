//! `sealnote verify` on genuine evidence: documents that AWS signed, each at its own time, and evidence of other kinds.
//!
//! They are outside the repository: `SEALNOTE_VECTORS` names the folder, else it is
//! `../shared/vectors` from the project's root. Where it is absent, every case is ignored and says
//! why.

mod common;
#[path = "vectors/kinds.rs"]
mod kinds;

use std::path::{Path, PathBuf};

use common::programs::{Finished, Program, run};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What `manifest.json` says of a document.
#[derive(Deserialize)]
struct Entry {
    file: String,
    #[serde(default)]
    verify_at_unix: u64,
    #[serde(default)]
    module_id: String,
    #[serde(default)]
    timestamp_ms: u64,
    #[serde(default)]
    debug: bool,
    #[serde(default)]
    pcrs: Map<String, Value>,
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = match manifest() {
        Ok(entries) => entries
            .into_iter()
            .filter(|entry| entry.file.starts_with("genuine/"))
            .map(|entry| Trial::test(entry.file.clone(), move || case(&entry)))
            .collect(),
        Err(reason) => vec![Trial::ignorable_test("genuine documents", move || {
            Ok(Completion::ignored_with(reason))
        })],
    };
    trials.extend(kinds::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

fn folder() -> PathBuf {
    let folder = match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
    };
    folder.join("nitro")
}

fn manifest() -> Result<Vec<Entry>, String> {
    let path = folder().join("manifest.json");
    let json = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&json).map_err(|error| format!("{}: {error}", path.display()))
}

fn case(entry: &Entry) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let register = |index: &str| match entry.debug {
        // Zeros are no policy; whichever it is, a debug enclave is refused as one.
        true => json!("11".repeat(48)),
        false => entry.pcrs[index].clone(),
    };
    let measurements = json!({ "Measurements": {
        "HashAlgorithm": "Sha384 { ... }",
        "PCR0": register("0"), "PCR1": register("1"), "PCR2": register("2"),
    }});
    let policy = dir.path().join("policy.json");
    std::fs::write(&policy, measurements.to_string())?;
    let verify = |policy: &Path, at: u64| -> Finished {
        let document = folder().join(&entry.file);
        let at = at.to_string();
        run(
            Program::Client,
            &[
                "verify".as_ref(),
                "--json".as_ref(),
                "--document".as_ref(),
                document.as_os_str(),
                "--policy".as_ref(),
                policy.as_os_str(),
                "--at".as_ref(),
                at.as_ref(),
            ],
        )
    };

    let finished = verify(&policy, entry.verify_at_unix);
    let report: Value = serde_json::from_str(&finished.stdout)?;
    match entry.debug {
        true => assert_eq!((finished.code, &report["check"]), (Some(3), &json!("X6"))),
        false => assert_eq!((finished.code, &report["check"]), (Some(0), &Value::Null)),
    }
    assert_eq!(report["ok"], !entry.debug);
    assert_eq!(report["module_id"], entry.module_id);
    assert_eq!(report["timestamp_ms"], entry.timestamp_ms);
    for (index, value) in &entry.pcrs {
        assert_eq!(report["pcrs"][index], *value, "PCR{index}");
    }

    // Five minutes and a second later it is stale, four hours later its certificates are.
    if !entry.debug {
        for (later, check) in [(301, "X9"), (4 * 3600, "A16")] {
            let finished = verify(&policy, entry.timestamp_ms / 1000 + later);
            let report: Value = serde_json::from_str(&finished.stdout)?;
            assert_eq!((finished.code, &report["check"]), (Some(3), &json!(check)));
        }
    }
    std::fs::write(&policy, r#"{"Measurements":{}}"#)?;
    assert_eq!(verify(&policy, entry.verify_at_unix).code, Some(2));
    assert_eq!(verify(&folder(), entry.verify_at_unix).code, Some(2));
    Ok(())
}
