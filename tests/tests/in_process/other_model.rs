//! Two enclaves behind one parent, in turn: the first ends its session after four records, in order, and the next
//! connection leads to the other. The client is the program, as a user runs it.

use std::path::Path;

use sealnote_engine::Scores;
use sealnote_model::ModelDigest;
use sealnote_model::{Precision, Problem};
use sealnote_parent::{Balance, Config, Enclaves};
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::task::ModelClaims;
use sealnote_protocol::task::sequence_classification::request_len;
use sealnote_tests::attester::{DevAttester, Quirk, policy};
use sealnote_tests::relay::{Act, Direction, Relay};
use sealnote_tests::rig::{Booted, Setup, start_enclave, start_parent_with};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::programs::{Finished, Program, line, parse_lines, run};
use crate::common::{StandIn, anywhere, booted_with, short_session, single};

/// Notes that the first enclave answers: four records are `ready`, two answers and a close.
const FIRST: usize = 2;
const NOTES: usize = 6;
/// More than a request of 4 KiB holds.
const NOTE_BYTES: u32 = 5000;

/// A model that says the same of every note.
#[derive(Clone)]
struct Model {
    digest: u8,
    labels: Vec<&'static str>,
    problem: Problem,
    window: u32,
    overlap: u32,
    precision: Precision,
    scores: Scores,
    note_bytes: u32,
}

impl Model {
    fn first() -> Self {
        Self {
            digest: 1,
            labels: vec!["asthma", "angina", "anemia"],
            problem: Problem::SingleLabel,
            window: 256,
            overlap: 64,
            precision: Precision::Int8,
            scores: vec![0.75, 0.25, 0.0],
            note_bytes: NOTE_BYTES,
        }
    }

    fn boot(&self, session_limits: SessionLimits) -> Booted {
        let labels = self.labels.iter().copied().map(String::from).collect();
        let model = ModelClaims::new(
            ModelDigest([self.digest; 48]),
            labels,
            self.problem,
            self.window,
            self.overlap,
            self.precision,
        );
        // One note a request, one request at a time: which notes the first session answers is no accident.
        let request = request_len([self.note_bytes as usize]) as u32;
        let limits = Limits::of_classification(1, self.note_bytes, request, 1, self.labels.len());
        let scores = self.scores.clone();
        let engine = StandIn::spawn(single(), move |notes| {
            notes.iter().map(|_| scores.clone()).collect()
        });
        booted_with(model, limits, session_limits, engine)
    }

    /// The fields of a result beside `id`, `scores` and `model`.
    fn verdict(&self) -> Value {
        let holding = |at: usize| self.scores[at] >= 0.5;
        let mut labels: Vec<usize> = (0..self.labels.len()).filter(|at| holding(*at)).collect();
        labels.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]));
        match self.problem {
            Problem::SingleLabel => json!({ "label": self.labels[labels[0]] }),
            Problem::MultiLabel => {
                let labels: Vec<&str> = labels.iter().map(|at| self.labels[*at]).collect();
                json!({ "labels": labels })
            }
        }
    }

    fn assert_result(&self, result: &Value, names_model: bool) {
        for (field, value) in self.verdict().as_object().unwrap() {
            assert_eq!(&result[field], value, "{result}");
        }
        let scores = result["scores"].as_object().unwrap();
        assert_eq!(scores.len(), self.labels.len(), "{result}");
        for (label, score) in self.labels.iter().zip(&self.scores) {
            assert_eq!(scores[*label], f64::from(*score), "{result}");
        }
        let digest = ModelDigest([self.digest; 48]).to_string();
        let model = names_model.then_some(json!(digest));
        assert_eq!(result.get("model"), model.as_ref(), "{result}");
    }
}

/// What leads to the two enclaves' parent, and what a client needs.
struct Pair {
    relay: Relay,
    dir: TempDir,
}

