//! The client's session: opened by verified evidence, and by nothing else.
//!
//! ```text
//! VerifiedEvidence → ClientSession::establish → AwaitingReady::ready → ClientSender + ClientReceiver
//!                                                                   → AwaitingSignature::sign → the same
//! ```
//!
//! No method takes a note before `ready` has opened; nor, where the enclave asks its clients for signatures, before the
//! client has signed.

use std::sync::Arc;
use std::time::Instant;

use rand_core::CryptoRng;
use sealnote_access::{EXPORTED_LEN, PrivateKey, Role};
use sealnote_model::NoteOutcome;
use sealnote_protocol::denial::Denial;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::Key;
use sealnote_protocol::record::{Malformed, Record, Unsealed};
use sealnote_protocol::session::keys::{ExporterSecret, RecvKey, SendKey, SessionKeys};
use sealnote_protocol::session::{SessionError, SessionLimits};
use sealnote_protocol::suite::KeyError;
use sealnote_protocol::task::sequence_classification::{Layout, ModelClaims, request_len};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::classification::{Classification, Outcome};
use crate::evidence::VerifiedEvidence;

/// The door to a session.
#[derive(Debug)]
pub struct ClientSession;

impl ClientSession {
    /// Draws the session's secret and seals it to the attested key: the key message to send, and
    /// the state that waits for the enclave's `ready`.
    pub fn establish(
        evidence: VerifiedEvidence,
        limits: SessionLimits,
        rng: &mut impl CryptoRng,
        now: Instant,
    ) -> Result<(AwaitingReady, Frame), KeyError> {
        let claims = evidence.claims();
        let model = Arc::new(claims.model().clone());
        let layout = model.layout(*claims.limits());
        let (clients_sign, suite) = (claims.clients_sign(), evidence.suite());
        let (keys, frame) = encapsulate(evidence, rng)?;
        let SessionKeys {
            client_to_enclave,
            enclave_to_client,
            exporter,
        } = keys;
        let exported = clients_sign.then(|| exporter.export(suite, Role::Client.exporter()));
        let sender = ClientSender {
            key: SendKey::new(client_to_enclave, limits, now),
            layout,
            requests: 0,
            exporter,
        };
        let receiver = ClientReceiver {
            key: Some(RecvKey::new(enclave_to_client, limits, now)),
            layout,
            model,
            answers: 0,
            clients_sign,
        };
        let awaiting = AwaitingReady {
            sender,
            receiver,
            exported,
        };
        Ok((awaiting, frame))
    }
}

/// The session's keys, and the key message that gives them to the attested enclave, and to nobody else.
pub(crate) fn encapsulate<T>(
    evidence: VerifiedEvidence<T>,
    rng: &mut impl CryptoRng,
) -> Result<(SessionKeys, Frame), KeyError> {
    let VerifiedEvidence {
        key, transcript, ..
    } = evidence;
    let suite = key.suite();
    let (secret, encapsulated) = key.encapsulate(&transcript, rng)?;
    let frame = Key::new(suite, encapsulated).to_frame();
    let keys = SessionKeys::derive(suite, &secret, transcript.with(&frame));
    Ok((keys, frame))
}

/// The key message was sent; the enclave has yet to prove that it could open it.
#[derive(Debug)]
pub struct AwaitingReady {
    sender: ClientSender,
    receiver: ClientReceiver,
    /// What is signed, if the enclave asks for a signature.
    exported: Option<Zeroizing<[u8; EXPORTED_LEN]>>,
}

/// The enclave has the session's keys.
#[derive(Debug)]
pub enum Confirmed {
    /// Notes may travel.
    Open(ClientSender, ClientReceiver),
    /// The enclave serves the clients that it knows: this one has yet to sign.
    MustSign(AwaitingSignature),
}

/// Notes may travel once the client has said who it is.
#[derive(Debug)]
pub struct AwaitingSignature {
    sender: ClientSender,
    receiver: ClientReceiver,
    exported: Zeroizing<[u8; EXPORTED_LEN]>,
}

impl AwaitingReady {
    /// Opens the enclave's `ready`.
    pub fn ready(mut self, frame: Frame, now: Instant) -> Result<Confirmed, SessionError> {
        let Opened::Ready = self.receiver.open_record(frame, now)? else {
            return Err(Malformed("the first record is not ready").into());
        };
        let (sender, receiver) = (self.sender, self.receiver);
        Ok(match self.exported {
            None => Confirmed::Open(sender, receiver),
            Some(exported) => Confirmed::MustSign(AwaitingSignature {
                sender,
                receiver,
                exported,
            }),
        })
    }
}

impl AwaitingSignature {
    /// Signs for this session and no other: the session, and the frame that must be its first. Whether the enclave knows the
    /// key shows in what it answers; requests need not wait for that.
    pub fn sign(
        mut self,
        key: &PrivateKey,
        now: Instant,
    ) -> Result<(ClientSender, ClientReceiver, Frame), SessionError> {
        let signature = key.sign(Role::Client, &self.exported, &[]);
        let record = Unsealed::signature(&key.public(), &signature);
        let frame = self.sender.key.seal(record, now)?;
        Ok((self.sender, self.receiver, frame))
    }
}

