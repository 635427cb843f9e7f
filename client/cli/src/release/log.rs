//! Who got what when: a line of JSON for each thing that happened. No key, and no text of a peer.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sealnote_client::now;
use sealnote_client::release::{KeyRequest, VerifiedRequest};
use sealnote_transport::PeerAddress;
use serde::Serialize;

/// Where the lines go.
pub(crate) struct Log(Mutex<Box<dyn Write + Send>>);

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
        Self(Mutex::new(Box::new(io::stdout())))
    }

    /// At the end of a file, which is made if it is not there.
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path)?;
        Ok(Self(Mutex::new(Box::new(file))))
    }

    /// Writes a line, whole.
    pub(super) fn write(&self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(&bytes)?;
        out.flush()
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
