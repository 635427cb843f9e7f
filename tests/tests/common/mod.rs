//! What the tests in this process share: models that are booted once, notes, and comparisons.

#![allow(dead_code, reason = "each test program uses a part")]

pub mod programs;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use sealnote_engine::{Classifier, EngineHandle, KnownShare, ModelInfo, NoteError, Scores};
use sealnote_model::{NoteOutcome, Scored};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::Enclave;
use sealnote_protocol::suite::{BootKeys, rsa_oaep};
use sealnote_protocol::task::ModelClaims;
use sealnote_tests::rig::Booted;
use sealnote_transport::Endpoint;

/// Greatest difference between a score over the wire and one of the engine in another batch.
pub const TOLERANCE: f32 = 1e-4;

/// A model folder among the enclave's fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../enclave/engine/tests/fixtures")
        .join(name)
}

/// The tiny single-label model, with the protocol's session limits.
pub fn single() -> &'static Booted {
    static BOOTED: OnceLock<Booted> = OnceLock::new();
    BOOTED.get_or_init(|| boot("tiny-bert-single", SessionLimits::default()))
}

/// The tiny multi-label model.
pub fn multi() -> &'static Booted {
    static BOOTED: OnceLock<Booted> = OnceLock::new();
    BOOTED.get_or_init(|| boot("tiny-bert-multi", SessionLimits::default()))
}

pub fn boot(model: &str, limits: SessionLimits) -> Booted {
    Booted::boot(&fixture(model), limits).unwrap()
}

/// An enclave that claims this, in place of what the engine is, with the key of PROTOCOL.md's example.
pub fn booted_with(
    model: ModelClaims,
    limits: Limits,
    session_limits: SessionLimits,
    engine: EngineHandle,
) -> Booted {
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).join("../PROTOCOL.md");
    let protocol = std::fs::read_to_string(protocol).unwrap();
    let (_, key) = protocol
        .split_once("```hex enclave.rsa_private_key\n")
        .unwrap();
    let (key, _) = key.split_once("```").unwrap();
    let key = hex::decode(key.split_whitespace().collect::<String>()).unwrap();
    let key = rsa_oaep::PrivateKey::from_pkcs8(&key).unwrap();
    Booted {
        enclave: Enclave::new(BootKeys::new(Some(key)), model, limits, session_limits).unwrap(),
        engine,
    }
}

/// Limits that a session reaches after so many records or bytes.
pub fn short_session(records: u64, bytes: u64) -> SessionLimits {
    SessionLimits {
        records,
        bytes,
        lifetime: Duration::from_secs(3600),
    }
}

/// Where a relay of a test listens.
pub fn anywhere() -> Endpoint {
    "tcp:127.0.0.1:0".parse().unwrap()
}

/// The texts of the fixture's reference: of several labels, lengths and scripts.
pub fn reference_notes(model: &str) -> Vec<String> {
    let file = std::fs::read(fixture(model).join("reference.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    let text = |case: &serde_json::Value| case["text"].as_str().unwrap().to_owned();
    cases.iter().map(text).collect()
}

/// Short notes, all different.
pub fn short_notes(count: usize) -> Vec<String> {
    let subjects = [
        "fracture",
        "heart failure",
        "type 2 diabetes",
        "fever and cough",
    ];
    (0..count)
        .map(|index| format!("Note {index}: {}.", subjects[index % subjects.len()]))
        .collect()
}

/// Asserts that every note has the outcome that the engine, asked directly, gives.
pub async fn assert_engines_own(
    booted: &Booted,
    notes: &[String],
    outcomes: &[Option<NoteOutcome>],
) {
    let expected = booted.engine.session().classify(notes.to_vec()).await;
    assert_eq!(outcomes.len(), expected.len());
    for (index, (outcome, expected)) in outcomes.iter().zip(&expected).enumerate() {
        let (Some(Ok(outcome)), Ok(expected)) = (outcome, expected) else {
            panic!("note {index}: {outcome:?}, the engine says {expected:?}");
        };
        assert_eq!(outcome.known, expected.known, "note {index}");
        let (scores, expected) = (&outcome.scores, &expected.scores);
        assert_eq!(scores.len(), expected.len());
        for (score, expected) in scores.iter().zip(expected) {
            assert!((score - expected).abs() <= TOLERANCE, "note {index}");
        }
        assert_eq!(best(scores), best(expected), "note {index}");
    }
}

/// What a [`StandIn`] says of a note.
pub fn scored(scores: Vec<f32>) -> NoteOutcome {
    let known = KnownShare::ALL;
    Ok(Scored { scores, known })
}

/// The index of the greatest score.
pub fn best(scores: &[f32]) -> usize {
    (0..scores.len())
        .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
        .unwrap()
}

/// A stand-in for the model.
pub struct StandIn<F> {
    info: ModelInfo,
    classify: F,
}

impl<F> StandIn<F>
where
    F: Fn(&[&str]) -> Vec<Scores> + Send + 'static,
{
    /// An engine's thread that runs `classify` instead of `booted`'s model.
    pub fn spawn(booted: &Booted, classify: F) -> EngineHandle {
        EngineHandle::spawn(Self {
            info: booted.engine.info().clone(),
            classify,
        })
        .unwrap()
    }
}

impl<F> Classifier for StandIn<F>
where
    F: Fn(&[&str]) -> Vec<Scores> + Send + 'static,
{
    type Window = String;
    type Windows = std::vec::IntoIter<String>;

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn batch_tokens(&self) -> usize {
        1024
    }

    fn tokenize(&self, note: &str) -> Result<Self::Windows, NoteError> {
        Ok(vec![note.to_owned()].into_iter())
    }

    fn known(_: &Self::Windows) -> KnownShare {
        KnownShare::ALL
    }

    fn tokens(note: &String) -> usize {
        note.len()
    }

    fn logits(&self, notes: &[String]) -> Vec<Option<Vec<f32>>> {
        let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
        (self.classify)(&notes).into_iter().map(Some).collect()
    }

    fn pool(&self, scores: &[Option<Vec<f32>>]) -> Result<Scores, NoteError> {
        scores[0].clone().ok_or(NoteError::Internal)
    }
}
