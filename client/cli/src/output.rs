//! Writes results: a JSON object a line, in the order of the input.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sealnote_model::{NoteError, Problem};
use sealnote_session::{Classification, Outcome};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::input::InputError;

/// What became of one note.
#[derive(Clone, Debug)]
pub enum NoteResult {
    /// Classified, in the labels of the model that did it.
    Classified(Classification),
    /// The enclave's typed error.
    Enclave(NoteError),
    /// The line holds no note.
    Input(InputError),
    /// The run ended before its answer.
    NoAnswer,
}

impl From<Outcome> for NoteResult {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Ok(classification) => Self::Classified(classification),
            Err(error) => Self::Enclave(error),
        }
    }
}

impl NoteResult {
    /// A name for programs, and a sentence for people; `None` if the note was classified.
    pub fn error(&self) -> Option<(&'static str, String)> {
        let code = match self {
            Self::Classified(_) => return None,
            Self::Enclave(NoteError::Empty) => "empty",
            Self::Enclave(NoteError::TooLong) => "too_long",
            Self::Enclave(NoteError::NotUtf8) | Self::Input(InputError::NotUtf8) => "not_utf8",
            Self::Enclave(NoteError::Internal) => "internal",
            Self::Input(InputError::Shape { .. }) => "bad_line",
            Self::NoAnswer => "no_answer",
        };
        let message = match self {
            Self::Enclave(error) => error.to_string(),
            Self::Input(error) => error.to_string(),
            _ => "the run ended before this note was answered; submit it again".into(),
        };
        Some((code, message))
    }
}

/// Writes results in input order, each as soon as all before it are there.
pub struct ResultWriter<W> {
    out: W,
    ids: Vec<String>,
    models: bool,
    waiting: BTreeMap<usize, NoteResult>,
    next: usize,
}

impl<W: Write> ResultWriter<W> {
    /// A writer for the notes with these ids. With `models`, each result says which model gave it.
    pub fn new(out: W, ids: Vec<String>, models: bool) -> Self {
        Self {
            out,
            ids,
            models,
            waiting: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes the result of the note at `index`.
    pub fn put(&mut self, index: usize, result: NoteResult) -> io::Result<()> {
        self.waiting.insert(index, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            self.write(self.next, &result)?;
            self.next += 1;
        }
        Ok(())
    }

    /// Writes what waits for results that will not come, then every missing one as without answer:
    /// the sink, and the indices of those.
    pub fn finish(mut self) -> io::Result<(W, Vec<usize>)> {
        let mut missing = Vec::new();
        for index in self.next..self.ids.len() {
            let result = self.waiting.remove(&index).unwrap_or(NoteResult::NoAnswer);
            if let NoteResult::NoAnswer = result {
                missing.push(index);
            }
            self.write(index, &result)?;
        }
        self.out.flush()?;
        Ok((self.out, missing))
    }

    /// One write for a whole line: whatever fails, no part of one is written by itself.
    fn write(&mut self, index: usize, result: &NoteResult) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line {
            id: &self.ids[index],
            result,
            model: self.models,
        })?;
        line.push(b'\n');
        self.out.write_all(&line)
    }
}

/// One line: `id`, then `label` and `score` (or `labels`), the share of the note that was `known`, all `scores` and
/// perhaps the `model`, or `error` and `message`.
struct Line<'a> {
    id: &'a str,
    result: &'a NoteResult,
    model: bool,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        if let Some((code, message)) = self.result.error() {
            map.serialize_entry("error", code)?;
            map.serialize_entry("message", &message)?;
        }
        if let NoteResult::Classified(classification) = self.result {
            let holding = classification.holding();
            match (classification.model().problem(), holding.as_slice()) {
                (Problem::SingleLabel, [(label, score)]) => {
                    map.serialize_entry("label", label)?;
                    map.serialize_entry("score", score)?;
                }
                _ => {
                    let labels: Vec<&str> = holding.iter().map(|(label, _)| *label).collect();
                    map.serialize_entry("labels", &labels)?;
                }
            }
            map.serialize_entry("known", &classification.known().share())?;
            map.serialize_entry("scores", &Scores(classification))?;
            if self.model {
                let digest = classification.model().digest().to_string();
                map.serialize_entry("model", &digest)?;
            }
        }
        map.end()
    }
}

