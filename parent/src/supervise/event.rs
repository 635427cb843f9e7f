//! What happens to enclaves: a line of the log, and a count.

use std::{fmt, io, path::PathBuf, time::Duration};

use sealnote_transport::Cid;
use thiserror::Error;
use tracing::{error, info, warn};

use super::{ConsoleEvent, Enclave, EnclaveId, LedgerError, NitroCliError, Pcr0};

/// Something that the operator may want to know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// An enclave runs that was started here.
    Started {
        /// Which.
        enclave: Enclave,
        /// How long `nitro-cli` took.
        took: Duration,
    },
    /// An enclave that ran already is looked after from now on.
    TakenOver(Enclave),
    /// No enclave runs; it is tried again after a pause.
    NotStarted {
        /// Why not.
        error: StartError,
        /// Until then.
        pause: Duration,
    },
    /// An enclave has answered for the first time.
    Ready {
        /// Which.
        enclave: Enclave,
        /// Since it was started, or found.
        after: Duration,
    },
    /// An enclave that runs has not answered in its time. It is left alone: it may still come.
    Silent {
        /// Which.
        enclave: Enclave,
        /// Since it was started, or found.
        after: Duration,
    },
    /// An enclave has ended by itself, or was ended by somebody else.
    Ended {
        /// Which.
        enclave: Enclave,
        /// Why, as far as anybody can tell.
        reason: ExitReason,
        /// How long it was up.
        up: Duration,
        /// Until the next start; none if another enclave serves.
        pause: Option<Duration>,
    },
    /// An enclave in debug mode has said something on its console.
    Console {
        /// Which.
        enclave: Enclave,
        /// What.
        event: ConsoleEvent,
    },
    /// Whether enclaves run could not be found out; what was known before is taken to hold.
    NotWatched(NitroCliError),
    /// The image that is wanted runs already.
    Unchanged,
    /// The new enclave has all new connections; those of the old one may end in peace.
    Replaced {
        /// Has no new connections.
        old: Enclave,
        /// Has them.
        new: Enclave,
    },
    /// There is no room for two: the old enclave gets no new connections and ends, and then the new one is started.
    /// Clients are held until then.
    ReplacedByRestart {
        /// Ends.
        old: Enclave,
    },
    /// What ran before still runs, and serves.
    NotReplaced(NotReplaced),
    /// An enclave was ended here.
    Terminated(Enclave),
    /// An enclave could not be ended; it is tried again.
    NotTerminated {
        /// Which.
        enclave: Enclave,
        /// Why not.
        error: NitroCliError,
    },
    /// An enclave is let run on.
    LeftRunning(Enclave),
    /// What was started here is not kept in mind beyond this process.
    NotKept(LedgerError),
}

/// Why an enclave has ended, as far as anybody can tell: `nitro-cli` does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// Its console said so.
    Console(ConsoleEvent),
    /// It had not answered yet: most likely it refused its start.
    BeforeAnswer,
    /// It had answered.
    WhileServing,
}

/// Why no enclave runs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The image's file.
    #[error("the image {} cannot be read: {error}", path.display())]
    Image {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// `nitro-cli` failed.
    #[error(transparent)]
    NitroCli(#[from] NitroCliError),
    /// The state file.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The name is none.
    #[error(
        "the enclave's name has 1 to 64 letters, digits, `-`, `_` and `.`, and does not begin with `-`"
    )]
    Name,
    /// Both places are in use.
    #[error("both names and CIDs of this parent's enclaves are in use")]
    NoPlace,
    /// Somebody else's enclave has the name.
    #[error(
        "an enclave named {name} ({id}) runs another image and was not started by this parent: end it with \
         `nitro-cli terminate-enclave --enclave-id {id}`, or choose another --enclave-name"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        id: EnclaveId,
    },
    /// Somebody else's enclave has the CID.
    #[error(
        "CID {cid} is that of the enclave {id}, which was not started by this parent: choose another --enclave-cid"
    )]
    CidTaken {
        /// The CID.
        cid: Cid,
        /// Whose it is.
        id: EnclaveId,
    },
    /// The one before is not gone yet.
    #[error("the enclave {id} is still ending")]
    Ending {
        /// Which.
        id: EnclaveId,
    },
}

