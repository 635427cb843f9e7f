//! `sealnote submit`: notes in, results out.

use std::io::{self, BufReader, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use sealnote_client::{Note, OnOtherModel, SessionEnd, SubmitError};

use crate::Server;
use crate::exit::{Exit, Failure};
use crate::input::{InputNote, read_jsonl, read_text};
use crate::output::{NoteResult, ResultWriter};
use crate::result_file::Output;

/// Failed notes that are named one by one; the results name all.
const NAMED: usize = 20;

#[derive(Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    server: Server,
    /// JSON Lines, each an object with `id` and `text`; `-` reads them from standard input. Without
    /// FILE, the whole standard input is one note.
    #[arg(value_name = "FILE")]
    notes: Option<PathBuf>,
    /// Write the results here instead of to standard output: a JSON object a line.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on when the enclave of a later session has a different model. Each result is then in the labels
    /// of the model that gave it, and its field `model` is that model's digest.
    #[arg(long)]
    allow_other_model: bool,
}

impl Submit {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut client = self.server.client()?;
        if self.allow_other_model {
            client = client.on_other_model(OnOtherModel::GoOn);
        }
        let (ids, texts): (Vec<String>, Vec<_>) = self
            .read()?
            .into_iter()
            .map(|note| (note.id, note.text))
            .unzip();
        if ids.is_empty() {
            return Err(Exit::Usage.because("the input holds no note"));
        }
        // Opened before the first note leaves, so that an unwritable file costs nothing.
        let out = self.open_output()?;
        let verified = client
            .build()
            .verify()
            .await
            .map_err(|error| Exit::Rejected.because(format!("no note was sent: {error}")))?;
        let mut writer = Writer {
            partial: out.partial().map(Path::to_owned),
            results: ResultWriter::new(out, ids.clone(), self.allow_other_model),
            progress: progress(ids.len()),
            failed: Vec::new(),
            broken: None,
        };
        let mut notes = Vec::new();
        for (place, text) in texts.into_iter().enumerate() {
            match text {
                Ok(text) => notes.push(Note::new(place, text)),
                Err(error) => writer.put(place, NoteResult::Input(error)),
            }
        }
        let mut submission = verified.submit(stream::iter(notes));
        let mut cut = None;
        while let Some(result) = submission.next().await {
            match result {
                Ok(result) => writer.put(result.id, NoteResult::from(result.outcome)),
                // What has no result is written as such.
                Err(error) => {
                    cut = Some(error);
                    break;
                }
            }
        }
        let ended = match cut {
            Some(error) => Err(error),
            None => Ok(submission.missing_close()),
        };
        writer.finish(&ids, ended)
    }

    fn read(&self) -> Result<Vec<InputNote>, Failure> {
        let (name, read) = match self.notes.as_deref() {
            None => ("standard input".into(), read_text(io::stdin())),
            Some(path) if path == Path::new("-") => {
                ("standard input".into(), read_jsonl(io::stdin().lock()))
            }
            Some(path) => {
                let file = std::fs::File::open(path);
                let read = file.and_then(|file| read_jsonl(BufReader::new(file)));
                (path.display().to_string(), read)
            }
        };
        read.map_err(|error| Exit::Usage.because(format!("{name} cannot be read: {error}")))
    }

    fn open_output(&self) -> Result<Output, Failure> {
        let Some(path) = &self.output else {
            return Ok(Output::stream(io::stdout()));
        };
        if self
            .notes
            .as_ref()
            .is_some_and(|notes| same_file(notes, path))
        {
            return Err(Exit::Usage.because("the output would overwrite the input"));
        }
        Output::file(path).map_err(|error| {
            Exit::Usage.because(format!("{} cannot be written: {error}", path.display()))
        })
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn progress(notes: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(notes as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} notes, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

struct Writer {
    results: ResultWriter<Output>,
    partial: Option<PathBuf>,
    progress: ProgressBar,
    failed: Vec<(usize, String)>,
    /// The first error of writing. Nothing is written after it, so that the results that are there have no
    /// gap; everything is still submitted and counted.
    broken: Option<io::Error>,
}

impl Writer {
    fn put(&mut self, place: usize, result: NoteResult) {
        if let Some((_, message)) = result.error() {
            self.failed.push((place, message));
        }
        if self.broken.is_none() {
            self.broken = self.results.put(place, result).err();
        }
        self.progress.inc(1);
    }

    fn finish(
        mut self,
        ids: &[String],
        ended: Result<Option<SessionEnd>, SubmitError>,
    ) -> Result<(), Failure> {
        self.progress.finish_and_clear();
        let kept = match &self.partial {
            Some(partial) => format!("; the results so far are in {}", partial.display()),
            None => String::new(),
        };
        let unwritten =
            |error| Exit::Rejected.because(format!("the results cannot be written: {error}{kept}"));
        if let Some(error) = self.broken {
            return Err(unwritten(error));
        }
        let (out, missing) = self.results.finish().map_err(unwritten)?;
        if ended.is_ok() {
            out.complete().map_err(unwritten)?;
        }
        let no_answer = NoteResult::NoAnswer.error().map(|(_, message)| message);
        self.failed.extend(
            missing
                .into_iter()
                .map(|place| (place, no_answer.clone().unwrap_or_default())),
        );
        self.failed.sort_unstable();
        for (place, message) in self.failed.iter().take(NAMED) {
            say!("{}: {message}", ids[*place].escape_debug());
        }
        if self.failed.len() > NAMED {
            say!("and {} more", self.failed.len() - NAMED);
        }
        let (good, all) = (ids.len() - self.failed.len(), ids.len());
        let missing_close = ended.map_err(|error| {
            let advice = match error {
                SubmitError::OtherModel(_) => {
                    ". That model was sent no note: submit the rest as a run of its own, or go on \
                     with --allow-other-model"
                }
                _ => "",
            };
            Exit::Rejected.because(format!(
                "{error}; {good} of {all} notes have a result{kept}{advice}"
            ))
        })?;
        if let Some(end) = missing_close {
            say!(
                "note: the session ended without the enclave's close ({end}); every note had its \
                 authenticated answer before, so the results are complete"
            );
        }
        if good < all {
            return Err(Exit::Rejected.because(format!("{good} of {all} notes have a result")));
        }
        say!("{all} note{} classified", if all == 1 { "" } else { "s" });
        Ok(())
    }
}
