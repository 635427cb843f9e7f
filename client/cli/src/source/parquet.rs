//! Parquet: a record a row, from the three or so columns that are asked for.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use sealnote_client::NoteBytes;
use serde_json::Value;

use super::{Input, Source, SourceError};
use crate::record::{Id, InputError, Origin, Passed, Record};

/// Bytes that a batch of rows should have, and the most rows of one.
const BATCH: i64 = 4 * 1024 * 1024;
const MOST_ROWS: i64 = 1024;

/// Reads rows by batches of a few megabytes.
pub(super) struct Parquet {
    batches: ParquetRecordBatchReader,
    input: Input,
    columns: Columns,
    batch: Option<RecordBatch>,
    /// The next row of the batch.
    at: usize,
    /// Rows that were read.
    rows: u64,
}

/// Where in a batch things are.
struct Columns {
    id: usize,
    text: usize,
    passed: Vec<usize>,
}

impl Parquet {
    pub(super) fn new(file: File, input: Input) -> Result<Self, SourceError> {
        // An error of the crate may quote what it read.
        let corrupt =
            |_| input.refused("is Parquet that is corrupt, cut short, encrypted, or too new");
        // The types of Parquet itself, of which there are few: a dictionary or a view of Arrow's is a text.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let open = || ParquetRecordBatchReaderBuilder::try_new_with_options(file, options);
        let builder = caught(open).map_err(corrupt)?;
        let of_all = Columns::of(builder.schema(), &input).map_err(|said| input.refused(said))?;
        let roots = of_all.passed.iter().chain([&of_all.id, &of_all.text]);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.copied());
        let groups = builder.metadata().row_groups();
        let mut pages = (groups.iter())
            .flat_map(|group| group.columns())
            .map(|column| column.compression());
        if pages.any(|of| of == Compression::LZO) {
            return Err(input.refused("is Parquet whose pages are compressed by LZO, which is not read: write it with zstd, Snappy or gzip"));
        }
        let bytes = groups
            .iter()
            .map(|group| group.total_byte_size() / group.num_rows().max(1));
        let rows = (BATCH / bytes.max().unwrap_or(0).max(1)).clamp(1, MOST_ROWS);
        let build = || {
            let builder = builder.with_projection(mask);
            (builder.with_batch_size(usize::try_from(rows).unwrap_or(1))).build()
        };
        let batches = caught(build).map_err(corrupt)?;
        let columns = Columns::of(&batches.schema(), &input).map_err(|said| input.refused(said))?;
        Ok(Self {
            batches,
            input,
            columns,
            batch: None,
            at: 0,
            rows: 0,
        })
    }
}

/// What reads the file, and panics where the file contradicts itself. What panicked is not used again.
fn caught<T, E>(read: impl FnOnce() -> Result<T, E>) -> Result<T, ()> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|_| ()),
        Err(_) => Err(()),
    }
}

