//! Who got what when: a line of JSON for each thing that happened. No key, and no text of a peer.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sealnote_client::now;
use sealnote_client::release::{KeyRequest, VerifiedRequest};
use sealnote_transport::PeerAddress;
use serde::Serialize;

/// Where the lines go.
pub(crate) struct Log(Mutex<Lines>);

struct Lines {
    out: Box<dyn Write + Send>,
    /// Lines that strangers may yet cause, and as of when.
    allowance: u32,
    as_of: Instant,
    /// Those that were left out since the last one.
    omitted: u64,
}

/// Lines that strangers can cause at once. They get one more each second: a flood must not fill the disk, nor hide the
/// lines that matter.
const STRANGERS: u32 = 100;

/// What happened to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// There was no place for it.
    Full,
    /// It ended, or made no sense, before the key was sent. No key left.
    Failed,
    /// The evidence was rejected, or there is no key for it. No key left.
    Refused,
    /// A cap is reached. No key left.
    Capped,
    /// The key is about to be sent. Written before it is, so that no key leaves without a line.
    Releasing,
    /// The enclave has confirmed that it took it.
    Released,
    /// The enclave says why it did not take it.
    NotTaken,
    /// The key was sent, and what the enclave makes of it is not known.
    Unknown,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    time: String,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'static str>,
    #[serde(flatten)]
    verified: Option<Verified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// How many lines of strangers were left out before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<u64>,
}

/// What evidence says that was accepted.
#[derive(Clone, Debug, Serialize)]
struct Verified {
    measured_as: String,
    key_id: String,
    model: String,
    /// Signed under a root for development: whoever runs it can read the key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    development: bool,
}

impl Log {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self::to(Box::new(io::stdout()))
    }

    /// At the end of a file, which is made if it is not there.
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path)?;
        Ok(Self::to(Box::new(file)))
    }

    fn to(out: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(Lines {
            out,
            allowance: STRANGERS,
            as_of: Instant::now(),
            omitted: 0,
        }))
    }

    /// Writes a line of somebody who has shown no evidence that was accepted, or counts it as left out.
    pub(super) fn write_strangers(&self, line: Line) -> io::Result<()> {
        self.lines().strangers(line, Instant::now())
    }

    /// Writes a line, whole.
    pub(super) fn write(&self, line: &Line) -> io::Result<()> {
        self.lines().write(line)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn strangers(&mut self, mut line: Line, now: Instant) -> io::Result<()> {
        let seconds = now.saturating_duration_since(self.as_of).as_secs();
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(u32::MAX);
            self.allowance = self.allowance.saturating_add(more).min(STRANGERS);
            self.as_of = now;
        }
        match self.allowance.checked_sub(1) {
            None => {
                self.omitted += 1;
                Ok(())
            }
            Some(left) => {
                self.allowance = left;
                line.omitted = (self.omitted > 0).then_some(self.omitted);
                self.omitted = 0;
                self.write(&line)
            }
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.out.write_all(&bytes)?;
        self.out.flush()
    }
}

impl Line {
    /// Of somebody who has dialled.
    pub(super) fn of(peer: Option<PeerAddress>) -> Self {
        let peer = peer.map(|peer| match peer {
            PeerAddress::Ip(address) => address.to_string(),
            PeerAddress::Vsock(cid) => format!("vsock:{cid}"),
        });
        Self {
            time: String::new(),
            outcome: Outcome::Failed,
            peer,
            evidence_sha256: None,
            kind: None,
            check: None,
            verified: None,
            message: None,
            omitted: None,
        }
    }

    /// What it sent, unverified.
    pub(super) fn asked(&mut self, request: &KeyRequest) {
        self.evidence_sha256 = Some(request.digest().to_string());
        self.kind = Some(request.kind().name());
    }

    /// What was verified of it.
    pub(super) fn verified(&mut self, request: &VerifiedRequest) {
        let facts = request.evidence().facts();
        self.verified = Some(Verified {
            measured_as: facts.measurement_set().to_owned(),
            key_id: request
                .key_id()
                .map(|id| id.to_string())
                .unwrap_or_default(),
            model: request.model().to_string(),
            development: facts.is_development(),
        });
    }

    /// What came of it, and when.
    pub(super) fn came(&self, outcome: Outcome) -> Self {
        Self {
            time: now().to_string(),
            outcome,
            ..self.clone()
        }
    }

    /// Why.
    pub(super) fn because(self, message: impl ToString) -> Self {
        Self {
            message: Some(message.to_string()),
            ..self
        }
    }

    /// At which check.
    pub(super) fn at_check(self, check: &'static str) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flood_of_strangers_hides_no_line_that_matters() {
        let kept = Kept::default();
        let log = Log::to(Box::new(kept.clone()));
        let lines = || {
            kept.0
                .lock()
                .unwrap()
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
        };
        let begun = log.lines().as_of;
        let stranger = || Line::of(None).came(Outcome::Full);
        for _ in 0..10 * STRANGERS {
            log.lines().strangers(stranger(), begun).unwrap();
        }
        assert_eq!(lines(), STRANGERS as usize);
        log.write(&stranger().came(Outcome::Releasing)).unwrap();
        assert_eq!(lines(), STRANGERS as usize + 1);
        let later = begun + Duration::from_secs(2);
        for _ in 0..10 {
            log.lines().strangers(stranger(), later).unwrap();
        }
        assert_eq!(lines(), STRANGERS as usize + 3);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains(r#""omitted":900"#), "{text}");
    }
}
