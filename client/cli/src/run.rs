//! A run: records in, rows out, through as many sessions as it takes.
//!
//! ```text
//!  reader (a thread) ──notes──▶ connections ──results──▶ order ──▶ writer ──▶ file, and its manifest
//!        └──────────────records without a text──────────────▲
//! ```
//!
//! A budget bounds the bytes of all records between the two ends, so memory does not grow with the input. Rows are
//! written in the input's order, so that what is on the disk is always a run's beginning; the manifest says how far it
//! goes, and a resumed run reads the same records again, sees that they are the same, and goes on after them.

mod budget;
mod connections;
mod growing;
mod manifest;
mod order;
mod plan;
mod progress;
mod reader;
mod writer;

use core::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sealnote_client::{ClientBuilder, OnOtherModel, SessionEnd, SubmitError};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::evidence::Seen;
use crate::exit::{Exit, Failure};
use crate::record::Origin;
use crate::sink::{OutputFormat, RowResult, Scores, SinkOptions};
use crate::source::Input;

use budget::Budget;
use connections::{Ended, Shared};
use manifest::{Manifest, Settings};
use plan::{Files, Start, Target, Wanted};
use progress::Progress;
pub(crate) use progress::grouped;
use reader::{ReadError, Reader, Resumed};
use writer::{Outputs, Writer};

/// Bytes of records between the source and the results.
const BUDGET: usize = 24 << 20;

/// Failed records that are named one by one; the results name all.
const NAMED: usize = 20;

/// Notes that wait for a connection.
const QUEUE: usize = 1024;

/// How often the manifest says what is on the disk.
const CHECKPOINT: Duration = Duration::from_secs(2);

/// How long answers are waited for when a run is asked to end.
const DRAIN: Duration = Duration::from_secs(20);

/// What a run is asked for.
pub(crate) struct Options {
    pub(crate) input: Input,
    pub(crate) output: Option<PathBuf>,
    pub(crate) rejects: Option<PathBuf>,
    /// Files that are read, none of which is written.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) resume: bool,
    pub(crate) force: bool,
    pub(crate) scores: Scores,
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

/// A record whose text is away.
struct Pending {
    /// From 0, among all records.
    place: u64,
    digest: RecordDigest,
    origin: Origin,
    /// Bytes of the budget.
    held: usize,
}

/// A record whose result is there.
struct Done {
    pending: Pending,
    result: RowResult,
}

/// What the loop of a run is told.
enum Event {
    Done(Done),
    /// The reader ended.
    Read(Result<reader::Seen, ReadError>),
}

/// SHA-256 of a record, or of a run of them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct RecordDigest([u8; 32]);

impl RecordDigest {
    fn followed_by(&self, record: &Self) -> Self {
        Self(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(record.0)
                .finalize()
                .into(),
        )
    }

    /// What it was written as. Anything else is the digest of no run.
    fn from_hex(text: &str) -> Self {
        let mut digest = Self::default();
        let _ = hex::decode_to_slice(text, &mut digest.0);
        digest
    }
}

impl fmt::Display for RecordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Submits all records, and writes their rows.
pub(crate) async fn run(client: ClientBuilder, options: Options) -> Result<(), Failure> {
    let settings = options.settings(client_goes_on(&client));
    let start = options.wanted().start(&settings)?;
    let (target, manifest) = match start {
        Start::New(target) => {
            let now = sealnote_client::now().to_string();
            (target, Manifest::new(options.input.name(), settings, now))
        }
        Start::Resumed(files, manifest) => (Target::File(files), *manifest),
        Start::Complete(manifest) => return options.report(&manifest, None, &[]),
    };
    Run::prepare(options, target, manifest)?.go(client).await
}

fn client_goes_on(client: &ClientBuilder) -> bool {
    client.clone().build().on_other_model() == OnOtherModel::GoOn
}

struct Run {
    options: Options,
    manifest: Manifest,
    files: Option<Files>,
    outputs: Outputs,
    resumed: bool,
}

impl Run {
    /// Opens what is written, so that a file that cannot be costs nothing.
    fn prepare(options: Options, target: Target, manifest: Manifest) -> Result<Self, Failure> {
        let resumed = manifest.input.records > 0;
        let (outputs, files) = match target {
            Target::Stream(results) => {
                let rejects = None;
                (Outputs { results, rejects }, None)
            }
            Target::File(files) => {
                let known = files.manifest().exists().then_some(&manifest);
                (files.open(known)?, Some(files))
            }
        };
        Ok(Self {
            options,
            manifest,
            files,
            outputs,
            resumed,
        })
    }

