//! The thread that reads the source.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealnote_client::Note;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::UnboundedSender;

use super::budget::Budget;
use super::manifest::Manifest;
use super::progress::grouped;
use super::{Done, Event, NAMED, Pending, RecordDigest};
use crate::record::{Id, InputError, Record};
use crate::sink::RowResult;
use crate::source::{Input, Portion, Source, SourceError};

/// Ids that are remembered to find duplicates, where they need not be unique: 8 bytes each.
const REMEMBERED_IDS: usize = 1_000_000;

/// What the reader saw, at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Records that were read.
    pub(super) records: u64,
    /// Those whose id an earlier one has, of the first million ids.
    pub(super) duplicates: u64,
    /// What was passed over: other files of a folder, other resources of FHIR.
    pub(super) skipped: u64,
}

impl Seen {
    /// Says what a person should look at.
    pub(super) fn say(&self, unique_ids: bool) {
        if self.duplicates > 0 {
            let advice = if unique_ids {
                ""
            } else {
                "; --unique-ids refuses them"
            };
            let count = grouped(self.duplicates);
            say!("records with the id of an earlier one: {count}{advice}");
        }
        if self.skipped > 0 {
            let count = grouped(self.skipped);
            say!("passed over, since they are no notes: {count}");
        }
    }
}

/// Where a resumed run begins.
pub(super) struct Resumed {
    /// Records that have their results.
    pub(super) records: u64,
    /// Their digest.
    pub(super) digest: RecordDigest,
}

pub(super) struct Reader {
    pub(super) source: Box<dyn Source>,
    pub(super) unique_ids: bool,
    pub(super) resumed: Option<Resumed>,
    pub(super) budget: Budget,
    pub(super) notes: async_channel::Sender<Note<Pending>>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) stop: Arc<AtomicBool>,
}

/// Why nothing more is read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(
        "the input's first {records} records are not those of the run that is to be resumed; with --force it begins anew"
    )]
    OtherInput { records: u64 },
    #[error(
        "the run is complete, and the input has more records than the {records} that it had; with --force it begins anew"
    )]
    MoreInput { records: u64 },
}

impl Reader {
    /// Starts the thread, which ends with [`Event::Read`].
    pub(super) fn start(self) -> std::io::Result<()> {
        let named = std::thread::Builder::new().name("reader".into());
        named.spawn(move || {
            let events = self.events.clone();
            let ended = self.run();
            let _ = events.send(Event::Read(ended));
        })?;
        Ok(())
    }

    fn run(mut self) -> Result<Seen, ReadError> {
        let mut ids = Ids::new(self.unique_ids);
        let mut seen = Seen::default();
        self.skip_done(&mut ids, &mut seen)?;
        while !self.stop.load(Ordering::Relaxed)
            && let Some(mut record) = self.source.next()?
        {
            ids.see(&mut record, &mut seen);
            let text = record.text.as_ref().map_or(0, |text| text.as_ref().len());
            let held = record.origin.held() + text;
            if !self.budget.take(held) {
                break;
            }
            let pending = Pending {
                place: seen.records,
                digest: digest(&record),
                origin: record.origin,
                held,
            };
            seen.records += 1;
            let taken = match record.text {
                Ok(text) => self.notes.send_blocking(Note::new(pending, text)).is_ok(),
                Err(error) => {
                    let result = RowResult::Input(error);
                    let done = Event::Done(Done { pending, result });
                    self.events.send(done).is_ok()
                }
            };
            if !taken {
                break;
            }
        }
        seen.skipped = self.source.skipped();
        Ok(seen)
    }

    fn skip_done(&mut self, ids: &mut Ids, seen: &mut Seen) -> Result<(), ReadError> {
        match &self.resumed {
            Some(resumed) => resumed.skip(&mut *self.source, ids, seen),
            None => Ok(()),
        }
    }
}

impl Resumed {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self {
            records: manifest.input.records,
            digest: RecordDigest::from_hex(&manifest.input.sha256),
        }
    }

    /// Reads again what has its results, to see that it is the same.
    fn skip(
        &self,
        source: &mut dyn Source,
        ids: &mut Ids,
        seen: &mut Seen,
    ) -> Result<(), ReadError> {
        let records = self.records;
        let mut chain = RecordDigest::default();
        while seen.records < records {
            let Some(mut record) = source.next()? else {
                return Err(ReadError::OtherInput { records });
            };
            ids.see(&mut record, seen);
            chain = chain.followed_by(&digest(&record));
            seen.records += 1;
        }
        match chain == self.digest {
            true => Ok(()),
            false => Err(ReadError::OtherInput { records }),
        }
    }
}

/// Reads the whole input, to see that it is that of this complete run.
pub(super) fn is_of(input: &Input, unique_ids: bool, manifest: &Manifest) -> Result<(), ReadError> {
    let mut source = input.open(&Portion::default())?;
    let mut seen = Seen::default();
    let resumed = Resumed::of(manifest);
    resumed.skip(&mut *source, &mut Ids::new(unique_ids), &mut seen)?;
    match source.next()? {
        None => Ok(()),
        Some(_) => Err(ReadError::MoreInput {
            records: resumed.records,
        }),
    }
}

/// Of a record's id, and of its text or its error.
fn digest(record: &Record) -> RecordDigest {
    let id = serde_json::to_vec(&record.origin.id).unwrap_or_default();
    let text = match &record.text {
        Ok(text) => (b't', text.as_ref()),
        Err(error) => (b'e', error.code().as_bytes()),
    };
    let mut hash = Sha256::new();
    hash.update((id.len() as u64).to_be_bytes());
    hash.update(&id);
    hash.update([text.0]);
    hash.update(text.1);
    RecordDigest(hash.finalize().into())
}

/// Ids that were seen, as 64 bits of a hash that is keyed for this run: two of ten million ids are alike by chance
/// once in 370,000 runs.
struct Ids {
    seen: HashSet<u64>,
    keys: RandomState,
    unique: bool,
}

impl Ids {
    fn new(unique: bool) -> Self {
        Self {
            seen: HashSet::new(),
            keys: RandomState::new(),
            unique,
        }
    }

    fn see(&mut self, record: &mut Record, seen: &mut Seen) {
        let Some(id) = &record.origin.id else { return };
        if !self.unique && self.seen.len() >= REMEMBERED_IDS {
            return;
        }
        let hash = match id {
            Id::Text(text) => self.keys.hash_one((0, text)),
            Id::Number(number) => self.keys.hash_one((1, number)),
        };
        if !self.seen.insert(hash) {
            seen.duplicates += 1;
            if self.unique && record.text.is_ok() {
                record.text = Err(InputError::DuplicateId);
            }
        }
    }
}

/// Reads all records: what was seen, how many cannot be sent, and the first of them.
pub(super) fn check(
    input: &Input,
    unique_ids: bool,
) -> Result<(Seen, u64, Vec<String>), SourceError> {
    let mut source = input.open(&Portion::default())?;
    let mut ids = Ids::new(unique_ids);
    let mut seen = Seen::default();
    let mut failed = 0;
    let mut named = Vec::new();
    while let Some(mut record) = source.next()? {
        ids.see(&mut record, &mut seen);
        seen.records += 1;
        if let Err(error) = &record.text {
            failed += 1;
            if named.len() < NAMED {
                named.push(record.origin.named(error));
            }
        }
    }
    seen.skipped = source.skipped();
    Ok((seen, failed, named))
}
