//! The programs as a user runs them: exit codes, files, and what they print.

mod common;
#[path = "programs/evidence.rs"]
mod evidence;
#[path = "programs/full.rs"]
mod full;
#[path = "programs/kinds.rs"]
mod kinds;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::programs::{Finished, Program, Stack, line, parse_lines, run, without_evidence};
use common::{fixture, short_notes};
use serde_json::{Value, json};

#[test]
fn submit_reads_a_file_or_standard_input_and_keeps_the_order() {
    let stack = Stack::start();
    // More than one request, and a number as an id.
    let notes = short_notes(40);
    let mut jsonl: String = notes[..39]
        .iter()
        .enumerate()
        .map(|(index, text)| line(&format!("note-{index}"), text))
        .collect();
    jsonl += &json!({ "id": 39, "text": notes[39], "expected": "ignored" }).to_string();
    let file = stack.write("notes.jsonl", &jsonl);
    let out = stack.path("results.jsonl");
    let out = out.to_str().unwrap();

    let from_file = stack.client("submit", &[&file, "-o", out, "--scores", "all"], b"");
    assert_code(&from_file, 0);
    assert_eq!(from_file.stdout, "");
    assert!(
        from_file
            .stderr
            .contains("40 of 40 records were classified")
    );
    let results = stack.read("results.jsonl");
    let lines = parse_lines(&results);
    assert_eq!(lines.len(), 40);
    for (index, result) in lines.iter().enumerate() {
        let id = match index {
            39 => json!(39),
            _ => json!(format!("note-{index}")),
        };
        assert_eq!((&result["id"], &result["line"]), (&id, &json!(index + 1)));
        let scores = result["scores"].as_object().unwrap();
        let label = result["label"].as_str().unwrap();
        assert_eq!(scores.len(), 3);
        assert_eq!(scores[label], result["score"]);
        assert!(
            scores
                .values()
                .all(|s| s.as_f64() <= result["score"].as_f64())
        );
    }
    let mode = std::fs::metadata(out).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "results are for their owner alone");

    for stdin in [
        &["-", "--scores", "all"][..],
        &["--scores", "all"],
        &["-o", "-", "--scores", "all"],
    ] {
        let from_stdin = stack.client("submit", stdin, jsonl.as_bytes());
        assert_code(&from_stdin, 0);
        assert_eq!(
            without_evidence(&from_stdin.stdout),
            without_evidence(&results)
        );
    }

    let text = stack.client("submit", &["--format", "whole"], notes[3].as_bytes());
    assert_code(&text, 0);
    let one = parse_lines(&text.stdout);
    assert_eq!((one.len(), &one[0]["id"]), (1, &json!("stdin")));
    assert_eq!(one[0]["label"], lines[3]["label"]);
}

#[test]
fn submit_names_the_notes_that_failed_and_keeps_the_others() {
    let stack = Stack::start();
    let mut input = line("good", "A fracture.").into_bytes();
    input.extend(line("empty", " \n").into_bytes());
    input.extend(line("long", &"word ".repeat(1 << 16)).into_bytes());
    input.extend(line("huge", &"word ".repeat(1 << 20)).into_bytes());
    input.extend(b"{\"id\": \"latin\", \"text\": \"caf\xe9\"}\n");
    input.extend(b"not json\n\n");
    input.extend(line("last", "Heart failure.").into_bytes());
    let finished = stack.client("submit", &["-"], &input);
    assert_code(&finished, 4);
    let results = parse_lines(&finished.stdout);
    let failed: Vec<_> = results[1..6]
        .iter()
        .map(|result| {
            (
                &result["id"],
                &result["line"],
                result["error"].as_str().unwrap(),
            )
        })
        .collect();
    let (empty, long) = (json!("empty"), json!("long"));
    let lines: Vec<Value> = (2..7).map(Value::from).collect();
    assert_eq!(
        failed,
        [
            (&empty, &lines[0], "empty"),
            (&long, &lines[1], "too_long"),
            (&Value::Null, &lines[2], "record_too_long"),
            (&Value::Null, &lines[3], "not_utf8"),
            (&Value::Null, &lines[4], "bad_line"),
        ]
    );
    assert!(results[0]["label"].is_string() && results[6]["label"].is_string());
    for named in [
        "line 2, id empty: ",
        "line 3, id long: ",
        "line 4: ",
        "line 5: ",
        "line 6: ",
    ] {
        assert!(finished.stderr.contains(&format!("sealnote: {named}")));
    }
    assert!(finished.stderr.contains("2 of 7 records were classified"));

    // With --rejects they are in a file of their own, and the first of them may be enough.
    let notes = stack.write("notes.jsonl", &input);
    let (out, rejects) = (stack.path("results.jsonl"), stack.path("rejects.jsonl"));
    let files = [
        &notes,
        "-o",
        out.to_str().unwrap(),
        "--rejects",
        rejects.to_str().unwrap(),
    ];
    assert_code(&stack.client("submit", &files, b""), 4);
    assert_eq!(parse_lines(&stack.read("results.jsonl")).len(), 2);
    let rejects = parse_lines(&stack.read("rejects.jsonl"));
    let codes: Vec<_> = rejects
        .iter()
        .map(|row| row["error"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "empty",
            "too_long",
            "record_too_long",
            "not_utf8",
            "bad_line"
        ]
    );
    let fast = stack.client("submit", &[&notes, "--fail-fast"], b"");
    assert_code(&fast, 4);
    assert!(
        fast.stderr.contains("line 2, id empty: "),
        "{}",
        fast.stderr
    );
    let dry = stack.client("submit", &[&notes, "--dry-run"], b"");
    assert_code(&dry, 4);
    assert!(
        dry.stderr
            .contains("4 of 7 records can be sent; nothing was sent"),
        "{}",
        dry.stderr
    );
}

