//! Enclave, parent and client in one process, over real sockets.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use sealnote_access::Clients;
use sealnote_client::{Client, ClientBuilder, Note, SessionEnd, SubmitError};
use sealnote_enclave::attester::software::Software;
use sealnote_enclave::attester::{AttestError, Attester};
use sealnote_enclave::boot::boot;
use sealnote_enclave::server::{
    Endorsements as HandedOver, PARENT_CID, ServerLimits, Service, serve,
};
use sealnote_engine::ModelFiles;
use sealnote_engine::{Engine, EngineHandle, EngineOptions};
use sealnote_model::{NoteOutcome, Scored};
use sealnote_parent::{Config, Endorsements, Metrics, Parent};
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{Binding, Enclave};
use sealnote_transport::{Endpoint, Listener};
use sealnote_verifier::{Policy, TrustRoots};
use tempfile::TempDir;
use tokio::task::{AbortHandle, JoinHandle};

use crate::attester::{DevAttester, Quirk};

/// Whatever went wrong; the rig is for tests and the benchmark, which only report it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How long a client waits for a frame that is due. Only tests in which none comes wait for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A loaded model and an enclave's key: what takes time to make, and can be shared by rigs.
pub struct Booted {
    /// Key, claims and limits.
    pub enclave: Arc<Enclave>,
    /// The model.
    pub engine: EngineHandle,
}

impl Booted {
    /// Boots as the program does.
    pub fn boot(model: &Path, session_limits: SessionLimits) -> Result<Self, Failure> {
        Self::boot_for(model, None, session_limits)
    }

    /// The same, for these clients alone if there is a list.
    pub fn boot_for(
        model: &Path,
        clients: Option<Clients>,
        session_limits: SessionLimits,
    ) -> Result<Self, Failure> {
        // The service's own attester is not used: each rig has one of its own.
        let attester = Arc::new(DevAttester::start(Quirk::None)?);
        let files = ModelFiles::open(model)?;
        let engine = Engine::load(files, EngineOptions::default())?;
        let service = boot(engine, attester, clients, session_limits)?;
        Ok(Self {
            enclave: service.enclave,
            engine: service.engine,
        })
    }
}

/// What distinguishes one rig's enclave from another's.
pub struct Setup {
    /// How its documents deviate.
    pub quirk: Quirk,
    /// In place of one for Nitro documents under a root of its own.
    pub attester: Option<Software>,
    /// What it waits for before it makes each of them.
    pub before_attestation: Box<dyn Fn() + Send + Sync>,
    /// The limits on connections.
    pub limits: ServerLimits,
    /// In place of the booted model.
    pub engine: Option<EngineHandle>,
    /// If its evidence is to be endorsed: the name under which it is, and the folder whose files the parent hands over.
    pub endorsed: Option<(&'static str, PathBuf)>,
    /// Whether it is TCP that joins the programs, or Unix sockets.
    pub tcp: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            quirk: Quirk::None,
            attester: None,
            before_attestation: Box::new(|| {}),
            limits: ServerLimits::default(),
            engine: None,
            endorsed: None,
            tcp: false,
        }
    }
}

/// An enclave and a parent that serve until this is dropped.
pub struct Rig {
    /// The parent's address.
    pub server: Endpoint,
    /// The enclave's address.
    pub enclave: Endpoint,
    /// Where it takes endorsements, if its evidence has any.
    pub endorsements: Option<Endpoint>,
    /// The parent's counters.
    pub metrics: Arc<Metrics>,
    root_pem: String,
    policy: serde_json::Value,
    tasks: [AbortHandle; 2],
    _sockets: TempDir,
}

