//! `sign`, `verify`, and `--policy-signer` of the commands that verify evidence.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};

use super::{Case, folder, policy, printed, refusal, sealnote, write};

pub const CASES: &[Case] = &[
    (
        "a_signature_is_of_one_signer_one_file_one_purpose",
        None,
        a_signature_is_of_one_signer,
    ),
    (
        "only_a_policy_with_a_serial_is_signed",
        None,
        only_a_policy_with_a_serial_is_signed,
    ),
    (
        "a_key_that_cannot_be_used_is_named_with_the_way",
        None,
        a_key_that_cannot_be_used_is_named,
    ),
    (
        "sign_replaces_signatures_alone",
        None,
        sign_replaces_signatures_alone,
    ),
    (
        "a_pinned_signer_is_asked_for_before_anything_is_sent",
        None,
        a_pinned_signer_is_asked_for,
    ),
    (
        "an_older_policy_does_not_come_back",
        None,
        an_older_policy_does_not_come_back,
    ),
    (
        "the_memory_is_its_owner_s_and_a_corrupt_one_an_error",
        None,
        the_memory_is_its_owner_s,
    ),
    (
        "a_change_says_that_the_signature_is_of_before",
        None,
        a_change_says_that_the_signature_is_of_before,
    ),
];

/// A key `NAME`, and its public key `NAME.pub`.
fn key(folder: &Path, name: &str, seed: u8) -> PrivateKey {
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
    key.set_comment("officer@hospital");
    write(folder, name, key.to_openssh(LineEnding::LF).unwrap());
    let public = key.public_key().to_openssh().unwrap();
    write(folder, &format!("{name}.pub"), public + "\n");
    key
}

/// `p.json`, its signature by `officer`, and `other`, another key.
pub fn signed() -> tempfile::TempDir {
    let folder = folder();
    key(folder.path(), "officer", 1);
    key(folder.path(), "other", 2);
    printed(
        &policy(folder.path(), &["new", "old.json", "-o", "p.json"]),
        0,
    );
    sign(folder.path());
    folder
}

fn sign(folder: &Path) {
    printed(&policy(folder, &["sign", "p.json", "--key", "officer"]), 0);
}

pub fn verify(folder: &Path, signer: &str) -> Output {
    policy(folder, &["verify", "p.json", "--signer", signer])
}

/// A command that takes a policy, and would send next.
fn attest(folder: &Path, signer: &str) -> Output {
    let arguments = [
        "attest",
        "--server",
        "unix:none",
        "--policy",
        "p.json",
        "--policy-signer",
        signer,
    ];
    sealnote(folder, &arguments)
}

/// The policy was taken, and the run came to the server, which is not there.
fn taken(folder: &Path) {
    let output = attest(folder, "officer.pub");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{error}");
}

fn edited(folder: &Path, from: &str, to: &str) {
    let json = std::fs::read_to_string(folder.join("p.json")).unwrap();
    assert!(json.contains(from));
    write(folder, "p.json", json.replace(from, to));
}

