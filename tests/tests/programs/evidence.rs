//! Evidence through the programs: shown, kept, and checked again later.

use serde_json::{Value, json};

use super::assert_code;
use super::common::fixture;
use super::common::programs::{Finished, Program, Stack, run};

#[test]
fn attest_shows_what_runs_there_and_its_document_can_be_checked_later() {
    let stack = Stack::start();
    let kept = stack.path("evidence").display().to_string();
    let shown = stack.client("attest", &["--evidence-out", &kept], b"");
    assert_code(&shown, 0);
    let document = kept_document(&kept, true);
    assert!(shown.stderr.contains("DANGER"));
    for part in [
        "VERIFIED",
        "DEVELOPMENT root",
        "PCR0",
        "key          confirmed",
        "P1",
        "X8",
        "P4",
    ] {
        assert!(shown.stdout.contains(part), "no {part} in {}", shown.stdout);
    }

    let digest = run(
        Program::Client,
        &[
            "model-digest".as_ref(),
            fixture("tiny-bert-single").as_os_str(),
        ],
    );
    assert_code(&digest, 0);
    let model = shown.stdout.lines().find(|line| line.starts_with("model "));
    assert_eq!(
        model.unwrap().split_whitespace().last(),
        Some(digest.stdout.trim())
    );
    let pinned = pin_model(&stack, digest.stdout.trim());
    let other = pin_model(&stack, &"12".repeat(48));
    for (policy, code) in [(pinned, 0), (other, 3)] {
        let kept = stack
            .path(&format!("evidence-{code}"))
            .display()
            .to_string();
        let finished = attest_under(&stack, &policy, &kept);
        assert_code(&finished, code);
        assert_eq!(finished.stderr.contains("check P3"), code == 3);
        // Rejected evidence is what somebody has to look at.
        kept_document(&kept, code == 0);
    }

    let nonce = value_of(&shown.stdout, "nonce");
    for (further, check) in [
        (vec![], None),
        (vec!["--nonce", &nonce], None),
        (vec!["--nonce", "00"], Some("X7")),
        (vec!["--at", "1000000000"], Some("A16")),
    ] {
        let finished = verify(&stack, &document, &further);
        assert_verdict(&finished, check);
        let report: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(report["nonce"], nonce);
        assert_eq!(report["user_data"], value_of(&shown.stdout, "user data"));
        assert_eq!(report["public_key"], value_of(&shown.stdout, "public key"));
    }

    verify_the_session_again(&stack, &document);

    let inspected = run(Program::Client, &["inspect", &document]);
    assert_code(&inspected, 0);
    assert!(inspected.stdout.starts_with("UNVERIFIED"));
    assert!(inspected.stdout.contains(&nonce));
}

/// With the challenge and the claims, the session's appraisal is done again, its model's included.
fn verify_the_session_again(stack: &Stack, document: &str) {
    let report = document.replace(".cbor", ".json");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let challenge = report["challenge"].as_str().unwrap();
    let claims = document.replace(".cbor", ".claims");
    let (other, edited) = ("00".repeat(32), stack.write("edited.claims", b"\xa0"));
    for (challenge, claims, check) in [
        (challenge, &claims, None),
        (&other, &claims, Some("X7")),
        (challenge, &edited, Some("X8")),
    ] {
        let further = ["--challenge", challenge, "--claims", claims];
        let finished = verify(stack, document, &further);
        assert_code(&finished, if check.is_some() { 3 } else { 0 });
        let found: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(found["check"], json!(check));
        let model = check.is_none().then_some(&report["model"]);
        assert_eq!(found.get("model"), model);
    }
    for incomplete in ["--challenge", "--claims"] {
        assert_code(&verify(stack, document, &[incomplete, challenge]), 2);
    }
}

fn pin_model(stack: &Stack, digest: &str) -> String {
    let measured: Value = serde_json::from_str(&stack.read("measurements.json")).unwrap();
    let measured = &measured["Measurements"];
    let policy = json!({
        "version": 1,
        "measurements": [{
            "label": "test",
            "pcr0": measured["PCR0"], "pcr1": measured["PCR1"], "pcr2": measured["PCR2"],
        }],
        "model_digests": [digest],
    });
    stack.write(&format!("pin-{}.json", &digest[..8]), policy.to_string())
}

