//! CSV and TSV: a header, and a record a row. A quoted field may go over several lines.

use std::io::{self, BufRead};

use sealnote_client::NoteBytes;
use serde_json::Value;

use super::rows::{Bad, Row, Rows};
use super::{Input, Source, SourceError};
use crate::record::{Id, InputError, Origin, Passed, Record};

/// Reads rows. Their ids are texts.
pub(super) struct Csv<R> {
    rows: Rows<R>,
    input: Input,
    columns: Columns,
}

/// Where in a row things are.
struct Columns {
    id: usize,
    text: usize,
    passed: Vec<usize>,
}

impl<R: BufRead> Csv<R> {
    /// Reads the header.
    pub(super) fn new(bytes: R, delimiter: u8, input: Input) -> Result<Self, SourceError> {
        let mut rows = Rows::new(bytes, delimiter, input.max_record);
        let header = rows.next().map_err(|error| input.unread(error))?;
        let columns = match header {
            Some((_, Ok(header))) => Columns::of(&header, &input),
            Some((_, Err(_))) => {
                Err("has a header that is too long, or whose quote is not closed".into())
            }
            None => Err("holds no header".into()),
        };
        let columns = columns.map_err(|problem| input.refused(problem))?;
        rows.fix_columns();
        Ok(Self {
            rows,
            input,
            columns,
        })
    }
}

impl Columns {
    /// Says no name that was not asked for: without a header, the first row is a record.
    fn of(header: &Row<'_>, input: &Input) -> Result<Self, String> {
        let find = |name: &str, option: &str| {
            let mut found = (0..header.len()).filter(|at| header.field(*at) == name.as_bytes());
            match (found.next(), found.next()) {
                (Some(at), None) => Ok(at),
                (None, _) => Err(super::missing("column", name, option)),
                (Some(_), Some(_)) => Err(format!("has two columns `{}`", name.escape_debug())),
            }
        };
        Ok(Self {
            id: find(&input.id_field, "--id-field")?,
            text: find(&input.text_field, "--text-field")?,
            passed: (input.pass.iter())
                .map(|name| find(name, "--pass"))
                .collect::<Result<_, _>>()?,
        })
    }

    fn record(&self, row: &Row<'_>, line: u64, input: &Input) -> Record {
        let origin = || -> Result<Origin, InputError> {
            let field =
                |at| String::from_utf8(row.field(at).to_vec()).map_err(|_| InputError::NotUtf8);
            let passed = self.passed.iter().map(|at| field(*at).map(Value::String));
            let values = passed.collect::<Result<_, _>>()?;
            let id = field(self.id)?;
            if id.is_empty() {
                return Err(InputError::NoId("the id is empty"));
            }
            Ok(Origin {
                line,
                id: Some(Id::Text(id)),
                passed: Passed {
                    names: input.pass.clone(),
                    values,
                },
            })
        };
        let text = row.field(self.text);
        match origin() {
            Err(error) => Record::failed(line, error),
            Ok(origin) if std::str::from_utf8(text).is_err() => Record {
                origin,
                text: Err(InputError::NotUtf8),
            },
            Ok(origin) => Record {
                origin,
                text: Ok(NoteBytes::from(text.to_vec())),
            },
        }
    }
}

impl<R: BufRead + Send> Source for Csv<R> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let read = self
            .rows
            .next()
            .map_err(|error: io::Error| self.input.unread(error))?;
        let Some((line, row)) = read else {
            return Ok(None);
        };
        let error = match row {
            Ok(row) => return Ok(Some(self.columns.record(&row, line, &self.input))),
            Err(Bad::TooLong) => InputError::TooLong {
                limit: self.input.max_record,
            },
            Err(Bad::Columns { wanted }) => InputError::Columns { wanted },
            Err(Bad::Unclosed) => InputError::Unclosed,
        };
        Ok(Some(Record::failed(line, error)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input, read_all};
    use super::*;

    fn open(bytes: &'static [u8], pass: &[&str]) -> Result<Csv<&'static [u8]>, SourceError> {
        let pass = pass.iter().map(|name| (*name).to_owned()).collect();
        Csv::new(bytes, b',', Input { pass, ..input() })
    }

    #[test]
    fn bad_rows_do_not_lose_the_good_ones() {
        let bytes = b"\r\nward,id,text\r\n3,001,\"a, \"\"b\"\"\r\nc\"\r\n\n4,2\n5,3,CANARY,CANARY\n6,,CANARY\n\
            7,5,\xff\n8,6,\n9,7,\"CANARY\n\n";
        let records = read_all(open(bytes, &["ward"]).unwrap());
        let lines: Vec<u64> = records.iter().map(|record| record.origin.line).collect();
        assert_eq!(lines, [3, 6, 7, 8, 9, 10, 11]);
        assert_eq!(records[0].origin.id, Some(Id::Text("001".into())));
        assert_eq!(records[0].origin.passed.values, [Value::String("3".into())]);
        assert_eq!(records[0].text.as_ref().unwrap().as_ref(), b"a, \"b\"\r\nc");
        let expected = ["", "bad_row", "bad_row", "no_id", "not_utf8", "", "bad_row"];
        assert_eq!(codes(&records), expected);
        assert_eq!(records[4].origin.id, Some(Id::Text("5".into())));
    }

    #[test]
    fn a_header_without_the_columns_is_refused_by_the_options_name() {
        let said = |bytes, pass: &[&str]| open(bytes, pass).err().unwrap().to_string();
        let no_text = said(b"id,CANARY\n1,a\n", &[]);
        assert_eq!(
            no_text,
            "standard input has no column `text`; name the right one by --text-field"
        );
        assert!(said(b"CANARY,text\n", &[]).contains("--id-field"));
        assert!(said(b"id,text\n", &["ward"]).contains("`ward`"));
        assert!(said(b"id,text,text\n", &[]).contains("two columns"));
        assert!(said(b"\n\r\n", &[]).contains("no header"));
    }
}
