//! Where records come from: a format each has its file.
//!
//! ```text
//! file, folder or standard input → decompressed → recognised → Source → records, one by one
//! ```
//!
//! A source holds one record at a time, whatever the size of the input.

mod compressed;
mod csv;
mod fhir;
mod folder;
mod head;
mod json_scan;
mod jsonl;
mod lines;
mod markup;
mod parquet;
mod portion;
mod recognise;
mod rows;
mod whole;
mod zstd;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

pub use portion::Portion;

use thiserror::Error;

use crate::record::Record;

/// Records, one after the other. It is read on a thread of its own, so it may block.
pub trait Source: Send {
    /// The next record, or `None` at the end. After an error nothing more comes.
    fn next(&mut self) -> Result<Option<Record>, SourceError>;

    /// How many things were passed over that are no notes: other files of a folder, other resources of FHIR.
    fn skipped(&self) -> u64 {
        0
    }
}

/// Why an input cannot be read, or not further. Never quotes it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It could not be opened or read.
    #[error("{name} cannot be read: {error}")]
    Read {
        /// The input's name, for a person.
        name: String,
        /// What failed.
        error: io::Error,
    },
    /// It is not in a format that is read, or not in the one that was named.
    #[error("{name} {problem}")]
    Format {
        /// The input's name, for a person.
        name: String,
        /// What it looks like, and what to do.
        problem: String,
    },
}

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Input {
    /// `None` is standard input.
    pub path: Option<PathBuf>,
    /// `None`: recognised by content and name.
    pub format: Option<Format>,
    /// The field or column of the text.
    pub text_field: String,
    /// The field or column of the id.
    pub id_field: String,
    /// Fields that go to the results as they are, and are never sent.
    pub pass: Arc<[String]>,
    /// Bytes that a record may have. A longer one is skipped and has an error.
    pub max_record: usize,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// JSON Lines: an object a line.
    Jsonl,
    /// Comma-separated values, with a header.
    Csv,
    /// Tab-separated values, with a header.
    Tsv,
    /// Apache Parquet; a file, not standard input.
    Parquet,
    /// FHIR R4: a resource, a Bundle, or resources a line, of DocumentReference, DiagnosticReport and Composition.
    Fhir,
    /// A folder of .txt files, each a note whose id is its path in the folder.
    Folder,
    /// The whole input is one note, of the id `stdin` or the file's name.
    Whole,
}

impl Input {
    /// The input's name, for a person. Escaped: it may be shown on a terminal.
    pub fn name(&self) -> String {
        match &self.path {
            None => "standard input".into(),
            Some(path) => path.display().to_string().escape_debug().to_string(),
        }
    }

    /// Opens it, and sees what it is by its first bytes. How much of it is read later is in `portion`, where that can
    /// be told.
    pub fn open(&self, portion: &Portion) -> Result<Box<dyn Source>, SourceError> {
        let bytes: Box<dyn BufRead + Send> = match &self.path {
            None => Box::new(BufReader::with_capacity(BUFFER, io::stdin())),
            Some(path) if path.is_dir() => {
                return match self.format {
                    None | Some(Format::Folder) => {
                        Ok(Box::new(folder::Folder::new(path.clone(), self.clone())?))
                    }
                    Some(_) => Err(self.refused("is a folder")),
                };
            }
            Some(path) => {
                let file = File::open(path).map_err(|error| self.unread(error))?;
                let file = portion.of(file).map_err(|error| self.unread(error))?;
                Box::new(BufReader::with_capacity(BUFFER, file))
            }
        };
        self.read(bytes)
    }

