//! JSON Lines: an object a row.

use sealnote_model::Problem;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Encoder, Pairs, Row, Scores};

/// `id`, `line`, the fields that are passed through, then `label` and `score` (or `labels`), the share of the note's
/// tokens that was `known`, perhaps `scores` and the `model`; or `error` and `message`; and the `evidence` of the enclave
/// that answered.
pub(super) struct Jsonl {
    pub(super) scores: Scores,
    /// Whether each result says which model gave it.
    pub(super) models: bool,
}

impl Encoder for Jsonl {
    fn row(&mut self, row: &Row, out: &mut Vec<u8>) {
        let line = Line {
            row,
            scores: self.scores,
            models: self.models,
        };
        super::append_json(&line, out);
        out.push(b'\n');
    }
}

struct Line<'a> {
    row: &'a Row,
    scores: Scores,
    models: bool,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { origin, result } = self.row;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &origin.id)?;
        map.serialize_entry("line", &origin.line)?;
        for (name, value) in origin.passed.iter() {
            map.serialize_entry(name, value)?;
        }
        if let Some((code, message)) = result.error() {
            map.serialize_entry("error", code)?;
            map.serialize_entry("message", &message)?;
        }
        if let Some(classification) = result.classification() {
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
            if let Some(scores) = self.scores.of(classification) {
                map.serialize_entry("scores", &Pairs(&scores))?;
            }
            if self.models {
                let digest = classification.model().digest().to_string();
                map.serialize_entry("model", &digest)?;
            }
        }
        if let Some(evidence) = result.evidence() {
            map.serialize_entry("evidence", &evidence.short())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use sealnote_model::NoteError;
    use serde_json::json;

    use super::super::RowResult;
    use super::super::tests::{classified, row};
    use super::*;
    use crate::record::InputError;

    fn written(scores: Scores, models: bool, rows: &[Row]) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        let mut encoder = Jsonl { scores, models };
        for row in rows {
            encoder.row(row, &mut out);
        }
        let lines = std::str::from_utf8(&out).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_row_has_its_origin_and_its_result_or_its_error() {
        let rows = [
            row(
                1,
                classified(Problem::SingleLabel, &[("a", 0.5), ("b", 0.5)]),
            ),
            row(2, RowResult::Input(InputError::NotUtf8)),
            row(
                4,
                classified(Problem::MultiLabel, &[("a", 0.6), ("b", 0.9)]),
            ),
            row(5, RowResult::Enclave(NoteError::Empty, [7; 32].into())),
        ];
        let lines = written(Scores::None, false, &rows);
        assert_eq!(lines[0]["label"], "a", "the lowest index wins among equals");
        assert_eq!(
            (&lines[0]["id"], &lines[0]["line"]),
            (&json!("n1"), &json!(1))
        );
        assert_eq!(lines[0]["ward"], 3);
        assert!(lines[0].get("scores").is_none() && lines[0].get("model").is_none());
        assert_eq!(
            (&lines[1]["error"], &lines[1]["id"]),
            (&json!("not_utf8"), &json!("n2"))
        );
        assert!(lines[1].get("evidence").is_none());
        assert_eq!(lines[2]["labels"], json!(["b", "a"]));
        assert_eq!(lines[3]["error"], "empty");
        assert_eq!(lines[3]["evidence"], "0707070707070707");
        let lines = written(Scores::All, true, &rows);
        assert_eq!(lines[2]["scores"].to_string(), r#"{"a":0.6,"b":0.9}"#);
        assert_eq!(lines[0]["model"], "02".repeat(48));
    }

    #[test]
    fn the_best_scores_come_first() {
        let three = [("x", 0.25), ("y", 0.5), ("z", 0.25)];
        let mut out = Vec::new();
        let mut encoder = Jsonl {
            scores: Scores::Top(2),
            models: false,
        };
        encoder.row(&row(1, classified(Problem::SingleLabel, &three)), &mut out);
        assert!(
            String::from_utf8(out)
                .unwrap()
                .contains(r#""scores":{"y":0.5,"x":0.25}"#)
        );
    }
}
