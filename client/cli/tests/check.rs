//! `sealnote check` on the machine that runs the tests, whatever it is.

use std::process::{Command, Output};

use serde_json::Value;

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .env_clear()
        .arg("check")
        .args(arguments)
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> (Value, i32) {
    let output = check(&[arguments, &["--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = output.status.code().unwrap();
    assert_eq!(report["exit"], code);
    assert_eq!(report["ok"], code == 0);
    assert_eq!(report["attested"], false);
    assert_eq!(report["machine"]["architecture"], std::env::consts::ARCH);
    (report, code)
}

#[test]
fn each_name_that_can_be_required_is_found_and_decides_the_exit_code() {
    let (report, code) = json(&[]);
    assert_eq!(code, 0);
    assert!(report["metadata"].is_null());
    let findings = report["findings"].as_array().unwrap();
    let names = findings
        .iter()
        .map(|finding| finding["name"].as_str().unwrap());
    let names: Vec<_> = names.collect();
    assert_eq!(
        names,
        [
            "nitro",
            "nitro-parent",
            "sev-snp",
            "sev-snp-host",
            "sev-es",
            "sev-es-host",
            "sev",
            "sev-host",
            "tdx",
            "tdx-host",
            "azure-vtpm",
            "vtpm",
        ]
    );
    for finding in findings {
        let (name, state) = (
            finding["name"].as_str().unwrap(),
            finding["state"].as_str().unwrap(),
        );
        assert!(
            ["active", "capable", "absent", "unknown"].contains(&state),
            "{state}"
        );
        let (again, code) = json(&["--require", name]);
        assert_eq!(code, if state == "active" { 0 } else { 4 }, "{name}");
        assert_eq!(again["findings"], report["findings"]);
    }
    // No machine is inside an enclave and starts one.
    let (report, code) = json(&["--require", "nitro", "--require", "nitro-parent"]);
    assert_eq!(code, 4);
    assert!(!report["missing"].as_array().unwrap().is_empty());
}

#[test]
fn people_get_a_table_that_ends_with_what_it_does_not_prove() {
    let output = check(&["--require", "nitro", "--require", "sev-snp"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        !table.contains('\u{1b}'),
        "colours where there is no terminal"
    );
    for word in ["sev-snp", "tdx", "guest", "host"] {
        assert!(table.contains(word), "{word}");
    }
    let last = table.lines().last().unwrap();
    assert!(
        last.starts_with("Nothing here proves anything to anyone else"),
        "{last}"
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("required, and not active: "), "{said}");
    let unknown = check(&["--require", "sgx"]);
    assert_eq!(unknown.status.code(), Some(2));
}
