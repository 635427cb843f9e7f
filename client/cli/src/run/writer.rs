//! Rows to their files, and what is known of those that are there.

use sealnote_client::EvidenceDigest;

use super::budget::Budget;
use super::growing::Growing;
use super::manifest::{Counts, Manifest, Session};
use super::order::Ordered;
use super::{Done, NAMED, RecordDigest};
use crate::evidence::Seen;
use crate::sink::{Encoder, Row};

/// Where rows go.
pub(super) struct Outputs {
    pub(super) results: Growing,
    /// Where those go that have an error; else they are among the results.
    pub(super) rejects: Option<Growing>,
}

pub(super) struct Writer {
    outputs: Outputs,
    encoder: Box<dyn Encoder>,
    ordered: Ordered,
    budget: Budget,
    evidence: Seen,
    tally: Tally,
    named: Vec<String>,
}

/// What is true of the rows that are written.
struct Tally {
    records: u64,
    digest: RecordDigest,
    counts: Counts,
    sessions: Vec<Session>,
    last: Option<EvidenceDigest>,
}

impl Writer {
    /// A writer that goes on where `manifest` ends.
    pub(super) fn new(
        outputs: Outputs,
        encoder: Box<dyn Encoder>,
        budget: Budget,
        evidence: Seen,
        manifest: &Manifest,
    ) -> Self {
        let mut writer = Self {
            outputs,
            encoder,
            ordered: Ordered::from(manifest.input.records),
            budget,
            evidence,
            tally: Tally {
                records: manifest.input.records,
                digest: RecordDigest::from_hex(&manifest.input.sha256),
                counts: manifest.counts.clone(),
                sessions: manifest.sessions.clone(),
                last: None,
            },
            named: Vec::new(),
        };
        if writer.tally.records == 0 {
            writer.encoder.begin(writer.outputs.results.buffer());
            if let Some(rejects) = &mut writer.outputs.rejects {
                writer.encoder.begin(rejects.buffer());
            }
        }
        writer
    }

    /// Takes a result, and writes all that have those before them. Whether one of them has an error.
    pub(super) fn take(&mut self, done: Done) -> std::io::Result<bool> {
        let failed = self.tally.counts.failed;
        self.ordered.put(done);
        while let Some(done) = self.ordered.pop() {
            self.write(done)?;
        }
        Ok(self.tally.counts.failed > failed)
    }

    fn write(&mut self, done: Done) -> std::io::Result<()> {
        let Done { pending, result } = done;
        let row = Row {
            origin: pending.origin,
            result,
        };
        let error = row.result.error();
        let out = match (&error, &mut self.outputs.rejects) {
            (Some(_), Some(rejects)) => rejects,
            _ => &mut self.outputs.results,
        };
        self.encoder.row(&row, out.buffer());
        out.flush_if_full()?;
        self.budget.give_back(pending.held);
        self.tally.records += 1;
        self.tally.digest = self.tally.digest.followed_by(&pending.digest);
        match error {
            None => self.tally.counts.classified += 1,
            Some((code, message)) => {
                self.tally.counts.failed += 1;
                *self.tally.counts.errors.entry(code.into()).or_default() += 1;
                self.name(&row, &message);
            }
        }
        if let Some(digest) = row.result.evidence()
            && self.tally.last != Some(digest)
        {
            self.tally.last = Some(digest);
            self.add_session(digest);
        }
        Ok(())
    }

    fn name(&mut self, row: &Row, message: &str) {
        if self.named.len() < NAMED {
            self.named.push(row.origin.named(&message));
        }
    }

    fn add_session(&mut self, digest: EvidenceDigest) {
        let whole = digest.to_string();
        let mut known = self.tally.sessions.iter().rev();
        if known.any(|session| session.evidence_sha256 == whole) {
            return;
        }
        let Some(accepted) = self.evidence.accepted(digest) else {
            return;
        };
        let report = accepted.report;
        let Some(found) = report.found else { return };
        self.tally.sessions.push(Session {
            evidence: digest.short(),
            evidence_sha256: whole,
            kind: report.kind.into(),
            measured_as: found.measured_as,
            model: found.model,
            precision: found.precision.unwrap_or_default(),
            suite: found.suite,
            at: report.at,
        });
    }

    pub(super) fn records(&self) -> u64 {
        self.tally.records
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.tally.counts
    }

    /// The first records that failed, for people.
    pub(super) fn named(&self) -> &[String] {
        &self.named
    }

    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.outputs.results.flush()?;
        match &mut self.outputs.rejects {
            Some(rejects) => rejects.flush(),
            None => Ok(()),
        }
    }

    /// Has the disk keep what there is, and says so in the manifest, which is not written here.
    pub(super) fn sync(&mut self, manifest: &mut Manifest) -> std::io::Result<()> {
        manifest.output.bytes = self.outputs.results.sync()?;
        if let Some(rejects) = &mut self.outputs.rejects {
            manifest.output.rejects_bytes = rejects.sync()?;
        }
        manifest.input.records = self.tally.records;
        manifest.input.sha256 = self.tally.digest.to_string();
        manifest.counts = self.tally.counts.clone();
        manifest.sessions = self.tally.sessions.clone();
        manifest.updated = sealnote_client::now().to_string();
        Ok(())
    }
}
