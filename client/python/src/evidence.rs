//! What verification shows in Python.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sealnote_client::Verified;
use sealnote_model::Problem;

/// A check that passed.
#[pyclass(frozen, get_all, eq, hash, module = "sealnote")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Check {
    id: &'static str,
    title: &'static str,
}

/// What a server's evidence shows, after it passed every check.
#[pyclass(frozen, get_all, module = "sealnote")]
pub(crate) struct Evidence {
    kind: &'static str,
    measurement_set: String,
    development: bool,
    model: String,
    labels: Vec<String>,
    problem: &'static str,
    precision: String,
    window: u32,
    overlap: u32,
    max_note_bytes: u32,
    suite: &'static str,
    checks: Vec<Check>,
    document: Py<PyBytes>,
}

impl Evidence {
    pub(crate) fn new(py: Python<'_>, verified: &Verified) -> Self {
        let evidence = verified.evidence();
        let (facts, claims) = (evidence.facts(), evidence.claims());
        let model = claims.model();
        let checks = evidence.passed().iter().map(|check| Check {
            id: check.id(),
            title: check.title(),
        });
        Self {
            kind: facts.kind().name(),
            measurement_set: facts.measurement_set().into(),
            development: facts.is_development(),
            model: model.digest().to_string(),
            labels: model.labels.clone(),
            problem: match model.problem() {
                Problem::SingleLabel => "single-label",
                Problem::MultiLabel => "multi-label",
            },
            precision: model.precision.to_string(),
            window: model.window,
            overlap: model.overlap,
            max_note_bytes: claims.limits().note_bytes,
            suite: evidence.suite().name(),
            checks: checks.collect(),
            document: PyBytes::new(py, verified.document()).unbind(),
        }
    }
}

#[pymethods]
impl Check {
    fn __repr__(&self) -> String {
        format!("Check({:?}, {:?})", self.id, self.title)
    }
}

#[pymethods]
impl Evidence {
    fn __repr__(&self) -> String {
        format!(
            "Evidence(measurement_set={:?}, model={:?}, {} checks passed{})",
            self.measurement_set,
            format!("{}…", self.model.get(..16).unwrap_or_default()),
            self.checks.len(),
            if self.development {
                ", DEVELOPMENT"
            } else {
                ""
            },
        )
    }
}