/// The one document that was kept in this folder, with its verdict beside it.
fn kept_document(folder: &str, accepted: bool) -> String {
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let documents: Vec<_> = names
        .filter(|path| path.extension().unwrap() == "cbor")
        .collect();
    let [document] = &documents[..] else {
        panic!("{documents:?}");
    };
    let report = std::fs::read(document.with_extension("json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["accepted"], accepted);
    assert_eq!(
        report["failed_check"],
        if accepted { Value::Null } else { json!("P3") }
    );
    let digest = report["evidence_sha256"].as_str().unwrap();
    let verdict = if accepted { "" } else { "-rejected" };
    let name = document.file_stem().unwrap().to_str().unwrap();
    assert_eq!(format!("{}{verdict}", &digest[..16]), name);
    document.display().to_string()
}

fn attest_under(stack: &Stack, policy: &str, kept: &str) -> Finished {
    let root = stack.path("root.pem").display().to_string();
    run(
        Program::Client,
        &[
            "attest",
            "--server",
            &stack.server,
            "--policy",
            policy,
            "--danger-accept-software-root",
            &root,
            "--evidence-out",
            kept,
        ],
    )
}

fn verify(stack: &Stack, document: &str, further: &[&str]) -> Finished {
    let (policy, root) = (stack.path("measurements.json"), stack.path("root.pem"));
    let arguments = [
        "verify",
        "--json",
        "--document",
        document,
        "--policy",
        policy.to_str().unwrap(),
        "--danger-accept-software-root",
        root.to_str().unwrap(),
    ];
    run(Program::Client, &[&arguments[..], further].concat())
}

/// The value on the line of this name.
fn value_of(shown: &str, name: &str) -> String {
    let line = shown.lines().find(|line| line.starts_with(name)).unwrap();
    line[name.len()..].trim().to_owned()
}

#[test]
fn verify_and_inspect_tell_a_bad_document_from_a_bad_command() {
    let stack = Stack::start();
    let garbage = stack.write("garbage.cbor", b"\x84nonsense");
    let finished = verify(&stack, &garbage, &[]);
    assert_verdict(&finished, Some("X2"));
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    for fact in [
        "module_id",
        "timestamp_ms",
        "pcrs",
        "public_key",
        "user_data",
        "nonce",
    ] {
        assert!(report[fact].is_null(), "{fact}");
    }
    let oversized = stack.write("oversized.cbor", vec![0x42; 33 * 1024]);
    assert_verdict(&verify(&stack, &oversized, &[]), Some("X12"));
    assert_code(&run(Program::Client, &["inspect", &garbage]), 3);

    assert_code(&verify(&stack, "/nonexistent/document", &[]), 2);
    assert_code(&verify(&stack, &garbage, &["--nonce", "xyz"]), 2);
    assert_code(&verify(&stack, &garbage, &["--at", "noon"]), 2);
    assert_code(
        &run(Program::Client, &["inspect", "/nonexistent/document"]),
        2,
    );
    assert_code(&run(Program::Client, &["model-digest", "/nonexistent"]), 2);
    assert_code(&run(Program::Client, &[""; 0]), 2);
    let help = run(Program::Client, &["--help"]);
    assert_code(&help, 0);
    for command in ["attest", "verify", "inspect", "submit", "model-digest"] {
        assert!(help.stdout.contains(command));
    }
}

/// Exit code, one line on standard error that names the check, and the JSON's shape.
fn assert_verdict(finished: &Finished, check: Option<&str>) {
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let mut expected = [
        "ok",
        "bound",
        "check",
        "checks",
        "development",
        "exit",
        "kind",
        "message",
        "module_id",
        "timestamp_ms",
        "measurement",
        "pcrs",
        "public_key",
        "user_data",
        "nonce",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(report["ok"], check.is_none());
    assert_eq!(report["check"], json!(check));
    assert!(!report["message"].as_str().unwrap().is_empty());
    assert_code(finished, if check.is_some() { 3 } else { 0 });
    let verdicts = finished.stderr.lines().filter(|l| l.contains("rejected"));
    match check {
        None => assert_eq!(verdicts.count(), 0),
        Some(check) => {
            let verdicts: Vec<_> = verdicts.collect();
            let start = format!("sealnote: rejected, check {check}: ");
            assert!(
                matches!(verdicts[..], [line] if line.starts_with(&start)),
                "{verdicts:?}"
            );
        }
    }
    if let Some(pcrs) = report["pcrs"].as_object() {
        for (index, value) in pcrs {
            assert!(index.parse::<u8>().is_ok_and(|index| index < 32));
            let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let value = value.as_str().unwrap();
            assert!(value.len() == 96 && value.bytes().all(digit));
        }
    }
}