    async fn go(self, client: ClientBuilder) -> Result<(), Failure> {
        let Self {
            options,
            manifest,
            files,
            outputs,
            resumed,
        } = self;
        let budget = Budget::new(BUDGET);
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, notes) = async_channel::bounded(QUEUE);
        let (events, mut arriving) = unbounded_channel();
        let unbegun = Unbegun(files.clone().filter(|_| !resumed));
        let source = options.input.open();
        let source = source.map_err(|error| Exit::Usage.because(error.to_string()))?;
        let reader = Reader {
            source,
            unique_ids: options.unique_ids,
            resumed: resumed.then(|| Resumed {
                records: manifest.input.records,
                digest: RecordDigest::from_hex(&manifest.input.sha256),
            }),
            budget: budget.clone(),
            notes: sender,
            events: events.clone(),
            stop: stop.clone(),
        };
        let thread = |error| Exit::Usage.because(format!("no thread can be started: {error}"));
        let mut signals = Signals::new().map_err(thread)?;
        reader.start().map_err(thread)?;

        let seen = options.evidence.clone();
        let client = client.observer(seen.observer());
        let verified = client.clone().build().verify().await;
        seen.check()?;
        let verified = verified
            .map_err(|error| Exit::from(&error).because(format!("no note was sent: {error}")))?;
        let model = verified.evidence().claims().model().clone();
        check_model(&manifest, &model.digest().to_string())?;
        let client = client.model(model).build();

        let encoder = OutputFormat::Jsonl
            .encoder(&SinkOptions {
                scores: options.scores,
                models: manifest.settings.allow_other_model,
                passed: options.input.pass.clone(),
            })
            .map_err(|error| Exit::Usage.because(error.to_string()))?;
        let shared = Shared {
            client,
            notes: notes.clone(),
            events,
            patience: options.patience,
            min_known: options.min_known,
            stop: stop.clone(),
            reconnected: Arc::new(AtomicU64::new(0)),
        };
        let connections = connections::start(&shared, verified, options.connections - 1);
        drop(shared);
        let writer = Writer::new(outputs, encoder, budget.clone(), seen.clone(), &manifest);
        if let Some(files) = &files {
            let path = files.manifest();
            manifest
                .write(&path)
                .map_err(|error| plan::unwritable(&path, &error))?;
        }
        unbegun.has_begun();
        let mut journey = Journey {
            progress: Progress::new(manifest.input.records, || None),
            writer,
            manifest,
            files,
            fail_fast: options.fail_fast,
            read: None,
            missing_close: None,
        };
        let halt = || {
            stop.store(true, Ordering::Relaxed);
            notes.close();
            budget.close();
        };
        let cut = journey
            .travel(connections, &mut arriving, &mut signals, halt)
            .await;
        halt();
        seen.check()?;
        journey.arrive(cut, &options)
    }
}

/// Files that were opened for a run that sent nothing yet: if it never does, they are taken away.
struct Unbegun(Option<Files>);

impl Unbegun {
    fn has_begun(mut self) {
        self.0 = None;
    }
}

impl Drop for Unbegun {
    fn drop(&mut self) {
        if let Some(files) = &self.0 {
            files.give_up();
        }
    }
}

/// A run is resumed with the model that it began with, or each row says which model gave it.
fn check_model(manifest: &Manifest, model: &str) -> Result<(), Failure> {
    match manifest.sessions.last() {
        Some(last) if last.model != model && !manifest.settings.allow_other_model => {
            Err(Exit::Rejected.because(format!(
                "the run was begun with the model {}…, and the enclave has {}…; it was sent no note",
                &last.model[..last.model.len().min(16)],
                &model[..16]
            )))
        }
        _ => Ok(()),
    }
}

/// Why a run does not come to its end.
enum Cut {
    Submit(SubmitError),
    Input(ReadError),
    Output(std::io::Error),
    /// One record failed, and that was to be enough.
    FailFast,
    Signal(u8),
}

/// The part of a run in which notes are away.
struct Journey {
    writer: Writer,
    manifest: Manifest,
    files: Option<Files>,
    progress: Progress,
    fail_fast: bool,
    read: Option<reader::Seen>,
    missing_close: Option<SessionEnd>,
}