/// Why notes cannot go in one request of this session.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// No note, or more than the enclave's limit.
    #[error("{count} notes in one request; the enclave takes 1 to {limit}")]
    Count {
        /// Notes given.
        count: usize,
        /// The attested limit.
        limit: u16,
    },
    /// The notes do not fit in one request.
    #[error("the notes take {len} bytes padded; the enclave takes {limit} in one request")]
    Length {
        /// The padded length in bytes.
        len: usize,
        /// The attested limit in bytes.
        limit: u32,
    },
    /// The session is over.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Seals the client's records.
#[derive(Debug)]
pub struct ClientSender {
    key: SendKey,
    layout: Layout,
    requests: u64,
    exporter: ExporterSecret,
}

impl ClientSender {
    /// Seals notes as one request: the frame to send, and the claim to its answer.
    pub fn request(
        &mut self,
        notes: &[&[u8]],
        now: Instant,
    ) -> Result<(PendingReply, Frame), RequestError> {
        let limits = &self.layout.limits;
        if notes.is_empty() || notes.len() > usize::from(limits.notes) {
            return Err(RequestError::Count {
                count: notes.len(),
                limit: limits.notes,
            });
        }
        let len = request_len(notes.iter().map(|note| note.len()));
        if len > limits.request_bytes as usize {
            return Err(RequestError::Length {
                len,
                limit: limits.request_bytes,
            });
        }
        let id = self.requests;
        let frame = self.key.seal(self.layout.request(id, notes), now)?;
        self.requests += 1;
        let pending = PendingReply {
            request: id,
            notes: notes.len(),
        };
        Ok((pending, frame))
    }

    /// The authenticated end; states the number of requests sent.
    pub fn close(mut self, now: Instant) -> Result<Frame, SessionError> {
        self.key.seal(Unsealed::close(self.requests), now)
    }

    /// The session's exporter secret.
    pub fn exporter(&self) -> &ExporterSecret {
        &self.exporter
    }
}

/// The claim to the answer of one request, consumed by it.
#[derive(Debug)]
pub struct PendingReply {
    request: u64,
    notes: usize,
}

/// An answer that authenticated, not yet matched with its request.
pub struct Reply {
    request: u64,
    model: Arc<ModelClaims>,
    outcomes: Vec<NoteOutcome>,
}

/// Scores tell of patients.
impl core::fmt::Debug for Reply {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Reply({}, redacted)", self.request)
    }
}

/// What an enclave's record held.
#[derive(Debug)]
pub enum Incoming {
    /// The answer to one of the requests.
    Reply(Reply),
    /// The enclave ends the session, and every answer that it sent has arrived.
    Close,
}

impl Reply {
    /// The request that it answers; see [`PendingReply::request_id`].
    pub fn request_id(&self) -> u64 {
        self.request
    }
}

impl PendingReply {
    /// The number that the answer will carry.
    pub fn request_id(&self) -> u64 {
        self.request
    }

    /// The outcomes, one for each note of the request, in order.
    pub fn accept(self, reply: Reply) -> Result<Vec<Outcome>, SessionError> {
        if reply.request != self.request || reply.outcomes.len() != self.notes {
            return Err(Malformed("an answer to another request").into());
        }
        let model = &reply.model;
        let classified = |outcome: NoteOutcome| match outcome {
            Ok(scored) => Classification::new(model.clone(), scored)
                .map(Ok)
                .ok_or(Malformed("number of scores").into()),
            Err(error) => Ok(Err(error)),
        };
        reply.outcomes.into_iter().map(classified).collect()
    }
}

/// Opens the enclave's records.
#[derive(Debug)]
pub struct ClientReceiver {
    /// `None` once the session is over: the key is erased at the first error.
    key: Option<RecvKey>,
    layout: Layout,
    model: Arc<ModelClaims>,
    answers: u64,
    /// Only then may the enclave deny something.
    clients_sign: bool,
}

/// What a record held.
enum Opened {
    Ready,
    Answer(u64, Vec<NoteOutcome>),
    Close(u64),
    Denial(Denial),
    /// What no enclave sends.
    FromClients,
}

impl ClientReceiver {
    /// Opens a record. Any error is the end: the key is erased.
    pub fn open(&mut self, frame: Frame, now: Instant) -> Result<Incoming, SessionError> {
        match self.open_record(frame, now)? {
            Opened::Answer(request, outcomes) => {
                self.answers += 1;
                let model = self.model.clone();
                Ok(Incoming::Reply(Reply {
                    request,
                    model,
                    outcomes,
                }))
            }
            Opened::Close(answers) => {
                self.key = None;
                match answers == self.answers {
                    true => Ok(Incoming::Close),
                    false => Err(Malformed("close count").into()),
                }
            }
            Opened::Denial(denial) if self.clients_sign => {
                self.key = None;
                Err(denial.into())
            }
            Opened::Ready | Opened::Denial(_) | Opened::FromClients => {
                self.key = None;
                Err(Malformed("kind").into())
            }
        }
    }

    fn open_record(&mut self, frame: Frame, now: Instant) -> Result<Opened, SessionError> {
        let mut key = self.key.take().ok_or(SessionError::Over)?;
        let plaintext = key.open(frame, now)?;
        let opened = match Record::parse(&plaintext, &self.layout.limits)? {
            Record::Ready => Opened::Ready,
            Record::Answer(id, body) => Opened::Answer(id, self.layout.read_answer(body)?),
            Record::Close(count) => Opened::Close(count),
            Record::Denial(denial) => Opened::Denial(denial),
            Record::Request(..) | Record::Signature(..) => Opened::FromClients,
        };
        self.key = Some(key);
        Ok(opened)
    }
}
