//! Rows of results, in the formats that `sealnote submit` writes, one at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use thiserror::Error;

use crate::sink::BETWEEN_LABELS;

/// What a report needs of a row. No id, and nothing that was passed through.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(super) struct ResultRow {
    /// Every row has it: what has none is no row of results.
    pub(super) line: u64,
    pub(super) label: Option<String>,
    /// Of a model of several labels, those that hold.
    pub(super) labels: Option<Vec<String>>,
    pub(super) score: Option<f32>,
    pub(super) known: Option<f32>,
    pub(super) error: Option<String>,
    pub(super) evidence: Option<String>,
    pub(super) model: Option<String>,
}

/// Why results cannot be read. Never quotes them.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "it is no file of results: JSON Lines, CSV, TSV and Parquet, as `sealnote submit` writes them, are read"
    )]
    Unknown,
    #[error("row {0} is none that `sealnote submit` writes")]
    Row(u64),
    #[error("Parquet is read from a file only")]
    Stream,
    #[error("as Parquet: {0}")]
    Parquet(String),
}

/// A row of more bytes is of no file of ours.
const LONGEST: u64 = 64 << 20;

/// Hands each row on; `None` as path is standard input. Whether the last row is cut short, as while a run goes on.
pub(super) fn read(
    path: Option<&Path>,
    each: &mut dyn FnMut(ResultRow),
) -> Result<bool, ReadError> {
    let Some(path) = path else {
        return read_from(BufReader::new(io::stdin()), None, each);
    };
    let file = File::open(path)?;
    let rows = BufReader::with_capacity(1 << 16, file.try_clone()?);
    read_from(rows, Some(file), each)
}

fn read_from(
    mut rows: impl BufRead,
    file: Option<File>,
    each: &mut dyn FnMut(ResultRow),
) -> Result<bool, ReadError> {
    let start = rows.fill_buf()?;
    let first_line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if start.starts_with(b"PAR1") {
        return read_parquet(file.ok_or(ReadError::Stream)?, each).map(|()| false);
    }
    match first_line {
        [] | [b'{', ..] => read_jsonl(rows, each),
        // The columns that each table begins with.
        header if header.starts_with(b"id,line,") => read_table(rows, b',', each),
        header if header.starts_with(b"id\tline\t") => read_table(rows, b'\t', each),
        _ => Err(ReadError::Unknown),
    }
}

fn read_jsonl(mut rows: impl BufRead, each: &mut dyn FnMut(ResultRow)) -> Result<bool, ReadError> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut rows).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(row) => each(row),
            Err(_) if !line.ends_with(b"\n") && (line.len() as u64) < LONGEST => return Ok(true),
            // Its message may quote the row.
            Err(_) => return Err(ReadError::Row(number)),
        }
    }
    Ok(false)
}

fn read_table(
    rows: impl Read,
    separator: u8,
    each: &mut dyn FnMut(ResultRow),
) -> Result<bool, ReadError> {
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(separator)
        .from_reader(rows);
    let table = |error: csv::Error| {
        let row = error.position().map_or(0, csv::Position::record);
        match error.into_kind() {
            csv::ErrorKind::Io(error) => ReadError::Io(error),
            _ => ReadError::Row(row),
        }
    };
    let header = rows.headers().map_err(table)?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let places = [
        "line", "label", "score", "known", "error", "evidence", "model",
    ]
    .map(place);
    let mut record = csv::StringRecord::new();
    let mut number = 0;
    while rows.read_record(&mut record).map_err(table)? {
        number += 1;
        let field = |index: usize| {
            let text = places[index].and_then(|place| record.get(place));
            text.filter(|text| !text.is_empty())
        };
        let text = |index| field(index).map(str::to_owned);
        let share = |index| {
            let parsed = field(index).map(str::parse::<f32>).transpose();
            parsed.map_err(|_| ReadError::Row(number))
        };
        let line = field(0).and_then(|line| line.parse().ok());
        let (score, known, error) = (share(2)?, share(3)?, text(4));
        let mut row = ResultRow {
            line: line.ok_or(ReadError::Row(number))?,
            label: text(1),
            labels: None,
            score,
            known,
            error,
            evidence: text(5),
            model: text(6),
        };
        // Only a model of several labels gives no score beside them.
        if row.known.is_some() && row.score.is_none() {
            let labels = row.label.take().unwrap_or_default();
            let labels = labels
                .split(BETWEEN_LABELS)
                .filter(|label| !label.is_empty());
            row.labels = Some(labels.map(str::to_owned).collect());
        }
        each(row);
    }
    Ok(false)
}

