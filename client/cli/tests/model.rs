//! `sealnote model` as it is run: a key, an encrypted folder, and what is said of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealnote_encrypted_model::{FileIdentity, ModelKey, Plain, encrypt, encrypted_name};
use sealnote_model::{MODEL_FILES, ModelDigest};
use serde_json::{Value, json};
use tempfile::TempDir;

const CONFIG: &[u8] = b"{\"marker\": \"config\"}";
/// More than one chunk.
const WEIGHTS: usize = 200_000;
const ENCRYPT: [&str; 9] = [
    "encrypt", "plain", "--out", "out", "--key", "a.key", "--key-id", "test/a", "--json",
];

fn contents() -> [Vec<u8>; 3] {
    let weights = (0..WEIGHTS).map(|at| (at / 251 + at) as u8).collect();
    [CONFIG.to_vec(), weights, b"tokenizer".to_vec()]
}

fn digest() -> ModelDigest {
    ModelDigest::of_files(contents().each_ref().map(Vec::as_slice))
}

/// A folder with a model, `plain`, and a key, `a.key`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("plain")).unwrap();
    for (name, bytes) in MODEL_FILES.iter().zip(contents()) {
        fs::write(folder.path().join("plain").join(name), bytes).unwrap();
    }
    printed(&model(folder.path(), &["new-key", "a.key"]));
    folder
}

/// The same, encrypted to `out`.
fn encrypted() -> TempDir {
    let folder = folder();
    printed(&model(folder.path(), &ENCRYPT));
    folder
}

