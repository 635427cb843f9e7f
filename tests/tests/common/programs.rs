//! The programs, run as a user runs them.
//!
//! They are those that this crate compiles from the programs' own `main.rs`; or, where
//! `SEALNOTE_PROGRAMS` names a folder, those in it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

use super::fixture;

/// How long a program may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub enum Program {
    Client,
    Parent,
    Enclave,
}

impl Program {
    pub fn path(self) -> PathBuf {
        let (name, ours) = match self {
            Self::Client => ("sealnote", env!("CARGO_BIN_EXE_sealnote-under-test")),
            Self::Parent => (
                "sealnote-parent",
                env!("CARGO_BIN_EXE_sealnote-parent-under-test"),
            ),
            Self::Enclave => (
                "sealnote-enclave",
                env!("CARGO_BIN_EXE_sealnote-enclave-under-test"),
            ),
        };
        match std::env::var_os("SEALNOTE_PROGRAMS") {
            // From the project's root, where `make` runs; a test runs in its package.
            Some(folder) => Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("..")
                .join(folder)
                .join(name),
            None => ours.into(),
        }
    }
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program to its end, with nothing on its standard input.
pub fn run(program: Program, arguments: &[impl AsRef<OsStr>]) -> Finished {
    run_with_input(program, arguments, b"")
}

/// Runs a program to its end.
pub fn run_with_input(program: Program, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Finished {
    let mut child = Command::new(program.path())
        .args(arguments)
        // An error is a line for its reader, whatever the tests' own environment.
        .env_remove("RUST_BACKTRACE")
        // The tester's own profiles are not the tests'.
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that does not read its input may have ended before all of it is written.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A program that goes on until it is stopped; killed if this is dropped before.
pub struct Serving {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<()>>,
    lines: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    text: String,
    ended: bool,
}

impl Serving {
    pub fn start(program: Program, arguments: &[String]) -> Self {
        let mut child = Command::new(program.path())
            .args(arguments)
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::<(Mutex<Lines>, Condvar)>::default();
        let reading = lines.clone();
        Self {
            child,
            stdout: Some(thread::spawn(move || {
                let mut all = String::new();
                stdout.read_to_string(&mut all).unwrap();
                all
            })),
            stderr: Some(thread::spawn(move || {
                for line in stderr.lines() {
                    let mut lines = reading.0.lock().unwrap();
                    lines.text.push_str(&line.unwrap());
                    lines.text.push('\n');
                    reading.1.notify_all();
                }
                reading.0.lock().unwrap().ended = true;
                reading.1.notify_all();
            })),
            lines,
        }
    }

    /// What follows `marker` in the first line of standard error that has it, up to a blank.
    pub fn word_after(&self, marker: &str) -> String {
        let (lines, changed) = &*self.lines;
        let lines = lines.lock().unwrap();
        let waiting = |lines: &mut Lines| !lines.text.contains(marker) && !lines.ended;
        let (lines, _) = changed
            .wait_timeout_while(lines, PATIENCE, waiting)
            .unwrap();
        let Some((_, rest)) = lines.text.split_once(marker) else {
            panic!("no line with `{marker}` in:\n{}", lines.text);
        };
        rest.split_whitespace().next().unwrap_or_default().into()
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end: how it did, and all that it said on both outputs.
    pub fn stop(self, signal: &str) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        self.ended()
    }

    /// Waits until it ends by itself: how it did, and all that it said.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.stderr.take().unwrap().join().unwrap();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let stderr = self.lines.0.lock().unwrap().text.clone();
        (status, stdout + &stderr)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An enclave with the software attester, a parent before it, and a folder for files.
pub struct Stack {
    pub enclave: Serving,
    pub parent: Serving,
    pub server: String,
    dir: TempDir,
}

impl Stack {
    pub fn start() -> Self {
        Self::of_kind("nitro")
    }

    /// Over software evidence of this kind.
    pub fn of_kind(kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let text = str::to_owned;
        let enclave_address = format!("unix:{}", path("enclave.sock"));
        let model = fixture("tiny-bert-single").display().to_string();
        let enclave = Serving::start(
            Program::Enclave,
            &[
                text("--listen"),
                enclave_address.clone(),
                text("--model"),
                model,
                text("--attester"),
                text("software"),
                text("--software-kind"),
                text(kind),
                text("--software-root-out"),
                path("root.pem"),
                text("--measurements-out"),
                path("measurements.json"),
            ],
        );
        let parent = Serving::start(
            Program::Parent,
            &[
                text("--listen"),
                text("tcp:127.0.0.1:0"),
                text("--enclave"),
                enclave_address,
                text("--connect-timeout"),
                text("1"),
                text("--metrics-interval"),
                text("1"),
            ],
        );
        let server = parent.word_after("listening on ");
        enclave.word_after("ready on ");
        Self {
            enclave,
            parent,
            server,
            dir,
        }
    }

    /// A file in the stack's own folder, which also has `root.pem` and `measurements.json`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), contents).unwrap();
        self.path(name).display().to_string()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A client's command that trusts this enclave, and these further arguments.
    pub fn client(&self, command: &str, further: &[&str], input: &[u8]) -> Finished {
        let (policy, root) = (self.path("measurements.json"), self.path("root.pem"));
        let mut arguments: Vec<&OsStr> = vec![
            command.as_ref(),
            "--server".as_ref(),
            self.server.as_ref(),
            "--policy".as_ref(),
            policy.as_ref(),
            "--danger-accept-software-root".as_ref(),
            root.as_ref(),
        ];
        arguments.extend(further.iter().map(OsStr::new));
        run_with_input(Program::Client, &arguments, input)
    }
}

/// A line of JSON with a note.
pub fn line(id: &str, text: &str) -> String {
    serde_json::json!({ "id": id, "text": text }).to_string() + "\n"
}

/// Lines of JSON.
pub fn parse_lines(text: &str) -> Vec<serde_json::Value> {
    let parse = |line| serde_json::from_str(line).unwrap();
    text.lines().map(parse).collect()
}

/// Rows, but for the field that names the session, which each of them has.
pub fn without_evidence(rows: &str) -> Vec<serde_json::Value> {
    let mut rows = parse_lines(rows);
    for row in &mut rows {
        assert!(row.as_object_mut().unwrap().remove("evidence").is_some());
    }
    rows
}
