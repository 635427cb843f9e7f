//! Runs that are cut short, and go on: signals, kills, lost connections, files that are there.

mod common;
#[path = "runs/signals.rs"]
mod signals;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::programs::{Finished, Program, Serving, Stack, line, parse_lines, without_evidence};
use common::short_notes;
use serde_json::{Value, json};

/// How long something may take that takes no time on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client whose input comes as it is written here, into a named pipe.
struct Fed {
    client: Child,
    input: File,
}

impl Fed {
    fn start(stack: &Stack, further: &[&str]) -> Self {
        Self::start_saying(stack, further, Stdio::piped())
    }

    fn start_saying(stack: &Stack, further: &[&str], words: Stdio) -> Self {
        let pipe = named_pipe(stack, "pipe.jsonl");
        let client = client(stack)
            .arg(&pipe)
            .arg("-o")
            .arg(stack.path("results.jsonl"))
            .args(further)
            .stderr(words)
            .spawn()
            .unwrap();
        // With both, it does not wait for the client, which may have ended already.
        let input = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&pipe)
            .unwrap();
        Self { client, input }
    }

    fn write(&mut self, notes: &[String]) {
        let lines: String = notes.iter().map(|note| line("id", note)).collect();
        self.input.write_all(lines.as_bytes()).unwrap();
    }

    fn signal(&self, name: &str) {
        signal(&self.client, name);
    }

    /// The input's end, and the client's.
    fn finish(self) -> Finished {
        drop(self.input);
        ended(self.client)
    }
}

fn named_pipe(stack: &Stack, name: &str) -> PathBuf {
    let pipe = stack.path(name);
    if !pipe.exists() {
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
    }
    pipe
}

