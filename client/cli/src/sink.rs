//! Where results go: a format each has its file.
//!
//! ```text
//! rows, in the order of the input → Encoder → bytes → a stream, or a file that appears when it is complete
//! ```

mod csv;
mod fhir;
mod format;
mod jsonl;
mod parquet;

pub(crate) use csv::BETWEEN_LABELS;
pub use format::{FormatError, OutputFormat, SinkOptions};

use sealnote_client::EvidenceDigest;
use sealnote_model::NoteError;
use sealnote_session::{Classification, Outcome};
use serde::{Serialize, Serializer};

use crate::record::{InputError, Origin};

/// What a file is called beside its own name while it is converted into its format.
pub(crate) const CONVERTING: &str = "converting";

/// What became of one record.
#[derive(Clone, Debug)]
pub enum RowResult {
    /// Classified, in the labels of the model that did it, by the enclave of this evidence.
    Classified(Classification, EvidenceDigest),
    /// The same, but the model knew less of the note than `--min-known` demands.
    LittleKnown(Classification, EvidenceDigest),
    /// The enclave's typed error.
    Enclave(NoteError, EvidenceDigest),
    /// The record holds no text to send.
    Input(InputError),
}

/// A record without its text, and what became of it.
#[derive(Debug)]
pub struct Row {
    /// What the source gave.
    pub origin: Origin,
    /// What became of it.
    pub result: RowResult,
}

/// Turns rows into bytes, each row into whole ones that can be appended.
pub trait Encoder: Send {
    /// What stands before the first row, such as the columns' names.
    fn begin(&mut self, _out: &mut Vec<u8>) {}
    /// Appends a row.
    fn row(&mut self, row: &Row, out: &mut Vec<u8>);
}

/// How many scores a result has beside its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// None: the label and its score say it.
    None,
    /// The best so many.
    Top(usize),
    /// Each label's.
    All,
}

impl RowResult {
    /// What came of a note, and whether it is enough.
    pub fn of(outcome: Outcome, evidence: EvidenceDigest, min_known: Option<f64>) -> Self {
        match outcome {
            Ok(classification) => {
                let known = f64::from(classification.known().share());
                match min_known.is_some_and(|least| known < least) {
                    true => Self::LittleKnown(classification, evidence),
                    false => Self::Classified(classification, evidence),
                }
            }
            Err(error) => Self::Enclave(error, evidence),
        }
    }

    /// A name for programs, and a sentence for people; `None` if the record was classified.
    pub fn error(&self) -> Option<(&'static str, String)> {
        Some(match self {
            Self::Classified(..) => return None,
            Self::LittleKnown(classification, _) => (
                "little_known",
                format!(
                    "the model's vocabulary has only {:.0} % of the note's tokens (--min-known)",
                    100.0 * classification.known().share()
                ),
            ),
            Self::Enclave(error, _) => {
                let code = match error {
                    NoteError::Empty => "empty",
                    NoteError::TooLong => "too_long",
                    NoteError::NotUtf8 => "not_utf8",
                    NoteError::Internal => "internal",
                };
                (code, error.to_string())
            }
            Self::Input(error) => (error.code(), error.to_string()),
        })
    }

    /// What the model said, if it did.
    pub fn classification(&self) -> Option<&Classification> {
        match self {
            Self::Classified(classification, _) | Self::LittleKnown(classification, _) => {
                Some(classification)
            }
            _ => None,
        }
    }

    /// About how many bytes its scores take.
    pub fn held(&self) -> usize {
        let scores = self.classification().map_or(0, |c| c.scores().len());
        scores * size_of::<f32>()
    }

    /// The evidence of the enclave that answered, if one did.
    pub fn evidence(&self) -> Option<EvidenceDigest> {
        match self {
            Self::Classified(_, evidence)
            | Self::LittleKnown(_, evidence)
            | Self::Enclave(_, evidence) => Some(*evidence),
            Self::Input(_) => None,
        }
    }
}

impl Scores {
    /// The scores to write, in the order of the model's labels, or best first if they are some of them.
    pub fn of(self, classification: &Classification) -> Option<Vec<(&str, f32)>> {
        let mut scores: Vec<_> = classification.scores().collect();
        match self {
            Self::None => return None,
            Self::All => {}
            Self::Top(count) => {
                // Stable: among equals the lowest index stays first.
                scores.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                scores.truncate(count);
            }
        }
        Some(scores)
    }
}

/// Labels and their scores, as a JSON object in their order.
struct Pairs<'a>(&'a [(&'a str, f32)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Appends a value in JSON.
fn append_json(value: &impl Serialize, out: &mut Vec<u8>) {
    if let Err(error) = serde_json::to_writer(out, value) {
        unreachable!("texts and numbers, into memory: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealnote_model::{KnownShare, ModelDigest, Precision, Problem, Scored};
    use sealnote_protocol::task::ModelClaims;

    use super::*;
    use crate::record::{Id, Passed};

    pub(super) fn classified(problem: Problem, scores: &[(&str, f32)]) -> RowResult {
        let labels = scores
            .iter()
            .map(|(label, _)| (*label).to_owned())
            .collect();
        let digest = ModelDigest([scores.len() as u8; 48]);
        let model = ModelClaims::new(digest, labels, problem, 256, 64, Precision::F32);
        let scored = Scored {
            scores: scores.iter().map(|(_, score)| *score).collect(),
            known: KnownShare::of(3, 5),
        };
        let classification = Classification::new(Arc::new(model), scored).unwrap();
        RowResult::Classified(classification, [7; 32].into())
    }

    /// What breaks quoting, lines, terminals and C strings.
    pub(super) const AWKWARD: &str = "\"a,b\";\t'c\r\n\0\u{202e}d\u{1b}[2J=é😀";

    pub(super) fn little_known() -> RowResult {
        match classified(Problem::SingleLabel, &[("a", 1.0)]) {
            RowResult::Classified(classification, evidence) => {
                RowResult::LittleKnown(classification, evidence)
            }
            other => other,
        }
    }

    pub(super) fn row(line: u64, result: RowResult) -> Row {
        let passed = Passed {
            names: ["ward".to_owned()].into(),
            values: vec![3.into()],
        };
        let id = Some(Id::Text(format!("n{line}")));
        let origin = Origin { line, id, passed };
        Row { origin, result }
    }
}
