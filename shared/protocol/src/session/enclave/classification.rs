//! The enclave's side of a session of task 1: notes in, scores out.

use std::time::Instant;

use rand_core::CryptoRng;
use sealnote_access::Role;
use sealnote_model::NoteOutcome;
use zeroize::{Zeroize, Zeroizing};

use super::{AwaitingClient, AwaitingKey, HandshakeError, Opened};
use crate::denial::Denial;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::record::{Malformed, Record, Unsealed};
use crate::session::SessionError;
use crate::session::keys::{ExporterSecret, RecvKey, SendKey};
use crate::task::sequence_classification::{Layout, ModelClaims, Notes};

impl AwaitingKey<ModelClaims> {
    /// Takes the key message: what it leads to, and the `ready` record to send. Suite 1 costs an RSA decryption.
    pub fn key(
        self,
        frame: &Frame,
        rng: &mut impl CryptoRng,
        now: Instant,
    ) -> Result<(Keyed, Frame), HandshakeError> {
        let Opened {
            enclave,
            suite,
            send,
            receive,
            exporter,
            ready,
        } = self.open(frame, rng, now)?;
        let signed = enclave.clients.as_ref();
        let exported = signed.map(|_| exporter.export(suite, Role::Client.exporter()));
        let layout = enclave.task.layout(enclave.limits);
        let sender = EnclaveSender {
            key: send,
            layout,
            answers: 0,
            exporter,
        };
        let receiver = EnclaveReceiver {
            key: Some(receive),
            layout,
            last_id: None,
            requests: 0,
        };
        let keyed = match exported {
            None => Keyed::Open(sender, receiver),
            Some(exported) => {
                Keyed::AwaitingClient(AwaitingClient::new(sender, receiver, exported))
            }
        };
        Ok((keyed, ready))
    }
}

/// What a key message has led to.
#[derive(Debug)]
pub enum Keyed {
    /// A session: anybody may ask.
    Open(EnclaveSender, EnclaveReceiver),
    /// The client has yet to say who it is.
    AwaitingClient(AwaitingClient),
}

/// A place for the answer to one request; sealing the answer consumes it.
#[derive(Debug)]
pub struct ReplySlot {
    request: u64,
    notes: usize,
}

/// What a client's record held.
#[derive(Debug)]
pub enum Received {
    /// Notes to classify, in order; a bad note is its error already.
    Request(ReplySlot, Notes),
    /// The client ends the session, and every request that it sent has arrived.
    Close,
}

/// Opens the client's records.
#[derive(Debug)]
pub struct EnclaveReceiver {
    /// `None` once the session is over: the key is erased at the first error.
    key: Option<RecvKey>,
    layout: Layout,
    last_id: Option<u64>,
    requests: u64,
}

impl EnclaveReceiver {
    /// The client's first record, opened: its plaintext, of any kind.
    pub(super) fn open_first(
        &mut self,
        frame: Frame,
        now: Instant,
    ) -> Result<Zeroizing<Vec<u8>>, SessionError> {
        let mut key = self.key.take().ok_or(SessionError::Over)?;
        let plaintext = key.open(frame, now)?;
        self.key = Some(key);
        Ok(plaintext)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.layout.limits
    }

    /// Opens a record. Any error is the end: the key is erased.
    pub fn open(&mut self, frame: Frame, now: Instant) -> Result<Received, SessionError> {
        let mut key = self.key.take().ok_or(SessionError::Over)?;
        let plaintext = key.open(frame, now)?;
        match Record::parse(&plaintext, &self.layout.limits)? {
            Record::Request(id, body) => {
                let notes = self.layout.read_request(body)?;
                if self.last_id.is_some_and(|last| id <= last) {
                    return Err(Malformed("request id").into());
                }
                self.last_id = Some(id);
                self.requests += 1;
                self.key = Some(key);
                let slot = ReplySlot {
                    request: id,
                    notes: notes.len(),
                };
                Ok(Received::Request(slot, notes))
            }
            Record::Close(requests) if requests == self.requests => Ok(Received::Close),
            Record::Close(_) => Err(Malformed("close count").into()),
            Record::Ready | Record::Answer(..) | Record::Signature(..) | Record::Denial(_) => {
                Err(Malformed("kind").into())
            }
        }
    }
}

/// Seals the enclave's records.
#[derive(Debug)]
pub struct EnclaveSender {
    key: SendKey,
    layout: Layout,
    answers: u64,
    exporter: ExporterSecret,
}

impl EnclaveSender {
    /// The answer to one request: an outcome for each of its notes, in order. Erases the scores.
    pub fn answer(
        &mut self,
        slot: ReplySlot,
        mut outcomes: Vec<NoteOutcome>,
        now: Instant,
    ) -> Result<Frame, SessionError> {
        let record = self.layout.answer(slot.request, slot.notes, &outcomes);
        for note in outcomes.iter_mut().flatten() {
            note.scores.zeroize();
        }
        let frame = self.key.seal(record, now)?;
        self.answers += 1;
        Ok(frame)
    }

    /// The authenticated end; states the number of answers sent.
    pub fn close(mut self, now: Instant) -> Result<Frame, SessionError> {
        self.key.seal(Unsealed::close(self.answers), now)
    }

    /// The end of a session with a client who is served no longer, and why. In the close's place.
    pub fn deny(mut self, denial: Denial, now: Instant) -> Result<Frame, SessionError> {
        self.key.seal(Unsealed::denial(denial), now)
    }

    /// The session's exporter secret.
    pub fn exporter(&self) -> &ExporterSecret {
        &self.exporter
    }
}