impl Journey {
    /// Until all records have their rows, or the run is cut: `None` is its end.
    async fn travel(
        &mut self,
        mut connections: JoinSet<Result<Ended, SubmitError>>,
        arriving: &mut UnboundedReceiver<Event>,
        signals: &mut Signals,
        halt: impl Fn(),
    ) -> Option<Cut> {
        let mut checkpoint = interval(CHECKPOINT);
        checkpoint.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tell = interval(Duration::from_millis(500));
        tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Once it is cut, what is in flight is waited for until then.
        let mut cut: Option<(Cut, Instant)> = None;
        let mut over = false;
        // The reader may wait for a standard input that never comes: a run that is cut does not wait for it.
        while !(connections.is_empty() && (over || cut.is_some())) {
            let deadline = cut.as_ref().map_or_else(far, |(_, deadline)| *deadline);
            let happened = tokio::select! {
                biased;
                number = signals.next() => {
                    if cut.is_some() {
                        break;
                    }
                    note!("ending in order; once more to end at once");
                    Some(Cut::Signal(number))
                }
                () = sleep_until(deadline) => break,
                _ = checkpoint.tick() => self.checkpoint().err().map(Cut::Output),
                _ = tell.tick() => {
                    self.tell();
                    None
                }
                event = arriving.recv(), if !over => match event {
                    Some(event) => self.take(event, arriving),
                    None => {
                        over = true;
                        None
                    }
                },
                Some(ended) = connections.join_next() => match ended {
                    Ok(Ok(Ended::Done(missing))) => {
                        self.missing_close = self.missing_close.take().or(missing);
                        None
                    }
                    Ok(Ok(Ended::NotNeeded(error))) => {
                        note!("one connection fewer: {error}");
                        None
                    }
                    Ok(Err(error)) => Some(Cut::Submit(error)),
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => None,
                },
            };
            let Some(happened) = happened else { continue };
            halt();
            let at_once = matches!(happened, Cut::Output(_));
            // The first reason is the one that is told.
            cut = cut.or_else(|| Some((happened, Instant::now() + DRAIN)));
            if at_once {
                break;
            }
        }
        connections.shutdown().await;
        self.drain(arriving, cut.map(|(cut, _)| cut))
    }

    /// Takes all that is there, and writes it.
    fn take(&mut self, event: Event, arriving: &mut UnboundedReceiver<Event>) -> Option<Cut> {
        let mut next = Some(event);
        let mut cut = None;
        while let Some(event) = next {
            match event {
                Event::Read(Ok(seen)) => self.read = Some(seen),
                Event::Read(Err(error)) => cut = Some(Cut::Input(error)),
                Event::Done(done) => match self.writer.take(done) {
                    Ok(true) if self.fail_fast => cut = cut.or(Some(Cut::FailFast)),
                    Ok(_) => {}
                    Err(error) => return Some(Cut::Output(error)),
                },
            }
            next = arriving.try_recv().ok();
        }
        // Nothing more is there: what is has waited long enough.
        match self.writer.flush() {
            Ok(()) => cut,
            Err(error) => Some(Cut::Output(error)),
        }
    }

    fn drain(&mut self, arriving: &mut UnboundedReceiver<Event>, cut: Option<Cut>) -> Option<Cut> {
        if matches!(cut, Some(Cut::Output(_))) {
            return cut;
        }
        match arriving.try_recv() {
            Ok(event) => cut.or(self.take(event, arriving)),
            Err(_) => cut,
        }
    }

    fn tell(&mut self) {
        self.progress
            .tell(self.writer.records(), self.writer.counts().failed);
    }

    /// Has the disk keep what there is.
    fn checkpoint(&mut self) -> std::io::Result<()> {
        let Some(files) = &self.files else {
            return self.writer.flush();
        };
        if self.manifest.input.records == self.writer.records() {
            return Ok(());
        }
        self.writer.sync(&mut self.manifest)?;
        self.manifest.write(&files.manifest())
    }