/// As on a full disk: the file takes a part of what is written, in the middle of a line.
#[test]
fn submit_leaves_whole_lines_where_the_output_cannot_grow_and_goes_on_later() {
    let stack = Stack::start();
    let notes = short_notes(40);
    let notes: String = notes.iter().map(|note| line("id", note)).collect();
    let notes = stack.write("notes.jsonl", notes);
    let finished = Command::new("sh")
        // Without the signal, a write beyond the limit of 4 blocks fails.
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"])
        .arg(Program::Client.path())
        .args(["submit", "--server", &stack.server, "--policy"])
        .arg(stack.path("measurements.json"))
        .arg("--danger-accept-software-root")
        .arg(stack.path("root.pem"))
        .arg("-o")
        .arg(stack.path("results.jsonl"))
        .arg(&notes)
        .output()
        .unwrap();
    let said = String::from_utf8(finished.stderr).unwrap();
    assert_eq!(finished.status.code(), Some(5), "{said}");
    assert!(said.contains("the results cannot be written: "), "{said}");
    assert!(said.contains("--resume"), "{said}");
    assert!(!stack.path("results.jsonl").exists());
    let kept = stack.read("results.jsonl.partial");
    assert!(
        kept.is_empty() || kept.ends_with('\n'),
        "half a line is left"
    );
    let out = stack.path("results.jsonl").display().to_string();
    assert_code(
        &stack.client("submit", &[&notes, "-o", &out, "--resume"], b""),
        0,
    );
    assert_eq!(parse_lines(&stack.read("results.jsonl")).len(), 40);
}

