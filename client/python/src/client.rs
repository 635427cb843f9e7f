//! A client, as `sealnote.Client` calls it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sealnote_client::{Client, Endpoint, OnOtherModel, Policy, PrivateKey, TrustRoots};

use crate::evidence::Evidence;
use crate::failure::{Failure, Kind};
use crate::runtime::block;
use crate::submission::Submission;
use crate::worker::{Common, Verifier};

/// Connections of one client, at most.
const MOST_CONNECTIONS: usize = 64;

/// Whom to talk to, and what to demand.
#[pyclass(frozen, module = "sealnote._sealnote")]
pub(crate) struct Core {
    common: Arc<Common>,
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (server, policy, *, software_roots, timeout, connect_timeout, connections, reconnects, allow_other_model, client_key))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of Python's")]
    fn new(
        py: Python<'_>,
        server: &str,
        policy: &[u8],
        software_roots: Vec<String>,
        timeout: f64,
        connect_timeout: f64,
        connections: usize,
        reconnects: u32,
        allow_other_model: bool,
        client_key: Option<&str>,
    ) -> PyResult<Self> {
        let server: Endpoint = server.parse().map_err(value_error)?;
        let policy = Policy::from_json(policy)
            .map_err(|error| Failure::new(Kind::Policy, error).into_exception(py))?;
        let mut roots = TrustRoots::vendors();
        for pem in software_roots {
            roots.danger_add_development_root(&pem).map_err(|error| {
                PyValueError::new_err(format!("danger_accept_software_root: {error}"))
            })?;
        }
        if !(1..=MOST_CONNECTIONS).contains(&connections) {
            return Err(PyValueError::new_err(format!(
                "connections is from 1 to {MOST_CONNECTIONS}"
            )));
        }
        let on_other_model = match allow_other_model {
            true => OnOtherModel::GoOn,
            false => OnOtherModel::Stop,
        };
        let client = Client::builder(server, policy, roots)
            .timeout(seconds("timeout", timeout)?)
            .handshake_timeout(seconds("connect_timeout", connect_timeout)?)
            .on_other_model(on_other_model);
        let client = match client_key.map(PrivateKey::from_pem).transpose() {
            Ok(Some(key)) => client.key(Arc::new(key)),
            Ok(None) => client,
            Err(error) => return Err(PyValueError::new_err(format!("client_key: {error}"))),
        };
        let client = client.build();
        let common = Arc::new(Common {
            client,
            model: OnceLock::new(),
            connections,
            reconnects,
        });
        Ok(Self { common })
    }

    /// Connects and verifies; sends no note.
    fn verify(&self, py: Python<'_>) -> PyResult<Evidence> {
        let verifier = Verifier::new(self.common.clone());
        let seen = verifier.seen.clone();
        match block(py, async move { verifier.verify().await })? {
            Ok(verified) => match seen.accepted(verified.digest()) {
                Some(appraised) => Ok(Evidence(appraised)),
                None => unreachable!("every appraisal is seen"),
            },
            Err(failure) => Err(failure.into_exception(py)),
        }
    }

    /// A new stream.
    fn submit(&self) -> Submission {
        Submission::new(self.common.clone())
    }
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if !duration.is_zero() && value <= 86400.0 => Ok(duration),
        _ => Err(PyValueError::new_err(format!(
            "{name} is in seconds, more than 0 and at most 86400"
        ))),
    }
}

fn value_error(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}
