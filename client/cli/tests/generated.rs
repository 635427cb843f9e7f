//! What is made from the definition of the flags, and the JSON of commands that need no server.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn sealnote(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .env_clear()
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_man_page_is_written_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    printed(&sealnote(folder.path(), &["man", "."]));
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("sealnote.1").contains("doctor"));
    let submit = page("sealnote-submit.1");
    for part in [
        "SEALNOTE_SERVER",
        "max\\-record\\-bytes",
        "$ sealnote submit notes.jsonl",
    ] {
        assert!(submit.contains(part), "{part}");
    }
    assert!(page("sealnote-check.1").contains("sev\\-snp\\-host"));
    assert!(!submit.contains("SEALNOTE_DANGER"));
    assert!(!folder.path().join("sealnote-man.1").exists());
    let nowhere = sealnote(folder.path(), &["man", "none"]);
    assert_eq!(nowhere.status.code(), Some(5));
}

#[test]
fn completions_know_the_commands_and_their_flags() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&sealnote(folder.path(), &["completions", shell]));
        for word in [
            "check",
            "doctor",
            "model-digest",
            "evidence-out",
            "sev-snp-host",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn json_says_what_a_model_is_and_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files: [&[u8]; 3] = [b"config", b"weights", b"tokenizer"];
    for (name, bytes) in sealnote_model::MODEL_FILES.iter().zip(files) {
        std::fs::write(path(name), bytes).unwrap();
    }
    let json = |arguments: &[&str], code: i32| -> Value {
        let output = sealnote(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let digest = sealnote_model::ModelDigest::of_files(files);
    let expected = json!({
        "ok": true,
        "digest": digest.to_string(),
        "pcr16": hex::encode(digest.register()),
    });
    assert_eq!(json(&["model-digest", ".", "--json"], 0), expected);
    let failed = json(&["model-digest", "none", "--json"], 2);
    assert_eq!(
        (&failed["ok"], &failed["exit"], &failed["check"]),
        (&json!(false), &json!(2), &Value::Null)
    );
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("none/config.json cannot be read")
    );

    std::fs::write(path("document.cbor"), "no document").unwrap();
    let failed = json(&["inspect", "document.cbor", "--json"], 3);
    assert_eq!(
        (&failed["ok"], &failed["exit"], &failed["check"]),
        (&json!(false), &json!(3), &json!("X2"))
    );
    let failed = json(&["measure", "document.cbor", "--json"], 3);
    assert_eq!((&failed["ok"], &failed["exit"]), (&json!(false), &json!(3)));
    let failed = json(&["attest", "--json"], 2);
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .starts_with("a server is needed")
    );
    let failed = json(&["verify", "--document", "document.cbor", "--json"], 2);
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .starts_with("a policy is needed")
    );
}