    /// Reads an input that is open. Of a path there is but the name.
    pub fn read(&self, bytes: Box<dyn BufRead + Send>) -> Result<Box<dyn Source>, SourceError> {
        let unread = |error| self.unread(error);
        let mut head = head::Head::read(bytes).map_err(unread)?;
        let compression = compressed::Compression::of(head.raw());
        if let Some(compression) = compression {
            let bytes = compression.reader(head.into_raw());
            head = head::Head::read(bytes).map_err(unread)?;
        }
        let format = recognise::recognise(&head, self).map_err(|problem| self.refused(problem))?;
        let input = self.clone();
        Ok(match format {
            Format::Jsonl => Box::new(jsonl::Jsonl::new(head.into_text(), input)?),
            Format::Csv => Box::new(csv::Csv::new(head.into_text(), b',', input)?),
            Format::Tsv => Box::new(csv::Csv::new(head.into_text(), b'\t', input)?),
            Format::Whole => Box::new(whole::Whole::new(head.into_text(), input)),
            Format::Parquet => match &self.path {
                None => return Err(self.refused("is Parquet, which can be read from a file only")),
                Some(_) if compression.is_some() => {
                    return Err(self.refused("is compressed Parquet: decompress it first"));
                }
                Some(path) => Box::new(parquet::Parquet::new(
                    File::open(path).map_err(unread)?,
                    input,
                )?),
            },
            Format::Fhir => Box::new(fhir::Fhir::new(head, input)?),
            Format::Folder => return Err(self.refused("is no folder")),
        })
    }

    fn unread(&self, error: io::Error) -> SourceError {
        SourceError::Read {
            name: self.name(),
            error,
        }
    }

    fn refused(&self, problem: impl Into<String>) -> SourceError {
        SourceError::Format {
            name: self.name(),
            problem: problem.into(),
        }
    }
}

/// Bytes that are read at once.
const BUFFER: usize = 64 * 1024;

/// What is said of an input that has not what was asked for. `what` is a field or a column.
fn missing(what: &str, name: &str, option: &str) -> String {
    format!(
        "has no {what} `{}`; name the right one by {option}",
        name.escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::InputError;

    /// Standard input, of the default names.
    pub(super) fn input() -> Input {
        Input {
            path: None,
            format: None,
            text_field: "text".into(),
            id_field: "id".into(),
            pass: Arc::new([]),
            max_record: 1000,
        }
    }

    /// All records, none of which says what is in it.
    pub(super) fn read_all(mut source: impl Source) -> Vec<Record> {
        let records: Vec<_> = std::iter::from_fn(|| source.next().unwrap()).collect();
        for record in &records {
            let said = record.text.as_ref().err().map(ToString::to_string);
            assert!(
                !format!("{record:?}{:?}{said:?}", record.text.as_ref().err()).contains("CANARY")
            );
        }
        records
    }

    /// The code of each record's error; nothing for a good one.
    pub(super) fn codes(records: &[Record]) -> Vec<&'static str> {
        let code = |record: &Record| record.text.as_ref().err().map_or("", InputError::code);
        records.iter().map(code).collect()
    }

    fn open(bytes: &[u8]) -> Box<dyn Source> {
        let bytes = Box::new(io::Cursor::new(bytes.to_vec()));
        input().read(bytes).unwrap()
    }

    #[test]
    fn a_compressed_input_is_what_it_was() {
        use compressed::tests::{gzip, zstd};
        for compress in [gzip, zstd] {
            let jsonl =
                compress(b"\xef\xbb\xbf\n{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}");
            let mut source = open(&jsonl);
            let first = source.next().unwrap().unwrap();
            assert_eq!(
                (first.origin.line, first.text.unwrap().as_ref()),
                (2, &b"a"[..])
            );
            assert!(source.next().unwrap().is_some());
            assert!(source.next().unwrap().is_none());
            let mut rows = String::from("id,text\n");
            (0..50_000u32)
                .for_each(|n| rows += &format!("{n},{}\n", n.wrapping_mul(2_654_435_761)));
            let whole = compress(rows.as_bytes());
            let mut source = open(&whole[..whole.len() / 2]);
            let mut good = 0;
            let error = loop {
                match source.next() {
                    Ok(record) => good += u32::from(record.unwrap().text.is_ok()),
                    Err(error) => break error,
                }
            };
            assert!(good > 10_000);
            assert!(error.to_string().contains("cut short"));
        }
    }

    #[test]
    fn what_is_not_recognised_is_refused() {
        let error = input().read(Box::new(&b"CANARY"[..])).err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("standard input looks like plain text")
        );
        assert!(!format!("{error}{error:?}").contains("CANARY"));
    }
}