fn model(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealnote"))
        .current_dir(folder)
        .arg("model")
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(error.is_empty(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line on standard error, of a run that must have failed with this exit code.
fn refusal(output: &Output, code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_key_is_64_digits_for_its_owner_and_is_not_replaced() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let key = fs::read_to_string(&path).unwrap();
    assert_eq!(key.len(), 65);
    assert!(
        key.strip_suffix('\n')
            .unwrap()
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let again = model(folder.path(), &["new-key", "a.key"]);
    assert!(refusal(&again, 5).contains("a.key cannot be written: it is there already"));
    assert_eq!(fs::read_to_string(&path).unwrap(), key);
    let said = printed(&model(folder.path(), &["new-key", "b.key"]));
    let other = fs::read_to_string(folder.path().join("b.key")).unwrap();
    assert_ne!(other, key);
    assert!(!said.contains(other.trim_end()));
    let nowhere = model(folder.path(), &["new-key", "none/c.key"]);
    assert!(refusal(&nowhere, 5).contains("none/c.key cannot be written"));
}

#[test]
fn a_folder_is_encrypted_and_says_what_it_is() {
    let folder = folder();
    let report: Value = serde_json::from_str(&printed(&model(folder.path(), &ENCRYPT))).unwrap();
    let names_of_files = MODEL_FILES.map(|name| format!("{name}.sealnote"));
    let expected = json!({
        "ok": true,
        "digest": digest().to_string(),
        "pcr16": hex::encode(digest().register()),
        "key_id": "test/a",
        "files": names_of_files.each_ref().map(|name| format!("out/{name}")),
    });
    assert_eq!(report, expected);
    let out = folder.path().join("out");
    assert_eq!(names(&out), names_of_files);
    for name in &names_of_files {
        let bytes = fs::read(out.join(name)).unwrap();
        // No eight bytes of the plain files are in it, nor of the key.
        let key = fs::read_to_string(folder.path().join("a.key")).unwrap();
        let key = hex::decode(key.trim_end()).unwrap();
        for secret in [&CONFIG[..8], &contents()[1][..8], b"tokenize", &key[..8]] {
            assert!(
                // The file's own name is in its header.
                secret == b"tokenize" && name.starts_with("tokenizer")
                    || !bytes.windows(8).any(|window| window == secret),
                "{name}"
            );
        }
    }

    let inspect = |more: &[&str]| -> Value {
        let arguments = [&["inspect", "out", "--json"], more].concat();
        serde_json::from_str(&printed(&model(folder.path(), &arguments))).unwrap()
    };
    let mut report = inspect(&[]);
    assert_eq!(report["digest"], digest().to_string());
    assert_eq!(report["key_id"], "test/a");
    assert_eq!(report["wrapped_key"], Value::Null);
    assert_eq!(report["verified"], false);
    assert_eq!(report["files"][1]["name"], "model.safetensors");
    assert_eq!(report["files"][1]["plain_bytes"], WEIGHTS);
    assert_eq!(report["files"][1]["chunk_bytes"], 65_536);
    report["verified"] = true.into();
    assert_eq!(inspect(&["--key", "a.key"]), report);

    let lines = printed(&model(folder.path(), &["inspect", "out"]));
    for part in [
        "digest",
        &digest().to_string(),
        "test/a",
        "nothing: without --key",
    ] {
        assert!(lines.contains(part), "{lines}");
    }
}

#[test]
fn a_wrapped_key_is_in_each_header() {
    let folder = folder();
    fs::write(folder.path().join("a.wrapped"), [0xc1; 184]).unwrap();
    let wrapped = [&ENCRYPT[..], &["--wrapped-key", "a.wrapped"]].concat();
    printed(&model(folder.path(), &wrapped));
    let said = printed(&model(folder.path(), &["inspect", "out", "--json"]));
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["wrapped_key"], 184);
    for name in MODEL_FILES {
        let bytes = fs::read(folder.path().join(format!("out/{name}.sealnote"))).unwrap();
        assert!(bytes.windows(184).any(|window| window == [0xc1; 184]));
    }

    for (len, said) in [(0, "has 0"), (6145, "has 6145"), (60_000, "has 6145")] {
        fs::write(folder.path().join("a.wrapped"), vec![0xc1; len]).unwrap();
        let refused = refusal(&model(folder.path(), &wrapped), 2);
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn nothing_is_replaced_and_nothing_left_behind() {
    let folder = encrypted();
    let out = folder.path().join("out");
    let before = MODEL_FILES.map(|name| fs::read(out.join(format!("{name}.sealnote"))).unwrap());
    let again = refusal(&model(folder.path(), &ENCRYPT), 5);
    assert!(again.contains("out/config.json.sealnote cannot be written: it is there already"));
    fs::remove_file(out.join("config.json.sealnote")).unwrap();
    let again = refusal(&model(folder.path(), &ENCRYPT), 5);
    assert!(again.contains("out/model.safetensors.sealnote"), "{again}");
    assert_eq!(
        fs::read(out.join("tokenizer.json.sealnote")).unwrap(),
        before[2]
    );
    assert_eq!(names(&out).len(), 2);

    let mut beside = ENCRYPT;
    beside[3] = "plain/../plain";
    let refused = refusal(&model(folder.path(), &beside), 2);
    assert!(refused.contains("is the plain model's folder"), "{refused}");
    assert_eq!(names(&folder.path().join("plain")).len(), 3);

    let mut other = ENCRYPT;
    other[3] = "other";
    fs::write(folder.path().join("plain/tokenizer.json"), "").unwrap();
    let refused = refusal(&model(folder.path(), &other), 2);
    assert!(
        refused.contains("plain/tokenizer.json: it is empty"),
        "{refused}"
    );
    fs::remove_file(folder.path().join("plain/tokenizer.json")).unwrap();
    let refused = refusal(&model(folder.path(), &other), 2);
    assert!(
        refused.contains("plain/tokenizer.json cannot be read"),
        "{refused}"
    );
    assert!(!folder.path().join("other").exists());
}

/// Each time that it is read, this file of the system has other bytes, and as many of them.
#[test]
fn a_file_that_changes_is_not_encrypted() {
    let folder = folder();
    let config = folder.path().join("plain/config.json");
    fs::remove_file(&config).unwrap();
    std::os::unix::fs::symlink("/proc/sys/kernel/random/uuid", &config).unwrap();
    let refused = refusal(&model(folder.path(), &ENCRYPT), 2);
    let said = "plain/config.json: it changed while it was read; try again";
    assert!(refused.contains(said), "{refused}");
    assert!(names(&folder.path().join("out")).is_empty());
}

#[test]
fn keys_and_ids_that_are_none() {
    let folder = folder();
    let key = fs::read_to_string(folder.path().join("a.key")).unwrap();
    let digits = key.trim_end();
    for text in [
        "",
        "\n",
        &digits[..63],
        &format!("{digits}0"),
        &format!("{digits}\n\n"),
        &digits.replacen(|_: char| true, "g", 1),
    ] {
        fs::write(folder.path().join("a.key"), text).unwrap();
        let refused = refusal(&model(folder.path(), &ENCRYPT), 2);
        assert!(refused.contains("a.key: not a model's key"), "{refused}");
        assert!(text.len() < 8 || !refused.contains(&text[..8]), "{refused}");
    }
    let mut elsewhere = ENCRYPT;
    elsewhere[5] = "none.key";
    assert!(refusal(&model(folder.path(), &elsewhere), 2).contains("none.key cannot be read"));

    for id in ["", "../a", "a b", &"x".repeat(129)] {
        let mut arguments = ENCRYPT;
        arguments[7] = id;
        let output = model(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("the key id"));
    }
    assert!(!folder.path().join("out").exists());

    // Without the newline; and a key that others can read is used, with a warning.
    let path = folder.path().join("a.key");
    fs::write(&path, digits).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let output = model(folder.path(), &ENCRYPT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("a.key can be read by others: chmod 600"),
        "{said}"
    );
}

#[test]
fn folders_that_are_not_one_encrypted_model() {
    let folder = encrypted();
    let mut other = ENCRYPT;
    (other[3], other[7]) = ("other", "test/b");
    printed(&model(folder.path(), &other));
    let path = |name: &str| folder.path().join(name);
    let inspect = || refusal(&model(folder.path(), &["inspect", "out"]), 2);
    let file = "out/tokenizer.json.sealnote";
    let bytes = fs::read(path(file)).unwrap();

    fs::copy(path("other/tokenizer.json.sealnote"), path(file)).unwrap();
    assert!(inspect().contains("under the key test/b, and not under test/a"));
    fs::copy(path("out/config.json.sealnote"), path(file)).unwrap();
    assert!(inspect().contains("it is config.json, and not tokenizer.json"));
    fs::write(path(file), &bytes[..bytes.len() - 1]).unwrap();
    assert!(inspect().contains("tokenizer.json.sealnote: it is cut off"));
    fs::write(path(file), [&bytes[..], b"\n"].concat()).unwrap();
    assert!(inspect().contains("bytes follow its last chunk"));
    fs::write(path(file), "{}").unwrap();
    assert!(inspect().contains("tokenizer.json.sealnote: it is cut off"));
    fs::copy(path("plain/model.safetensors"), path(file)).unwrap();
    assert!(inspect().contains("it is not a file that `sealnote model encrypt` made"));
    fs::remove_file(path(file)).unwrap();
    assert!(inspect().contains("tokenizer.json.sealnote cannot be read"));

    // What only the key shows.
    let with_key = || {
        refusal(
            &model(folder.path(), &["inspect", "out", "--key", "a.key"]),
            2,
        )
    };
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(path(file), changed).unwrap();
    printed(&model(folder.path(), &["inspect", "out"]));
    assert!(with_key().contains("tokenizer.json.sealnote: its chunk 0 was changed"));
    fs::write(path(file), bytes).unwrap();
    fs::remove_file(path("a.key")).unwrap();
    printed(&model(folder.path(), &["new-key", "a.key"]));
    assert!(with_key().contains("config.json.sealnote: the key is not the one"));
}

/// Whoever encrypts can name any model.
#[test]
fn a_model_that_is_not_the_one_it_says_is_found_by_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.key"), "07".repeat(32)).unwrap();
    fs::create_dir(path("out")).unwrap();
    let key = ModelKey::from_bytes(&[7; 32]).unwrap();
    for (file, bytes) in MODEL_FILES.into_iter().zip(contents()) {
        let identity = FileIdentity {
            file,
            key_id: "test/a".parse().unwrap(),
            model: ModelDigest([9; 48]),
        };
        let plain = Plain::new(&bytes[..], bytes.len() as u64);
        let (mut out, rng) = (Vec::new(), &mut UnwrapErr(SysRng));
        encrypt(plain, &mut out, &key, &identity, None, rng).unwrap();
        fs::write(path("out").join(encrypted_name(file)), out).unwrap();
    }
    let inspect = |more: &[&str]| model(folder.path(), &[&["inspect", "out"], more].concat());
    printed(&inspect(&[]));
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(path("a.key"), mode).unwrap();
    let refused = refusal(&inspect(&["--key", "a.key"]), 2);
    let said = format!(
        "the headers name the model {}, and what is encrypted is {}",
        "09".repeat(48),
        digest()
    );
    assert!(refused.contains(&said), "{refused}");
}

/// It would stand in each header, for anybody to read.
#[test]
fn a_key_is_not_taken_for_its_own_id() {
    let folder = folder();
    let key = fs::read_to_string(folder.path().join("a.key")).unwrap();
    for id in [key.trim().to_owned(), key.trim().to_uppercase()] {
        let mut arguments = ENCRYPT;
        arguments[7] = &id;
        let error = refusal(&model(folder.path(), &arguments), 2);
        assert!(error.contains("--key-id is the key itself"), "{error}");
        assert!(!error.contains(&id) && !folder.path().join("out").exists());
    }
}
