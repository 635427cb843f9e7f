//! Why there is no result, as an exception of `sealnote`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sealnote_client::{ConnectError, OtherModel, Rejection, SessionEnd, SubmitError, WireError};

/// What ended a connection, or kept it from coming about.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    /// Of a quota that is used up: seconds until its next hour.
    seconds: Option<u32>,
    /// Of evidence that was rejected: the check's id and title.
    check: Option<(&'static str, &'static str)>,
    /// Of evidence that was rejected.
    document: Option<Vec<u8>>,
}

/// The class of the exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unreachable,
    Full,
    Refused,
    Rejected,
    Tampered,
    Ended,
    OtherModel,
    Denied,
    Policy,
    Other,
}

impl Kind {
    /// Its name in `sealnote._errors`.
    fn class(self) -> &'static str {
        match self {
            Self::Unreachable => "ServerUnreachable",
            Self::Full => "ServerFull",
            Self::Refused => "ServerRefused",
            Self::Rejected => "EvidenceRejected",
            Self::Tampered => "RecordTampered",
            Self::Ended => "SessionEnded",
            Self::OtherModel => "ModelChanged",
            Self::Denied => "ClientDenied",
            Self::Policy => "PolicyError",
            Self::Other => "SealnoteError",
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl ToString) -> Self {
        Self {
            kind,
            message: message.to_string(),
            seconds: None,
            check: None,
            document: None,
        }
    }

    /// The same with the bytes of the evidence that was rejected, for the auditor.
    pub(crate) fn with_document(self, document: Option<Vec<u8>>) -> Self {
        Self { document, ..self }
    }

    /// Evidence that did not pass.
    fn rejected(rejection: &Rejection) -> Self {
        let check = rejection.check();
        Self {
            check: Some((check.id(), check.title())),
            ..Self::new(
                Kind::Rejected,
                format!("evidence rejected, check {}: {rejection}", check.id()),
            )
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.kind == Kind::Full
    }

    /// Whether a later attempt may go better: nobody was there, or the connection was cut. What the enclave said, or
    /// somebody in its name, it would say again.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self.kind,
            Kind::Unreachable | Kind::Full | Kind::Refused | Kind::Ended
        )
    }

    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        self.exception(py).unwrap_or_else(|error| error)
    }

    fn exception(self, py: Python<'_>) -> PyResult<PyErr> {
        let class = py.import("sealnote._errors")?.getattr(self.kind.class())?;
        let facts = PyDict::new(py);
        if let Some((id, title)) = self.check {
            facts.set_item("check", id)?;
            facts.set_item("title", title)?;
        }
        if let Some(seconds) = self.seconds {
            facts.set_item("seconds", seconds)?;
        }
        if let Some(document) = &self.document {
            facts.set_item("document", PyBytes::new(py, document))?;
        }
        let exception = class.call((self.message,), Some(&facts))?;
        Ok(PyErr::from_value(exception))
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let kind = match error {
            ConnectError::Rejected(rejection) => return Self::rejected(&rejection),
            ConnectError::Evidence(_) | ConnectError::Key(_) => Kind::Rejected,
            ConnectError::NotConfirmed(_) => Kind::Tampered,
            ConnectError::Refused => Kind::Refused,
            ConnectError::Full => Kind::Full,
            ConnectError::NoClientKey => Kind::Denied,
            ConnectError::Transport(_) | ConnectError::Read(_) | ConnectError::Timeout(_) => {
                Kind::Unreachable
            }
            _ => Kind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<OtherModel> for Failure {
    fn from(other: OtherModel) -> Self {
        Self::new(Kind::OtherModel, other)
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let kind = match error {
            SubmitError::Connect(error) => return error.into(),
            SubmitError::OtherModel(other) => return other.into(),
            SubmitError::Session(SessionEnd::Wire(WireError::Full)) => Kind::Full,
            SubmitError::Session(SessionEnd::Wire(_)) | SubmitError::NoProgress => Kind::Ended,
            SubmitError::Session(SessionEnd::Denied(denial)) => {
                return Self {
                    seconds: denial.seconds(),
                    ..Self::new(Kind::Denied, denial)
                };
            }
            SubmitError::Session(_) => Kind::Tampered,
            _ => Kind::Other,
        };
        Self::new(kind, error)
    }
}
