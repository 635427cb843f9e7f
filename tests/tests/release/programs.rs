//! The enclave as a program, with an encrypted model, beside the owner's service as a program.

use std::path::PathBuf;

use crate::common::fixture;
use crate::common::programs::{
    Finished, Program, Serving, line, run, run_with_input, without_evidence,
};

const MODEL: &str = "tiny-bert-single";

/// Folders and files of all parties.
struct Stage {
    folder: tempfile::TempDir,
    digest: String,
}

impl Stage {
    /// An encrypted model under the key id `ward`, the releaser's key, and no enclave yet.
    fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self {
            digest: digest(&fixture(MODEL).display().to_string()),
            folder,
        };
        std::fs::create_dir(stage.path("keys")).unwrap();
        stage.done(&["model", "new-key", &stage.text("keys/ward.key")]);
        let model = fixture(MODEL).display().to_string();
        let (out, key) = (stage.text("encrypted"), stage.text("keys/ward.key"));
        stage.done(&[
            "model", "encrypt", &model, "--out", &out, "--key", &key, "--key-id", "ward",
        ]);
        stage.done(&["key", "new", &stage.text("releaser.pem")]);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let finished = run(Program::Client, arguments);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
        finished.stdout
    }

    /// The enclave, which asks for the key of a model with this digest, under this id.
    fn enclave(&self, digest: &str, key_id: &str) -> Serving {
        let releaser = self.done(&["key", "show", &self.text("releaser.pem")]);
        let arguments = [
            ("--listen", format!("unix:{}", self.text("enclave"))),
            ("--attester", "software".into()),
            ("--model", self.text("encrypted")),
            ("--software-root-out", self.text("root.pem")),
            ("--measurements-out", self.text("measurements.json")),
            (
                "--model-encryption-key-url",
                "sealnote://owner.example:7443".into(),
            ),
            ("--model-digest", digest.into()),
            ("--model-key-id", key_id.into()),
            ("--key-via", format!("unix:{}", self.text("service"))),
            ("--releaser-key", releaser.trim().into()),
        ];
        let arguments: Vec<String> = arguments
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value])
            .collect();
        Serving::start(Program::Enclave, &arguments)
    }

    /// The owner's service, whose policy accepts that enclave.
    fn service(&self) -> Serving {
        let (measured, policy) = (self.text("measurements.json"), self.text("policy.json"));
        self.done(&[
            "policy",
            "new",
            &measured,
            "--model-digest",
            &self.digest,
            "-o",
            &policy,
        ]);
        let arguments = [
            ("--listen", format!("unix:{}", self.text("service"))),
            ("--policy", policy),
            ("--danger-accept-software-root", self.text("root.pem")),
            ("--keys", self.text("keys")),
            ("--signing-key", self.text("releaser.pem")),
            ("--log", self.text("log.jsonl")),
        ];
        let pairs = arguments
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        let arguments: Vec<String> = ["release".to_owned(), "--anybody".to_owned()]
            .into_iter()
            .chain(pairs)
            .collect();
        Serving::start(Program::Client, &arguments)
    }

    fn submit(&self, server: &str, policy: &str, root: &str) -> Finished {
        let arguments = [
            "submit",
            "--server",
            server,
            "--policy",
            policy,
            "--danger-accept-software-root",
            root,
            "--scores",
            "all",
            "-",
        ];
        let notes = line("a", "chest pain since yesterday") + &line("b", "fracture of the wrist");
        run_with_input(Program::Client, &arguments, notes.as_bytes())
    }
}

