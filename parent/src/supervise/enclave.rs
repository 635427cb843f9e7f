//! One enclave that is looked after.

use std::time::Duration;

use sealnote_transport::{Cid, Endpoint};
use tokio::{task::JoinHandle, time::Instant};

use super::{ConsoleEvent, EnclaveId, event::ExitReason, nitro_cli::Pcr0};

/// Which enclave it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclave {
    /// Its name with `nitro-cli`.
    pub name: String,
    /// Its id with `nitro-cli`.
    pub id: EnclaveId,
    /// Its vsock address.
    pub cid: Cid,
    /// The image that it was started from, if `nitro-cli` says.
    pub image: Option<Pcr0>,
    /// Whether it has a console, and measurements that no client accepts.
    pub debug: bool,
    /// Whether it was started here, and so may be ended here.
    pub ours: bool,
}

/// It, and what is known of its life so far.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) enclave: Enclave,
    pub(super) endpoint: Endpoint,
    /// When it was started, or found.
    pub(super) since: Instant,
    /// It has answered once.
    pub(super) answered: bool,
    /// The last on its console that says why it could end.
    pub(super) said: Option<ConsoleEvent>,
    /// Reads its console, in debug mode.
    pub(super) console: Option<JoinHandle<()>>,
}

impl Life {
    pub(super) fn is(&self, id: &EnclaveId) -> bool {
        self.enclave.id == *id
    }

    pub(super) fn hear(&mut self, event: ConsoleEvent) {
        if event.is_reason() {
            self.said = Some(event);
        }
    }

    pub(super) fn up(&self) -> Duration {
        self.since.elapsed()
    }

    /// Why it ended, as far as anybody can tell.
    pub(super) fn reason(&self) -> ExitReason {
        match (self.said, self.answered) {
            (Some(event), _) => ExitReason::Console(event),
            (None, false) => ExitReason::BeforeAnswer,
            (None, true) => ExitReason::WhileServing,
        }
    }
}
