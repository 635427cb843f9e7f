//! docs/policies.md: its commands run, its files load, and it has every key.

use std::collections::BTreeSet;
use std::process::Command;

use sealnote_verifier::{Policy, PolicyError};
use serde_json::Value;

use super::added::sev_snp;
use super::common::image;
use super::{Case, Need, digest, folder, nitro_cli, policy, printed, write};

pub const CASES: &[Case] = &[
    (
        "the_documented_commands_run",
        Some(Need::SshKeygen),
        the_documented_commands_run,
    ),
    ("the_documented_files_load", None, the_documented_files_load),
    ("the_examples_load", None, the_examples_load),
    (
        "every_key_of_a_policy_is_documented",
        None,
        every_key_of_a_policy_is_documented,
    ),
    (
        "every_key_for_programs_is_documented",
        None,
        every_key_for_programs_is_documented,
    ),
];

const DOCUMENT: &str = include_str!("../../../../docs/policies.md");

fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    let blocks = DOCUMENT.split(start.as_str()).skip(1);
    let blocks: Vec<&str> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    blocks
}

fn is_documented(key: &str) -> bool {
    DOCUMENT.contains(&format!("`{key}`"))
}

fn the_documented_commands_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "2026-10.eif", image(b"october"));
    write(folder, "2026-11.eif", image(b"november"));
    write(folder, "nitro-cli.json", nitro_cli([1, 2, 3], ""));
    write(folder, "model.digest", digest(7));
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_sealnote"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let run = Command::new("sh")
        .args(["-euxc", &blocks("sh").concat()])
        .current_dir(folder)
        .env("PATH", path)
        .env("XDG_STATE_HOME", folder.join("state"))
        .output();
    let said = printed(&run.unwrap(), 0);
    for line in [
        "policy.json: it can be used, and leaves nothing open",
        "policy.json: written, serial 3, no longer accepts \"2026-10 release\"",
        "- nitro set \"2026-11 release\"",
        "+ nitro set \"2026-10 release\"",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    assert!(
        said.contains("Good \"sealnote-policy\" signature for officer@hospital.example"),
        "{said}"
    );
    assert_eq!(
        said.matches("policy.json: serial 3, signed by SHA256:")
            .count(),
        2,
        "{said}"
    );
}

fn the_documented_files_load() {
    for block in blocks("json") {
        let policy = Policy::from_json(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        assert!(policy.serial().is_some());
    }
}

/// One of each kind, and nothing else in the folder but what explains them.
const EXAMPLES: [(&str, &str, &str); 5] = [
    (
        "nitro",
        "2026-11-nitro.json",
        include_str!("../../../../docs/policies/2026-11-nitro.json"),
    ),
    (
        "sev-snp",
        "2026-11-sev-snp.json",
        include_str!("../../../../docs/policies/2026-11-sev-snp.json"),
    ),
    (
        "tdx",
        "2026-11-tdx.json",
        include_str!("../../../../docs/policies/2026-11-tdx.json"),
    ),
    (
        "azure-vtpm",
        "2026-11-azure-vtpm.json",
        include_str!("../../../../docs/policies/2026-11-azure-vtpm.json"),
    ),
    (
        "token",
        "2026-11-token.json",
        include_str!("../../../../docs/policies/2026-11-token.json"),
    ),
];

fn the_examples_load() {
    for (kind, name, json) in EXAMPLES {
        let loaded = Policy::from_json(json).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(loaded.session().model_digests().is_some(), "{name}");
        let json: Value = serde_json::from_str(json).unwrap();
        let kinds: Vec<_> = json["evidence"].as_object().unwrap().keys().collect();
        assert_eq!(kinds, [kind], "{name}");
        // What is shown of a policy has every set that it has.
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), name, json.to_string());
        let shown = printed(&policy(folder.path(), &["show", name]), 0);
        let sets = shown
            .lines()
            .filter(|line| line.starts_with(&format!("{kind} set ")));
        let sets = sets.count();
        assert!(sets > 0, "{shown}");
        assert!(shown.contains(&format!("accepts {sets} image")), "{shown}");
    }
}

