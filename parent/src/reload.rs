//! The configuration that holds now, and how another takes its place while the parent runs.

use std::{convert::Infallible, sync::Arc};

use sealnote_transport::TransportError;
use thiserror::Error;
use tokio::sync::watch;

use crate::{Config, Enclaves, egress::Gates};

/// The configuration that holds now, for whoever is to act by it.
///
/// What a connection is told when it comes holds for it to its end.
#[derive(Debug)]
pub(crate) struct Current(watch::Sender<Arc<Config>>);

/// Changes the configuration of a parent that runs.
#[derive(Clone, Debug)]
pub struct Control {
    current: Arc<Current>,
    gates: Gates,
}

/// Why another configuration was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// It differs in what only a start can change.
    #[error("{0} cannot change while the parent runs; restart it")]
    Fixed(&'static str),
    /// A listener that is new cannot be opened.
    #[error("egress: {0}")]
    Egress(TransportError),
}

impl Current {
    pub(crate) fn new(config: Config) -> Self {
        Current(watch::Sender::new(Arc::new(config)))
    }

    pub(crate) fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// Sees each configuration that comes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Config>> {
        self.0.subscribe()
    }
}

impl Control {
    pub(crate) fn of(current: &Arc<Current>, gates: &Gates) -> Self {
        Control {
            current: Arc::clone(current),
            gates: gates.clone(),
        }
    }

    /// Has `config` hold from now on; connections that are open keep the limits that they came under, and their destination.
    /// An error changes nothing.
    pub async fn replace(&self, config: Config) -> Result<(), ReloadError> {
        self.replace_by(config, |_, config| config).await
    }

    /// The same, with the enclaves of before: they are a supervisor's to say.
    pub(crate) async fn replace_but_enclaves(&self, config: Config) -> Result<(), ReloadError> {
        let with_enclaves = |current: &Config, config| {
            let enclaves = current.enclaves.clone();
            Config { enclaves, ..config }
        };
        self.replace_by(config, with_enclaves).await
    }

    async fn replace_by(
        &self,
        config: Config,
        make: impl FnOnce(&Config, Config) -> Config,
    ) -> Result<(), ReloadError> {
        let prepared = self.gates.prepare(&config.egress.routes).await;
        let prepared = prepared.map_err(ReloadError::Egress)?;
        self.change(|current| {
            stays(current, &config)?;
            Ok(make(current, config))
        })?;
        prepared.open();
        Ok(())
    }

    /// Has clients go to these from now on.
    pub(crate) fn replace_enclaves(&self, enclaves: Enclaves) {
        let changed: Result<(), Infallible> = self.change(|current| {
            Ok(Config {
                enclaves,
                ..current.clone()
            })
        });
        match changed {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Nobody else changes it meanwhile.
    fn change<E>(&self, make: impl FnOnce(&Config) -> Result<Config, E>) -> Result<(), E> {
        let mut made = Ok(());
        self.current
            .0
            .send_if_modified(|current| match make(current) {
                Ok(config) => {
                    *current = Arc::new(config);
                    true
                }
                Err(error) => {
                    made = Err(error);
                    false
                }
            });
        made
    }
}

fn stays(current: &Config, config: &Config) -> Result<(), ReloadError> {
    if config.listen != current.listen {
        return Err(ReloadError::Fixed("listen"));
    }
    if config.metrics_listen != current.metrics_listen {
        return Err(ReloadError::Fixed("metrics-listen"));
    }
    Ok(())
}
