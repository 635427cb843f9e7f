//! Apache Parquet, of rows that were first written as JSON Lines: a file of Parquet cannot be appended row by row.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{
    Float32Builder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{CONVERTING, Scores, SinkOptions, csv};
use crate::record::Id;

/// Rows that are turned into columns at once.
const BATCH: usize = 1024;

/// Rows and bytes of a row group, which is held in memory until it is written.
const GROUP_ROWS: usize = 1 << 17;
const GROUP_BYTES: usize = 8 << 20;

/// Converts the rows of JSON Lines in `partial` to the file `target`, and removes `partial` when the disk has that.
/// Memory does not grow with the rows. Does nothing if it was done before.
pub(super) fn complete(options: &SinkOptions, partial: &Path, target: &Path) -> io::Result<()> {
    let rows = match File::open(partial) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && target.exists() => return Ok(()),
        opened => BufReader::with_capacity(1 << 16, opened?),
    };
    let mut converting = target.as_os_str().to_owned();
    converting.push(".");
    converting.push(CONVERTING);
    // Of an earlier attempt, perhaps.
    match std::fs::remove_file(&converting) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&converting)?;
    let converted = convert(rows, options, &file).and_then(|()| file.sync_all());
    if let Err(error) = converted.and_then(|()| std::fs::rename(&converting, target)) {
        let _ = std::fs::remove_file(&converting);
        return Err(error);
    }
    std::fs::remove_file(partial)
}

/// Converts rows as the encoder of JSON Lines writes them with the same options. A field that a row does not have is
/// null.
pub(super) fn convert(
    mut rows: impl BufRead,
    options: &SinkOptions,
    out: impl Write + Send,
) -> io::Result<()> {
    let schema = schema(options);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build();
    let mut writer =
        ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(io::Error::other)?;
    let mut columns = Columns::new(options);
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let end = rows.read_until(b'\n', &mut line)? == 0;
        if !end {
            let row = serde_json::from_slice(&line).map_err(|_| not_a_row(number))?;
            columns.append(row);
        }
        if columns.rows == BATCH || end {
            let batch = RecordBatch::try_new(schema.clone(), columns.finish());
            let written = batch
                .map_err(Into::into)
                .and_then(|batch| writer.write(&batch));
            written.map_err(io::Error::other)?;
        }
        if end {
            break;
        }
    }
    writer.close().map(drop).map_err(io::Error::other)
}

/// The parser's message may quote the row.
fn not_a_row(number: u64) -> io::Error {
    let problem = format!("line {number} of the results so far is none that this release writes");
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// A row of JSON Lines.
#[derive(Deserialize)]
struct Line {
    id: Option<Id>,
    line: i64,
    label: Option<String>,
    labels: Option<Vec<String>>,
    score: Option<f32>,
    known: Option<f32>,
    scores: Option<Pairs>,
    error: Option<String>,
    message: Option<String>,
    evidence: Option<String>,
    model: Option<String>,
    #[serde(flatten)]
    passed: BTreeMap<String, Value>,
}

/// An object's fields, in their order.
struct Pairs(Vec<(String, f32)>);

/// The columns: those of CSV, and `labels`. An id is a text, whatever it was, so that files of many runs have one
/// schema; a line is signed, since Spark reads unsigned ones as decimals.
fn schema(options: &SinkOptions) -> Arc<Schema> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Float32, true);
    let mut fields = vec![text("id"), Field::new("line", DataType::Int64, false)];
    fields.extend(options.passed.iter().map(|name| text(name)));
    let labels = DataType::List(element());
    fields.extend([text("label"), Field::new("labels", labels, true)]);
    fields.extend([number("score"), number("known")]);
    fields.extend([text("error"), text("message"), text("evidence")]);
    fields.extend(options.models.then(|| text("model")));
    if options.scores != Scores::None {
        let [key, value] = entry();
        let entries = DataType::Struct(vec![key, value].into());
        let entries = Field::new("key_value", entries, false);
        let map = DataType::Map(entries.into(), false);
        fields.push(Field::new("scores", map, true));
    }
    Arc::new(Schema::new(fields))
}

