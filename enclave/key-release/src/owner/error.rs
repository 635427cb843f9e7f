//! Why the owner's service gave no key, and what to do.

use std::time::Duration;

use sealnote_frame_io::ReadError;
use sealnote_protocol::claims::ClaimsError;
use sealnote_protocol::session::SessionError;
use sealnote_protocol::session::enclave::HandshakeError;
use sealnote_protocol::task::key_release::NotTaken;
use sealnote_transport::TransportError;
use thiserror::Error;

use crate::EvidenceError;

/// Why there is no key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OwnerError {
    /// Nobody is there, or the way is closed.
    #[error(
        "the way to the release service: {0}. Check that the parent's egress is on, that its allow list has the service's \
         address, and that `sealnote release` runs there"
    )]
    Unreachable(#[from] TransportError),
    /// The connection ended.
    #[error("{error} while {step} was due. {}", step.advice())]
    Ended {
        /// What was due.
        step: Step,
        /// How it ended.
        error: ReadError,
    },
    /// Nothing came.
    #[error("{step} was due, and did not come within {} s. {}", after.as_secs(), step.advice())]
    Slow {
        /// What was due.
        step: Step,
        /// How long it was waited for.
        after: Duration,
    },
    /// It has no place, or has released as many keys as it may in an hour; or whoever is on the way says so.
    #[error(
        "the release service has no place, or has released as many keys in this hour as its --releases-per-hour allows: its \
         log says which"
    )]
    Full,
    /// It refused.
    #[error(
        "the release service refused while {0} was due. It does not say why to whoever asks: its log has a line for this, with \
         the check that failed"
    )]
    Refused(Step),
    /// What came is no frame of the protocol, or not the one that is due.
    #[error(
        "what answers is no release service, or one of another release: {error} while {step} was due. Check the address in \
         MODEL_ENCRYPTION_KEY_URL and the parent's egress"
    )]
    NoReleaser {
        /// What was due.
        step: Step,
        /// What is wrong with it.
        error: ReadError,
    },
    /// The handshake's message is none.
    #[error(
        "the release service's handshake: {0}. Check that it is of the same release as this enclave"
    )]
    Handshake(#[from] HandshakeError),
    /// The record did not open, or is no release.
    #[error(
        "the release service did not send the key as it should: {0}. Somebody on the way changed it, or the service is of \
         another release"
    )]
    Record(#[from] SessionError),
    /// It is signed, or made out, wrongly.
    #[error("the released key is not taken: {0}")]
    NotTaken(#[from] NotTaken),
    /// The machine gave no evidence.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// What is wanted cannot be claimed.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The thread for the evidence is gone.
    #[error("the machine's evidence could not be waited for")]
    Thread,
}

/// What the enclave waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The service's challenge.
    Hello,
    /// Its key message, which comes once it has accepted the evidence.
    Key,
    /// The model's key.
    Release,
}

impl OwnerError {
    /// Whether asking again, in a new session, may help. Nothing of it is authenticated: who is on the way can make an
    /// enclave wait, as they can keep it from the service.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Ended { .. } | Self::Slow { .. } | Self::Full => true,
            Self::Refused(_)
            | Self::NoReleaser { .. }
            | Self::Handshake(_)
            | Self::Record(_)
            | Self::NotTaken(_)
            | Self::Evidence(_)
            | Self::Claims(_)
            | Self::Thread => false,
        }
    }
}

impl Step {
    fn advice(self) -> &'static str {
        match self {
            Self::Hello => {
                "The parent's egress may not reach the service (its log says so), or something else than `sealnote release` \
                 listens there"
            }
            Self::Key | Self::Release => {
                "The release service went away, or gave up: its log says which"
            }
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hello => "its hello",
            Self::Key => "its verdict on the evidence",
            Self::Release => "the model's key",
        })
    }
}
