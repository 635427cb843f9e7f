//! What travels between the two ends, and why an end gives up.

use sealnote_protocol::frame::{Frame, FrameBuffer, FrameError, FrameType};
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::enclave::HandshakeError;
use sealnote_session::Rejection;
use sealnote_session::{BindingError, EvidenceError};
use sealnote_verifier::nitro::{self, appraisal::AppraisalError};

/// What a frame is in a run that nobody disturbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Hello,
    Answer,
    Key,
    Ready,
    /// The request of this number.
    Request(usize),
    ClientClose,
    /// The answer that is sent as this number.
    Reply(usize),
    EnclaveClose,
    Refusal,
}

impl Step {
    pub fn is_from_client(self) -> bool {
        matches!(
            self,
            Self::Hello | Self::Key | Self::Request(_) | Self::ClientClose
        )
    }

    /// Whether it belongs to the session, and not to the handshake.
    pub fn is_record(self) -> bool {
        !matches!(self, Self::Hello | Self::Answer | Self::Key | Self::Refusal)
    }
}

/// Frames to send, each with what it is.
pub type Sent = Vec<(Step, Vec<u8>)>;

/// Why an end gave up.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    Frame(FrameError),
    Evidence(EvidenceError),
    Rejected(Rejection),
    /// A handshake message that is not the one that is due.
    Message,
    /// A hello without a suite that the enclave speaks.
    NoSuite,
    /// A suite that was not offered by both sides.
    Suite(u16),
    Session(SessionError),
    /// The peer, or whoever is on the way, sent a refusal.
    Refused,
    /// An answer that no request awaits.
    Unasked,
    /// The stream ended too early.
    Cut,
}

/// The next frame, as the programs read it: of the type that is due, or a refusal.
pub fn next(
    buffer: &mut FrameBuffer,
    due: FrameType,
    limit: usize,
) -> Result<Option<Frame>, FrameError> {
    match buffer.next_kind(limit)? {
        Some(kind) if kind != due && !kind.is_farewell() => Err(FrameError::OutOfPlace(kind)),
        _ => buffer.pop(limit),
    }
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<HandshakeError> for Fault {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Message(_) => Self::Message,
            HandshakeError::NoSuite => Self::NoSuite,
            HandshakeError::Suite(id) => Self::Suite(id),
            HandshakeError::Session(error) => Self::Session(error),
            other => panic!("no test causes {other}"),
        }
    }
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<EvidenceError> for Fault {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(error)
    }
}

impl From<AppraisalError> for Fault {
    fn from(error: AppraisalError) -> Self {
        let rejection = sealnote_verifier::Rejection::Nitro(nitro::Rejection::Appraisal(error));
        Self::Rejected(rejection.into())
    }
}

impl From<BindingError> for Fault {
    fn from(error: BindingError) -> Self {
        Self::Rejected(error.into())
    }
}
