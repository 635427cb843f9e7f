//! Runs that are asked to end.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::common::programs::{Finished, Program, Serving, Stack, line};
use super::common::short_notes;
use super::{Fed, PATIENCE, client, ended, named_pipe, rows, signal, submit, wait_until};

/// Of Linux, on every processor that this runs on.
const O_NONBLOCK: i32 = 0o4000;

#[test]
fn a_signal_ends_a_run_in_order() {
    let stack = Stack::start();
    let notes = short_notes(40);
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut first = Fed::start(&stack, &["--resume"]);
        first.write(&notes[..30]);
        wait_until("30 rows", || rows(&stack, "results.jsonl.partial") == 30);
        first.signal(signal);
        // The pipe stays open: the end does not wait for the input's.
        let Fed { client, input } = first;
        let cut = ended(client);
        drop(input);
        assert_eq!(cut.code, Some(code), "{cut:?}");
        assert!(
            cut.stderr.contains("the results of 30 records are in"),
            "{}",
            cut.stderr
        );
        assert_eq!(submit(&stack, &notes, &["--resume"]).code, Some(0));
        assert_eq!(rows(&stack, "results.jsonl"), 40);
        std::fs::remove_file(stack.path("results.jsonl")).unwrap();
        std::fs::remove_file(stack.path("results.jsonl.run.json")).unwrap();
    }
}

#[test]
fn a_second_signal_ends_a_run_whose_output_takes_nothing() {
    let stack = Stack::start();
    // Each row is longer than what a pipe takes in part: 200 of them fill it however it is read.
    let notes: String = (0..200)
        .map(|number| line(&format!("{number:010000}"), "A fracture."))
        .collect();
    let (input, out) = (stack.write("long.jsonl", notes), named_pipe(&stack, "out"));
    // Open in both directions, so that the client need not wait for a reader.
    let mut reader = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&out)
        .unwrap();
    let client = client(&stack)
        .arg(&input)
        .arg("-o")
        .arg(&out)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    reader.read_exact(&mut [0]).unwrap();
    signal(&client, "TERM");
    signal_until_ended(client, "TERM", |cut| {
        assert_eq!(cut.code, Some(143), "{cut:?}");
        assert!(cut.stderr.contains("once more to end at once"), "{cut:?}");
        assert!(cut.stderr.ends_with("ended by a signal\n"), "{cut:?}");
    });
}

#[test]
fn a_second_signal_ends_a_run_that_nobody_listens_to_and_it_can_be_resumed() {
    let mut stack = Stack::start();
    let notes = short_notes(40);
    let words = named_pipe(&stack, "words");
    let open = |flags: i32| {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).custom_flags(flags);
        options.open(&words).unwrap()
    };
    let mut filler = open(O_NONBLOCK);
    let mut fed = Fed::start_saying(&stack, &[], open(0).into());
    fed.write(&notes[..30]);
    wait_until("30 rows", || rows(&stack, "results.jsonl.partial") == 30);
    // From here on whatever it says blocks it, and the first is that the connection is lost.
    while filler.write(&[b'.'; 4096]).is_ok() {}
    while filler.write(b".").is_ok() {}
    stack.parent.kill();
    fed.write(&notes[30..]);
    fed.signal("INT");
    let Fed { client, input } = fed;
    signal_until_ended(client, "INT", |cut| {
        assert_eq!(cut.code, Some(130), "{cut:?}");
    });
    drop(input);
    let enclave = format!("unix:{}", stack.path("enclave.sock").display());
    let arguments = ["--listen", &stack.server, "--enclave", &enclave].map(str::to_owned);
    stack.parent = Serving::start(Program::Parent, &arguments);
    stack.parent.word_after("listening on ");
    assert_eq!(submit(&stack, &notes, &["--resume"]).code, Some(0));
    assert_eq!(rows(&stack, "results.jsonl"), 40);
}

/// Signals until it ends, since two that come at once are one; then looks at how it ended.
fn signal_until_ended(mut client: Child, name: &str, look: impl FnOnce(&Finished)) {
    let deadline = Instant::now() + PATIENCE;
    while client.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "in vain: {name}");
        std::thread::sleep(Duration::from_millis(200));
        signal(&client, name);
    }
    look(&ended(client));
}
