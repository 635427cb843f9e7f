//! How a command ended, for programs and for people.

use core::fmt;
use std::process::ExitCode;

use sealnote_client::{ConnectError, SessionEnd, SubmitError};
use sealnote_verifier::Check;

/// What the exit code says. 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 1: an internal error, such as a panic.
    Internal,
    /// 2: wrong usage, an input that cannot be read, a bad policy. Nothing was sent.
    Usage,
    /// 3: evidence was rejected, or is malformed.
    Rejected,
    /// 4: the run came to its end, and some records have no result: each says why.
    Records,
    /// 5: the results could not be written.
    Output,
    /// 6: the server could not be reached, had no place, or went away.
    Unreachable,
    /// 7: what came is not what the enclave of this session would have sent.
    Tampered,
    /// 8: the enclave serves only clients that it knows, and not this one, or not any more in this hour.
    Denied,
    /// 128 and the signal's number, as a shell has it: the run was asked to end, and did so in order.
    Signal(u8),
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// The check that evidence failed.
    check: Option<&'static str>,
    message: String,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Rejected => 3,
            Self::Records => 4,
            Self::Output => 5,
            Self::Unreachable => 6,
            Self::Tampered => 7,
            Self::Denied => 8,
            Self::Signal(number) => 128 + number,
        }
    }

    /// The failure, with what is said on standard error.
    pub(crate) fn because(self, message: impl Into<String>) -> Failure {
        let message = message.into();
        Failure {
            exit: self,
            check: None,
            message,
        }
    }
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The check that evidence failed.
    pub(crate) fn check(&self) -> Option<&'static str> {
        self.check
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn at_check(self, check: Check) -> Self {
        let check = Some(check.id());
        Self { check, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let failure = Exit::from(&error).because(error.to_string());
        match error {
            ConnectError::Rejected(rejection) => failure.at_check(rejection.check()),
            _ => failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<&ConnectError> for Exit {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Rejected(_) | ConnectError::Evidence(_) | ConnectError::Key(_) => {
                Self::Rejected
            }
            ConnectError::NotConfirmed(_) => Self::Tampered,
            ConnectError::NotKept(_) => Self::Output,
            ConnectError::NoClientKey => Self::Denied,
            _ => Self::Unreachable,
        }
    }
}

impl From<&SessionEnd> for Exit {
    fn from(end: &SessionEnd) -> Self {
        match end {
            SessionEnd::Wire(_) => Self::Unreachable,
            SessionEnd::Denied(_) => Self::Denied,
            _ => Self::Tampered,
        }
    }
}

impl From<&SubmitError> for Exit {
    fn from(error: &SubmitError) -> Self {
        match error {
            SubmitError::Connect(error) => error.into(),
            SubmitError::Session(end) => end.into(),
            SubmitError::OtherModel(_) => Self::Rejected,
            _ => Self::Unreachable,
        }
    }
}