fn read_parquet(file: File, each: &mut dyn FnMut(ResultRow)) -> Result<(), ReadError> {
    const COLUMNS: [&str; 7] = [
        "label", "labels", "score", "known", "error", "evidence", "model",
    ];
    let failed = |error: &dyn core::fmt::Display| ReadError::Parquet(error.to_string());
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(&error))?;
    let wanted = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
    let reader = builder
        .with_projection(wanted)
        .with_batch_size(4096)
        .build();
    let mut number = 0;
    for batch in reader.map_err(|error| failed(&error))? {
        let batch = batch.map_err(|error| failed(&error))?;
        let columns = Columns::of(&batch).ok_or(ReadError::Unknown)?;
        for place in 0..batch.num_rows() {
            number += 1;
            each(columns.row(place, number));
        }
    }
    Ok(())
}

/// The columns of some rows of Parquet.
struct Columns<'a> {
    label: &'a arrow_array::StringArray,
    labels: &'a arrow_array::ListArray,
    score: &'a arrow_array::Float32Array,
    known: &'a arrow_array::Float32Array,
    error: &'a arrow_array::StringArray,
    evidence: &'a arrow_array::StringArray,
    model: Option<&'a arrow_array::StringArray>,
}

impl<'a> Columns<'a> {
    /// `None` if one is missing, or of another type.
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
        let number = |name: &str| {
            batch
                .column_by_name(name)?
                .as_primitive_opt::<Float32Type>()
        };
        let labels = batch.column_by_name("labels")?.as_list_opt::<i32>()?;
        labels.values().as_string_opt::<i32>()?;
        Some(Self {
            label: text("label")?,
            labels,
            score: number("score")?,
            known: number("known")?,
            error: text("error")?,
            evidence: text("evidence")?,
            model: text("model"),
        })
    }

    fn row(&self, place: usize, number: u64) -> ResultRow {
        let text = |column: &arrow_array::StringArray| {
            column
                .is_valid(place)
                .then(|| column.value(place).to_owned())
        };
        let share = |column: &arrow_array::Float32Array| {
            column.is_valid(place).then(|| column.value(place))
        };
        let labels = self.labels.is_valid(place).then(|| {
            let labels = self.labels.value(place);
            let labels = labels.as_string::<i32>().iter().flatten();
            labels.map(str::to_owned).collect()
        });
        ResultRow {
            line: number,
            label: text(self.label),
            labels,
            score: share(self.score),
            known: share(self.known),
            error: text(self.error),
            evidence: text(self.evidence),
            model: self.model.and_then(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8]) -> Result<(Vec<ResultRow>, bool), ReadError> {
        let mut rows = Vec::new();
        let cut = read_from(bytes, None, &mut |row| rows.push(row))?;
        Ok((rows, cut))
    }

    #[test]
    fn a_table_says_what_json_lines_say() {
        let json = br#"{"id":"n","line":1,"ward":"label","label":"a;b","score":0.5,"known":1.0,"evidence":"07"}
{"id":7,"line":2,"labels":["a","b"],"known":0.6,"scores":{"a":1},"model":"02"}
{"id":null,"line":3,"labels":[],"known":0.6}
{"id":"n","line":4,"error":"empty","message":"m","evidence":"07"}
"#;
        let csv = b"id,line,ward,label,score,known,error,message,evidence,model
n,1,label,a;b,0.5,1,,,07,
7,2,,a;b,,0.6,,,,02
,3,,,,0.6,,,,
n,4,,,,,empty,m,07,
";
        let (expected, cut) = rows(json).unwrap();
        assert_eq!((expected.len(), cut), (4, false));
        assert_eq!(expected[0].label.as_deref(), Some("a;b"));
        assert_eq!(rows(csv).unwrap().0, expected);
        let tsv: Vec<u8> = csv
            .iter()
            .map(|b| if *b == b',' { b'\t' } else { *b })
            .collect();
        assert_eq!(rows(&tsv).unwrap().0, expected);
    }

    #[test]
    fn what_is_no_row_is_named_by_its_place_and_not_quoted() {
        let good = b"{\"line\":1}\n";
        let refused = |bytes: &[u8]| rows(bytes).unwrap_err().to_string();
        let row = "row 2 is none that `sealnote submit` writes";
        assert_eq!(refused(&[good, &b"{\"secret\":1}\n"[..]].concat()), row);
        assert_eq!(refused(b"id,line,known\nn,1,1\nn,secret,1\n"), row);
        assert_eq!(refused(b"id,line,known\nn,1,1\nn,2\n"), row);
        for other in [&b"id,text\n1,secret\n"[..], b"[{}]", b"\x1f\x8b\x08"] {
            assert!(matches!(rows(other), Err(ReadError::Unknown)));
        }
        assert!(matches!(rows(b"PAR1"), Err(ReadError::Stream)));
        assert_eq!(rows(b"").unwrap(), (vec![], false));
        let (seen, cut) = rows(&[good, &b"{\"line\":2,\"lab"[..]].concat()).unwrap();
        assert_eq!((seen.len(), cut), (1, true));
    }
}