/// Scores by label, in label order.
struct Scores<'a>(&'a Classification);

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.scores())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealnote_model::ModelDigest;
    use sealnote_model::{KnownShare, Precision, Scored};
    use sealnote_protocol::task::ModelClaims;

    use super::*;

    fn result(problem: Problem, labels: &[&str], scores: &[f32]) -> NoteResult {
        let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        let digest = ModelDigest([labels.len() as u8; 48]);
        let model = ModelClaims::new(digest, labels, problem, 256, 64, Precision::F32);
        let scored = Scored {
            scores: scores.to_vec(),
            known: KnownShare::of(3, 5),
        };
        NoteResult::Classified(Classification::new(Arc::new(model), scored).unwrap())
    }

    /// What is written of three notes.
    fn written(models: bool, results: Vec<(usize, NoteResult)>) -> Vec<serde_json::Value> {
        let ids = vec!["n0".into(), "n1".into(), "n2".into()];
        let mut out = Vec::new();
        let mut writer = ResultWriter::new(&mut out, ids, models);
        for (index, result) in results {
            writer.put(index, result).unwrap();
        }
        writer.finish().unwrap();
        let lines = std::str::from_utf8(&out).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn results_come_in_input_order_and_every_note_has_one() {
        let lines = written(
            false,
            vec![
                (2, result(Problem::SingleLabel, &["a", "b"], &[0.5, 0.5])),
                (0, NoteResult::Enclave(NoteError::Empty)),
            ],
        );
        assert_eq!(lines[0]["id"], "n0");
        assert_eq!(lines[0]["error"], "empty");
        assert_eq!(lines[1]["error"], "no_answer");
        assert_eq!(lines[2]["label"], "a", "the lowest index wins among equals");
        assert_eq!(lines[2]["scores"]["b"], 0.5);
    }

    #[test]
    fn each_result_is_in_the_labels_of_its_own_model_and_names_it_if_asked() {
        let results = || {
            vec![
                (0, result(Problem::MultiLabel, &["a", "b"], &[0.6, 0.9])),
                (
                    1,
                    result(Problem::SingleLabel, &["x", "y", "z"], &[0.0, 0.25, 0.75]),
                ),
                (2, result(Problem::MultiLabel, &["a", "b"], &[0.1, 0.2])),
            ]
        };
        let lines = written(true, results());
        assert_eq!(lines[0]["labels"], serde_json::json!(["b", "a"]));
        assert_eq!(lines[0]["model"], "02".repeat(48));
        assert_eq!(lines[1]["label"], "z");
        assert_eq!(
            lines[1]["scores"],
            serde_json::json!({ "x": 0.0, "y": 0.25, "z": 0.75 })
        );
        assert_eq!(lines[1]["model"], "03".repeat(48));
        assert_eq!(lines[2]["labels"], serde_json::json!([]));
        let silent = written(false, results());
        assert!(silent.iter().all(|line| line.get("model").is_none()));
    }

    /// A sink that counts the writes it gets, as one whose every write may be the last.
    #[test]
    fn a_line_is_one_write() {
        struct Writes(Vec<Vec<u8>>);
        impl Write for Writes {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = ResultWriter::new(Writes(Vec::new()), vec!["a".into(), "b".into()], true);
        let long: Vec<String> = (0..500).map(|index| format!("label {index}")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let classified = result(Problem::MultiLabel, &long, &[0.9; 500]);
        writer.put(0, classified).unwrap();
        let (Writes(writes), _) = writer.finish().unwrap();
        assert_eq!(writes.len(), 2);
        for write in writes {
            assert_eq!(
                write.iter().position(|byte| *byte == b'\n'),
                Some(write.len() - 1)
            );
        }
    }
}
