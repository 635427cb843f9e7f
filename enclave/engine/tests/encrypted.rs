//! A model that is read as it is decrypted: the same scores, and no other folder is taken for it.

mod fixtures;

use std::fs;
use std::path::Path;

use fixtures::encrypted::{CHUNK, Encrypted, key, key_id};
use fixtures::refusal::assert_message;
use fixtures::{all, fixture, load_as};
use sealnote_encrypted_model::{DecryptError, ModelKey};
use sealnote_engine::{
    EncryptedFiles, Engine, EngineError, EngineOptions, ModelFiles, ModelStoreError,
};
use sealnote_model::{MODEL_FILES, ModelDigest};

const SINGLE: &str = "tiny-bert-single";
const WEIGHTS: &str = "model.safetensors";
const NOTES: [&str; 3] = [
    "Chest pain since this morning.",
    "Fracture of the left radius after a fall, reduced and put in plaster.",
    "e",
];

fn same_scores(plain: &Path, options: EngineOptions) {
    let encrypted = Encrypted::of(plain);
    let one = load_as(plain, options.computation);
    let other = encrypted.load(options);
    assert_eq!(one.info().digest, other.info().digest);
    assert_eq!(one.info().digest, encrypted.digest);
    assert_eq!(one.info().labels, other.info().labels);
    let bits = |engine: &Engine| -> Vec<Vec<u32>> {
        let outcomes = engine.classify(&NOTES);
        let scores = outcomes.into_iter().map(|outcome| outcome.unwrap().scores);
        scores
            .map(|scores| scores.into_iter().map(f32::to_bits).collect())
            .collect()
    };
    assert_eq!(bits(&one), bits(&other));
}

#[test]
fn an_encrypted_model_has_the_plain_ones_scores_to_the_bit() {
    for (name, computation) in all() {
        let options = EngineOptions {
            computation,
            ..EngineOptions::default()
        };
        same_scores(&fixture(name), options);
    }
}

#[test]
fn so_has_the_default_model() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/icd10-chapter");
    same_scores(&dir, EngineOptions::default());
}

#[test]
fn its_wrapped_key_is_there_before_its_key() {
    let encrypted = Encrypted::of(&fixture(SINGLE));
    let files = encrypted.open().unwrap();
    assert_eq!(files.wrapped_key().unwrap().as_bytes(), b"wrapped");
    assert_eq!(format!("{files:?}"), "EncryptedFiles { .. }");
}

#[test]
fn folders_that_hold_something_else() {
    let error = |encrypted: &Encrypted| encrypted.open().unwrap_err();
    let encrypted = Encrypted::of(&fixture(SINGLE));

    let plain_open = ModelFiles::open(encrypted.path()).unwrap_err();
    assert!(matches!(plain_open, ModelStoreError::Encrypted { .. }));
    assert_message(&plain_open, &["--model-encryption-key-url"]);

    let plain = fixture(SINGLE);
    let of_plain = EncryptedFiles::open(&plain, encrypted.digest, &key_id()).unwrap_err();
    assert!(matches!(of_plain, ModelStoreError::NotEncrypted { .. }));
    assert_message(&of_plain, &["sealnote model encrypt"]);
    let nowhere = Path::new("/nowhere/model");
    let of_none = EncryptedFiles::open(nowhere, encrypted.digest, &key_id()).unwrap_err();
    assert!(matches!(of_none, ModelStoreError::NoFolder { .. }));

    for file in MODEL_FILES {
        // Both forms, the plain one alone, and none.
        let encrypted = Encrypted::of(&fixture(SINGLE));
        fs::copy(fixture(SINGLE).join(file), encrypted.path().join(file)).unwrap();
        let both = error(&encrypted);
        assert!(matches!(&both, ModelStoreError::PlainBeside { path } if path.ends_with(file)));
        fs::remove_file(encrypted.file(file)).unwrap();
        let plain = error(&encrypted);
        assert!(matches!(&plain, ModelStoreError::NotEncrypted { path } if path.ends_with(file)));
        fs::remove_file(encrypted.path().join(file)).unwrap();
        let none = error(&encrypted);
        assert!(matches!(none, ModelStoreError::MissingEncryptedFile { .. }));
        assert_message(&none, &[file, "is missing"]);
        fs::create_dir(encrypted.file(file)).unwrap();
        assert!(matches!(
            error(&encrypted),
            ModelStoreError::NotAFile { .. }
        ));
    }

    fs::write(encrypted.path().join("README.md"), "").unwrap();
    let extra = error(&encrypted);
    assert!(matches!(extra, ModelStoreError::ExtraEncryptedFile { .. }));
    assert_message(&extra, &["README.md", "nothing else"]);
}

