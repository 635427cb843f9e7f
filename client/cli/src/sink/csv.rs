//! Comma- or tab-separated values (RFC 4180, but lines end in a line feed): the same columns whatever the model.

use std::sync::Arc;

use ::csv::{Writer, WriterBuilder};
use sealnote_model::Problem;
use serde_json::Value;

use super::{Encoder, Pairs, Row, Scores, SinkOptions, append_json};
use crate::record::Id;

/// `id`, `line`, the fields that are passed through, `label` (of several, joined by `;`, best first), `score` (of a
/// model of one label), `known`, `error`, `message`, `evidence`, perhaps `model`, and perhaps `scores`, a JSON object.
///
/// Texts are written as they are, so that they equal the input's. One that begins with `=`, `+`, `-` or `@` is a
/// formula to a spreadsheet that opens the file without being told that the column is a text.
pub(super) struct Csv {
    separator: u8,
    scores: Scores,
    models: bool,
    passed: Arc<[String]>,
}

/// Between labels in a column.
pub(crate) const BETWEEN_LABELS: char = ';';

impl Csv {
    pub(super) fn new(separator: u8, options: &SinkOptions) -> Self {
        Self {
            separator,
            scores: options.scores,
            models: options.models,
            passed: options.passed.clone(),
        }
    }

    fn write(&self, out: &mut Vec<u8>, fields: &[&str]) {
        let mut writer: Writer<_> = WriterBuilder::new()
            .delimiter(self.separator)
            .buffer_capacity(1024)
            .from_writer(out);
        let written = writer.write_record(fields);
        if let Err(error) = written.and_then(|()| Ok(writer.flush()?)) {
            unreachable!("texts, into memory: {error}");
        }
    }
}

impl Encoder for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let mut names = vec!["id", "line"];
        names.extend(self.passed.iter().map(String::as_str));
        names.extend(["label", "score", "known", "error", "message", "evidence"]);
        names.extend(self.models.then_some("model"));
        names.extend((self.scores != Scores::None).then_some("scores"));
        self.write(out, &names);
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) {
        let Row { origin, result } = row;
        let mut fields = vec![
            origin.id.as_ref().map_or_else(String::new, plain_id),
            origin.line.to_string(),
        ];
        // A record of which nothing was read has no values, and its row has the columns nevertheless.
        let values = (0..self.passed.len()).map(|place| origin.passed.values.get(place));
        fields.extend(values.map(|value| value.and_then(plain).unwrap_or_default()));

        let classification = result.classification();
        let (mut label, mut score, mut known) = Default::default();
        if let Some(classification) = classification {
            let holding = classification.holding();
            let labels: Vec<&str> = holding.iter().map(|(label, _)| *label).collect();
            label = labels.join(&BETWEEN_LABELS.to_string());
            if let (Problem::SingleLabel, [(_, best)]) =
                (classification.model().problem(), holding.as_slice())
            {
                score = best.to_string();
            }
            known = classification.known().share().to_string();
        }
        let (code, message) = result.error().unwrap_or_default();
        let evidence = result.evidence().map(|evidence| evidence.short());
        fields.extend([label, score, known, code.to_owned(), message]);
        fields.push(evidence.unwrap_or_default());
        if self.models {
            let model = classification.map(|it| it.model().digest().to_string());
            fields.push(model.unwrap_or_default());
        }
        if self.scores != Scores::None {
            let scores = classification.and_then(|it| self.scores.of(it));
            let mut json = Vec::new();
            if let Some(scores) = scores {
                append_json(&Pairs(&scores), &mut json);
            }
            fields.push(String::from_utf8_lossy(&json).into_owned());
        }
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        self.write(out, &fields);
    }
}

/// An id, whatever its type.
pub(super) fn plain_id(id: &Id) -> String {
    match id {
        Id::Text(text) => text.clone(),
        Id::Number(number) => number.to_string(),
    }
}

