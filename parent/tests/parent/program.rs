//! The program: its command line, its settings' files, its signals and its log.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sealnote_transport::connect;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::SOON;

#[test]
fn what_keeps_it_from_starting_is_one_line_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let free = "tcp:127.0.0.1:0";
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp:{}", taken.local_addr().unwrap());
    let unknown = dir.path().join("unknown.toml");
    fs::write(&unknown, "idle-timeout = 5\nmax-conections = 64\n").unwrap();
    let wrong = dir.path().join("wrong.toml");
    fs::write(&wrong, "\nidle-timeout = \"long\"\n").unwrap();
    // No label of a name is so long (RFC 1035, section 2.3.4), so that nobody is asked for it.
    let nowhere = format!("tcp:{}:7000", "x".repeat(64));
    let (unknown, wrong) = (unknown.to_str().unwrap(), wrong.to_str().unwrap());
    for (arguments, expected) in [
        (
            vec!["--listen", &taken],
            format!("cannot listen on {taken}: Address in use"),
        ),
        (
            vec!["--listen", free, "--metrics-listen", &taken],
            format!("metrics-listen: cannot listen on {taken}: Address in use"),
        ),
        (
            vec!["--listen", &nowhere],
            format!("cannot listen on {nowhere}: failed to lookup address"),
        ),
        (
            vec!["--listen", "tcp:192.0.2.1:7000"],
            "cannot listen on tcp:192.0.2.1:7000: ".into(),
        ),
        (
            vec!["--listen", free, "--config", unknown],
            format!("{unknown}:2:1: unknown field `max-conections`"),
        ),
        (
            vec!["--listen", free, "--config", wrong],
            format!("{wrong}:2:16: invalid type: string \"long\""),
        ),
        (
            vec!["--listen", "systemd"],
            "systemd handed over no socket".into(),
        ),
    ] {
        let mut program = Program::start(&[&["--enclave", "unix:/nowhere"], &*arguments].concat());
        let line = program.line();
        let reason = line.strip_prefix("sealnote-parent: ").unwrap_or(&line);
        assert!(
            same_start(reason, &expected),
            "{arguments:?}: {line}, not {expected}"
        );
        let code = if arguments.contains(&"--config") {
            2
        } else {
            1
        };
        assert_eq!(program.end().code(), Some(code), "{arguments:?}");
        assert_eq!(program.rest(), "", "{arguments:?}");
    }
}

#[test]
fn an_environment_variable_says_what_a_flag_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealnote-parent"));
    command
        .env("SEALNOTE_PARENT_LISTEN", unix(dir.path(), "clients"))
        .env(
            "SEALNOTE_PARENT_METRICS_LISTEN",
            unix(dir.path(), "metrics"),
        )
        .env("SEALNOTE_PARENT_LOG_FORMAT", "json")
        .args(["--enclave", "unix:/nowhere"]);
    let mut program = Program::spawn(command);
    let first: Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!(first["level"], "INFO");
    assert!(
        first["timestamp"].as_str().unwrap().ends_with('Z'),
        "{first}"
    );
    let message = first["message"].as_str().unwrap();
    assert!(message.starts_with("listening on unix:"), "{message}");
    let second: Value = serde_json::from_str(&program.line()).unwrap();
    let message = second["message"].as_str().unwrap();
    assert!(message.starts_with("metrics on unix:"), "{message}");
    program.signal(Signal::INT);
    assert!(program.end().success());
}

#[tokio::test]
async fn a_reload_takes_a_good_file_and_keeps_the_old_settings_beside_a_bad_one() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("parent.toml");
    let write = |max: &str, more: &str| {
        let listen = unix(dir.path(), "clients");
        let text = format!(
            "listen = '{listen}'\nenclave = 'unix:/nowhere'\nmax-connections = {max}\n{more}drain-timeout = 1\n"
        );
        fs::write(&settings, text).unwrap();
    };
    write("2", "");
    let mut program = Program::start(&["--config", settings.to_str().unwrap()]);
    program.until("listening on");
    let clients = unix(dir.path(), "clients").parse().unwrap();
    let first = connect(&clients).await.unwrap();
    let second = connect(&clients).await.unwrap();
    assert_full(connect(&clients).await.unwrap()).await;

    for (max, more, reason) in [
        ("3", "typo = 1\n", "parent.toml:4:1: unknown field `typo`"),
        ("'many'", "", "parent.toml:3:19: invalid type: string"),
        (
            "3",
            "log-format = 'json'\n",
            "log-format cannot change while the parent runs",
        ),
        (
            "3",
            "metrics-listen = 'unix:m'\n",
            "metrics-listen cannot change while the parent runs",
        ),
    ] {
        write(max, more);
        program.signal(Signal::HUP);
        let line = program.until("the settings stay as they are: ");
        assert!(line.contains(reason), "{line}");
        assert_full(connect(&clients).await.unwrap()).await;
    }
    write("3", "");
    program.signal(Signal::HUP);
    program.until("settings read again");
    let mut third = connect(&clients).await.unwrap();
    let open = tokio::time::timeout(Duration::from_millis(300), third.read_u8()).await;
    assert!(open.is_err(), "the third is let in now");
    assert_full(connect(&clients).await.unwrap()).await;

    drop((first, second, third));
    program.signal(Signal::TERM);
    assert!(program.end().success());
    let rest = program.rest();
    assert!(rest.contains("stopped"), "{rest}");
}