fn a_signature_is_of_one_signer() {
    let folder = signed();
    let folder = folder.path();
    let said = printed(&verify(folder, "officer.pub"), 0);
    assert!(
        said.starts_with("p.json: serial 1, signed by SHA256:"),
        "{said}"
    );
    assert!(said.ends_with(" (officer@hospital)\n"), "{said}");
    let public = std::fs::read_to_string(folder.join("officer.pub")).unwrap();
    write(
        folder,
        "allowed",
        format!("# us\njo@hospital namespaces=\"sealnote-policy\" {public}"),
    );
    let said = printed(&verify(folder, "allowed"), 0);
    assert!(said.ends_with(" (jo@hospital)\n"), "{said}");

    let error = refusal(&verify(folder, "other.pub"), 3);
    assert!(
        error.contains("p.json.sig: it is signed by SHA256:"),
        "{error}"
    );
    write(
        folder,
        "git",
        format!("jo@hospital namespaces=\"git\" {public}"),
    );
    let error = refusal(&verify(folder, "git"), 2);
    assert!(
        error.contains("git names no key that may sign policies"),
        "{error}"
    );
    write(
        folder,
        "dated",
        format!("\njo@hospital valid-before=\"20270101\" {public}"),
    );
    let error = refusal(&verify(folder, "dated"), 2);
    assert!(
        error.contains("dated, line 2: the option valid-before is not checked here"),
        "{error}"
    );

    let json = std::fs::read(folder.join("p.json")).unwrap();
    write(folder, "p.json", [&json[..], b"\n"].concat());
    let error = refusal(&verify(folder, "officer.pub"), 3);
    assert!(
        error.contains("the signature is not of this file"),
        "{error}"
    );
    write(folder, "p.json", &json);
    let signature = key(folder, "officer", 1)
        .sign("file", HashAlg::Sha512, &json)
        .unwrap();
    write(
        folder,
        "p.json.sig",
        signature.to_pem(LineEnding::LF).unwrap(),
    );
    let error = refusal(&verify(folder, "officer.pub"), 3);
    assert!(
        error.contains("for something else than a policy"),
        "{error}"
    );
    write(folder, "p.json.sig", "none");
    assert!(refusal(&verify(folder, "officer.pub"), 3).contains("this is no signature"));
    std::fs::remove_file(folder.join("p.json.sig")).unwrap();
    assert!(refusal(&verify(folder, "officer.pub"), 2).contains("p.json.sig cannot be read"));
}

fn only_a_policy_with_a_serial_is_signed() {
    let folder = signed();
    let folder = folder.path();
    std::fs::remove_file(folder.join("p.json.sig")).unwrap();
    edited(folder, "\n  \"serial\": 1,", "");
    for name in ["p.json", "old.json"] {
        let error = refusal(&policy(folder, &["sign", name, "--key", "officer"]), 2);
        assert!(error.contains(&format!("{name} has no serial")), "{error}");
        assert!(!folder.join(format!("{name}.sig")).exists());
    }
    // Whoever signs without this program may forget it.
    let json = std::fs::read(folder.join("p.json")).unwrap();
    let signature = key(folder, "officer", 1).sign("sealnote-policy", HashAlg::Sha512, &json);
    write(
        folder,
        "p.json.sig",
        signature.unwrap().to_pem(LineEnding::LF).unwrap(),
    );
    assert!(refusal(&verify(folder, "officer.pub"), 3).contains("the policy has no \"serial\""));
    assert!(refusal(&attest(folder, "officer.pub"), 2).contains("the policy has no \"serial\""));
}

fn a_key_that_cannot_be_used_is_named() {
    let folder = signed();
    let folder = folder.path();
    write(folder, "text", "none");
    for (name, says) in [
        ("none", "none cannot be read"),
        (
            "text",
            "text is no private key of OpenSSH's; make one with: ssh-keygen -t ed25519",
        ),
        (
            "officer.pub",
            "officer.pub is a public key, whose private key an agent may have; sign with: ssh-keygen -Y sign -f \
             officer.pub -n sealnote-policy p.json",
        ),
    ] {
        let error = refusal(&policy(folder, &["sign", "p.json", "--key", name]), 2);
        assert!(error.contains(says), "{error}");
    }
}

fn sign_replaces_signatures_alone() {
    let folder = signed();
    let folder = folder.path();
    let first = std::fs::read(folder.join("p.json.sig")).unwrap();
    edited(folder, "\"serial\": 1", "\"serial\": 2");
    assert!(refusal(&verify(folder, "officer.pub"), 3).contains("not of this file"));
    sign(folder);
    assert_ne!(std::fs::read(folder.join("p.json.sig")).unwrap(), first);
    printed(&verify(folder, "officer.pub"), 0);
    write(folder, "p.json.sig", "mine");
    let error = refusal(&policy(folder, &["sign", "p.json", "--key", "officer"]), 5);
    assert!(
        error.contains("it is there, and is no signature"),
        "{error}"
    );
    assert_eq!(std::fs::read(folder.join("p.json.sig")).unwrap(), b"mine");
}

