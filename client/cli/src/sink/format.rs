//! Which format results are in, and what a run of it needs beside its encoder.

use std::io;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::csv::Csv;
use super::fhir::{self, Fhir};
use super::jsonl::Jsonl;
use super::{Encoder, Scores, parquet};

/// What results are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// A JSON object a line.
    Jsonl,
    /// Comma-separated values, with a header.
    Csv,
    /// The same, separated by tabs.
    Tsv,
    /// Apache Parquet, in files only.
    Parquet,
    /// A FHIR R4 Observation a line (NDJSON).
    Fhir,
}

/// What decides the bytes of a row, beside the row.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// How many scores a result has beside its label.
    pub scores: Scores,
    /// Whether each result says which model gave it.
    pub models: bool,
    /// The fields that are passed through.
    pub passed: Arc<[String]>,
}

/// Why results cannot be written so.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// The name of the output ends in something that is no format's.
    #[error(
        "the ending .{} of the output's name is of no format that results are written in; say which with --output-format",
        .0.escape_debug()
    )]
    Ending(String),
    /// A field that is passed through has the name of one that each result has.
    #[error(
        "the field {} cannot be passed through: each result has a field of that name",
        .0.escape_debug()
    )]
    Taken(String),
    /// The format has no place for the field.
    #[error(
        "the field {} cannot be passed through: an Observation has a place only for {}",
        .0.escape_debug(),
        fhir::PASSED.join(" and ")
    )]
    NoPlace(String),
}

/// The fields of ours that a result may have, in any format.
pub(super) const OWN: [&str; 11] = [
    "id", "line", "label", "labels", "score", "known", "scores", "error", "message", "evidence",
    "model",
];

impl OutputFormat {
    /// What was asked for by name, or else what the output's name ends in. JSON Lines if it has no ending, or if there
    /// is no file.
    pub fn choose(asked: Option<Self>, output: Option<&Path>) -> Result<Self, FormatError> {
        if let Some(format) = asked {
            return Ok(format);
        }
        let Some(ending) = output.and_then(Path::extension) else {
            return Ok(Self::Jsonl);
        };
        let ending = ending.to_string_lossy();
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "tsv" => Ok(Self::Tsv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(FormatError::Ending(ending.into_owned())),
        }
    }

    /// The encoder of rows. It holds nothing of the rows before, so a run that was cut short goes on with a new one,
    /// without another [`Encoder::begin`].
    pub fn encoder(self, options: &SinkOptions) -> Result<Box<dyn Encoder>, FormatError> {
        if let Some(taken) = options
            .passed
            .iter()
            .find(|name| OWN.contains(&name.as_str()))
        {
            return Err(FormatError::Taken(taken.clone()));
        }
        let SinkOptions { scores, models, .. } = *options;
        Ok(match self {
            // Rows of Parquet grow as JSON Lines.
            Self::Jsonl | Self::Parquet => Box::new(Jsonl { scores, models }),
            Self::Csv => Box::new(Csv::new(b',', options)),
            Self::Tsv => Box::new(Csv::new(b'\t', options)),
            Self::Fhir => {
                let placed = |name: &&String| !fhir::PASSED.contains(&name.as_str());
                if let Some(name) = options.passed.iter().find(placed) {
                    return Err(FormatError::NoPlace(name.clone()));
                }
                Box::new(Fhir { scores })
            }
        })
    }

    /// Whether results must go to a file: it takes its format only when it is complete.
    pub fn needs_file(self) -> bool {
        self == Self::Parquet
    }

    /// Makes `target`, in this format, of the rows that an encoder appended to `partial`, which is gone then. What was
    /// done of it before is not done again. For Parquet the rows are converted, in memory that does not grow with
    /// them; if that fails, `partial` is as it was.
    pub fn complete(self, options: &SinkOptions, partial: &Path, target: &Path) -> io::Result<()> {
        if self == Self::Parquet {
            return parquet::complete(options, partial, target);
        }
        match std::fs::rename(partial, target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && target.exists() => Ok(()),
            renamed => renamed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(output: &str) -> Result<OutputFormat, FormatError> {
        OutputFormat::choose(None, Some(Path::new(output)))
    }

    fn refused(format: OutputFormat, passed: &str) -> Option<FormatError> {
        let options = SinkOptions {
            scores: Scores::None,
            models: false,
            passed: ["ward".to_owned(), passed.to_owned()].into(),
        };
        format.encoder(&options).err()
    }

    #[test]
    fn a_format_is_asked_for_or_follows_from_the_name() {
        assert_eq!(OutputFormat::choose(None, None), Ok(OutputFormat::Jsonl));
        assert_eq!(chosen("results"), Ok(OutputFormat::Jsonl));
        assert_eq!(chosen("/dev/stdout"), Ok(OutputFormat::Jsonl));
        assert_eq!(chosen("a.b/results.NDJSON"), Ok(OutputFormat::Jsonl));
        assert_eq!(chosen("results.csv"), Ok(OutputFormat::Csv));
        assert_eq!(chosen("results.Tsv"), Ok(OutputFormat::Tsv));
        let other = chosen("results.csv.gz");
        assert_eq!(other, Err(FormatError::Ending("gz".into())));
        let path = Some(Path::new("results.csv"));
        let asked = OutputFormat::choose(Some(OutputFormat::Fhir), path);
        assert_eq!(asked, Ok(OutputFormat::Fhir));
    }

    #[test]
    fn a_field_that_is_passed_through_takes_the_place_of_none() {
        for own in OWN {
            let taken = Some(FormatError::Taken(own.into()));
            assert_eq!(refused(OutputFormat::Csv, own), taken);
        }
        assert_eq!(refused(OutputFormat::Jsonl, "subject"), None);
        let ward = Some(FormatError::NoPlace("ward".into()));
        assert_eq!(refused(OutputFormat::Fhir, "subject"), ward);
    }
}
