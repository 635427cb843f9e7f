//! `sealnote-parent run`: the enclave is started with `nitro-cli`, watched, started again when it has ended, and replaced
//! by a new image while clients are served.
//!
//! There are two places for an enclave, each a name and a CID. One is in use; for a replacement the new enclave starts in
//! the other, is waited for until it answers, and then has every new connection, while the old one's come to their end.
//!
//! `nitro-cli` says whether an enclave runs, and never why one has ended: its process is told of the end by the driver,
//! and goes. So the reason is how far the enclave had come; only in debug mode is there a console that says more. No
//! enclave is ended that was not started here ([`Ledger`](ledger)).

mod backoff;
mod begin;
mod console;
mod enclave;
mod event;
mod heartbeat;
mod keeper;
mod ledger;
mod metrics;
mod nitro_cli;
mod replacement;
mod settings;

use std::{fs::File, future::Future, num::NonZeroU32, path::PathBuf, time::Duration};

use sealnote_transport::{Cid, Endpoint};
use tokio::sync::{mpsc, watch};

pub use backoff::Backoff;
#[doc(hidden)]
pub use console::BEGINNINGS;
pub use console::ConsoleEvent;
pub use enclave::Enclave;
pub use event::{Event, ExitReason, NotReplaced, StartError};
pub use heartbeat::{BEAT, answer_heartbeats};
pub use keeper::Supervisor;
pub use ledger::LedgerError;
pub(crate) use metrics::LifecycleMetrics;
pub use nitro_cli::{EnclaveId, ErrorCode, NitroCli, NitroCliError, Pcr0};

/// What is to run, and how it is looked after.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that starts enclaves.
    pub nitro_cli: NitroCli,
    /// The image, and what it gets.
    pub image: Image,
    /// The enclave's name; its replacement's is this with `-2`, and so in turn.
    pub name: String,
    /// The enclave's CID; its replacement's is the next, and so in turn.
    pub cid: Cid,
    /// Where enclaves that were started here are kept in mind beyond this process.
    pub state_file: Option<PathBuf>,
    /// Where there is no room for two enclaves, a replacement ends the old one first.
    pub replace_by_restart: bool,
    /// The enclave outlives the parent, for the next parent to take over.
    pub keep: bool,
    /// How often `nitro-cli` is asked whether the enclave runs.
    pub watch_interval: Duration,
    /// How long an enclave may take from its start to its first answer.
    pub answer_limit: Duration,
    /// How long the connections of an enclave that was replaced may go on.
    pub drain_limit: Duration,
    /// The pauses before a new start.
    pub backoff: Backoff,
}

/// An image file, and what an enclave of it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The file.
    pub eif: PathBuf,
    /// In MiB; `nitro-cli` wants four times the file.
    pub memory_mib: NonZeroU32,
    /// Whole cores: with hyperthreading, an even number.
    pub cpus: NonZeroU32,
    /// With a console, and measurements that no client accepts.
    pub debug: bool,
}

/// Those who carry connections to the enclaves.
pub trait Traffic: Send + Sync + 'static {
    /// Where the enclave of that CID listens.
    fn endpoint(&self, cid: Cid) -> Endpoint;

    /// Whether the enclave there answers a client.
    fn answers(&self, enclave: &Endpoint) -> impl Future<Output = bool> + Send;

    /// Completes when no connection goes there any more.
    fn drained(&self, enclave: &Endpoint) -> impl Future<Output = ()> + Send;
}

/// A supervisor that is ready, and what goes with it.
#[derive(Debug)]
pub struct Prepared<T> {
    /// Looks after the enclave once it runs.
    pub supervisor: Supervisor<T>,
    /// For it.
    pub orders: Orders,
    /// Where new connections go. While an enclave is started again, its endpoint stays here, so that clients are held
    /// meanwhile.
    pub endpoints: watch::Receiver<Vec<Endpoint>>,
}

/// Orders for a [`Supervisor`] that runs. It ends when this is dropped, as with [`stop`](Orders::stop).
#[derive(Clone, Debug)]
pub struct Orders(mpsc::Sender<Order>);

#[derive(Debug)]
enum Order {
    Replace(Image),
    Look,
    Stop,
}

impl Orders {
    /// Has this image run from now on; if it is the one that runs, nothing happens.
    pub async fn replace(&self, image: Image) {
        // Where nobody listens, the end has come already.
        let _ = self.0.send(Order::Replace(image)).await;
    }

    /// Says that a connection to the enclave failed: `nitro-cli` is asked now.
    pub fn look(&self) {
        let _ = self.0.try_send(Order::Look);
    }

    /// Ends the enclaves that were started here, and the supervisor.
    pub async fn stop(&self) {
        let _ = self.0.send(Order::Stop).await;
    }
}

impl Plan {
    /// A plan with the usual times: asked every 5 s, 2 minutes to the first answer, an hour for old connections.
    pub fn new(image: Image, name: String, cid: Cid) -> Self {
        Plan {
            nitro_cli: NitroCli::new("nitro-cli"),
            image,
            name,
            cid,
            state_file: None,
            replace_by_restart: false,
            keep: false,
            watch_interval: Duration::from_secs(5),
            answer_limit: Duration::from_secs(120),
            drain_limit: Duration::from_secs(60 * 60),
            backoff: Backoff::default(),
        }
    }

    /// Makes it ready to [run](Supervisor::run).
    pub fn prepare<T: Traffic>(
        self,
        traffic: T,
        report: impl FnMut(Event) + Send + Sync + 'static,
    ) -> Result<Prepared<T>, StartError> {
        self.check_name()?;
        self.image.open()?;
        let (sender, orders) = mpsc::channel(8);
        let endpoints = watch::Sender::new(vec![traffic.endpoint(self.cid)]);
        let receiver = endpoints.subscribe();
        let supervisor = Supervisor::new(self, traffic, report, orders, endpoints)?;
        Ok(Prepared {
            supervisor,
            orders: Orders(sender),
            endpoints: receiver,
        })
    }
}

impl Plan {
    /// Those of the two places.
    pub(crate) fn cids(&self) -> [Cid; 2] {
        [self.cid, Cid(self.cid.0.saturating_add(1))]
    }

    /// A name that `nitro-cli` does not take for an option.
    fn check_name(&self) -> Result<(), StartError> {
        let known = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let length_is_right = (1..=64).contains(&self.name.len());
        match length_is_right && !self.name.starts_with('-') && self.name.chars().all(known) {
            true => Ok(()),
            false => Err(StartError::Name),
        }
    }
}

impl Image {
    /// Says what is wrong with the file itself better than `nitro-cli` does.
    fn open(&self) -> Result<(), StartError> {
        match File::open(&self.eif) {
            Ok(_) => Ok(()),
            Err(error) => Err(StartError::Image {
                path: self.eif.clone(),
                error,
            }),
        }
    }
}
