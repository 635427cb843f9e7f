//! Where records come from: a format each has its file.
//!
//! ```text
//! file, folder or standard input → decompressed → recognised → Source → records, one by one
//! ```
//!
//! A source holds one record at a time, whatever the size of the input.

mod jsonl;
mod lines;

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::record::Record;

/// Records, one after the other. It is read on a thread of its own, so it may block.
pub trait Source: Send {
    /// The next record, or `None` at the end. After an error nothing more comes.
    fn next(&mut self) -> Result<Option<Record>, SourceError>;
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
    /// A JSON object a line.
    Jsonl,
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

    /// Opens it, and sees what it is by its first bytes.
    pub fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        let bytes: Box<dyn BufRead + Send> = match &self.path {
            None => Box::new(io::BufReader::with_capacity(BUFFER, io::stdin())),
            Some(path) => {
                let file = std::fs::File::open(path).map_err(|error| self.unread(error))?;
                Box::new(io::BufReader::with_capacity(BUFFER, file))
            }
        };
        match self.format {
            _ => Ok(Box::new(jsonl::Jsonl::new(bytes, self.clone()))),
        }
    }

    fn unread(&self, error: io::Error) -> SourceError {
        SourceError::Read {
            name: self.name(),
            error,
        }
    }
}

/// Bytes that are read at once.
const BUFFER: usize = 64 * 1024;
