//! `sealnote doctor` where there is no enclave: each thing that can be wrong is told from the others.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

fn policy(more: &str) -> String {
    let [a, b, c] = ["01", "02", "03"].map(|byte| byte.repeat(48));
    let set = format!(r#"{{"label": "a", "pcr0": "{a}", "pcr1": "{b}", "pcr2": "{c}"{more}}}"#);
    format!(
        r#"{{"version": 2, "evidence": {{"nitro": {{"measurements": [{set}], "pins": {{"pcr4": ["{a}"]}}}}}},
            "session": {{"model_digests": ["{b}"]}}}}"#
    )
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.json"), policy("")).unwrap();
    folder
}

fn doctor(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .arg("doctor")
        .args(arguments)
        .output()
        .unwrap()
}

/// The verdict of each check, its words and its advice; and the exit code.
fn examined(folder: &Path, arguments: &[&str]) -> (Vec<(String, String, String)>, i32) {
    let output = doctor(folder, &[arguments, &["--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = output.status.code().unwrap();
    assert_eq!(report["exit"], code);
    assert_eq!(report["ok"], code == 0);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    let checks = checks.map(|check| {
        let name = format!("{} {}", text(&check["check"]), text(&check["verdict"]));
        (name, text(&check["says"]), text(&check["advice"]))
    });
    (checks.collect(), code)
}

fn verdicts(checks: &[(String, String, String)]) -> Vec<&str> {
    checks.iter().map(|(name, ..)| name.as_str()).collect()
}

/// A server that does this with each connection.
fn serve(with: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            with(stream.unwrap());
        }
    });
    address
}

/// Answers whatever is said with these bytes.
fn answer(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(bytes);
}