impl Rig {
    /// Starts both on the current runtime.
    pub async fn start(booted: &Booted, setup: Setup) -> Result<Self, Failure> {
        let sockets = tempfile::tempdir()?;
        let address = |name: &str| match setup.tcp {
            true => "tcp:127.0.0.1:0".to_owned(),
            false => format!("unix:{}", sockets.path().join(name).display()),
        };
        let (listen, enclave) = (address("parent").parse()?, address("enclave").parse()?);
        let mut enclave_listens = EnclaveListens::on(&enclave).await?;
        let endorsed = match &setup.endorsed {
            Some((_, folder)) => {
                let endpoint = address("endorsements").parse()?;
                let endpoint = enclave_listens.for_endorsements(&endpoint).await?;
                Some((folder.clone(), endpoint))
            }
            None => None,
        };
        let enclave = start_enclave_that(enclave_listens, booted, setup)?;
        let mut config = Config::new(listen, enclave.endpoint.clone());
        config.endorsements = endorsed.clone().map(|(folder, enclave)| Endorsements {
            folder,
            enclave,
            period: Duration::from_secs(1),
        });
        let (server, metrics, parent) = start_parent_with(config).await?;
        Ok(Self {
            server,
            endorsements: endorsed.map(|(_, endpoint)| endpoint),
            enclave: enclave.endpoint,
            metrics,
            root_pem: enclave.root_pem,
            policy: enclave.policy,
            tasks: [enclave.task.abort_handle(), parent.abort_handle()],
            _sockets: sockets,
        })
    }

    /// The same with the smallest of the enclave's fixtures as its model.
    pub async fn tiny() -> Result<Self, Failure> {
        let fixtures =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../enclave/engine/tests/fixtures");
        let model = fixtures.join("tiny-bert-single");
        let booted = Booted::boot(&model, SessionLimits::default())?;
        Self::start(&booted, Setup::default()).await
    }

    /// The root certificate under which its enclave attests.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The policy that accepts its evidence.
    pub fn policy(&self) -> &serde_json::Value {
        &self.policy
    }

    /// A client that trusts this rig's enclave.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(self.client_at(&self.server)?.build())
    }

    /// The same, which reaches it through what listens there.
    pub fn client_at(&self, server: &Endpoint) -> Result<ClientBuilder, Failure> {
        client(server.clone(), &self.root_pem, &self.policy)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// An enclave that serves.
pub struct RunningEnclave {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The root under which it attests.
    pub root_pem: String,
    /// What accepts its evidence.
    pub policy: serde_json::Value,
    /// Ends only by being aborted, or with its runtime.
    pub task: JoinHandle<()>,
}

/// An enclave's listeners.
struct EnclaveListens {
    clients: Listener,
    endorsements: Option<Listener>,
}

impl EnclaveListens {
    async fn on(clients: &Endpoint) -> Result<Self, Failure> {
        Ok(Self {
            clients: Listener::bind(clients).await?,
            endorsements: None,
        })
    }

    async fn for_endorsements(&mut self, endpoint: &Endpoint) -> Result<Endpoint, Failure> {
        let listener = self.endorsements.insert(Listener::bind(endpoint).await?);
        Ok(listener.local_endpoint().clone())
    }
}

/// Starts an enclave alone on the current runtime.
pub async fn start_enclave(
    booted: &Booted,
    setup: Setup,
    listen: &Endpoint,
) -> Result<RunningEnclave, Failure> {
    start_enclave_that(EnclaveListens::on(listen).await?, booted, setup)
}

fn start_enclave_that(
    listens: EnclaveListens,
    booted: &Booted,
    setup: Setup,
) -> Result<RunningEnclave, Failure> {
    let software = match setup.attester {
        Some(software) => software,
        None => DevAttester::start(setup.quirk)?.into_software()?,
    };
    let endorsed_as = setup.endorsed.map(|(name, _)| name);
    let service = Service {
        enclave: booted.enclave.clone(),
        attester: Arc::new(Hooked {
            attester: software.attester,
            before_attestation: setup.before_attestation,
            endorsed_as,
        }),
        engine: setup.engine.unwrap_or_else(|| booted.engine.clone()),
        limits: setup.limits,
        peer_cids: vec![PARENT_CID],
        endorsements: HandedOver::new(endorsed_as),
        endorsements_listen: listens.endorsements,
    };
    Ok(RunningEnclave {
        endpoint: listens.clients.local_endpoint().clone(),
        root_pem: software.root_pem,
        policy: serde_json::from_str(&software.policy)?,
        task: tokio::spawn(async move {
            serve(listens.clients, service).await;
        }),
    })
}

struct Hooked {
    attester: Box<dyn Attester>,
    before_attestation: Box<dyn Fn() + Send + Sync>,
    endorsed_as: Option<&'static str>,
}

impl Attester for Hooked {
    fn kind(&self) -> EvidenceKind {
        self.attester.kind()
    }

    fn endorsed_as(&self) -> Option<&'static str> {
        self.endorsed_as
    }

    fn endorsements(&self) -> Option<Arc<[u8]>> {
        self.attester.endorsements()
    }

    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError> {
        (self.before_attestation)();
        self.attester.attest(binding)
    }
}

