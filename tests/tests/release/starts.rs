//! What the service says at its start rather than at the first release.

use sealnote_tests::attester::{Quirk, policy};
use serde_json::json;

use crate::common::programs::{Program, run};
use crate::owner::{Owner, owners_policy, set_mode};

/// It does not start, and says this.
fn assert_stays_away(owner: &Owner, further: &[&str], code: i32, words: &[&str]) {
    let mut arguments = owner.arguments(further);
    arguments.extend(["--listen".into(), "tcp:127.0.0.1:0".into()]);
    let finished = run(Program::Client, &arguments);
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "{}", finished.stderr);
    }
    assert!(!finished.stderr.contains("CANARY") && !finished.stderr.contains("PRIVATE"));
}

#[test]
fn a_policy_under_which_no_key_could_go_out() {
    let owner = Owner::prepare(Quirk::None);
    let mut precise = owners_policy();
    precise["precision"] = json!("int8");
    owner.write("policy.json", precise.to_string());
    assert_stays_away(&owner, &[], 2, &["precision", "take `precision` out"]);
    // And one under which more could than the owner has written down.
    owner.write("policy.json", policy().to_string());
    assert_stays_away(&owner, &[], 2, &["model_digests", "sealnote model-digest"]);
}

#[test]
fn keys_that_are_none() {
    let owner = Owner::prepare(Quirk::None);
    let pem = owner.path("signer.pem");
    set_mode(&pem, 0o644);
    assert_stays_away(&owner, &[], 2, &["signer.pem", "0644", "chmod 600"]);
    owner.write_secret("signer.pem", b"CANARY");
    assert_stays_away(&owner, &[], 2, &["signer.pem", "PKCS#8"]);
}

#[test]
fn a_list_of_clients_that_is_none() {
    let owner = Owner::prepare(Quirk::None);
    let clients = owner.write("clients.json", r#"{"clients": []}"#);
    let words = ["clients.json", "without a list anybody may ask"];
    assert_stays_away(&owner, &["--clients", &clients], 2, &words);
}

#[test]
fn one_key_is_read_at_the_start_to_see_that_it_is_there() {
    let owner = Owner::prepare(Quirk::None);
    let short = owner.write_secret("short.key", b"CANARY");
    let mut arguments = owner.arguments(&[]);
    let at = arguments.iter().position(|text| text == "--keys").unwrap();
    arguments.splice(
        at..at + 2,
        ["--key".into(), short, "--key-id".into(), "a".into()],
    );
    arguments.extend(["--listen".into(), "tcp:127.0.0.1:0".into()]);
    let finished = run(Program::Client, &arguments);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("short.key is not a model's key"));
}

#[test]
fn a_log_that_cannot_be_written() {
    let owner = Owner::prepare(Quirk::None);
    let mut arguments = owner.arguments(&[]);
    let at = arguments.iter().position(|text| text == "--log").unwrap();
    arguments[at + 1] = owner.path("absent/log.jsonl");
    arguments.extend(["--listen".into(), "tcp:127.0.0.1:0".into()]);
    let finished = run(Program::Client, &arguments);
    assert_eq!(finished.code, Some(5), "{}", finished.stderr);
}