#[test]
fn what_answers_instead_of_an_enclave_is_named() {
    let folder = folder();
    let alert = b"\x15\x03\x03\x00\x02\x02\x0a";
    for (server, looks) in [
        (
            serve(|stream| answer(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            "it speaks HTTP",
        ),
        (serve(move |stream| answer(stream, alert)), "it speaks TLS"),
        // As OpenSSL does: not a word to who does not speak TLS.
        (
            serve(move |mut stream| {
                let mut asked = [0; 4096];
                if stream
                    .read(&mut asked)
                    .is_ok_and(|n| n > 0 && asked[0] == 0x16)
                {
                    let _ = stream.write_all(alert);
                }
            }),
            "it speaks TLS",
        ),
        (
            serve(|mut stream| {
                let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
                let _ = stream.read(&mut [0; 4096]);
            }),
            "it speaks SSH",
        ),
        (
            serve(|mut stream| {
                let _ = stream.write_all(b"220 mail\r\n");
                let _ = stream.read(&mut [0; 4096]);
            }),
            "it speaks before it is asked",
        ),
        (
            serve(|stream| answer(stream, b"what do you want?")),
            "a protocol that is not known here",
        ),
        (serve(drop), "it takes the connection and closes it"),
        (
            serve(std::mem::forget),
            "it takes the connection and says nothing",
        ),
    ] {
        let arguments = [
            "--server",
            &server,
            "--policy",
            "policy.json",
            "--timeout",
            "1",
        ];
        let (checks, code) = examined(folder.path(), &arguments);
        assert_eq!(
            verdicts(&checks)[2..],
            ["policy ok", "address ok", "reach ok", "protocol fail"]
        );
        let (_, says, advice) = checks.last().unwrap();
        assert!(says.contains(looks), "{says}");
        assert!(!advice.is_empty());
        assert_eq!(code, 6);
    }
}

#[test]
fn an_address_that_leads_nowhere_is_told_from_one_that_nobody_serves() {
    let folder = folder();
    let at = |server: &str| {
        examined(
            folder.path(),
            &["--server", server, "--policy", "policy.json"],
        )
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("tcp:{}", listener.local_addr().unwrap());
    drop(listener);
    let (checks, code) = at(&closed);
    assert_eq!(verdicts(&checks)[3..], ["address ok", "reach fail"]);
    assert_eq!(code, 6);

    std::fs::write(folder.path().join("file"), "").unwrap();
    std::os::unix::fs::symlink("nothing", folder.path().join("link")).unwrap();
    for (server, says) in [
        ("tcp:no-such-host.invalid:7000", "the name does not resolve"),
        ("unix:file", "file is not a socket"),
        ("unix:link", "link is a link that leads nowhere"),
        ("unix:none", "none cannot be found"),
    ] {
        let (checks, code) = at(server);
        assert_eq!(verdicts(&checks)[3..], ["address fail"], "{server}");
        assert!(checks[3].1.contains(says), "{}", checks[3].1);
        assert_eq!(code, 6);
    }
}

#[test]
fn it_goes_on_after_a_failure_and_ends_with_the_worst() {
    let folder = folder();
    // Neither a policy nor a server.
    let (checks, code) = examined(folder.path(), &[]);
    assert_eq!(
        verdicts(&checks),
        ["config ok", "machine ok", "policy fail", "address fail"]
    );
    assert_eq!(code, 2);
    // Without a policy the server is looked at all the same.
    let server = serve(drop);
    let (checks, code) = examined(folder.path(), &["--server", &server]);
    assert_eq!(
        verdicts(&checks)[2..],
        ["policy fail", "address ok", "reach ok", "protocol fail"]
    );
    assert_eq!(code, 6);
}

#[test]
fn the_config_file_is_examined_even_where_it_cannot_be_used() {
    let folder = folder();
    let place = folder.path().join(".config/sealnote");
    std::fs::create_dir_all(&place).unwrap();
    let file = place.join("config.toml");
    let config = |text: &str| {
        std::fs::write(&file, text).unwrap();
        examined(folder.path(), &[]).0.swap_remove(0)
    };
    let (verdict, says, _) = config("[profile.default]\nsever = 'x'\n");
    assert_eq!(verdict, "config fail");
    assert!(says.contains("config.toml, line 2: `sever`"), "{says}");
    let (verdict, says, _) = config("[profile.default]\ntimeout = 1\n");
    assert_eq!(verdict, "config ok");
    assert!(says.ends_with("config.toml, profile \"default\""), "{says}");
    let (verdict, says, _) = config("[profile.other]\n");
    assert!(verdict == "config ok" && says.contains("has no profile \"default\""));
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let (verdict, says, advice) = config("[profile.default]\n");
    assert_eq!(verdict, "config warn");
    assert!(says.contains("everybody may change it") && advice.contains("chmod go-w"));
}

#[test]
fn a_policy_that_expires_or_leaves_something_open_is_said() {
    let folder = folder();
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let with = |text: String| {
        std::fs::write(folder.path().join("policy.json"), text).unwrap();
        examined(folder.path(), &["--policy", "policy.json"])
            .0
            .swap_remove(2)
    };
    let until = |seconds: u64| with(policy(&format!(", \"not_after\": {seconds}")));
    assert_eq!(until(now + 3_000_000).0, "policy ok");
    let (verdict, says, _) = until(now + 1000);
    assert_eq!(verdict, "policy warn");
    assert!(says.contains("expires within 30 days: \"a\""), "{says}");
    let (verdict, says, _) = until(now - 1000);
    assert_eq!(verdict, "policy fail");
    assert!(says.contains("all have expired: \"a\""), "{says}");
    let [a, b, c] = ["01", "02", "03"].map(|byte| byte.repeat(48));
    let open = format!(r#"{{"Measurements": {{"PCR0": "{a}", "PCR1": "{b}", "PCR2": "{c}"}}}}"#);
    let (verdict, says, _) = with(open);
    assert_eq!(verdict, "policy warn");
    assert!(says.contains("no machine is pinned") && says.contains("no model is pinned"));
    let (verdict, says, _) = with("{".into());
    assert_eq!(verdict, "policy fail");
    assert!(says.starts_with("policy.json: "), "{says}");
}

#[test]
fn lines_are_for_people_and_colour_is_for_a_terminal() {
    let folder = folder();
    let output = doctor(folder.path(), &["--policy", "policy.json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\x1b'), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("ok    config    "), "{text}");
    assert!(
        lines[3].starts_with("FAIL  address   a server is needed: "),
        "{text}"
    );
    assert!(lines[4].starts_with("                 → "), "{text}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "sealnote: 1 of 4 checks failed\n");
    let quiet = doctor(folder.path(), &["--policy", "policy.json", "--quiet"]);
    let text = String::from_utf8(quiet.stdout).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
}
