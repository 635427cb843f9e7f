//! The same notes over software evidence of each kind.

use serde_json::Value;

use super::assert_code;
use crate::common::programs::{Program, Stack, line, run, without_evidence};
use crate::common::short_notes;

#[test]
fn scores_do_not_depend_on_the_kind_of_evidence() {
    let lines = short_notes(5).into_iter().enumerate();
    let notes: String = lines
        .map(|(index, text)| line(&format!("note-{index}"), &text))
        .collect();
    // The vTPM's root is that of the hardware under it.
    let kinds = [
        ("nitro", "nitro"),
        ("sev-snp", "sev-snp"),
        ("tdx", "tdx"),
        ("azure-vtpm", "sev-snp"),
    ];
    let results = kinds.map(|(kind, root)| {
        let stack = Stack::of_kind(kind);
        let submitted = stack.client("submit", &["--scores", "all"], notes.as_bytes());
        assert_code(&submitted, 0);
        let danger = format!("DANGER: {root} evidence under the development root ");
        assert!(submitted.stderr.contains(&danger), "{}", submitted.stderr);

        // Its root is there, and is not believed without being named.
        let file = stack.write("notes.jsonl", &notes);
        let policy = stack.path("measurements.json").display().to_string();
        let arguments = ["submit", "--server", &stack.server, "--policy", &policy];
        let refused = run(Program::Client, &[&arguments[..], &[&file]].concat());
        assert_code(&refused, 3);
        assert!(refused.stderr.contains("no note was sent"));
        without_evidence(&submitted.stdout)
    });
    assert_eq!(results[0].len(), 5);
    assert!(results.iter().all(|result| *result == results[0]));
}

#[test]
fn the_policy_that_is_written_names_its_kind() {
    for kind in ["sev-snp", "tdx", "azure-vtpm"] {
        let stack = Stack::of_kind(kind);
        let policy: Value = serde_json::from_str(&stack.read("measurements.json")).unwrap();
        assert_eq!(policy["version"], 2);
        let kinds: Vec<&String> = policy["evidence"].as_object().unwrap().keys().collect();
        assert_eq!(kinds, [kind]);
        let file = stack.path("measurements.json").display().to_string();
        let checked = run(Program::Client, &["policy", "check", &file]);
        assert_code(&checked, 0);
    }
}

#[test]
fn a_software_kind_goes_with_the_software_attester() {
    let arguments =
        "--listen unix:/nonexistent --model /nonexistent --attester nsm --software-kind sev-snp";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let finished = run(Program::Enclave, &arguments);
    assert_code(&finished, 2);
    assert!(
        finished.stderr.contains("--attester software"),
        "{}",
        finished.stderr
    );
}

#[test]
fn registers_go_with_the_attester_of_a_vtpm_and_can_show_the_model() {
    let with = |rest: &str| {
        let listen = "--listen unix:/nonexistent --model /nonexistent";
        let arguments = format!("{listen} --endorsements-listen unix:/nonexistent {rest}");
        let arguments: Vec<&str> = arguments.split(' ').collect();
        run(Program::Enclave, &arguments)
    };
    for (rest, code, says) in [
        (
            "--attester tdx --vtpm-pcrs 4,11",
            2,
            "go with --attester azure-vtpm",
        ),
        (
            "--attester tdx --vtpm-model-pcr 11",
            2,
            "go with --attester azure-vtpm",
        ),
        (
            "--attester azure-vtpm --vtpm-pcrs 4,11,24",
            2,
            "numbers from 0 to 23",
        ),
        (
            "--attester azure-vtpm --vtpm-pcrs 0,11",
            1,
            "register 4 must be among",
        ),
        (
            "--attester azure-vtpm --vtpm-model-pcr 12",
            1,
            "register 12 must be among",
        ),
        (
            "--attester azure-vtpm --vtpm-model-pcr 16",
            1,
            "register 16 cannot show the model",
        ),
    ] {
        let finished = with(rest);
        assert_code(&finished, code);
        assert!(
            finished.stderr.contains(says),
            "{rest}: {}",
            finished.stderr
        );
    }
}
