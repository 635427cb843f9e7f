//! Where a flag's value comes from: the command line, the environment, a profile.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const CONFIG: &str = "\
[profile.default]
server = \"unix:default.sock\"
policy = \"policy.json\"

[profile.ward]
server = \"unix:ward.sock\"
policy = \"policy.json\"
timeout = 7
verbose = true
";

/// A policy that the loader accepts.
fn policy() -> String {
    let [a, b, c] = ["01", "02", "03"].map(|byte| byte.repeat(48));
    format!("{{\"Measurements\": {{\"PCR0\": \"{a}\", \"PCR1\": \"{b}\", \"PCR2\": \"{c}\"}}}}")
}

/// A home with this config file in its place, and a policy beside it.
fn home(config: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/sealnote");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), config).unwrap();
    std::fs::write(folder.join("policy.json"), policy()).unwrap();
    home
}

fn sealnote(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealnote"));
    command.env_clear().env("HOME", home).current_dir(home);
    command
}

fn said(output: &Output, code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(output.stdout.is_empty());
    error
}

/// Which server `attest` tried to reach; nobody listens anywhere here.
fn reached(command: &mut Command) -> String {
    let error = said(&command.output().unwrap(), 6);
    let (_, rest) = error.split_once("cannot connect to ").unwrap();
    rest.split_once(": ").unwrap().0.to_owned()
}

#[test]
fn the_command_line_comes_before_the_environment_and_both_before_the_profile() {
    let home = home(CONFIG);
    let attest = || {
        let mut command = sealnote(home.path());
        command.arg("attest");
        command
    };
    assert_eq!(reached(&mut attest()), "unix:default.sock");
    assert_eq!(
        reached(attest().args(["--profile", "ward"])),
        "unix:ward.sock"
    );
    assert_eq!(
        reached(attest().env("SEALNOTE_PROFILE", "ward")),
        "unix:ward.sock"
    );
    let env = |command: &mut Command| {
        command.env("SEALNOTE_SERVER", "unix:env.sock");
        reached(command)
    };
    assert_eq!(env(&mut attest()), "unix:env.sock");
    assert_eq!(
        env(attest().args(["--server", "unix:flag.sock"])),
        "unix:flag.sock"
    );
    // A variable that is empty is one that is not set.
    assert_eq!(
        reached(attest().env("SEALNOTE_SERVER", "")),
        "unix:default.sock"
    );
}

#[test]
fn the_file_is_looked_for_in_its_place_or_where_one_is_named() {
    let home = home(CONFIG);
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("sealnote");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("policy.json"), policy()).unwrap();
    let file = folder.join("config.toml");
    let text = "[profile.default]\nserver = 'unix:xdg.sock'\npolicy = 'policy.json'\n";
    std::fs::write(&file, text).unwrap();
    let attest = || {
        let mut command = sealnote(home.path());
        command.arg("attest");
        command
    };
    let xdg = reached(attest().env("XDG_CONFIG_HOME", elsewhere.path()));
    assert_eq!(xdg, "unix:xdg.sock");
    // A relative one is to be ignored.
    let relative = reached(attest().env("XDG_CONFIG_HOME", "."));
    assert_eq!(relative, "unix:default.sock");
    assert_eq!(
        reached(attest().arg("--config").arg(&file)),
        "unix:xdg.sock"
    );
    assert_eq!(
        reached(attest().env("SEALNOTE_CONFIG", &file)),
        "unix:xdg.sock"
    );
    let none = attest().args(["--config", "none.toml"]).output().unwrap();
    assert!(said(&none, 2).contains("the config file none.toml cannot be read"));
}