#[tokio::test]
async fn an_address_is_in_the_log_only_where_it_is_asked_for() {
    for (asked, expected) in [(None, false), (Some("--log-addresses"), true)] {
        let mut arguments = vec!["--listen", "tcp:127.0.0.1:0", "--enclave", "unix:/nowhere"];
        arguments.extend(["--max-connections-per-address", "1"]);
        arguments.extend(asked);
        let mut program = Program::start(&arguments);
        let line = program.until("listening on ");
        let at = line.split_once("listening on ").unwrap().1;
        let parent = at.split_once(' ').unwrap().0.parse().unwrap();
        let _first = connect(&parent).await.unwrap();
        assert_full(connect(&parent).await.unwrap()).await;
        let line = program.until("too many connections from one address");
        assert_eq!(line.contains("address=127.0.0.1"), expected, "{line}");
        assert_eq!(line.contains("127.0.0.1"), expected, "{line}");
    }
}

#[test]
fn completions_and_a_man_page_know_the_flags() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(env!("CARGO_BIN_EXE_sealnote-parent"))
            .args(["completions", shell])
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("metrics-listen"),
            "{shell}"
        );
    }
    let man = Command::new(env!("CARGO_BIN_EXE_sealnote-parent"))
        .arg("man")
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(man.success());
    let page = fs::read_to_string(dir.path().join("sealnote-parent.1")).unwrap();
    assert!(page.contains("SEALNOTE_PARENT_METRICS_LISTEN"), "{page}");
    let mut nowhere = Program::start(&["man", "/nowhere"]);
    let line = nowhere.line();
    assert!(
        line.starts_with("sealnote-parent: pages cannot be written to /nowhere: "),
        "{line}"
    );
    assert_eq!(nowhere.end().code(), Some(1));
}

/// The program while it runs; killed if this is dropped before.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub fn start(arguments: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealnote-parent"));
        command.args(arguments);
        Program::spawn(command)
    }

    /// As systemd starts it: with a socket as file 3.
    pub fn start_with_socket(socket: OwnedFd, notify: &Path, arguments: &[&str]) -> Program {
        const HAND_OVER: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$@" 3<&0 </dev/null"#;
        let mut command = Command::new("sh");
        command
            .args(["-c", HAND_OVER, "sh", env!("CARGO_BIN_EXE_sealnote-parent")])
            .args(arguments)
            .env("NOTIFY_SOCKET", notify)
            .stdin(Stdio::from(socket));
        Program::spawn(command)
    }

    fn spawn(mut command: Command) -> Program {
        command.env_remove("RUST_BACKTRACE").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = lines(child.stderr.take().unwrap());
        Program { child, lines }
    }

    /// The next line that it logs.
    pub fn line(&mut self) -> String {
        self.lines.recv_timeout(SOON).unwrap()
    }

    /// The next line that contains `text`.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ends by itself.
    pub fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < SOON, "it goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// All lines until its end.
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        loop {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => rest += &(line + "\n"),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on, after {rest}"),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (send, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            if send.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    lines
}

async fn assert_full(mut client: sealnote_transport::Stream) {
    let mut told = Vec::new();
    let closed = tokio::time::timeout(SOON, client.read_to_end(&mut told)).await;
    closed.expect("it is let in").unwrap();
}

fn unix(folder: &Path, name: &str) -> String {
    format!("unix:{}", folder.join(name).display())
}

/// The system's own words for a reason are not ours to compare.
fn same_start(reason: &str, expected: &str) -> bool {
    let expected = expected.strip_suffix("Address in use").unwrap_or(expected);
    reason.starts_with(expected)
}