fn digest(model: &str) -> String {
    let finished = run(Program::Client, &["model-digest", model]);
    finished
        .stdout
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn an_encrypted_model_gives_the_scores_of_the_plain_one() {
    let stage = Stage::prepare();
    let enclave = stage.enclave(&stage.digest, "ward");
    enclave.word_after("the key ");
    let service = stage.service();
    service.word_after("listening on ");
    let server = enclave.word_after("ready on ");
    let encrypted = stage.submit(&server, &stage.text("policy.json"), &stage.text("root.pem"));
    assert_eq!(encrypted.code, Some(0), "{}", encrypted.stderr);
    let log = std::fs::read_to_string(stage.path("log.jsonl")).unwrap();
    assert!(log.contains(r#""outcome":"released""#), "{log}");

    let plain = Stage {
        digest: stage.digest.clone(),
        folder: tempfile::tempdir().unwrap(),
    };
    let arguments = [
        ("--listen", format!("unix:{}", plain.text("enclave"))),
        ("--attester", "software".into()),
        ("--model", fixture(MODEL).display().to_string()),
        ("--software-root-out", plain.text("root.pem")),
        ("--measurements-out", plain.text("measurements.json")),
    ];
    let arguments: Vec<String> = arguments
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
    let in_the_clear = Serving::start(Program::Enclave, &arguments);
    let server = in_the_clear.word_after("ready on ");
    let plain = plain.submit(
        &server,
        &plain.text("measurements.json"),
        &plain.text("root.pem"),
    );
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    assert_eq!(
        without_evidence(&encrypted.stdout),
        without_evidence(&plain.stdout)
    );
}

/// The key is released, and is not the model's: nobody is served.
#[test]
fn a_key_of_another_model() {
    let stage = Stage::prepare();
    let enclave = stage.enclave(&stage.digest, "ward");
    enclave.word_after("the key ");
    std::fs::remove_file(stage.path("keys/ward.key")).unwrap();
    stage.done(&["model", "new-key", &stage.text("keys/ward.key")]);
    let _service = stage.service();
    enclave.word_after("was released");
    let said = enclave.word_after("is not the one ");
    let (status, _) = enclave.ended();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!stage.path("enclave").exists());
}

#[test]
fn what_the_image_expects_is_compared_before_any_key_is_asked_for() {
    let stage = Stage::prepare();
    let other = "0".repeat(96);
    for (digest, key_id) in [(other.as_str(), "ward"), (stage.digest.as_str(), "another")] {
        let enclave = stage.enclave(digest, key_id);
        let (status, _) = enclave.ended();
        assert_eq!(status.code(), Some(1));
        // Not measured, and so not attested either.
        assert!(!stage.path("root.pem").exists());
    }
}

#[test]
fn what_does_not_fit_together_is_said_at_the_start() {
    let stage = Stage::prepare();
    let releaser = stage.done(&["key", "show", &stage.text("releaser.pem")]);
    let releaser: &str = releaser.trim().to_owned().leak();
    let (listen, model) = (format!("unix:{}", stage.text("e")), stage.text("encrypted"));
    let start = |further: &[&str]| {
        let begin = [
            "--listen",
            &listen,
            "--model",
            &model,
            "--attester",
            "software",
        ];
        run(Program::Enclave, &[&begin[..], further].concat())
    };
    let url = [
        "--model-encryption-key-url",
        "sealnote://owner.example:7443",
    ];
    let wanted = [
        "--model-digest",
        &stage.digest,
        "--model-key-id",
        "ward",
        "--key-via",
        "unix:/nonexistent",
    ];
    let with =
        |further: &[&'static str]| -> Vec<&str> { [&url[..], &wanted[..], further].concat() };
    for (arguments, says) in [
        (url.to_vec(), "--model-digest"),
        (with(&[]), "--releaser-key"),
        (with(&["--releaser-key", "ed25519:AAAA"]), "ed25519:"),
        (
            with(&["--releaser-key", releaser, "--kbs-url", "http://a:1"]),
            "--kbs-url",
        ),
        (
            with(&[
                "--releaser-key",
                releaser.trim(),
                "--key-service-roots",
                "x",
            ]),
            "--key-service-roots",
        ),
        (
            with(&[
                "--releaser-key",
                releaser.trim(),
                "--metadata-via",
                "unix:/x",
            ]),
            "--metadata-via",
        ),
        (
            vec!["--model-encryption-key-url", "https://a"],
            "aws-kms:KEY-ARN",
        ),
    ] {
        let finished = start(&arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.stderr);
        assert!(
            finished.stderr.contains(says),
            "{says}: {}",
            finished.stderr
        );
    }
    // It is no plain model.
    let finished = start(&[]);
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("holds an encrypted model"),
        "{}",
        finished.stderr
    );
}
