//! Writes results: a JSON object a line, in the order of the input.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sealnote_protocol::classification::{NoteError, Problem};
use sealnote_protocol::record::NoteOutcome;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::input::InputError;

/// What became of one note.
#[derive(Clone, Debug, PartialEq)]
pub enum NoteResult {
    /// Classified: a score for each label.
    Scores(Vec<f32>),
    /// The enclave's typed error.
    Enclave(NoteError),
    /// The line holds no note.
    Input(InputError),
    /// The connection ended before its answer; submit it again.
    NoAnswer,
}

impl From<NoteOutcome> for NoteResult {
    fn from(outcome: NoteOutcome) -> Self {
        match outcome {
            Ok(scores) => Self::Scores(scores),
            Err(error) => Self::Enclave(error),
        }
    }
}

impl NoteResult {
    /// A name for programs, and a sentence for people; `None` if the note was classified.
    pub fn error(&self) -> Option<(&'static str, String)> {
        let code = match self {
            Self::Scores(_) => return None,
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
            _ => "the connection ended before this note was answered; submit it again".into(),
        };
        Some((code, message))
    }
}

/// How to read scores: the attested labels, and whether one of them holds or any number.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Names by index.
    pub names: Vec<String>,
    /// Single- or multi-label.
    pub problem: Problem,
}

impl Labels {
    /// Indices of the labels that hold, best first: the greatest score (the lowest index among
    /// equals), or in the multi-label case all of at least 0.5.
    pub fn holding(&self, scores: &[f32]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        match self.problem {
            Problem::SingleLabel => order.truncate(1),
            Problem::MultiLabel => order.retain(|index| scores[*index] >= 0.5),
        }
        order
    }
}

/// Writes results in input order, each as soon as all before it are there.
pub struct ResultWriter<W> {
    out: W,
    labels: Labels,
    ids: Vec<String>,
    waiting: BTreeMap<usize, NoteResult>,
    next: usize,
}

impl<W: Write> ResultWriter<W> {
    /// A writer for the notes with these ids.
    pub fn new(out: W, labels: Labels, ids: Vec<String>) -> Self {
        Self {
            out,
            labels,
            ids,
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
    /// the sink, and the
    /// indices of those.
    pub fn finish(mut self) -> io::Result<(W, Vec<usize>)> {
        let mut missing = Vec::new();
        for index in self.next..self.ids.len() {
            let result = self.waiting.remove(&index).unwrap_or(NoteResult::NoAnswer);
            if result == NoteResult::NoAnswer {
                missing.push(index);
            }
            self.write(index, &result)?;
        }
        self.out.flush()?;
        Ok((self.out, missing))
    }

    fn write(&mut self, index: usize, result: &NoteResult) -> io::Result<()> {
        let line = Line {
            id: &self.ids[index],
            labels: &self.labels,
            result,
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}

/// One line: `id`, then `label` and `score` (or `labels`) and all `scores`, or `error` and `message`.
struct Line<'a> {
    id: &'a str,
    labels: &'a Labels,
    result: &'a NoteResult,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        if let Some((code, message)) = self.result.error() {
            map.serialize_entry("error", code)?;
            map.serialize_entry("message", &message)?;
        }
        if let NoteResult::Scores(scores) = self.result {
            let holding = self.labels.holding(scores);
            let name = |index: &usize| self.labels.names[*index].as_str();
            match (self.labels.problem, holding.as_slice()) {
                (Problem::SingleLabel, [best]) => {
                    map.serialize_entry("label", name(best))?;
                    map.serialize_entry("score", &scores[*best])?;
                }
                _ => {
                    map.serialize_entry("labels", &holding.iter().map(name).collect::<Vec<_>>())?
                }
            }
            let scores = Scores {
                names: &self.labels.names,
                scores,
            };
            map.serialize_entry("scores", &scores)?;
        }
        map.end()
    }
}

/// Scores by label, in label order.
struct Scores<'a> {
    names: &'a [String],
    scores: &'a [f32],
}

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(self.scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(problem: Problem, results: Vec<(usize, NoteResult)>) -> Vec<serde_json::Value> {
        let labels = Labels {
            names: vec!["a".into(), "b".into()],
            problem,
        };
        let ids = vec!["n0".into(), "n1".into(), "n2".into()];
        let mut out = Vec::new();
        let mut writer = ResultWriter::new(&mut out, labels, ids);
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
            Problem::SingleLabel,
            vec![
                (2, NoteResult::Scores(vec![0.5, 0.5])),
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
    fn a_multi_label_note_lists_every_label_that_holds() {
        let lines = written(
            Problem::MultiLabel,
            vec![
                (0, NoteResult::Scores(vec![0.6, 0.9])),
                (1, NoteResult::Scores(vec![0.1, 0.2])),
            ],
        );
        assert_eq!(lines[0]["labels"], serde_json::json!(["b", "a"]));
        assert_eq!(lines[1]["labels"], serde_json::json!([]));
    }
}
