//! What a run is asked for, and what it says at its end.

use std::path::PathBuf;
use std::time::Duration;

use super::manifest::{Manifest, Settings};
use super::progress::grouped;
use super::reader;
use crate::evidence::Seen;
use crate::exit::{Exit, Failure};
use crate::files::shown;
use crate::sink::{Encoder, OutputFormat, SinkOptions};
use crate::source::Input;

/// What a run is asked for.
pub(crate) struct Options {
    pub(crate) input: Input,
    pub(crate) output: Option<PathBuf>,
    pub(crate) rejects: Option<PathBuf>,
    /// Files that are read, none of which is written.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) resume: bool,
    pub(crate) force: bool,
    pub(crate) format: OutputFormat,
    pub(crate) sink: SinkOptions,
    pub(crate) min_known: Option<f64>,
    pub(crate) unique_ids: bool,
    pub(crate) fail_fast: bool,
    pub(crate) connections: usize,
    /// How long to go on without an answer once there was a session.
    pub(crate) patience: Duration,
    pub(crate) evidence: Seen,
    /// Print the manifest on standard output.
    pub(crate) json: bool,
}

impl Options {
    pub(super) fn encoder(&self) -> Result<Box<dyn Encoder>, Failure> {
        let encoder = self.format.encoder(&self.sink);
        encoder.map_err(|error| Exit::Usage.because(error.to_string()))
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            text_field: self.input.text_field.clone(),
            id_field: self.input.id_field.clone(),
            format: self.input.format.map(name),
            output_format: name(self.format),
            pass: self.input.pass.to_vec(),
            scores: format!("{:?}", self.sink.scores).to_lowercase(),
            min_known: self.min_known,
            unique_ids: self.unique_ids,
            rejects: self.rejects.as_deref().map(|path| shown(path).to_string()),
            max_record_bytes: self.input.max_record,
            allow_other_model: self.sink.models,
        }
    }

    /// Says what a complete run has done.
    pub(super) fn report(
        &self,
        manifest: &Manifest,
        read: Option<reader::Seen>,
        named: &[String],
    ) -> Result<(), Failure> {
        let (counts, all) = (&manifest.counts, manifest.input.records);
        for line in named {
            say!("{line}");
        }
        if counts.failed > named.len() as u64 && !named.is_empty() {
            say!("and {} more", grouped(counts.failed - named.len() as u64));
        }
        read.unwrap_or_default().say(self.unique_ids);
        if self.json {
            let json = serde_json::to_string_pretty(manifest).unwrap_or_default();
            crate::facts::print(&[json])?;
        }
        let said = format!(
            "{} of {} records were classified",
            grouped(counts.classified),
            grouped(all)
        );
        if counts.failed > 0 {
            return Err(Exit::Records.because(said));
        }
        note!("{said}");
        Ok(())
    }
}

/// What the command line calls it.
fn name(value: impl clap::ValueEnum) -> String {
    let name = value
        .to_possible_value()
        .map(|value| value.get_name().to_owned());
    name.unwrap_or_default()
}