#[test]
fn files_that_do_not_belong_together() {
    let one = Encrypted::of(&fixture(SINGLE));
    let other = Encrypted::of(&fixture("tiny-bert-multi"));
    for file in MODEL_FILES {
        let mixed = Encrypted::of(&fixture(SINGLE));
        fs::copy(other.file(file), mixed.file(file)).unwrap();
        let error = mixed.open().unwrap_err();
        assert_message(
            &error,
            &[file, "it is of the model", &other.digest.to_string()],
        );

        let mixed = Encrypted::of(&fixture(SINGLE));
        let next = if file == WEIGHTS {
            "config.json"
        } else {
            WEIGHTS
        };
        fs::copy(one.file(next), mixed.file(file)).unwrap();
        let error = mixed.open().unwrap_err();
        assert_message(&error, &[&format!("it is {next}, and not {file}")]);

        let mixed = Encrypted::of(&fixture(SINGLE));
        let bytes = fs::read(fixture(SINGLE).join(file)).unwrap();
        for wrapped in [None, Some(&b"another"[..])] {
            mixed.write(file, &bytes, wrapped);
            let error = mixed.open().unwrap_err();
            assert!(matches!(error, ModelStoreError::WrappedKeys { .. }));
        }
    }
    let error = EncryptedFiles::open(one.path(), one.digest, &"test/other".parse().unwrap());
    assert_message(
        &error.unwrap_err(),
        &["under the key test/key, and not under test/other"],
    );
    let error = EncryptedFiles::open(one.path(), other.digest, &key_id());
    assert_message(
        &error.unwrap_err(),
        &["config.json.sealnote: it is of the model"],
    );
}

#[test]
fn files_of_another_length() {
    for file in MODEL_FILES {
        for (change, expected) in [(-1, "cut off"), (1, "bytes follow")] {
            let encrypted = Encrypted::of(&fixture(SINGLE));
            encrypted.alter(file, |bytes| {
                bytes.resize(bytes.len().saturating_add_signed(change), 0);
            });
            let error = encrypted.open().unwrap_err();
            assert_message(&error, &[&format!("{file}.sealnote"), expected]);
        }
        let encrypted = Encrypted::of(&fixture(SINGLE));
        encrypted.write(file, b"", Some(b"wrapped"));
        let error = encrypted.open().unwrap_err();
        assert!(matches!(error, ModelStoreError::EmptyFile { .. }));
        encrypted.alter(file, Vec::clear);
        let error = encrypted.open().unwrap_err();
        assert!(matches!(error, ModelStoreError::EmptyFile { .. }));
    }
    let encrypted = Encrypted::of(&fixture(SINGLE));
    let limit = sealnote_engine::MAX_CONFIG_BYTES;
    encrypted.write(
        "config.json",
        &vec![b' '; limit as usize + 1],
        Some(b"wrapped"),
    );
    let error = encrypted.open().unwrap_err();
    assert!(matches!(error, ModelStoreError::TooLarge { limit: found, .. } if found == limit));
}

