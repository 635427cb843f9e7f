//! `sealnote measure` as it is run: what it prints, the policy that it writes, and its exit codes.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use sealnote_model::ModelDigest;
use sealnote_verifier::Policy;

use common::image;
use tempfile::TempDir;

/// Python, of the contents below: `extended = lambda x: sha384(bytes(48) + sha384(x).digest())`.
const PCR0: &str = "284cc74b8f665c3ec6824d7f8e63d6de08d4e646b524052a2e3521ff8ede06eb999474f2f26df7ef02b9065d6719b07d";
const PCR1: &str = "9ccca610b22dd8d0670f8f661ee8dc3e30f8127e993e0d5d422105ef9d0cb452baf822ad9897bb79e17d37fee795b617";
const PCR2: &str = "8a45599e5e77b24c4b6472869c24e10490c4d5df715fbd0811fc4b33d370276cf00bb24871d3a1987587d6b9283d4f42";

/// A folder with an image in it, `app.eif`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.eif"), image(b"application")).unwrap();
    folder
}

fn measure(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .current_dir(folder)
        .arg("measure")
        .args(arguments)
        .output()
        .unwrap()
}

/// Standard output, of a run that must have succeeded.
fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line on standard error, of a run that must have failed with this exit code.
fn refusal(output: &Output, code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(output.stdout.is_empty());
    error
}

fn policy(folder: &Path, name: &str) -> Policy {
    Policy::from_json(std::fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn the_report_names_every_section_and_register() {
    let folder = folder();
    let report = printed(&measure(folder.path(), &["app.eif"]));
    for line in [
        "image        644 bytes, format version 4, x86_64, checksum right",
        "             0          548  header         unmeasured",
        "           548            6  kernel         PCR0, PCR1",
        "           566           12  command line   PCR0, PCR1",
        "           590            2  metadata       unmeasured",
        "           604            5  ramdisk 1      PCR0, PCR1",
        "           621           11  ramdisk 2      PCR0, PCR2",
        "signature    none: PCR8 is all zero",
        // What the image says does not reach the terminal as it is.
        r"command line reboot=t\x1b[2J",
        &format!("PCR0         {PCR0}"),
        &format!("PCR1         {PCR1}"),
        &format!("PCR2         {PCR2}"),
    ] {
        assert!(
            report.lines().any(|found| found == line),
            "{line}:\n{report}"
        );
    }
    assert!(!report.contains("PCR16"));
}

#[test]
fn the_policy_is_one_that_the_loader_accepts() {
    let folder = folder();
    let folder = folder.path();
    printed(&measure(folder, &["app.eif", "-o", "plain.json"]));
    let plain = policy(folder, "plain.json");
    let [set] = plain.nitro().unwrap().measurement_sets() else {
        panic!("one set");
    };
    assert_eq!(set.label(), "app.eif");
    let register = |index| set.register(index).map(|value| value.to_string());
    assert_eq!(register(0).as_deref(), Some(PCR0));
    assert_eq!(register(1).as_deref(), Some(PCR1));
    assert_eq!(register(2).as_deref(), Some(PCR2));
    assert_eq!(register(8), None);
    assert!(plain.session().model_digests().is_none() && plain.nitro().unwrap().pin(16).is_empty());
}

#[test]
fn a_model_is_pinned_by_its_digest_and_by_pcr16() {
    let folder = folder();
    let folder = folder.path();
    let files: [&[u8]; 3] = [b"config", b"weights", b"tokenizer"];
    std::fs::create_dir(folder.join("model")).unwrap();
    for (name, bytes) in sealnote_model::MODEL_FILES.iter().zip(files) {
        std::fs::write(folder.join("model").join(name), bytes).unwrap();
    }
    let digest = ModelDigest::of_files(files);
    let hex = digest.to_string();
    let model = ["--model", "model"];
    let by_digest = ["--model-digest", &hex];
    for (options, out) in [(model, "folder.json"), (by_digest, "digest.json")] {
        let more = ["app.eif", "--label", "2026-11", "-o", out];
        let report = printed(&measure(folder, &[&more[..], &options].concat()));
        let register = hex::encode(digest.register());
        assert!(report.contains(&format!("model        {hex}\nPCR16        {register}")));
        let policy = policy(folder, out);
        assert_eq!(
            policy.nitro().unwrap().measurement_sets()[0].label(),
            "2026-11"
        );
        assert_eq!(policy.session().model_digests(), Some(&[digest][..]));
        assert_eq!(policy.nitro().unwrap().pin(16), [digest.register().into()]);
    }
    let missing = measure(folder, &["app.eif", "--model", "elsewhere"]);
    assert!(refusal(&missing, 2).contains("elsewhere/config.json cannot be read"));
}

#[test]
fn a_file_that_is_there_is_not_replaced() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("policy.json"), "mine").unwrap();
    for name in ["policy.json", "app.eif"] {
        let before = std::fs::read(folder.join(name)).unwrap();
        let error = refusal(&measure(folder, &["app.eif", "-o", name]), 5);
        assert!(error.contains(&format!("{name} cannot be written: it is there already")));
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), before);
    }
}

#[test]
fn bad_images_are_rejected_and_unreadable_ones_a_usage_error() {
    let folder = folder();
    let folder = folder.path();
    let image = std::fs::read(folder.join("app.eif")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("cut.eif", &image[..643]);
    write("text.eif", b"no image");
    let damaged = [&image[..643], b"!"].concat();
    write("damaged.eif", &damaged);
    for (name, code, says) in [
        ("cut.eif", 3, "the file ends after 643 bytes"),
        ("text.eif", 3, "not an enclave image"),
        ("damaged.eif", 3, "the image is damaged"),
        ("none.eif", 2, "none.eif cannot be read"),
        (".", 2, "cannot be read"),
    ] {
        let error = refusal(&measure(folder, &[name, "-o", "policy.json"]), code);
        assert!(error.contains(says), "{error}");
        assert!(!folder.join("policy.json").exists());
    }
}

#[test]
fn what_no_policy_can_say_is_a_usage_error() {
    let folder = folder();
    let folder = folder.path();
    let label = measure(folder, &["app.eif", "--label", " ", "-o", "policy.json"]);
    assert!(refusal(&label, 2).contains("empty label"));
    let zero = "0".repeat(96);
    let zero = measure(folder, &["app.eif", "--model-digest", &zero]);
    assert!(refusal(&zero, 2).contains("all zero"));
    for options in [
        &["--model-digest", "00"][..],
        &["--model", ".", "--model-digest", &"ab".repeat(48)],
        &["--label", "x"],
    ] {
        let output = measure(folder, &[&["app.eif"], options].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
    }
}