/// A text as it is, nothing for null, and JSON for all else.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sealnote_model::NoteError;
    use serde_json::json;

    use super::super::tests::{AWKWARD, classified, little_known, row};
    use super::super::{OutputFormat, RowResult};
    use super::*;
    use crate::record::{InputError, Origin};

    const HEADER: &str = "id,line,ward,label,score,known,error,message,evidence";

    fn options(scores: Scores, models: bool) -> SinkOptions {
        SinkOptions {
            scores,
            models,
            passed: ["ward".to_owned()].into(),
        }
    }

    fn written(format: OutputFormat, options: &SinkOptions, rows: &[Row]) -> String {
        let mut out = Vec::new();
        let mut encoder = format.encoder(options).unwrap();
        encoder.begin(&mut out);
        for row in rows {
            // A new one, as after a run that was cut short.
            format.encoder(options).unwrap().row(row, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_row_has_each_column() {
        let single = classified(Problem::SingleLabel, &[("a", 0.25), ("b", 0.75)]);
        let multi = classified(Problem::MultiLabel, &[("a", 0.5), ("b", 0.75), ("c", 0.25)]);
        let none = classified(Problem::MultiLabel, &[("a", 0.25)]);
        let unread = Row {
            origin: Origin::at(9),
            result: RowResult::Input(InputError::TooLong { limit: 8 }),
        };
        let rows = [
            row(1, single),
            row(2, multi),
            row(3, none),
            row(4, RowResult::Enclave(NoteError::Empty, [7; 32].into())),
            row(5, little_known()),
            unread,
        ];
        let text = written(OutputFormat::Csv, &options(Scores::None, false), &rows);
        let expected = [
            HEADER,
            "n1,1,3,b,0.75,0.6,,,0707070707070707",
            "n2,2,3,b;a,,0.6,,,0707070707070707",
            "n3,3,3,,,0.6,,,0707070707070707",
            "n4,4,3,,,,empty,the note is empty: it holds no text to classify,0707070707070707",
            "n5,5,3,a,1,0.6,little_known,the model's vocabulary has only 60 % of the note's tokens (--min-known),0707070707070707",
            ",9,,,,,record_too_long,the record is longer than 8 bytes (--max-record-bytes),",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);

        let text = written(
            OutputFormat::Csv,
            &options(Scores::Top(2), true),
            &rows[1..2],
        );
        let (header, row) = text.split_once('\n').unwrap();
        assert_eq!(header, format!("{HEADER},model,scores"));
        let model = "03".repeat(48);
        let scores = r#""{""b"":0.75,""a"":0.5}""#;
        assert_eq!(
            row,
            format!("n2,2,3,b;a,,0.6,,,0707070707070707,{model},{scores}\n")
        );
    }

    #[test]
    fn awkward_texts_come_back_as_they_were() {
        for (format, separator) in [(OutputFormat::Csv, b','), (OutputFormat::Tsv, b'\t')] {
            let mut awkward = row(1, classified(Problem::SingleLabel, &[(AWKWARD, 1.0)]));
            awkward.origin.id = Some(Id::Text(format!("={AWKWARD}")));
            awkward.origin.passed.values = vec![json!(AWKWARD)];
            let mut nested = row(2, classified(Problem::SingleLabel, &[("\u{202e}\"", 1.0)]));
            nested.origin.id = Some(Id::Number(7.into()));
            nested.origin.passed.values = vec![json!([AWKWARD, 1])];
            let options = options(Scores::All, false);
            let text = written(format, &options, &[awkward, nested]);
            let mut reader = ::csv::ReaderBuilder::new()
                .delimiter(separator)
                .from_reader(text.as_bytes());
            let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), 2, "each is one record, of as many fields");
            assert_eq!(&rows[0][0], format!("={AWKWARD}"));
            assert_eq!((&rows[0][2], &rows[0][3]), (AWKWARD, AWKWARD));
            let scores: Value = serde_json::from_str(&rows[0][9]).unwrap();
            assert_eq!(scores, json!({ AWKWARD: 1.0 }));
            let passed: Value = serde_json::from_str(&rows[1][2]).unwrap();
            assert_eq!((&rows[1][0], passed), ("7", json!([AWKWARD, 1])));
        }
    }
}
