//! No word of a note reaches a log, an error or a metric of any program.

mod common;

use std::process::Command;

use common::programs::{Serving, Stack, line};
use common::{StandIn, single};
use sealnote_tests::rig::{Rig, Setup, submit_all};

/// In no program, model or message.
const CANARY: &str = "Zyxwabergine";

#[test]
fn no_program_prints_a_word_of_a_note() {
    let stack = Stack::start();
    let mut input = line("normal", &format!("{CANARY} for a fracture.")).into_bytes();
    input.extend(line("long", &format!("{CANARY} ").repeat(8 << 10)).into_bytes());
    input.extend(line("huge", &format!("{CANARY} ").repeat(400 << 10)).into_bytes());
    // Lines that hold no note: not JSON, cut off, another type, not UTF-8 before and after it.
    input.extend(format!("{CANARY}\n").bytes());
    input.extend(format!("{{\"id\": \"cut\", \"text\": \"{CANARY}\n").bytes());
    input.extend(format!("{{\"id\": \"list\", \"text\": [\"{CANARY}\"]}}\n").bytes());
    input.extend(format!("{{\"text\": \"{CANARY}\"}}\n").bytes());
    input.extend(format!("{{\"id\": [\"{CANARY}\"], \"text\": \"a\"}}\n").bytes());
    input.extend(
        [
            b"{\"id\": \"l1\", \"text\": \"\xe9",
            CANARY.as_bytes(),
            b"\xff\"}\n",
        ]
        .concat(),
    );
    // Among tokens that the model's vocabulary does not have, and after the first window.
    input.extend(line("odd", &format!("\u{0}\u{202e}{CANARY}\u{fffd}発熱")).into_bytes());
    input.extend(line("late", &format!("{} {CANARY}", "stable ".repeat(900))).into_bytes());

    let mut said = Vec::new();
    let file = stack.write("notes.jsonl", &input);
    let out = stack.path("results.jsonl").display().to_string();
    let finished = stack.client("submit", &[&file, "-o", &out], b"");
    assert_eq!(finished.code, Some(4));
    let results = stack.read("results.jsonl");
    assert_eq!(results.lines().count(), 11);
    assert_eq!(results.matches("\"label\"").count(), 3, "{results}");
    said.push(results);
    said.extend([finished.stdout, finished.stderr]);
    // As one text, and one that is not UTF-8.
    for text in [CANARY.as_bytes(), &[CANARY.as_bytes(), b"\xff"].concat()] {
        for further in [&[][..], &["--format", "whole"], &["--dry-run"]] {
            let finished = stack.client("submit", further, text);
            said.extend([finished.stdout, finished.stderr]);
        }
    }
    // A server that is no enclave's, and one that cannot be reached.
    for server in ["unix:/nonexistent/parent", &stack.server] {
        let mut elsewhere = vec!["submit", "--server", server, "--policy"];
        let policy = stack.path("measurements.json").display().to_string();
        elsewhere.extend([policy.as_str(), &file]);
        let finished = common::programs::run(common::programs::Program::Client, &elsewhere);
        assert_eq!(
            finished.code,
            Some(if server.contains("nonexistent") { 6 } else { 3 })
        );
        said.extend([finished.stdout, finished.stderr]);
    }

    // The parent's counters, those that it prints as it goes included.
    stack.parent.word_after("to_enclave_bytes=");
    let Stack {
        enclave, parent, ..
    } = stack;
    said.push(stopped(parent));
    said.push(stopped(enclave));
    for text in said {
        assert_silent(&text);
    }
}

fn stopped(program: Serving) -> String {
    let (_, said) = program.stop("TERM");
    assert!(!said.is_empty());
    said
}

/// A panic inside the engine whose message quotes the note: standard error is that of a process of
/// its own.
#[test]
fn a_panic_that_quotes_a_note_is_not_printed() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["panicking_enclave", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[child.stdout, child.stderr].concat()).into_owned();
    assert!(child.status.success(), "{said}");
    assert_eq!(said.matches("internal error at ").count(), 2, "{said}");
    assert_silent(&said);
}

#[tokio::test]
#[ignore = "runs as the child of a_panic_that_quotes_a_note_is_not_printed"]
async fn panicking_enclave() {
    sealnote_enclave::panics::print_places_only();
    let engine = StandIn::spawn(single(), |notes| {
        for note in notes {
            assert!(!note.contains(CANARY), "cannot read {note:?}");
        }
        notes.iter().map(|_| vec![1.0, 0.0, 0.0]).collect()
    });
    let setup = Setup {
        engine: Some(engine),
        ..Setup::default()
    };
    let rig = Rig::start(single(), setup).await.unwrap();
    let notes = [format!("{CANARY}."), "A fracture.".to_owned()];
    let submitted = submit_all(&rig.client().unwrap(), &notes).await;
    println!("{submitted:?} {:?} {}", rig.metrics, rig.metrics.encode());
    assert!(matches!(
        submitted.outcomes[..],
        [Some(Err(_)), Some(Ok(_))]
    ));
}

/// Whichever way it is cased, and not a good part of it either.
fn assert_silent(said: &str) {
    let said = said.to_lowercase();
    let canary = CANARY.to_lowercase();
    for part in [&canary[..8], &canary[canary.len() - 8..]] {
        assert!(!said.contains(part), "{part} in {said}");
    }
}