/// Starts a parent alone on the current runtime: its address and its counters.
pub async fn start_parent(
    listen: Endpoint,
    enclave: Endpoint,
) -> Result<(Endpoint, Arc<Metrics>, JoinHandle<()>), Failure> {
    start_parent_with(Config::new(listen, enclave)).await
}

/// The same with this configuration.
pub async fn start_parent_with(
    mut config: Config,
) -> Result<(Endpoint, Arc<Metrics>, JoinHandle<()>), Failure> {
    // What comes to the enclave is a test's own.
    config.probe_interval = None;
    let parent = Parent::bind(config).await?;
    let (server, metrics) = (parent.local_endpoint().clone(), parent.metrics());
    let task = tokio::spawn(async move {
        let _ = parent.run(std::future::pending()).await;
    });
    Ok((server, metrics, task))
}

/// A client of `server`, under this root and policy.
pub fn client(
    server: Endpoint,
    root_pem: &str,
    policy: &serde_json::Value,
) -> Result<ClientBuilder, Failure> {
    let mut roots = TrustRoots::vendors();
    roots.danger_add_development_root(root_pem)?;
    let policy = Policy::from_json(policy.to_string())?;
    let client = Client::builder(server, policy, roots);
    Ok(client.handshake_timeout(PATIENCE).timeout(PATIENCE))
}

/// What became of a submission: an outcome for each note that has an answer, and how it ended.
#[derive(Debug)]
pub struct Submitted {
    /// By the note's index; `None` without an answer.
    pub outcomes: Vec<Option<NoteOutcome>>,
    /// The end: why the enclave's close is missing, if it is, where every note was answered.
    pub end: Result<Option<SessionEnd>, SubmitError>,
}

/// Verifies, and submits these notes.
pub async fn submit_all(client: &Client, notes: &[impl AsRef<[u8]>]) -> Submitted {
    let mut outcomes = vec![None; notes.len()];
    let numbered = notes.iter().enumerate();
    let notes: Vec<_> = numbered
        .map(|(index, note)| Note::new(index, note.as_ref().to_vec()))
        .collect();
    let mut submission = client.submit(stream::iter(notes));
    while let Some(result) = submission.next().await {
        match result {
            Ok(result) => {
                let earlier =
                    outcomes[result.id].replace(result.outcome.map(|classification| Scored {
                        scores: classification.scores().map(|(_, score)| score).collect(),
                        known: classification.known(),
                    }));
                assert!(earlier.is_none(), "note {} is answered twice", result.id);
            }
            Err(error) => {
                for note in submission.into_unanswered() {
                    assert!(outcomes[note.id].is_none(), "note {} is answered", note.id);
                }
                let end = Err(error);
                return Submitted { outcomes, end };
            }
        }
    }
    let end = Ok(submission.missing_close());
    Submitted { outcomes, end }
}