#[test]
fn a_mistake_in_the_file_names_the_key_the_file_and_the_line() {
    for (config, line, says) in [
        (
            "[profile.default]\nsever = 'x'\n",
            2,
            "`sever` is not known",
        ),
        (
            "\n[profile.default]\nserver = 'pigeon:1'\n",
            3,
            "server: `pigeon:1` is not an endpoint",
        ),
        (
            "[profile.other]\ntimeout = 0\n",
            2,
            "timeout: 0 is not in 1..=86400",
        ),
        (
            "[profile.default]\nscores = 'some'\n",
            2,
            "scores: it is none of none, top, all",
        ),
        (
            "[profile.default]\ntimeout = [1, 2]\n",
            2,
            "timeout: one value is due",
        ),
        ("[profile.default]\nquiet = 'perhaps'\n", 2, "quiet: "),
        (
            "[profile.default]\noutput = 'x'\n",
            2,
            "`output` says what a single call is about",
        ),
        (
            "[profile.default]\n\n\ndanger-accept-software-root = 'root.pem'\n",
            4,
            "`danger-accept-software-root` is not taken from a config file",
        ),
        (
            "server = 'unix:x'\n",
            1,
            "\"server\" is not known here; settings stand under [profile.NAME]",
        ),
        ("[profile.default\n", 1, ""),
    ] {
        let home = home(config);
        let output = sealnote(home.path()).arg("attest").output().unwrap();
        let error = said(&output, 2);
        assert!(
            error.contains(&format!("config.toml, line {line}: {says}")),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn the_danger_has_no_variable() {
    let home = home(CONFIG);
    let mut attest = sealnote(home.path());
    attest
        .arg("attest")
        .env("SEALNOTE_DANGER_ACCEPT_SOFTWARE_ROOT", "/nonexistent");
    let error = said(&attest.output().unwrap(), 6);
    assert!(!error.contains("DANGER"), "{error}");
}

#[test]
fn a_flag_wins_over_what_excludes_it_behind_the_command_line() {
    let home = home("[profile.default]\nverbose = true\n");
    let notes = home.path().join("notes.jsonl");
    std::fs::write(&notes, "{\"id\": 1, \"text\": \"x\"}\n").unwrap();
    let dry_run = |flag: &str, variable: &str| {
        let mut command = sealnote(home.path());
        command.args(["submit", "notes.jsonl", "--dry-run", flag]);
        said(&command.env(variable, "true").output().unwrap(), 0)
    };
    // The profile's --verbose, and the variable's, are nothing beside a --quiet that was typed.
    assert_eq!(dry_run("--quiet", "SEALNOTE_VERBOSE"), "");
    assert!(dry_run("--verbose", "SEALNOTE_QUIET").contains("nothing was sent"));
    // And --dry-run writes nothing, whatever the environment says of results.
    assert!(dry_run("--verbose", "SEALNOTE_OUTPUT").contains("nothing was sent"));
    assert!(!home.path().join("true").exists());
    let mut both = sealnote(home.path());
    both.args(["submit", "notes.jsonl", "--dry-run", "--quiet", "--verbose"]);
    assert!(said(&both.output().unwrap(), 2).contains("cannot be used with"));
}

#[test]
fn what_is_missing_is_said_with_the_ways_to_give_it() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = sealnote(home.path()).args(arguments).output().unwrap();
        said(&output, 2)
    };
    let error = run(&["attest", "--policy", "policy.json"]);
    for way in [
        "--server ADDR",
        "SEALNOTE_SERVER",
        "[profile.default]",
        ".config/sealnote/config.toml",
    ] {
        assert!(error.contains(way), "{error}");
    }
    let error = run(&["attest", "--server", "unix:x"]);
    assert!(
        error.contains("--policy FILE") && error.contains("SEALNOTE_POLICY"),
        "{error}"
    );
    let error = run(&["attest", "--profile", "ward"]);
    assert!(
        error.contains("the profile \"ward\" was named, and there is no config file"),
        "{error}"
    );
    std::fs::write(home.path().join("c.toml"), CONFIG).unwrap();
    let error = run(&["attest", "--config", "c.toml", "--profile", "yard"]);
    assert!(
        error.contains("no profile \"yard\"; it has default, ward"),
        "{error}"
    );
}

#[test]
fn a_policy_is_read_from_standard_input_too_and_only_one_thing_is() {
    let home = home(CONFIG);
    std::fs::write(home.path().join("piped"), policy()).unwrap();
    let piped = || std::fs::File::open(home.path().join("piped")).unwrap();
    let mut attest = sealnote(home.path());
    attest.args(["attest", "--policy", "-"]).stdin(piped());
    assert_eq!(reached(&mut attest), "unix:default.sock");
    let mut submit = sealnote(home.path());
    submit.args(["submit", "-", "--policy", "-"]).stdin(piped());
    let error = said(&submit.output().unwrap(), 2);
    assert!(
        error.contains("standard input cannot be both the records and the policy"),
        "{error}"
    );
}

#[test]
fn an_argument_is_not_echoed_whole_nor_obeyed_by_the_terminal() {
    let home = home(CONFIG);
    let long = "x".repeat(100_000);
    for arguments in [
        ["attest", "--server", &long],
        ["attest", "--timeout", &long],
        ["attest", &long, "x"],
        [&long, "x", "x"],
        ["attest", "--policy", &long],
    ] {
        let output = sealnote(home.path()).args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.len() < 2000, "{} bytes", error.len());
    }
    let output = sealnote(home.path())
        .args(["attest", "--timeout", "\x1b[2J"])
        .output()
        .unwrap();
    assert!(!said(&output, 2).contains('\x1b'));
    let output = sealnote(home.path())
        .args(["attest", "--policy", "a\x1b[2Jb"])
        .output()
        .unwrap();
    assert!(said(&output, 2).contains(r"a\u{1b}[2Jb cannot be read"));
}

#[test]
fn the_version_names_protocol_and_suites() {
    let home = home("broken");
    let print = |flag| {
        let output = sealnote(home.path()).arg(flag).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let long = print("--version");
    let lines: Vec<&str> = long.lines().collect();
    let version = concat!("sealnote ", env!("CARGO_PKG_VERSION"));
    assert_eq!(lines[0], version);
    assert!(lines[1].starts_with("commit   "), "{long}");
    assert_eq!(lines[2], "protocol sealnote/2");
    assert!(
        lines[3].starts_with("suite    1 (RSA-OAEP)")
            && lines[4].starts_with("suite    2 (X-Wing)")
    );
    assert_eq!(print("-V").trim_end(), version);
}
