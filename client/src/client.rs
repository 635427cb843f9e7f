//! A client: whom to talk to, and what to demand of it.

use std::sync::Arc;
use std::time::Duration;

use sealnote_access::PrivateKey;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::task::ModelClaims;
use sealnote_transport::Endpoint;
use sealnote_verifier::{Policy, TrustRoots};

use crate::evidence::{Appraisal, Observer};

/// How long to wait for the connection, and for each frame of the handshake, if nothing else is said: longer than
/// a parent waits for its enclave to boot.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long to wait for the next answer if nothing else is said.
pub const TIMEOUT: Duration = Duration::from_secs(300);

/// Verifies the enclave behind a server, and submits notes to it. A clone is cheap, and is the same client.
#[derive(Clone, Debug)]
pub struct Client {
    options: Arc<ClientBuilder>,
}

/// The options of a [`Client`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct ClientBuilder {
    server: Endpoint,
    policy: Policy,
    roots: TrustRoots,
    handshake_timeout: Duration,
    timeout: Duration,
    session_limits: SessionLimits,
    on_other_model: OnOtherModel,
    model: Option<ModelClaims>,
    observer: Option<Observer>,
    key: Option<Arc<PrivateKey>>,
}

/// What to do where a later session's model, as its evidence attests it, is another than the first's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOtherModel {
    /// Send it no note.
    Stop,
    /// Go on: what it classifies is in its own labels.
    GoOn,
}

impl Client {
    /// A client of `server`, which is a parent or the enclave itself. It accepts evidence that `policy` accepts, under
    /// `roots`: [`TrustRoots::vendors`] where no development is going on.
    pub fn builder(server: Endpoint, policy: Policy, roots: TrustRoots) -> ClientBuilder {
        ClientBuilder {
            server,
            policy,
            roots,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            timeout: TIMEOUT,
            session_limits: SessionLimits::default(),
            on_other_model: OnOtherModel::Stop,
            model: None,
            observer: None,
            key: None,
        }
    }

    /// This client's options, to make another from.
    pub fn to_builder(&self) -> ClientBuilder {
        ClientBuilder::clone(&self.options)
    }

    /// Where it connects to.
    pub fn server(&self) -> &Endpoint {
        &self.options.server
    }

    /// What the evidence must show.
    pub fn policy(&self) -> &Policy {
        &self.options.policy
    }

    /// The trust anchors.
    pub fn roots(&self) -> &TrustRoots {
        &self.options.roots
    }

    /// How long it waits for the connection, and for each frame of the handshake.
    pub fn handshake_timeout(&self) -> Duration {
        self.options.handshake_timeout
    }

    /// How long it waits for the next answer, and for a request to be taken.
    pub fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// When a session ends; a new one, with new evidence, goes on.
    pub fn session_limits(&self) -> SessionLimits {
        self.options.session_limits
    }

    /// What it does where a later session's model is another than the first's.
    pub fn on_other_model(&self) -> OnOtherModel {
        self.options.on_other_model
    }

    /// The model that sessions are compared with, if it is not that of the first one.
    pub fn model(&self) -> Option<&ModelClaims> {
        self.options.model.as_ref()
    }

    /// The key that it signs with, where the enclave asks for that.
    pub fn key(&self) -> Option<&PrivateKey> {
        self.options.key.as_deref()
    }

    pub(crate) fn observe(&self, appraisal: &Appraisal<'_>) -> std::io::Result<()> {
        match &self.options.observer {
            Some(observer) => (observer.0)(appraisal),
            None => Ok(()),
        }
    }
}

impl ClientBuilder {
    /// The client.
    pub fn build(self) -> Client {
        let options = Arc::new(self);
        Client { options }
    }

    /// Another server.
    pub fn server(self, server: Endpoint) -> Self {
        Self { server, ..self }
    }

    /// Another policy.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Other trust anchors.
    pub fn roots(self, roots: TrustRoots) -> Self {
        Self { roots, ..self }
    }

    /// How long to wait for the connection, and for each frame of the handshake: [`HANDSHAKE_TIMEOUT`] if not said.
    pub fn handshake_timeout(self, handshake_timeout: Duration) -> Self {
        Self {
            handshake_timeout,
            ..self
        }
    }

    /// How long to wait for the next answer once there is a session, and for a request to be taken: [`TIMEOUT`] if
    /// not said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// When a session ends: the protocol's own limits if not said. Lower ones cost more handshakes.
    pub fn session_limits(self, session_limits: SessionLimits) -> Self {
        Self {
            session_limits,
            ..self
        }
    }

    /// What to do where a later session's model is another than the first's: to [stop](OnOtherModel::Stop) if not said.
    pub fn on_other_model(self, on_other_model: OnOtherModel) -> Self {
        Self {
            on_other_model,
            ..self
        }
    }

    /// The model that each session's is compared with: that of a submission's first session if not said. So several
    /// submissions can be held to one model.
    pub fn model(self, model: ModelClaims) -> Self {
        let model = Some(model);
        Self { model, ..self }
    }

    /// The key to sign with, where the enclave serves only clients that its model's owner has listed. It signs for a
    /// session that verified evidence has opened, inside it; an enclave that asks for no signature is sent none, for the
    /// public key would tell it who asks.
    pub fn key(self, key: Arc<PrivateKey>) -> Self {
        let key = Some(key);
        Self { key, ..self }
    }

    /// Has `observer` told of every appraisal, whether it accepts or rejects: to keep the evidence for an auditor. Where it
    /// fails, there is no session: see [`ConnectError::NotKept`](crate::ConnectError::NotKept).
    pub fn observer(
        self,
        observer: impl Fn(&Appraisal<'_>) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let observer = Some(Observer(Arc::new(observer)));
        Self { observer, ..self }
    }
}
