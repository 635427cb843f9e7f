//! The same by the command line: keys in files, codes, and words.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use sealnote_access::PrivateKey;
use sealnote_enclave::server::ServerLimits;
use sealnote_tests::rig::Rig;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{FULL, list, serving};
use crate::common::programs::Program;
use crate::common::short_notes;

/// A folder with what a client is given.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(rig: &Rig) -> Self {
        let desk = Self::new();
        desk.write("policy.json", rig.policy().to_string());
        desk.write("root.pem", rig.root_pem());
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// A new key, as the command makes it.
    fn key(&self, name: &str) -> Arc<PrivateKey> {
        let made = said(&run(self.path(), &["key", "new", name]), 0);
        let pem = std::fs::read_to_string(self.path().join(name)).unwrap();
        let key = PrivateKey::from_pem(&pem).unwrap();
        assert_eq!(made.0, format!("{}\n", key.public()));
        Arc::new(key)
    }

    /// A command that talks to the rig.
    async fn asks(&self, rig: &Rig, command: &str, more: &[&str]) -> Output {
        let server = rig.server.to_string();
        let trust = [
            "--policy",
            "policy.json",
            "--danger-accept-software-root",
            "root.pem",
        ];
        let words = [&[command, "--server", &server][..], &trust, more].concat();
        let words: Vec<String> = words.into_iter().map(String::from).collect();
        let folder = self.path().to_owned();
        let run = move || {
            run(
                &folder,
                &words.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        };
        spawn_blocking(run).await.unwrap()
    }
}

fn run(folder: &Path, words: &[&str]) -> Output {
    Command::new(Program::Client.path())
        .env_clear()
        .current_dir(folder)
        .args(words)
        .output()
        .unwrap()
}

/// What a command printed and said, if it ended with this code.
fn said(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{error}");
    (out, error)
}

#[test]
fn a_key_is_its_owners_and_is_not_replaced() {
    let desk = Desk::new();
    let key = desk.key("client.pem");
    let file = desk.path().join("client.pem");
    let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    let (_, error) = said(&run(desk.path(), &["key", "new", "client.pem"]), 5);
    assert!(error.contains("it is there already"), "{error}");
    let shown = said(&run(desk.path(), &["key", "show", "client.pem"]), 0);
    assert_eq!(shown, (format!("{}\n", key.public()), String::new()));

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (out, error) = said(&run(desk.path(), &["key", "show", "client.pem"]), 0);
    assert_eq!(out, format!("{}\n", key.public()));
    assert!(error.contains("chmod 600 client.pem"), "{error}");

    desk.write("other.pem", "no key");
    for (name, says) in [
        ("other.pem", "no Ed25519 private key"),
        ("none.pem", "cannot be read"),
    ] {
        let (_, error) = said(&run(desk.path(), &["key", "show", name]), 2);
        assert!(
            error.contains(says) && !error.contains("no key\n"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_run_that_has_used_up_its_quota_says_so_and_goes_on_later() {
    let maker = Desk::new();
    let key = maker.key("client.pem");
    let quota = 2 * FULL as u32;
    let (rig, _) = serving(list(&[&key], quota, 9), ServerLimits::default()).await;
    let desk = Desk::with(&rig);
    desk.write("client.pem", key.to_pem().as_bytes());
    let lines: Vec<String> = short_notes(3 * FULL)
        .iter()
        .enumerate()
        .map(|(id, note)| serde_json::json!({"id": id, "text": note}).to_string() + "\n")
        .collect();
    desk.write("notes.jsonl", lines.concat());
    let submit = [
        "notes.jsonl",
        "-o",
        "results.jsonl",
        "--client-key",
        "client.pem",
        "--resume",
    ];
    let (_, error) = said(&desk.asks(&rig, "submit", &submit).await, 8);
    for words in [
        "quota has fewer notes left",
        "begins in 3",
        "results of 64 records",
        "--resume",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    // Too early; nothing is lost by it.
    let (_, error) = said(&desk.asks(&rig, "submit", &submit).await, 8);
    assert!(error.contains("results of 64 records"), "{error}");
    // The quota is of a boot.
    let (rig, _) = serving(list(&[&key], quota, 9), ServerLimits::default()).await;
    desk.write("policy.json", rig.policy().to_string());
    desk.write("root.pem", rig.root_pem());
    let (_, error) = said(&desk.asks(&rig, "submit", &submit).await, 0);
    assert!(
        error.contains("96 of 96 records were classified"),
        "{error}"
    );
    let results = std::fs::read_to_string(desk.path().join("results.jsonl")).unwrap();
    assert_eq!(results.lines().count(), 3 * FULL);
}

#[tokio::test]
async fn who_must_sign_is_told_before_and_after() {
    let maker = Desk::new();
    let (known, stranger) = (maker.key("known.pem"), maker.key("stranger.pem"));
    let (rig, computed) = serving(list(&[&known], 32, 9), ServerLimits::default()).await;
    let desk = Desk::with(&rig);
    desk.write("known.pem", known.to_pem().as_bytes());
    desk.write("stranger.pem", stranger.to_pem().as_bytes());
    desk.write("notes.jsonl", "{\"id\": 1, \"text\": \"Fever.\"}\n");
    let serves = "the clients that its model's owner has listed";

    let (out, error) = said(&desk.asks(&rig, "attest", &[]).await, 8);
    assert!(
        out.contains(serves) && error.contains("sealnote key new"),
        "{out}{error}"
    );
    let key = ["--client-key", "stranger.pem"];
    let (_, error) = said(&desk.asks(&rig, "attest", &key).await, 8);
    assert!(error.contains("does not know this client's key"), "{error}");
    let key = ["--client-key", "known.pem", "--json"];
    let (out, _) = said(&desk.asks(&rig, "attest", &key).await, 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["claims"]["clients_sign"], true);

    let (out, _) = said(&desk.asks(&rig, "doctor", &[]).await, 8);
    assert!(
        out.contains("clients must sign") && out.contains("sealnote key new"),
        "{out}"
    );
    let key = ["--client-key", "stranger.pem"];
    let (out, _) = said(&desk.asks(&rig, "doctor", &key).await, 8);
    assert!(out.contains("does not know this client's key"), "{out}");
    let key = ["--client-key", "known.pem"];
    said(&desk.asks(&rig, "doctor", &key).await, 0);

    let (_, error) = said(&desk.asks(&rig, "submit", &["notes.jsonl"]).await, 8);
    assert!(error.contains("sealnote key new"), "{error}");
    let key = ["notes.jsonl", "--client-key", "stranger.pem"];
    let (_, error) = said(&desk.asks(&rig, "submit", &key).await, 8);
    assert!(error.contains("does not know this client's key"), "{error}");
    assert_eq!(computed.load(std::sync::atomic::Ordering::Relaxed), 0);
}