#[test]
fn submit_says_what_is_wrong_before_anything_is_sent() {
    let stack = Stack::start();
    let notes = stack.write("notes.jsonl", line("a", "A fracture."));
    let empty = stack.write("empty.jsonl", "\n \n");
    for (further, says) in [
        (vec![empty.as_str()], "holds nothing but blanks"),
        (vec!["/nonexistent/notes"], "cannot be read"),
        (vec!["/dev"], "holds no .txt file"),
        (vec![&notes, "-o", &notes], "would overwrite the input"),
        (vec![&notes, "--no-such-option"], "--no-such-option"),
        (vec![&notes, "--timeout", "0"], "--timeout"),
    ] {
        let finished = stack.client("submit", &further, b"");
        assert_code(&finished, 2);
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
    }
    let nowhere = stack.client("submit", &[&notes, "-o", "/nonexistent/out"], b"");
    assert_code(&nowhere, 5);
    assert!(
        nowhere.stderr.contains("cannot be written"),
        "{}",
        nowhere.stderr
    );
    assert_eq!(stack.read("notes.jsonl"), line("a", "A fracture."));

    for (contents, says) in [
        ("{", "cannot be read"),
        ("{}", "cannot be read"),
        (r#"{"Measurements":{"PCR0":"00"}}"#, "PCR0"),
        (r#"{"version":1,"measurements":[]}"#, "no measurements"),
    ] {
        let policy = stack.write("bad-policy.json", contents);
        let arguments = ["submit", "--server", &stack.server, "--policy", &policy];
        let finished = run(Program::Client, &[&arguments[..], &[&notes]].concat());
        assert_code(&finished, 2);
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
    }
    let policy = stack.path("measurements.json").display().to_string();
    let arguments = ["submit", "--policy", &policy, &notes];
    let elsewhere = [&arguments[..], &["--server", "carrier-pigeon:7"]].concat();
    assert_code(&run(Program::Client, &elsewhere), 2);
    assert_code(&run(Program::Client, &arguments), 2);
    let rootless = [&arguments[..], &["--server", &stack.server]].concat();
    let bad_root = [&rootless[..], &["--danger-accept-software-root", &policy]].concat();
    assert_code(&run(Program::Client, &bad_root), 2);

    // Nothing of this has reached the server; without its root the enclave is refused.
    let refused = run(Program::Client, &rootless);
    assert_code(&refused, 3);
    assert!(
        refused
            .stderr
            .contains("no note was sent: evidence rejected, check X1")
    );
    assert!(!refused.stderr.contains("DANGER"));
    let full = stack.client("submit", &[&notes, "-o", "/dev/full"], b"");
    assert_code(&full, 5);
    assert!(full.stderr.contains("cannot be written"));
    let (status, log) = stack.parent.stop("TERM");
    assert!(status.success());
    assert!(log.contains("accepted=2 "), "{log}");
}

#[test]
fn submit_without_an_enclave_sends_nothing_and_says_so() {
    let mut stack = Stack::start();
    let notes = stack.write("notes.jsonl", line("a", "A fracture."));
    assert_code(&stack.client("submit", &[&notes], b""), 0);
    stack.enclave.kill();
    let finished = stack.client("submit", &[&notes], b"");
    assert_code(&finished, 6);
    assert!(
        finished
            .stderr
            .contains("no note was sent: the connection ")
    );
    assert!(
        finished
            .stderr
            .contains("the enclave behind this address may not be running")
    );
    assert_eq!(finished.stdout, "");

    stack.server = "unix:/nonexistent/parent".into();
    let finished = stack.client("submit", &[&notes], b"");
    assert_code(&finished, 6);
    assert!(
        finished
            .stderr
            .contains("no note was sent: cannot connect to unix:/nonexistent")
    );
}

#[test]
fn the_enclave_says_in_a_line_why_it_does_not_start() {
    let model = fixture("tiny-bert-single").display().to_string();
    let dir = tempfile::tempdir().unwrap();
    let listen = format!("unix:{}", dir.path().join("e").display());
    let start = |listen: &str, model: &str, attester: &str| {
        let arguments = ["--listen", listen, "--model", model, "--attester", attester];
        run(Program::Enclave, &arguments)
    };
    if !Path::new("/dev/nsm").exists() {
        let finished = start(&listen, &model, "nsm");
        assert_code(&finished, 1);
        assert_one_line(&finished, "/dev/nsm cannot be opened");
    }
    let finished = start(&listen, "/nonexistent", "software");
    assert_code(&finished, 1);
    assert_one_line(&finished, "/nonexistent does not exist");
    let broken = dir.path().join("model");
    std::fs::create_dir(&broken).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(Path::new(&model).join(name), broken.join(name)).unwrap();
    }
    std::fs::write(broken.join("model.safetensors"), [0xff; 64]).unwrap();
    let finished = start(&listen, broken.to_str().unwrap(), "software");
    assert_code(&finished, 1);
    let said = "model.safetensors is not a whole safetensors file: header too large";
    assert_eq!(finished.stderr, format!("sealnote-enclave: {said}\n"));
    let finished = start("unix:/nonexistent/socket", &model, "software");
    assert_code(&finished, 1);
    assert!(
        finished
            .stderr
            .contains("cannot listen on unix:/nonexistent/socket")
    );
    assert_code(&start(&listen, &model, "none"), 2);
    assert_code(&start("elsewhere", &model, "nsm"), 2);

    let endorsed = |attester: &str| {
        let arguments = [
            "--listen",
            &listen,
            "--model",
            &model,
            "--attester",
            attester,
        ];
        let endpoint = format!("{listen}-endorsements");
        let endorsements = ["--endorsements-listen", &endpoint];
        run(Program::Enclave, &[&arguments[..], &endorsements].concat())
    };
    let finished = endorsed("nsm");
    assert_code(&finished, 2);
    assert_one_line(
        &finished,
        "--endorsements-listen does not go with --attester nsm",
    );
    for attester in ["sev-snp", "tdx", "azure-vtpm"] {
        let finished = start(&listen, &model, attester);
        assert_code(&finished, 2);
        assert_one_line(&finished, "need --endorsements-listen");
    }
    if !Path::new("/dev/tpmrm0").exists() {
        let finished = endorsed("azure-vtpm");
        assert_code(&finished, 1);
        assert_one_line(&finished, "/dev/tpmrm0 cannot be opened");
    }
    for attester in ["sev-snp", "tdx"] {
        // No such machine, or not as root.
        if !Path::new("/sys/kernel/config/tsm").exists() && !Path::new("/dev/sev-guest").exists() {
            let finished = endorsed(attester);
            assert_code(&finished, 1);
            assert_one_line(
                &finished,
                "no driver answers in /sys/kernel/config/tsm/report",
            );
        }
    }
}

#[test]
fn the_parent_says_in_a_line_why_it_does_not_start() {
    let arguments = [
        "--listen",
        "unix:/nonexistent/p",
        "--enclave",
        "vsock:16:5005",
    ];
    let finished = run(Program::Parent, &arguments);
    assert_code(&finished, 1);
    assert_one_line(&finished, "cannot listen on unix:/nonexistent/p");
    assert_code(&run(Program::Parent, &arguments[..2]), 2);
}

fn assert_one_line(finished: &Finished, says: &str) {
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert!(
        matches!(lines[..], [line] if line.contains(says)),
        "{lines:?}"
    );
}

#[track_caller]
fn assert_code(finished: &Finished, code: i32) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    // Whatever went wrong is said on standard error.
    assert!(code == 0 || !finished.stderr.is_empty());
}