impl Pair {
    async fn start(first: &Model, later: &Model) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let attester = DevAttester::start(Quirk::None).unwrap();
        let (four, unlimited) = (short_session(4, 1 << 30), SessionLimits::default());
        let mut enclaves = Vec::new();
        for (model, limits) in [(first, four), (later, unlimited)] {
            let setup = Setup {
                attester: Some(attester.clone().into_software().unwrap()),
                ..Setup::default()
            };
            let enclave = start_enclave(&model.boot(limits), setup, &anywhere())
                .await
                .unwrap();
            enclaves.push(enclave.endpoint.into());
        }
        let mut config = Config::with(anywhere().into(), Enclaves::try_from(enclaves).unwrap());
        config.balance = Balance::RoundRobin;
        let (parent, _, _) = start_parent_with(config).await.unwrap();
        let relay = Relay::start(&anywhere(), parent, |_| Act::Pass)
            .await
            .unwrap();
        std::fs::write(dir.path().join("root.pem"), attester.root_pem().unwrap()).unwrap();
        std::fs::write(dir.path().join("policy.json"), policy().to_string()).unwrap();
        Self { relay, dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Submits notes, the last of which is as long as the first enclave takes.
    fn submit(&self, further: &[&str]) -> Finished {
        let mut notes: String = (1..NOTES)
            .map(|n| line(&n.to_string(), "A note."))
            .collect();
        notes += &line("long", &"x".repeat(NOTE_BYTES as usize));
        std::fs::write(self.path("notes.jsonl"), notes).unwrap();
        let arguments = [
            "submit",
            "--server",
            &self.relay.endpoint.to_string(),
            "--policy",
            &self.path("policy.json"),
            "--danger-accept-software-root",
            &self.path("root.pem"),
            "--scores",
            "all",
            "-o",
            &self.path("results.jsonl"),
            &self.path("notes.jsonl"),
        ];
        let arguments = [&arguments[..], further].concat();
        tokio::task::block_in_place(|| run(Program::Client, &arguments))
    }

    /// The results: each line is whole.
    fn results(&self, name: &str) -> Vec<Value> {
        let results = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(results.ends_with('\n'));
        parse_lines(&results)
    }

    /// What the second connection carried to its enclave.
    fn sent_to_later(&self) -> Vec<FrameType> {
        let seen = self.relay.seen().into_iter();
        seen.filter(|frame| (frame.connection, frame.direction) == (1, Direction::ToEnclave))
            .map(|frame| frame.kind)
            .collect()
    }
}

/// Models that are not the first, and what is said of them.
fn others() -> Vec<(Model, &'static str)> {
    let first = Model::first();
    vec![
        (
            Model {
                digest: 2,
                labels: vec!["anemia", "angina", "asthma"],
                ..first.clone()
            },
            "digest 0202020202020202… instead of 0101010101010101…, a different label at index 0",
        ),
        (
            Model {
                digest: 3,
                labels: vec!["asthma", "angina"],
                scores: vec![0.25, 0.75],
                ..first.clone()
            },
            "digest 0303030303030303… instead of 0101010101010101…, 2 labels instead of 3",
        ),
        (
            Model {
                digest: 4,
                labels: vec!["a", "b", "c", "d", "e", "f", "g"],
                scores: vec![0.0, 0.0, 0.0, 0.0, 0.125, 0.125, 0.75],
                ..first.clone()
            },
            "digest 0404040404040404… instead of 0101010101010101…, 7 labels instead of 3",
        ),
        (
            Model {
                problem: Problem::MultiLabel,
                scores: vec![0.5, 0.25, 1.0],
                ..first.clone()
            },
            "multi-label instead of single-label",
        ),
        (
            Model {
                precision: Precision::F32,
                ..first.clone()
            },
            "precision f32 instead of int8",
        ),
        (
            Model {
                window: 128,
                overlap: 32,
                ..first
            },
            "windows of 128 tokens instead of 256, an overlap of 32 tokens instead of 64",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_sessions_other_model_gets_no_note() {
    for (later, difference) in others() {
        let pair = Pair::start(&Model::first(), &later).await;
        let finished = pair.submit(&[]);
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let said = format!(
            "the enclave of a later session has a different model: {difference}; the results of 2 records "
        );
        assert!(finished.stderr.contains(&said), "{}", finished.stderr);
        assert!(finished.stderr.contains("--allow-other-model"));
        assert_eq!(pair.sent_to_later(), [FrameType::Hello]);

        assert!(!Path::new(&pair.path("results.jsonl")).exists());
        let kept = pair.results("results.jsonl.partial");
        assert_eq!(kept.len(), FIRST);
        for result in &kept {
            Model::first().assert_result(result, false);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_allowed_each_result_names_its_model_and_has_its_labels() {
    for (later, difference) in others() {
        let pair = Pair::start(&Model::first(), &later).await;
        let finished = pair.submit(&["--allow-other-model"]);
        assert_eq!(finished.code, Some(0), "{difference}: {finished:?}");
        let results = pair.results("results.jsonl");
        assert_eq!(results.len(), NOTES);
        for (index, result) in results.iter().enumerate() {
            let model = match index < FIRST {
                true => &Model::first(),
                false => &later,
            };
            model.assert_result(result, true);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_sessions_limits_are_its_own() {
    let smaller = Model {
        note_bytes: 1000,
        ..Model::first()
    };
    for (later, long_fits) in [(Model::first(), true), (smaller, false)] {
        let pair = Pair::start(&Model::first(), &later).await;
        let finished = pair.submit(&[]);
        let code = if long_fits { 0 } else { 4 };
        assert_eq!(finished.code, Some(code), "{finished:?}");
        let results = pair.results("results.jsonl");
        assert_eq!(results.len(), NOTES);
        let (long, others) = results.split_last().unwrap();
        for result in others {
            later.assert_result(result, false);
        }
        match long_fits {
            true => later.assert_result(long, false),
            false => assert_eq!(long["error"], "too_long"),
        }
    }
}