fn a_pinned_signer_is_asked_for() {
    let folder = signed();
    let folder = folder.path();
    taken(folder);
    let error = refusal(&attest(folder, "other.pub"), 2);
    assert!(error.contains("p.json.sig: it is signed by"), "{error}");
    edited(folder, "\"least_suite\": 2", "\"least_suite\": 1");
    let error = refusal(&attest(folder, "officer.pub"), 2);
    assert!(
        error.contains("the signature is not of this file"),
        "{error}"
    );
    // Offline as well.
    let arguments = [
        "verify",
        "--document",
        "none",
        "--policy",
        "p.json",
        "--policy-signer",
        "officer.pub",
    ];
    let error = refusal(&sealnote(folder, &arguments), 2);
    assert!(
        error.contains("the signature is not of this file"),
        "{error}"
    );
}

fn an_older_policy_does_not_come_back() {
    let folder = signed();
    let folder = folder.path();
    let copy = |name: &str| {
        let read = |end: &str| std::fs::read(folder.join(format!("{name}{end}"))).unwrap();
        (read(""), read(".sig"))
    };
    let first = copy("p.json");
    let put = |(json, signature): &(Vec<u8>, Vec<u8>)| {
        write(folder, "p.json", json);
        write(folder, "p.json.sig", signature);
    };
    taken(folder);
    printed(&policy(folder, &["add", "p.json", "new.json"]), 0);
    sign(folder);
    let second = copy("p.json");
    // Verified, and not yet used: the first is still the last.
    printed(&verify(folder, "officer.pub"), 0);
    put(&first);
    taken(folder);
    put(&second);
    taken(folder);
    taken(folder);
    put(&first);
    let error = refusal(&attest(folder, "officer.pub"), 2);
    let says = "p.json: the policy has serial 1, and one with serial 2 of the same signer was accepted before";
    assert!(error.contains(says), "{error}");
    assert!(refusal(&verify(folder, "officer.pub"), 3).contains(says));
    // Another one of the same serial.
    put(&second);
    edited(folder, "\"least_suite\": 2", "\"least_suite\": 1");
    sign(folder);
    let error = refusal(&attest(folder, "officer.pub"), 2);
    assert!(
        error.contains("another policy with serial 2 of the same signer"),
        "{error}"
    );
    // Another signer has another memory.
    put(&first);
    printed(&policy(folder, &["sign", "p.json", "--key", "other"]), 0);
    assert_eq!(attest(folder, "other.pub").status.code(), Some(6));
}

fn the_memory_is_its_owner_s() {
    let folder = signed();
    let folder = folder.path();
    taken(folder);
    let state = folder.join("state/sealnote/policies");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let files: Vec<_> = std::fs::read_dir(&state)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
    let json = |file: &&std::path::PathBuf| file.extension().is_some_and(|end| end == "json");
    let file = files.iter().find(json).unwrap();
    let good = std::fs::read_to_string(file).unwrap();
    for corrupt in [
        "",
        "{",
        "{}",
        "null",
        &good[..20],
        &good.replace("SHA256:", "SHA256:x"),
        &good.replace("\"serial\": 1", "\"serial\": -1"),
    ] {
        std::fs::write(file, corrupt).unwrap();
        let error = refusal(&attest(folder, "officer.pub"), 2);
        assert!(
            error.contains("is not as it was written"),
            "{corrupt}: {error}"
        );
        assert!(error.contains("if you then delete it"), "{error}");
        assert_eq!(std::fs::read_to_string(file).unwrap(), corrupt);
    }
    std::fs::remove_file(file).unwrap();
    taken(folder);
    assert_eq!(std::fs::read_to_string(file).unwrap(), good);
    // Without a folder nothing is taken; a relative one is none.
    let arguments = [
        "attest",
        "--server",
        "unix:none",
        "--policy",
        "p.json",
        "--policy-signer",
        "officer.pub",
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .current_dir(folder)
        .env("XDG_STATE_HOME", "state")
        .env_remove("HOME")
        .args(arguments)
        .output();
    let error = refusal(&output.unwrap(), 2);
    assert!(error.contains("set HOME, or XDG_STATE_HOME"), "{error}");
}

fn a_change_says_that_the_signature_is_of_before() {
    let folder = signed();
    let folder = folder.path();
    let said = printed(
        &policy(folder, &["add", "p.json", "new.json", "--label", "new"]),
        0,
    );
    assert_eq!(
        said,
        "p.json: written, serial 2, accepts \"new\" too; p.json.sig is of the policy before: sign again\n"
    );
}
