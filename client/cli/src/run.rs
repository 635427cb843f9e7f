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
mod journey;
mod manifest;
mod options;
mod order;
mod plan;
mod progress;
mod reader;
mod signals;
mod writer;

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sealnote_client::ClientBuilder;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use crate::exit::{Exit, Failure};
use crate::record::Origin;
use crate::sink::RowResult;
use crate::source::{Input, Portion};

pub(crate) use options::Options;

use budget::Budget;
use connections::Shared;
use journey::Journey;
use manifest::Manifest;
use plan::{Start, Target, Unbegun};
use progress::Progress;
pub(crate) use progress::grouped;
use reader::{ReadError, Reader, Resumed};
use signals::Signals;
use writer::Writer;

/// Bytes of records between the source and the results.
const BUDGET: usize = 24 << 20;

/// Failed records that are named one by one; the results name all.
const NAMED: usize = 20;

/// What is said where a run ends before it has begun.
const NOTHING_SENT: &str = "; no note was sent";

/// Notes that wait for a connection.
const QUEUE: usize = 1024;

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
    // What cannot be written is refused before anything is there.
    options.encoder()?;
    let start = options.start()?;
    let (target, manifest) = match start {
        Start::New(target) => {
            let now = sealnote_client::now().to_string();
            let manifest = Manifest::new(options.input.name(), options.settings(), now);
            (target, manifest)
        }
        Start::Resumed(files, manifest) => (Target::File(files), *manifest),
        Start::Complete(manifest) => {
            let same = reader::is_of(&options.input, options.unique_ids, &manifest);
            same.map_err(|error| Exit::Usage.because(error.to_string()))?;
            return options.report(&manifest, None, &[]);
        }
    };
    // First what is read: an input that is refused leaves nothing behind.
    let portion = Portion::default();
    let source = options.input.open(&portion);
    let source = source.map_err(|error| Exit::Usage.because(error.to_string()))?;
    // Then what is written: a file that cannot be costs nothing.
    let resumed = manifest.input.records > 0;
    let mut unbegun = Unbegun::default();
    let (outputs, files) = target.open(&manifest, &mut unbegun)?;
    let budget = Budget::new(BUDGET);
    let stop = Arc::new(AtomicBool::new(false));
    let halted = Arc::new(Notify::new());
    let (sender, notes) = async_channel::bounded(QUEUE);
    let (events, mut arriving) = unbounded_channel();
    let reader = Reader {
        source,
        unique_ids: options.unique_ids,
        resumed: resumed.then(|| Resumed::of(&manifest)),
        budget: budget.clone(),
        notes: sender,
        events: events.clone(),
        stop: stop.clone(),
    };
    let thread = |error| Exit::Internal.because(format!("no thread can be started: {error}"));
    let mut signals = Signals::start(NOTHING_SENT).map_err(thread)?;
    reader.start().map_err(thread)?;

    let seen = options.evidence.clone();
    let client = client.observer(seen.observer());
    let verifier = client.clone().build();
    let verified = tokio::select! {
        verified = verifier.verify() => verified,
        number = signals.next() => return Err(signals::ended(number, NOTHING_SENT)),
    };
    seen.check()?;
    let verified = verified
        .map_err(|error| Exit::from(&error).because(format!("no note was sent: {error}")))?;
    let model = verified.evidence().claims().model().clone();
    let precision = model.precision.to_string();
    check_model(&manifest, &model.digest().to_string(), &precision)?;
    let client = client.model(model).build();

    let shared = Shared {
        client,
        notes: notes.clone(),
        events,
        budget: budget.clone(),
        patience: options.patience,
        min_known: options.min_known,
        stop: stop.clone(),
        halted: halted.clone(),
        reconnected: Arc::new(AtomicU64::new(0)),
    };
    let connections = connections::start(&shared, verified, options.connections - 1);
    drop(shared);
    let writer = Writer::new(
        outputs,
        options.encoder()?,
        budget.clone(),
        seen.clone(),
        &manifest,
    );
    if let Some(files) = &files {
        let path = files.manifest();
        manifest
            .write(&path)
            .map_err(|error| plan::unwritable(&path, &error))?;
    }
    unbegun.has_begun();
    let mut journey = Journey {
        progress: Progress::new(manifest.input.records, move || portion.get()),
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
        halted.notify_waiters();
    };
    let cut = journey
        .travel(connections, &mut arriving, &mut signals, halt)
        .await;
    halt();
    seen.check()?;
    journey.arrive(cut, &options, &signals)
}

/// A run is resumed with the model that it began with, or each row says which model gave it.
fn check_model(manifest: &Manifest, model: &str, precision: &str) -> Result<(), Failure> {
    match manifest.sessions.last() {
        Some(last)
            if (last.model.as_str(), last.precision.as_str()) != (model, precision)
                && !manifest.settings.allow_other_model =>
        {
            Err(Exit::Rejected.because(format!(
                "the run was begun with the model {}… in {}, and the enclave has {}… in {precision}; it was sent no note",
                &last.model[..last.model.len().min(16)],
                last.precision,
                &model[..16]
            )))
        }
        _ => Ok(()),
    }
}

/// Reads all records, and says what it saw: nothing is sent.
pub(crate) fn check(input: &Input, unique_ids: bool) -> Result<(), Failure> {
    let seen = reader::check(input, unique_ids);
    let (seen, failed, named) = seen.map_err(|error| Exit::Usage.because(error.to_string()))?;
    for line in &named {
        say!("{line}");
    }
    seen.say(unique_ids);
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