/// The keys that an object may have, as the error for another one lists them.
fn keys(policy: &str, pointer: &str) -> Vec<String> {
    let mut json: Value = serde_json::from_str(policy).unwrap();
    let object = json.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    object.insert("zzz".into(), Value::Null);
    let error = match Policy::from_json(json.to_string()) {
        Err(PolicyError::Json(error)) => error.message,
        other => panic!("{pointer}: {other:?}"),
    };
    let (_, listed) = error.split_once(", expected ").unwrap();
    let keys = listed.split('`').skip(1).step_by(2).map(str::to_owned);
    keys.collect()
}

fn every_key_of_a_policy_is_documented() {
    let [nitro, sev_snp] = blocks("json")[..] else {
        panic!("two policies")
    };
    let objects = [
        (nitro, ""),
        (nitro, "/evidence"),
        (nitro, "/evidence/nitro"),
        (nitro, "/evidence/nitro/measurements/0"),
        (nitro, "/evidence/nitro/pins"),
        (nitro, "/session"),
        (sev_snp, "/evidence/sev-snp"),
        (sev_snp, "/evidence/sev-snp/measurements/0"),
        (sev_snp, "/evidence/sev-snp/products"),
        (sev_snp, "/evidence/sev-snp/products/turin"),
        (sev_snp, "/evidence/sev-snp/products/turin/least_tcb"),
        (sev_snp, "/evidence/sev-snp/guest_policy"),
    ];
    let examples = EXAMPLES.map(|(_, _, json)| json);
    let of_others = [
        (examples[2], "/evidence/tdx"),
        (examples[2], "/evidence/tdx/measurements/0"),
        (examples[3], "/evidence/azure-vtpm"),
        (examples[3], "/evidence/azure-vtpm/measurements/0"),
        (examples[4], "/evidence/token/issuers/0"),
        (examples[4], "/evidence/token/issuers/0/measurements/0"),
    ];
    let objects = objects.into_iter().chain(of_others);
    let mut found = BTreeSet::new();
    for (policy, pointer) in objects {
        let keys = keys(policy, pointer);
        assert!(keys.len() > 1, "{pointer}: {keys:?}");
        found.extend(keys);
    }
    let missing: Vec<&String> = found.iter().filter(|key| !is_documented(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // The first example has all that there is.
    let example: Value = serde_json::from_str(nitro).unwrap();
    for pointer in [
        "/evidence/nitro",
        "/evidence/nitro/measurements/0",
        "/evidence/nitro/pins",
        "/session",
    ] {
        let keys = keys(nitro, pointer);
        let object = example.pointer(pointer).unwrap();
        assert!(
            keys.iter().all(|key| object.get(key).is_some()),
            "{pointer}"
        );
    }
}

/// Every key at any depth, and of warnings and changes the name.
fn all_keys(json: &Value, keys: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                keys.insert(key.clone());
                if let ("code" | "change" | "part", Some(name)) = (key.as_str(), value.as_str()) {
                    keys.insert(name.to_owned());
                }
                all_keys(value, keys);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| all_keys(value, keys)),
        _ => {}
    }
}

fn every_key_for_programs_is_documented() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "snp.json", sev_snp(r#", "crl": "none""#));
    let new = [
        "new",
        "old.json",
        "-o",
        "p.json",
        "--least-suite",
        "1",
        "--not-after",
        "2027-03-01T00:00:00Z",
    ];
    printed(&policy(folder, &new), 0);
    let mut keys = BTreeSet::new();
    for (command, code) in [
        (&["show", "p.json", "--at", "2027-02-20T00:00:00Z"][..], 0),
        (&["show", "p.json", "--at", "2028-02-20T00:00:00Z"], 0),
        (&["show", "snp.json"], 0),
        (&["check", "p.json"], 0),
        (&["check", "p.json", "--document", "old.json"], 3),
        (&["diff", "p.json", "snp.json"], 4),
        (&["diff", "snp.json", "p.json"], 4),
    ] {
        let json = printed(&policy(folder, &[command, &["--json"]].concat()), code);
        all_keys(&serde_json::from_str(&json).unwrap(), &mut keys);
    }
    for expected in [
        "all_expired",
        "any_chip",
        "no_revocation_list",
        "weak_suite",
        "only_first",
    ] {
        assert!(keys.contains(expected), "{expected} {keys:?}");
    }
    let missing: Vec<&String> = keys.iter().filter(|key| !is_documented(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