/// `sealnote submit`, without input and output.
fn client(stack: &Stack) -> Command {
    let mut client = Command::new(Program::Client.path());
    client
        .args(["submit", "--server", &stack.server, "--policy"])
        .arg(stack.path("measurements.json"))
        .arg("--danger-accept-software-root")
        .arg(stack.path("root.pem"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    client
}

fn signal(client: &Child, name: &str) {
    let id = client.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

/// A whole run on these notes, from a file.
fn submit(stack: &Stack, notes: &[String], further: &[&str]) -> Finished {
    let lines: String = notes.iter().map(|note| line("id", note)).collect();
    let input = stack.write("notes.jsonl", lines);
    let out = stack.path("results.jsonl").display().to_string();
    let arguments = [&[input.as_str(), "-o", &out][..], further].concat();
    stack.client("submit", &arguments, b"")
}

fn ended(client: Child) -> Finished {
    let output = client.wait_with_output().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn rows(stack: &Stack, name: &str) -> usize {
    std::fs::read_to_string(stack.path(name)).map_or(0, |rows| rows.lines().count())
}

fn manifest(stack: &Stack) -> Value {
    serde_json::from_str(&stack.read("results.jsonl.run.json")).unwrap()
}

#[test]
fn a_run_that_was_killed_goes_on_where_the_disk_has_it() {
    let stack = Stack::start();
    let notes = short_notes(60);
    let mut first = Fed::start(&stack, &[]);
    first.write(&notes[..40]);
    let on_disk = || {
        stack.path("results.jsonl.run.json").exists() && manifest(&stack)["input"]["records"] == 40
    };
    wait_until("40 rows on the disk", on_disk);
    first.client.kill().unwrap();
    let killed = first.finish();
    assert_eq!(killed.code, None);
    assert_eq!(manifest(&stack)["state"], "running");
    assert!(!stack.path("results.jsonl").exists());

    // Rows that came after what the manifest names, and half of one, are not kept.
    let mut partial = OpenOptions::new()
        .append(true)
        .open(stack.path("results.jsonl.partial"))
        .unwrap();
    partial.write_all(b"{\"id\":\"twice\"}\n{\"id").unwrap();

    let plain = submit(&stack, &notes, &[]);
    assert_eq!(plain.code, Some(2), "{plain:?}");
    assert!(plain.stderr.contains("--resume"), "{}", plain.stderr);

    // Another input, and other settings.
    let other = submit(&stack, &notes[1..50], &["--resume"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    let said = "first 40 records are not those";
    assert!(other.stderr.contains(said), "{}", other.stderr);
    let scores = submit(&stack, &notes, &["--resume", "--scores", "all"]);
    assert_eq!(scores.code, Some(2), "{scores:?}");
    assert!(
        scores.stderr.contains("scores \"none\""),
        "{}",
        scores.stderr
    );

    let again = submit(&stack, &notes, &["--resume"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stderr.contains("60 of 60"), "{}", again.stderr);
    let results = stack.read("results.jsonl");
    let manifest = manifest(&stack);
    assert_eq!(
        (&manifest["state"], &manifest["counts"]["classified"]),
        (&json!("complete"), &json!(60))
    );
    assert_eq!(manifest["sessions"].as_array().unwrap().len(), 2);
    assert!(!stack.path("results.jsonl.partial").exists());

    let whole = stack.client(
        "submit",
        &[stack.path("notes.jsonl").to_str().unwrap()],
        b"",
    );
    assert_eq!(without_evidence(&results), without_evidence(&whole.stdout));

    // A complete run is complete.
    let complete = submit(&stack, &notes, &["--resume"]);
    assert_eq!(complete.code, Some(0), "{complete:?}");
    assert_eq!(stack.read("results.jsonl"), results);
    // But not that of another input, nor of one that has grown, nor without its results.
    let grown = [&notes[..], &notes[..1]].concat();
    for (input, says) in [
        (&notes[1..], "are not those"),
        (&grown[..], "has more records"),
    ] {
        let other = submit(&stack, input, &["--resume"]);
        assert_eq!(other.code, Some(2), "{other:?}");
        assert!(other.stderr.contains(says), "{}", other.stderr);
    }
    std::fs::remove_file(stack.path("results.jsonl")).unwrap();
    let gone = submit(&stack, &notes, &["--resume"]);
    assert_eq!(gone.code, Some(2), "{gone:?}");
    assert!(gone.stderr.contains("are gone"), "{}", gone.stderr);
}

#[test]
fn a_lost_connection_is_made_anew() {
    let mut stack = Stack::start();
    let notes = short_notes(40);
    let mut fed = Fed::start(&stack, &["--connections", "2"]);
    fed.write(&notes[..20]);
    wait_until("20 rows", || rows(&stack, "results.jsonl.partial") == 20);
    stack.parent.kill();
    let enclave = format!("unix:{}", stack.path("enclave.sock").display());
    let arguments = ["--listen", &stack.server, "--enclave", &enclave].map(str::to_owned);
    stack.parent = Serving::start(Program::Parent, &arguments);
    stack.parent.word_after("listening on ");
    fed.write(&notes[20..]);
    let finished = fed.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(rows(&stack, "results.jsonl"), 40);
    let lines: Vec<Value> = parse_lines(&stack.read("results.jsonl"))
        .into_iter()
        .map(|row| row["line"].clone())
        .collect();
    assert_eq!(lines, (1..=40).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn without_patience_a_lost_connection_ends_the_run_with_its_own_code() {
    let mut stack = Stack::start();
    let notes = short_notes(10);
    let mut fed = Fed::start(&stack, &["--retry", "0"]);
    fed.write(&notes);
    wait_until("10 rows", || rows(&stack, "results.jsonl.partial") == 10);
    stack.parent.kill();
    // The session is idle: that it is gone is seen with the next note.
    fed.write(&notes);
    let finished = fed.finish();
    assert_eq!(finished.code, Some(6), "{finished:?}");
    assert!(finished.stderr.contains("--resume"), "{}", finished.stderr);
}

#[test]
fn no_file_is_replaced_that_was_not_made_for_it() {
    let stack = Stack::start();
    let notes = stack.write("notes.jsonl", line("a", "A fracture."));
    let there = stack.write("there.jsonl", "earlier");
    let dangling = stack.path("dangling.jsonl");
    symlink("/nonexistent/target", &dangling).unwrap();
    let link = stack.path("link.jsonl");
    symlink(&notes, &link).unwrap();
    let text = |path: PathBuf| path.display().to_string();
    let policy = text(stack.path("measurements.json"));
    for (out, further, code, says) in [
        (&there, &[][..], 2, "is there already"),
        (&text(dangling), &[], 5, "a link that leads nowhere"),
        (
            &text(link.clone()),
            &["--force"],
            2,
            "would overwrite the input",
        ),
        (
            &policy,
            &["--force", "--output-format", "jsonl"],
            2,
            "would overwrite the input",
        ),
        (&text(stack.path(".")), &[], 5, "it is not a file"),
        (
            &text(stack.path("new.jsonl")),
            &["--rejects", &notes],
            2,
            "would overwrite the input",
        ),
        (&"-".to_owned(), &["--resume"], 2, "only with -o FILE"),
        (
            &"-".to_owned(),
            &["--rejects", "r.jsonl"],
            2,
            "needs -o FILE",
        ),
    ] {
        let arguments = [&[notes.as_str(), "-o", out][..], further].concat();
        let finished = stack.client("submit", &arguments, b"");
        assert_eq!(finished.code, Some(code), "{out}: {finished:?}");
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
    }
    assert_eq!(stack.read("there.jsonl"), "earlier");
    assert_eq!(stack.read("notes.jsonl"), line("a", "A fracture."));
    let forced = stack.client("submit", &[&notes, "-o", &there, "--force"], b"");
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_eq!(rows(&stack, "there.jsonl"), 1);
    // A link is kept, and what it leads to is replaced.
    let target = stack.write("target.jsonl", "earlier");
    std::fs::remove_file(&link).unwrap();
    symlink(&target, &link).unwrap();
    let forced = stack.client(
        "submit",
        &[&notes, "-o", &text(link.clone()), "--force"],
        b"",
    );
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(rows(&stack, "target.jsonl"), 1);
}

#[test]
fn no_file_of_a_run_is_another_or_an_input_or_another_runs() {
    let stack = Stack::start();
    let note = line("a", "A fracture.");
    let input = stack.write("in.jsonl.partial", &note);
    let path = |name: &str| stack.path(name).display().to_string();
    stack.write("old-rejects.jsonl", "earlier");
    stack.write("lost.jsonl.partial", "{\"id\":1}\n");
    let spelled = stack.path(".").join("out.jsonl").display().to_string();
    let folder = path("");
    for (out, further, code, says) in [
        (
            "in.jsonl",
            vec!["--force".to_owned()],
            2,
            "would overwrite the input",
        ),
        (
            "in.jsonl",
            vec!["--resume".into()],
            2,
            "would overwrite the input",
        ),
        (
            "out.jsonl",
            vec!["--rejects".into(), path("out.jsonl.partial")],
            2,
            "cannot both go to",
        ),
        (
            "out.jsonl",
            vec![
                "--rejects".into(),
                path("out.jsonl.run.json"),
                "--output-format".into(),
                "jsonl".into(),
            ],
            2,
            "cannot both go to",
        ),
        (
            "out.jsonl",
            vec!["--rejects".into(), spelled],
            2,
            "cannot both go to",
        ),
        (
            "out.jsonl",
            vec!["--rejects".into(), path("rejects.csv")],
            2,
            "named as another format",
        ),
        (
            "out.jsonl",
            vec!["--rejects".into(), folder],
            5,
            "it is not a file",
        ),
        (
            "out.jsonl",
            vec![
                "--rejects".into(),
                path("old-rejects.jsonl"),
                "--resume".into(),
            ],
            2,
            "is there already",
        ),
        ("lost.jsonl", vec!["--resume".into()], 2, "has rows"),
    ] {
        let out = path(out);
        let mut arguments = vec![input.as_str(), "-o", &out];
        arguments.extend(further.iter().map(String::as_str));
        let finished = stack.client("submit", &arguments, b"");
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
    }
    assert_eq!(stack.read("in.jsonl.partial"), note);
    assert_eq!(stack.read("old-rejects.jsonl"), "earlier");
    assert_eq!(rows(&stack, "lost.jsonl.partial"), 1);
    assert!(
        !stack.path("out.jsonl.partial").exists(),
        "nothing is left of runs that never began"
    );

    let mut going = Fed::start(&stack, &[]);
    going.write(&short_notes(5));
    wait_until("5 rows", || rows(&stack, "results.jsonl.partial") == 5);
    for further in ["--resume", "--force"] {
        let second = submit(&stack, &short_notes(5), &[further]);
        assert_eq!(second.code, Some(5), "{second:?}");
        let said = "another run is writing it";
        assert!(second.stderr.contains(said), "{}", second.stderr);
    }
    assert_eq!(going.finish().code, Some(0));
    assert_eq!(rows(&stack, "results.jsonl"), 5);
}

#[test]
fn the_clients_memory_is_in_no_core_dump() {
    let stack = Stack::start();
    let mut fed = Fed::start(&stack, &[]);
    fed.write(&short_notes(5));
    wait_until("5 rows", || rows(&stack, "results.jsonl.partial") == 5);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", fed.client.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"]);
    assert_eq!(fed.finish().code, Some(0));
}