/// As Parquet names the parts of lists and maps.
fn element() -> FieldRef {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

fn entry() -> [FieldRef; 2] {
    [
        Arc::new(Field::new("key", DataType::Utf8, false)),
        Arc::new(Field::new("value", DataType::Float32, false)),
    ]
}

/// The columns of some rows.
struct Columns {
    rows: usize,
    names: Arc<[String]>,
    id: StringBuilder,
    line: Int64Builder,
    passed: Vec<StringBuilder>,
    label: StringBuilder,
    labels: ListBuilder<StringBuilder>,
    score: Float32Builder,
    known: Float32Builder,
    error: StringBuilder,
    message: StringBuilder,
    evidence: StringBuilder,
    model: Option<StringBuilder>,
    scores: Option<MapBuilder<StringBuilder, Float32Builder>>,
}

impl Columns {
    fn new(options: &SinkOptions) -> Self {
        let map = || {
            let names = MapFieldNames {
                entry: "key_value".into(),
                key: "key".into(),
                value: "value".into(),
            };
            let [key, value] = entry();
            MapBuilder::new(Some(names), StringBuilder::new(), Float32Builder::new())
                .with_keys_field(key)
                .with_values_field(value)
        };
        Self {
            rows: 0,
            names: options.passed.clone(),
            id: StringBuilder::new(),
            line: Int64Builder::new(),
            passed: options
                .passed
                .iter()
                .map(|_| StringBuilder::new())
                .collect(),
            label: StringBuilder::new(),
            labels: ListBuilder::new(StringBuilder::new()).with_field(element()),
            score: Float32Builder::new(),
            known: Float32Builder::new(),
            error: StringBuilder::new(),
            message: StringBuilder::new(),
            evidence: StringBuilder::new(),
            model: options.models.then(StringBuilder::new),
            scores: (options.scores != Scores::None).then(map),
        }
    }

    fn append(&mut self, row: Line) {
        self.rows += 1;
        self.id.append_option(row.id.as_ref().map(csv::plain_id));
        self.line.append_value(row.line);
        for (name, column) in self.names.iter().zip(&mut self.passed) {
            column.append_option(row.passed.get(name).and_then(csv::plain));
        }
        self.label.append_option(row.label);
        self.labels
            .append_option(row.labels.map(|labels| labels.into_iter().map(Some)));
        self.score.append_option(row.score);
        self.known.append_option(row.known);
        self.error.append_option(row.error);
        self.message.append_option(row.message);
        self.evidence.append_option(row.evidence);
        if let Some(model) = &mut self.model {
            model.append_option(row.model);
        }
        if let Some(scores) = &mut self.scores {
            let valid = row.scores.is_some();
            for (label, score) in row.scores.into_iter().flat_map(|pairs| pairs.0) {
                scores.keys().append_value(label);
                scores.values().append_value(score);
            }
            if let Err(error) = scores.append(valid) {
                unreachable!("as many keys as values: {error}");
            }
        }
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(self.id.finish()), Arc::new(self.line.finish())];
        for column in &mut self.passed {
            columns.push(Arc::new(column.finish()));
        }
        columns.extend([
            Arc::new(self.label.finish()) as ArrayRef,
            Arc::new(self.labels.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.known.finish()),
            Arc::new(self.error.finish()),
            Arc::new(self.message.finish()),
            Arc::new(self.evidence.finish()),
        ]);
        if let Some(model) = &mut self.model {
            columns.push(Arc::new(model.finish()));
        }
        if let Some(scores) = &mut self.scores {
            columns.push(Arc::new(scores.finish()));
        }
        columns
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("labels and their scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;
    use sealnote_model::{NoteError, Problem};
    use serde_json::json;

    use super::super::tests::{AWKWARD, classified, row};
    use super::super::{OutputFormat, Row, RowResult};
    use super::*;
    use crate::record::{InputError, Origin};

    fn options(scores: Scores, models: bool) -> SinkOptions {
        SinkOptions {
            scores,
            models,
            passed: ["ward".to_owned()].into(),
        }
    }

    /// Rows through the file that grows, and read back by the crate's other reader, which knows no Arrow.
    fn read_back(options: &SinkOptions, rows: &[Row]) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let (partial, target) = (folder.path().join("r.partial"), folder.path().join("r"));
        let mut out = Vec::new();
        let mut encoder = OutputFormat::Parquet.encoder(options).unwrap();
        encoder.begin(&mut out);
        rows.iter().for_each(|row| encoder.row(row, &mut out));
        std::fs::write(&partial, out).unwrap();
        OutputFormat::Parquet
            .complete(options, &partial, &target)
            .unwrap();
        assert!(!partial.exists());
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing else is left");
        // Once more, as after a crash in between.
        OutputFormat::Parquet
            .complete(options, &partial, &target)
            .unwrap();
        let reader = SerializedFileReader::new(File::open(&target).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        let rows = rows.map(Result::unwrap);
        let value = |(name, field): (&String, &Field)| (name.clone(), json_of(field));
        rows.map(|row| row.get_column_iter().map(value).collect())
            .collect()
    }

    fn json_of(field: &Field) -> Value {
        match field {
            Field::Null => Value::Null,
            Field::Str(text) => json!(text),
            Field::Long(number) => json!(number),
            Field::Float(number) => json!(number),
            Field::ListInternal(list) => list.elements().iter().map(json_of).collect(),
            Field::MapInternal(map) => {
                let pairs = map.entries().iter();
                pairs
                    .map(|(key, value)| (json_of(key).as_str().unwrap().to_owned(), json_of(value)))
                    .collect()
            }
            other => panic!("no such column: {other}"),
        }
    }

    #[test]
    fn rows_have_typed_columns_and_null_where_there_is_nothing() {
        let mut single = row(
            1,
            classified(Problem::SingleLabel, &[("a", 0.25), ("b", 0.75)]),
        );
        single.origin.id = Some(Id::Number(12.into()));
        let multi = classified(Problem::MultiLabel, &[("b", 0.5), ("a", 0.75), ("c", 0.25)]);
        let rows = [
            single,
            row(2, multi),
            row(3, RowResult::Enclave(NoteError::Empty, [7; 32].into())),
            Row {
                origin: Origin::at(4),
                result: RowResult::Input(InputError::NotUtf8),
            },
        ];
        let read = read_back(&options(Scores::All, true), &rows);
        assert_eq!(
            read[0],
            json!({
                "id": "12", "line": 1, "ward": "3", "label": "b", "labels": null, "score": 0.75, "known": 0.6f32,
                "error": null, "message": null, "evidence": "0707070707070707", "model": "02".repeat(48),
                "scores": {"a": 0.25, "b": 0.75},
            })
        );
        assert_eq!(
            (&read[1]["label"], &read[1]["labels"]),
            (&Value::Null, &json!(["a", "b"]))
        );
        assert_eq!(
            (&read[2]["error"], &read[2]["scores"]),
            (&json!("empty"), &Value::Null)
        );
        assert_eq!(
            (&read[3]["id"], &read[3]["ward"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(read[3]["line"], 4);
        let read = read_back(&options(Scores::None, false), &rows);
        assert!(read[0].get("scores").is_none() && read[0].get("model").is_none());
    }

    #[test]
    fn awkward_texts_come_back_as_they_were() {
        let mut awkward = row(1, classified(Problem::SingleLabel, &[(AWKWARD, 1.0)]));
        awkward.origin.id = Some(Id::Text(AWKWARD.into()));
        awkward.origin.passed.values = vec![json!({ "a": AWKWARD })];
        let read = read_back(&options(Scores::None, false), &[awkward]);
        assert_eq!(
            (&read[0]["id"], &read[0]["label"]),
            (&json!(AWKWARD), &json!(AWKWARD))
        );
        let passed: Value = serde_json::from_str(read[0]["ward"].as_str().unwrap()).unwrap();
        assert_eq!(passed, json!({ "a": AWKWARD }));
    }

    #[test]
    fn no_rows_are_a_file_with_columns() {
        assert!(read_back(&options(Scores::All, true), &[]).is_empty());
    }

    #[test]
    fn many_rows_are_several_row_groups() {
        let line = r#"{"id":"n","line":1,"label":"a","score":0.5,"known":1.0,"evidence":"07"}"#;
        let rows = format!("{line}\n").repeat(GROUP_ROWS + 10);
        let mut file = tempfile::tempfile().unwrap();
        convert(rows.as_bytes(), &options(Scores::None, false), &mut file).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<i64> = reader
            .metadata()
            .row_groups()
            .iter()
            .map(|it| it.num_rows())
            .collect();
        assert_eq!(rows, [GROUP_ROWS as i64, 10]);
    }

    #[test]
    fn what_cannot_be_converted_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, target) = (folder.path().join("r.partial"), folder.path().join("r"));
        std::fs::write(&partial, "{\"id\":\"n1\",\"line\":1}\n{\"id\":\"secr").unwrap();
        let options = options(Scores::None, false);
        let error = OutputFormat::Parquet
            .complete(&options, &partial, &target)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2 of the results so far is none that this release writes"
        );
        assert!(partial.exists() && !target.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