impl Columns {
    fn of(schema: &Schema, input: &Input) -> Result<Self, String> {
        let find = |name: &str, option: &str, readable: fn(&DataType) -> bool| {
            let mut found =
                (schema.fields().iter().enumerate()).filter(|(_, field)| field.name() == name);
            match (found.next(), found.next()) {
                (Some((at, field)), None) if readable(field.data_type()) => Ok(at),
                (Some((_, field)), None) => Err(format!(
                    "has a column `{}` of the type {}, which is not read: make it a text, or name another by {option}",
                    name.escape_debug(),
                    field.data_type()
                )),
                (Some(_), Some(_)) => Err(format!("has two columns `{}`", name.escape_debug())),
                (None, _) => Err(format!(
                    "{}; its columns are {}",
                    super::missing("column", name, option),
                    names(schema)
                )),
            }
        };
        let id = |of: &DataType| is_text(of) || of.is_integer();
        let passed = |of: &DataType| {
            *of == DataType::Utf8
                || of.is_integer()
                || matches!(
                    of,
                    DataType::Boolean | DataType::Float32 | DataType::Float64
                )
        };
        Ok(Self {
            id: find(&input.id_field, "--id-field", id)?,
            text: find(&input.text_field, "--text-field", is_text)?,
            passed: (input.pass.iter())
                .map(|name| find(name, "--pass", passed))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The names of a schema, of which the first are enough for a person.
fn names(schema: &Schema) -> String {
    const SHOWN: usize = 20;
    let fields = schema.fields();
    let shown = fields.iter().take(SHOWN).map(|field| {
        let name: String = field.name().chars().take(64).collect();
        format!("`{}`", name.escape_debug())
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = fields.len().saturating_sub(SHOWN);
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

/// A binary column of UTF-8 is what some programs write for texts.
fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Binary)
}

impl Source for Parquet {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            if let Some(batch) = &self.batch
                && self.at < batch.num_rows()
            {
                self.rows += 1;
                let record = self.columns.record(batch, self.at, self.rows, &self.input);
                self.at += 1;
                return Ok(Some(record));
            }
            self.at = 0;
            self.batch = match caught(|| self.batches.next().transpose()) {
                Ok(None) => return Ok(None),
                Ok(batch) => batch,
                Err(()) => {
                    let said = format!(
                        "cannot be read further than its row {}: it is corrupt, or a text is not UTF-8",
                        self.rows
                    );
                    return Err(self.input.refused(said));
                }
            };
        }
    }
}

impl Columns {
    fn record(&self, batch: &RecordBatch, at: usize, row: u64, input: &Input) -> Record {
        let id = match id(batch.column(self.id), at) {
            Ok(id) => id,
            Err(error) => return Record::failed(row, error),
        };
        let values = self
            .passed
            .iter()
            .map(|column| value(batch.column(*column), at));
        let limit = input.max_record;
        let text = match bytes(batch.column(self.text), at) {
            None => Err(InputError::NoText("the text is null")),
            Some(text) if text.len() > limit => Err(InputError::TooLong { limit }),
            Some(text) if std::str::from_utf8(text).is_err() => Err(InputError::NotUtf8),
            Some(text) => Ok(NoteBytes::from(text.to_vec())),
        };
        Record {
            origin: Origin {
                line: row,
                id: Some(id),
                passed: Passed {
                    names: input.pass.clone(),
                    values: values.collect(),
                },
            },
            text,
        }
    }
}

fn id(column: &dyn Array, at: usize) -> Result<Id, InputError> {
    if let Some(text) = bytes(column, at) {
        let text = String::from_utf8(text.to_vec()).map_err(|_| InputError::NotUtf8)?;
        return Ok(Id::Text(text));
    }
    match value(column, at) {
        Value::Number(number) => Ok(Id::Number(number)),
        _ => Err(InputError::NoId("the id is null")),
    }
}

/// `None` where there is no text.
fn bytes(column: &dyn Array, at: usize) -> Option<&[u8]> {
    if column.is_null(at) {
        return None;
    }
    let text = column
        .as_string_opt::<i32>()
        .map(|texts| texts.value(at).as_bytes());
    text.or_else(|| Some(column.as_binary_opt::<i32>()?.value(at)))
}

fn value(column: &dyn Array, at: usize) -> Value {
    macro_rules! number {
        ($type:ty) => {
            column
                .as_primitive_opt::<$type>()
                .map(|values| Value::from(values.value(at)))
        };
    }
    if column.is_null(at) {
        return Value::Null;
    }
    let value = match column.data_type() {
        DataType::Utf8 => column
            .as_string_opt::<i32>()
            .map(|texts| texts.value(at).into()),
        DataType::Boolean => column
            .as_boolean_opt()
            .map(|values| values.value(at).into()),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        _ => None,
    };
    value.unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, LargeStringArray,
        StringArray, StringViewArray,
    };
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use super::super::tests::{codes, input, read_all};
    use super::*;

    fn write(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        )
        .unwrap();
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .build();
        let mut writer =
            ArrowWriter::try_new(file.as_file_mut(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file
    }

    fn open(file: &tempfile::NamedTempFile, pass: &[&str]) -> Result<Parquet, SourceError> {
        let pass = pass.iter().map(|name| (*name).to_owned()).collect();
        Parquet::new(file.reopen().unwrap(), Input { pass, ..input() })
    }

    #[test]
    fn texts_of_every_kind_and_compression_are_read() {
        let texts = ["one", "", "three"];
        let columns: [ArrayRef; 4] = [
            Arc::new(StringArray::from_iter_values(texts)),
            Arc::new(LargeStringArray::from_iter_values(texts)),
            Arc::new(StringViewArray::from_iter_values(texts)),
            Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>()),
        ];
        let compressions = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::LZ4_RAW,
            Compression::BROTLI(BrotliLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
        ];
        for column in columns {
            for compression in compressions {
                let ids = Arc::new(Int64Array::from(vec![5, 6, -7]));
                let year = Arc::new(Int32Array::from(vec![Some(2020), None, Some(1)]));
                let ward = Arc::new(BooleanArray::from(vec![true, false, true]));
                let file = write(
                    vec![
                        ("year", year),
                        ("text", column.clone()),
                        ("x", ward),
                        ("id", ids),
                    ],
                    compression,
                );
                let records = read_all(open(&file, &["x", "year"]).unwrap());
                let read: Vec<_> = records
                    .iter()
                    .map(|record| record.text.as_ref().unwrap().as_ref())
                    .collect();
                assert_eq!(read, texts.map(str::as_bytes));
                assert_eq!(records[2].origin.id, Some(Id::Number((-7).into())));
                assert_eq!(records[2].origin.line, 3);
                let passed = serde_json::json!([false, null]);
                assert_eq!(
                    Value::Array(records[1].origin.passed.values.clone()),
                    passed
                );
            }
        }
    }

    #[test]
    fn bad_rows_do_not_lose_the_good_ones() {
        let long = "CANARY".repeat(200);
        let binary: Vec<Option<&[u8]>> = vec![
            Some(b"a"),
            None,
            Some(b"CANARY\xff"),
            Some(long.as_bytes()),
            Some(b"b"),
        ];
        let text = Arc::new(arrow_array::BinaryArray::from(binary));
        let ids = Arc::new(StringArray::from(vec![
            Some("1"),
            Some("2"),
            Some("3"),
            Some("4"),
            None,
        ]));
        let file = write(vec![("id", ids), ("text", text)], Compression::SNAPPY);
        let records = read_all(open(&file, &[]).unwrap());
        assert_eq!(
            codes(&records),
            ["", "no_text", "not_utf8", "record_too_long", "no_id"]
        );
        assert_eq!(records[3].origin.id, Some(Id::Text("4".into())));
    }

    #[test]
    fn rows_of_several_batches_are_in_order() {
        let text = Arc::new(StringArray::from_iter_values(
            (0..5000).map(|n| format!("{n}")),
        ));
        let ids = Arc::new(Int64Array::from_iter_values(0..5000));
        let file = write(vec![("id", ids), ("text", text)], Compression::SNAPPY);
        let records = read_all(open(&file, &[]).unwrap());
        assert_eq!(records.len(), 5000);
        for (n, record) in records.iter().enumerate() {
            assert_eq!(record.origin.id, Some(Id::Number(n.into())));
            assert_eq!(
                record.text.as_ref().unwrap().as_ref(),
                n.to_string().as_bytes()
            );
        }
    }

    #[test]
    fn what_has_not_the_columns_or_is_corrupt_is_refused() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["CANARY"]));
        let file = write(
            vec![("note", text.clone()), ("id", text.clone())],
            Compression::SNAPPY,
        );
        let said = |file: &tempfile::NamedTempFile, pass: &[&str]| {
            open(file, pass).err().unwrap().to_string()
        };
        assert_eq!(
            said(&file, &[]),
            "standard input has no column `text`; name the right one by --text-field; its columns are `note`, `id`"
        );
        let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let file = write(
            vec![("text", number), ("id", text.clone())],
            Compression::SNAPPY,
        );
        assert!(said(&file, &[]).contains("of the type Int64"));
        let good = write(
            vec![("text", text.clone()), ("id", text)],
            Compression::SNAPPY,
        );
        assert!(said(&good, &["ward"]).contains("`ward`"));
        let bytes = std::fs::read(good.path()).unwrap();
        for length in [4, 20, bytes.len() - 1] {
            let mut cut = tempfile::NamedTempFile::new().unwrap();
            cut.write_all(&bytes[..length]).unwrap();
            assert!(said(&cut, &[]).contains("cut short"));
        }
        // Whatever a byte is made: an error or a record, and no panic.
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x55;
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bad).unwrap();
            if let Ok(mut source) = open(&file, &[]) {
                while let Ok(Some(_)) = source.next() {}
            }
        }
    }
}
