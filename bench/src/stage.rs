//! The three programs, each on a runtime of its own.

use sealnote_client::Client;
use sealnote_tests::attester::policy;
use sealnote_tests::rig::{self, Booted, Setup};
use sealnote_transport::Endpoint;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What serves until it is dropped, and the client's runtime.
pub struct Stage {
    pub client: Runtime,
    server: Endpoint,
    root_pem: String,
    _enclave: Runtime,
    _parent: Runtime,
    _sockets: TempDir,
}

impl Stage {
    pub fn start(booted: &Booted) -> anyhow::Result<Self> {
        let sockets = tempfile::tempdir()?;
        let address = |name: &str| -> anyhow::Result<Endpoint> {
            Ok(format!("unix:{}", sockets.path().join(name).display()).parse()?)
        };
        let (enclave, parent) = (Runtime::new()?, Runtime::new()?);
        let listen = address("enclave")?;
        let starting = rig::start_enclave(booted, Setup::default(), &listen);
        let running = enclave
            .block_on(starting)
            .map_err(anyhow::Error::from_boxed)?;
        let starting = rig::start_parent(address("parent")?, running.endpoint);
        let (server, ..) = parent
            .block_on(starting)
            .map_err(anyhow::Error::from_boxed)?;
        Ok(Self {
            client: Runtime::new()?,
            server,
            root_pem: running.root_pem,
            _enclave: enclave,
            _parent: parent,
            _sockets: sockets,
        })
    }

    /// A client that trusts the enclave.
    pub fn client(&self) -> anyhow::Result<Client> {
        client(self.server.clone(), &self.root_pem)
    }
}

/// A client that trusts enclaves under this root.
pub fn client(server: Endpoint, root_pem: &str) -> anyhow::Result<Client> {
    let client = rig::client(server, root_pem, &policy());
    Ok(client.map_err(anyhow::Error::from_boxed)?.build())
}
