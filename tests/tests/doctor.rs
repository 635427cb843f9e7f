//! `sealnote doctor` and `sealnote attest --json` with the three programs.

mod common;

use common::programs::{Finished, Stack};
use serde_json::{Value, json};

#[test]
fn doctor_finds_nothing_wrong_where_nothing_is_and_sends_no_note() {
    let stack = Stack::start();
    let (verdicts, report) = examined(&stack.client("doctor", &["--json"], b""), 0);
    assert_eq!(
        verdicts,
        [
            "config ok",
            "machine ok",
            "policy warn",
            "danger warn",
            "address ok",
            "reach ok",
            "protocol ok",
            "clock ok",
            "evidence ok",
            "session ok",
        ]
    );
    let protocol = report["checks"][6]["says"].as_str().unwrap();
    assert!(
        protocol.starts_with("sealnote/2, answered with nitro evidence in "),
        "{protocol}"
    );
    let (status, log) = stack.parent.stop("TERM");
    assert!(status.success());
    // One connection, without detours.
    assert!(log.contains("accepted=1 "), "{log}");
    let (_, log) = stack.enclave.stop("TERM");
    assert!(!log.contains("notes=1"), "{log}");
}

#[test]
fn doctor_names_the_check_that_fails_and_goes_on_without_a_policy() {
    let stack = Stack::start();
    let measured = stack.read("measurements.json");
    let measured: Value = serde_json::from_str(&measured).unwrap();
    let mut other = measured.clone();
    other["Measurements"]["PCR0"] = json!("12".repeat(48));
    stack.write("measurements.json", other.to_string());
    let (verdicts, report) = examined(&stack.client("doctor", &["--json"], b""), 3);
    assert_eq!(verdicts[6..], ["protocol ok", "clock ok", "evidence fail"]);
    let evidence = report["checks"][8]["says"].as_str().unwrap();
    assert!(evidence.contains("check X5: PCR0"), "{evidence}");

    stack.write("measurements.json", "{");
    let (verdicts, _) = examined(&stack.client("doctor", &["--json"], b""), 2);
    assert_eq!(
        verdicts[2..],
        [
            "policy fail",
            "address ok",
            "reach ok",
            "protocol ok",
            "clock ok"
        ]
    );
}

#[test]
fn doctor_tells_that_the_enclave_is_gone() {
    let mut stack = Stack::start();
    stack.enclave.kill();
    let (verdicts, report) = examined(&stack.client("doctor", &["--json"], b""), 6);
    assert_eq!(verdicts[4..], ["address ok", "reach ok", "protocol fail"]);
    let protocol = &report["checks"][6];
    assert!(
        protocol["says"]
            .as_str()
            .unwrap()
            .contains("takes the connection and closes it")
    );
    assert!(
        protocol["advice"]
            .as_str()
            .unwrap()
            .contains("whose enclave does not run")
    );
}

#[test]
fn attest_prints_json_of_what_it_verified_and_of_what_it_rejected() {
    let stack = Stack::start();
    let accepted = stack.client("attest", &["--json"], b"");
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
    let report: Value = serde_json::from_str(&accepted.stdout).unwrap();
    let text = stack.client("attest", &[], b"").stdout;
    let model = report["claims"]["model"].as_str().unwrap();
    assert!(text.contains(&format!("model        {model}\n")));
    let pcr0 = report["facts"]["pcrs"]["0"].as_str().unwrap();
    assert!(text.contains(&format!("PCR0         {pcr0}\n")));
    for (field, expected) in [
        ("ok", json!(true)),
        ("key_confirmed", json!(true)),
        ("development", json!(true)),
        ("kind", json!("nitro")),
        ("suite", json!({ "id": 2, "name": "X-Wing" })),
        ("server", json!(stack.server)),
    ] {
        assert_eq!(report[field], expected, "{field}");
    }
    let labels = report["claims"]["labels"].as_array().unwrap();
    assert!(text.contains(&format!("one of {} labels", labels.len())));
    let checks = report["checks"].as_array().unwrap();
    for check in checks {
        let (id, title) = (
            check["id"].as_str().unwrap(),
            check["title"].as_str().unwrap(),
        );
        assert!(
            text.contains(&format!("  {id:<4} {title}\n")),
            "{id} {title}"
        );
    }
    assert!(checks.len() > 20);

    let measured = stack
        .read("measurements.json")
        .replace("PCR0", "PCR1_")
        .replace("PCR1\"", "PCR0\"");
    stack.write("measurements.json", measured.replace("PCR1_", "PCR1"));
    let rejected = stack.client("attest", &["--json"], b"");
    assert_eq!(rejected.code, Some(3), "{}", rejected.stderr);
    let report: Value = serde_json::from_str(&rejected.stdout).unwrap();
    assert_eq!(
        (&report["ok"], &report["exit"], &report["check"]),
        (&json!(false), &json!(3), &json!("X5"))
    );
}

/// Each check and its verdict, of a report with this exit code.
fn examined(finished: &Finished, code: i32) -> (Vec<String>, Value) {
    assert_eq!(
        finished.code,
        Some(code),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["exit"], code);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    let verdicts = checks.map(|check| word(&check["check"]) + " " + &word(&check["verdict"]));
    (verdicts.collect(), report.clone())
}