#[test]
fn another_key_opens_nothing() {
    let encrypted = Encrypted::of(&fixture(SINGLE));
    let other = ModelKey::from_bytes(&[8; 32]).unwrap();
    let error = encrypted.open().unwrap().unlock(&other).unwrap_err();
    assert!(matches!(
        &error,
        ModelStoreError::Decrypt { reason, .. } if matches!(**reason, DecryptError::WrongKey)
    ));
    assert_message(&error, &["the key is not the one"]);
}

/// Bytes that were changed on the disk, at any place.
#[test]
fn what_was_changed_is_not_loaded() {
    for file in ["config.json", "tokenizer.json"] {
        let encrypted = Encrypted::of(&fixture(SINGLE));
        encrypted.alter(file, |bytes| *bytes.last_mut().unwrap() ^= 1);
        let error = encrypted.open().unwrap().unlock(&key()).unwrap_err();
        let len = fs::metadata(fixture(SINGLE).join(file)).unwrap().len();
        let chunk = format!("its chunk {} was changed", (len - 1) / CHUNK as u64);
        assert_message(&error, &[file, &chunk]);
    }
    // In the first chunk, in one of the middle, and in the last.
    let plain = fixture(SINGLE);
    let len = fs::metadata(plain.join(WEIGHTS)).unwrap().len() as usize;
    let chunks = len.div_ceil(CHUNK);
    for back in [0, chunks / 2, chunks - 1] {
        let encrypted = Encrypted::of(&plain);
        encrypted.alter(WEIGHTS, |bytes| {
            let at = bytes.len() - 1 - back * (CHUNK + 16);
            bytes[at] ^= 0x80;
        });
        let files = encrypted.open().unwrap().unlock(&key()).unwrap();
        let error = Engine::load(files, EngineOptions::default()).err().unwrap();
        assert!(matches!(error, EngineError::Read(_)), "{error}");
        let chunk = format!(
            "model.safetensors: its chunk {} was changed",
            chunks - 1 - back
        );
        assert_message(&error, &[&chunk]);
    }
}

/// Check K8: whoever encrypts could state the digest of a model that a policy allows.
#[test]
fn a_model_that_is_not_the_one_it_says_is_not_loaded() {
    let contents = MODEL_FILES.map(|name| fs::read(fixture(SINGLE).join(name)).unwrap());
    let digest = ModelDigest::of_files(contents.each_ref().map(Vec::as_slice));
    let said = ModelDigest([9; 48]);
    let encrypted = Encrypted::of_files(contents, said);
    let files = encrypted.open().unwrap().unlock(&key()).unwrap();
    let error = Engine::load(files, EngineOptions::default()).err().unwrap();
    assert!(matches!(
        error,
        EngineError::OtherModel { expected, actual } if expected == said && actual == digest
    ));
    assert_message(&error, &[&said.to_string(), &digest.to_string()]);
}

/// The thread that decrypts ahead ends with whoever reads, wherever that one stops.
#[test]
fn a_load_that_stops_early_ends() {
    let encrypted = Encrypted::of(&fixture(SINGLE));
    drop(encrypted.open().unwrap().unlock(&key()).unwrap());
    encrypted.write("config.json", b"{}", Some(b"wrapped"));
    let files = encrypted.open().unwrap().unlock(&key()).unwrap();
    let error = Engine::load(files, EngineOptions::default()).err().unwrap();
    assert!(matches!(error, EngineError::Config(_)), "{error}");
    // The weights end before their header does.
    encrypted.write(WEIGHTS, &[1, 0, 0], Some(b"wrapped"));
    let config = fs::read(fixture(SINGLE).join("config.json")).unwrap();
    encrypted.write("config.json", &config, Some(b"wrapped"));
    let files = encrypted.open().unwrap().unlock(&key()).unwrap();
    let error = Engine::load(files, EngineOptions::default()).err().unwrap();
    assert!(matches!(error, EngineError::Format(_)), "{error}");
}
