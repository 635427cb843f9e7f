//! Why a KBS releases no key, and what to do. Nothing of it is the KBS's text.

use std::fmt;

use hyper::StatusCode;
use sealnote_encrypted_model::WrongKeyLength;
use thiserror::Error;

use super::jwe::JweError;
use super::messages::{MAX_NONCE_LEN, PROTOCOL};
use super::snp::ReportError;
use crate::evidence::EvidenceError;
use crate::http::HttpError;

/// Why a KBS releases no key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KbsError {
    /// The address is none.
    #[error("K1: the KBS's address is https://HOST:PORT or http://HOST:PORT, and nothing behind")]
    Url,
    /// The resource makes no path.
    #[error("K1: the resource's names make no path: each is of letters, digits, '.', '_' and '-'")]
    Resource,
    /// What is said cannot be written.
    #[error("K11: a message to the KBS cannot be written as JSON")]
    Message,
    /// Nothing says whose certificates count.
    #[error(
        "K2: a KBS over https needs roots in the image, and there are none; no public list of roots is trusted"
    )]
    NoRoots,
    /// Roots that nothing is compared with.
    #[error(
        "K2: there are roots for the KBS, but its address is http://. Write https://, or leave the roots out"
    )]
    RootsOverHttp,
    /// The machine gives no evidence for a KBS.
    #[error("K11: {0}")]
    Evidence(#[from] EvidenceError),
    /// The machine gave evidence of another kind than it had announced.
    #[error("K11: the machine gave evidence of another kind than it says it is of")]
    Kind,
    /// The report cannot be handed over.
    #[error("K11: {0}")]
    Report(#[from] ReportError),
    /// The KBS is away, slow, or speaks no HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It speaks another version.
    #[error(
        "K11: the KBS speaks another version of its protocol than {PROTOCOL}: use a Trustee of that version"
    )]
    Version,
    /// It takes no such machine.
    #[error(
        "K11: the KBS gives no challenge ({status}): its attestation service may not take this kind of machine"
    )]
    NoChallenge {
        /// What it answered.
        status: u16,
    },
    /// It does not believe the evidence.
    #[error(
        "K12: the KBS does not accept the evidence ({status}); its log says why. The machine's TCB may be too low or its \
         endorsements out of reach, the challenge too old or used before"
    )]
    NotAttested {
        /// What it answered.
        status: u16,
    },
    /// Its policy says no.
    #[error(
        "K12: the KBS's policy denies the key. Compare its reference values with this image's measurement and with the \
         machine's TCB, and its resource policy with MODEL_ENCRYPTION_KEY_URL"
    )]
    Denied,
    /// It has no such resource.
    #[error(
        "K1: the KBS has no such resource: put the key there, or correct MODEL_ENCRYPTION_KEY_URL"
    )]
    NoResource,
    /// It does not know the session any more.
    #[error(
        "K11: the KBS does not know the session that it began: it was restarted, or its time is over. Start the enclave again"
    )]
    NoSession,
    /// Anything else.
    #[error(
        "K11: the KBS answers {status} to {step}, which is no answer of its protocol; is this a KBS?"
    )]
    Status {
        /// To what.
        step: Step,
        /// What it answered.
        status: u16,
    },
    /// It gives no challenge that can be used.
    #[error(
        "K11: the KBS's challenge is no JSON with a nonce of 1 to {MAX_NONCE_LEN} printable characters"
    )]
    Challenge,
    /// It wants what is not offered.
    #[error("K11: the KBS's challenge has extra-params that were not offered; the hash is SHA-384")]
    ExtraParams,
    /// It begins no session, or more than one, or changes it.
    #[error("K11: the KBS does not set exactly one cookie kbs-session-id, and leave it as it is")]
    Cookie,
    /// What it answers is not opened.
    #[error("K10: the KBS's answer is not opened: {0}")]
    Jwe(#[from] JweError),
    /// What it released is no key.
    #[error("K6: the resource is not the key itself: {0}")]
    Key(#[from] WrongKeyLength),
}

/// What the KBS was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A challenge.
    Auth,
    /// To take evidence.
    Attest,
    /// The resource.
    Resource,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "/kbs/v0/auth",
            Self::Attest => "/kbs/v0/attest",
            Self::Resource => "/kbs/v0/resource",
        })
    }
}

impl KbsError {
    /// What an answer without success means. `body` tells apart what Trustee answers alike: of a resource that is not
    /// there, and of a version that it does not speak, it says 401.
    pub(super) fn of(step: Step, status: StatusCode, body: &[u8]) -> Self {
        let says = |part: &str| {
            let part = part.as_bytes();
            body.windows(part.len()).any(|window| window == part)
        };
        let code = status.as_u16();
        match (step, status) {
            (Step::Auth, StatusCode::UNAUTHORIZED) if says("Version Mismatch") => Self::Version,
            (Step::Auth, StatusCode::UNAUTHORIZED) => Self::NoChallenge { status: code },
            (Step::Attest, StatusCode::UNAUTHORIZED) => Self::NotAttested { status: code },
            (Step::Resource, StatusCode::FORBIDDEN) => Self::Denied,
            (Step::Resource, StatusCode::NOT_FOUND) => Self::NoResource,
            (Step::Resource, StatusCode::UNAUTHORIZED) if says("PluginInternalError") => {
                Self::NoResource
            }
            (Step::Resource, StatusCode::UNAUTHORIZED) => Self::NoSession,
            _ => Self::Status { step, status: code },
        }
    }
}