/// Why the enclave of before still serves.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotReplaced {
    /// There is no room for two enclaves.
    #[error(
        "there is no room for a second enclave beside the one that serves ({0}). Give the allocator the memory and \
         CPUs of two, or allow --replace-by-restart, which ends the old one first"
    )]
    NoRoom(NitroCliError),
    /// The new one cannot be started.
    #[error(transparent)]
    NotStarted(StartError),
    /// The new one has ended.
    #[error("the new enclave has ended before it answered: {0}")]
    Ended(ExitReason),
    /// The new one does not answer.
    #[error("the new enclave has not answered within {} s, and was ended", .0.as_secs_f32())]
    Silent(Duration),
    /// The one that serves is somebody else's, and there is no room beside it.
    #[error(
        "the enclave that serves was not started by this parent, and so is not ended to make room ({0})"
    )]
    NotOurs(NitroCliError),
}

impl Event {
    /// Writes it into the log.
    pub fn log(&self) {
        match self {
            Event::Started { enclave, took } => {
                info!(took = secs(took), "enclave started {enclave}")
            }
            Event::TakenOver(enclave) => match enclave.ours {
                true => info!("enclave taken over {enclave}"),
                false => info!(
                    "enclave taken over, but never ended, for it was not started here {enclave}"
                ),
            },
            Event::NotStarted { error, pause } => {
                error!(retry_in = secs(pause), "enclave not started: {error}");
            }
            Event::Ready { enclave, after } => {
                info!(after = secs(after), "enclave answers {enclave}")
            }
            Event::Silent { enclave, after } => warn!(
                after = secs(after),
                "enclave runs and does not answer; see with --debug-console why {enclave}"
            ),
            Event::Ended {
                enclave,
                reason,
                up,
                pause,
            } => error!(
                reason = reason.label(),
                up = secs(up),
                restart_in = pause.as_ref().map(secs),
                "enclave ended: {reason} {enclave}"
            ),
            Event::Console { enclave, event } => info!(
                event = event.label(),
                "enclave in debug mode says that {event} {enclave}"
            ),
            Event::NotWatched(error) => warn!("enclave not watched: {error}"),
            Event::Unchanged => info!("the image is the one that runs"),
            Event::Replaced { old, new } => {
                info!("enclave replaced; new connections go to {new} and no more to {old}");
            }
            Event::ReplacedByRestart { old } => warn!(
                "enclave replaced by a restart: there is no room for two; new connections wait until the old one has \
                 ended {old}"
            ),
            Event::NotReplaced(why) => error!("enclave not replaced, the old one serves: {why}"),
            Event::Terminated(enclave) => info!("enclave terminated {enclave}"),
            Event::NotTerminated { enclave, error } => {
                error!("enclave not terminated: {error} {enclave}")
            }
            Event::LeftRunning(enclave) => info!("enclave left running {enclave}"),
            Event::NotKept(error) => error!("{error}"),
        }
    }
}

impl ExitReason {
    /// For a metric.
    pub fn label(self) -> &'static str {
        match self {
            ExitReason::Console(event) => event.label(),
            ExitReason::BeforeAnswer => "before_answer",
            ExitReason::WhileServing => "while_serving",
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitReason::Console(event) => event.fmt(f),
            ExitReason::BeforeAnswer => f.write_str(
                "it had not answered yet, so most likely it refused its start; nitro-cli does not say why an enclave \
                 ends, --debug-console does",
            ),
            ExitReason::WhileServing => {
                f.write_str("it had been answering; nitro-cli does not say why an enclave ends")
            }
        }
    }
}

impl StartError {
    /// For a metric.
    pub(super) fn label(&self) -> &'static str {
        match self {
            StartError::Image { .. } => "image",
            StartError::NitroCli(error) if error.is_want_of_room() => "room",
            StartError::NitroCli(_) => "nitro_cli",
            StartError::Ledger(_) => "state_file",
            StartError::Name
            | StartError::NoPlace
            | StartError::NameTaken { .. }
            | StartError::CidTaken { .. }
            | StartError::Ending { .. } => "taken",
        }
    }
}

impl fmt::Display for Enclave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Enclave {
            name,
            id,
            cid,
            image,
            ..
        } = self;
        write!(f, "name={name} id={id} cid={cid} pcr0=")?;
        match image {
            Some(image) => Pcr0::fmt(image, f),
            None => f.write_str("unknown"),
        }
    }
}

fn secs(time: &Duration) -> f32 {
    time.as_secs_f32()
}