    /// Gives the files their names, and says how it went.
    fn arrive(mut self, cut: Option<Cut>, options: &Options) -> Result<(), Failure> {
        self.progress.finish();
        let cut = match cut {
            Some(Cut::Output(error)) => Some(Cut::Output(error)),
            cut => match self.checkpoint() {
                Ok(()) => cut,
                Err(error) => Some(Cut::Output(error)),
            },
        };
        if let Some(cut) = cut {
            return Err(self.cut(cut));
        }
        if self.writer.records() == 0 {
            if let Some(files) = &self.files {
                files.give_up();
            }
            return Err(Exit::Usage.because(format!("{} holds no record", options.input.name())));
        }
        if let Some(files) = &self.files {
            let finished = self.writer.sync(&mut self.manifest);
            let finished = finished.and_then(|()| files.finish(&mut self.manifest));
            if let Err(error) = finished {
                return Err(self.cut(Cut::Output(error)));
            }
        } else {
            let _ = self.writer.sync(&mut self.manifest);
        }
        if let Some(end) = &self.missing_close {
            detail!(
                "the session ended without the enclave's close ({end}); every note had its authenticated answer \
                 before, so the results are complete"
            );
        }
        options.report(&self.manifest, self.read, self.writer.named())
    }

    fn cut(&self, cut: Cut) -> Failure {
        let kept = match (&self.files, &cut) {
            (Some(files), cut) => {
                let done = match cut {
                    Cut::Output(_) => self.manifest.input.records,
                    _ => self.writer.records(),
                };
                let partial = files.partial();
                format!(
                    "; the results of {} records are in {}; the same command with --resume goes on with the others",
                    grouped(done),
                    partial.display()
                )
            }
            // How much of the last rows a stream has taken cannot be known.
            (None, Cut::Output(_)) => String::new(),
            (None, _) => format!(
                "; {} records have their results",
                grouped(self.writer.records())
            ),
        };
        let (exit, why) = match cut {
            Cut::Submit(error) => {
                let advice = match error {
                    SubmitError::OtherModel(_) => {
                        ". That model was sent no note; --allow-other-model goes on with it, in a run that is begun with \
                         that flag"
                    }
                    _ => "",
                };
                (Exit::from(&error), format!("{error}{kept}{advice}"))
            }
            Cut::Input(error) => (Exit::Usage, format!("{error}{kept}")),
            Cut::Output(error) => (
                Exit::Output,
                format!("the results cannot be written: {error}{kept}"),
            ),
            Cut::FailFast => {
                let first = self.writer.named().first().cloned().unwrap_or_default();
                (Exit::Records, format!("{first}{kept}"))
            }
            Cut::Signal(number) => (Exit::Signal(number), format!("ended by a signal{kept}")),
        };
        exit.because(why)
    }
}

impl Options {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            output: self.output.as_deref(),
            rejects: self.rejects.as_deref(),
            inputs: &self.inputs,
            resume: self.resume,
            force: self.force,
        }
    }

    fn settings(&self, allow_other_model: bool) -> Settings {
        Settings {
            text_field: self.input.text_field.clone(),
            id_field: self.input.id_field.clone(),
            format: self
                .input
                .format
                .map(|format| format!("{format:?}").to_lowercase()),
            output_format: "jsonl".into(),
            pass: self.input.pass.to_vec(),
            scores: format!("{:?}", self.scores).to_lowercase(),
            min_known: self.min_known,
            unique_ids: self.unique_ids,
            rejects: self.rejects.is_some(),
            max_record_bytes: self.input.max_record,
            allow_other_model,
        }
    }

    /// Says what a complete run has done.
    fn report(
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
        if let Some(read) = read
            && read.duplicates > 0
        {
            say!(
                "{} records have the id of an earlier one; --unique-ids refuses them",
                grouped(read.duplicates)
            );
        }
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

/// What asks a run to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(86400 * 365)
}

/// Reads all records, and says what it saw: nothing is sent.
pub(crate) fn check(input: &Input, unique_ids: bool) -> Result<(), Failure> {
    let seen = reader::check(input, unique_ids);
    let (seen, failed, named) = seen.map_err(|error| Exit::Usage.because(error.to_string()))?;
    for line in &named {
        say!("{line}");
    }
    if seen.duplicates > 0 {
        say!(
            "{} records have the id of an earlier one",
            grouped(seen.duplicates)
        );
    }
    if seen.records == 0 {
        return Err(Exit::Usage.because(format!("{} holds no record", input.name())));
    }
    let said = format!(
        "{} of {} records can be sent; nothing was sent",
        grouped(seen.records - failed),
        grouped(seen.records)
    );
    if failed > 0 {
        return Err(Exit::Records.because(said));
    }
    note!("{said}");
    Ok(())
}
