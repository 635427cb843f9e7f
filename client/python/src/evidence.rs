//! What verification shows in Python.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sealnote_client::{Appraisal, EvidenceDigest, VerifiedEvidence};
use sealnote_model::Problem;

/// A check that passed.
#[pyclass(frozen, get_all, eq, hash, module = "sealnote")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Check {
    id: &'static str,
    title: &'static str,
}

/// An appraisal that accepted: what it was of, and what it found.
pub(crate) struct Appraised {
    pub(crate) digest: EvidenceDigest,
    document: Vec<u8>,
    claims: Vec<u8>,
    endorsements: Option<Vec<u8>>,
    challenge: Vec<u8>,
    at: String,
    kind: &'static str,
    measurement_set: String,
    measurement: String,
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
}

impl Appraised {
    /// Of this appraisal, which found this.
    pub(crate) fn new(appraisal: &Appraisal<'_>, evidence: &VerifiedEvidence) -> Self {
        let (facts, claims) = (evidence.facts(), evidence.claims());
        let model = claims.model();
        let checks = evidence.passed().iter().map(|check| Check {
            id: check.id(),
            title: check.title(),
        });
        let measurement = facts.measurement().iter();
        let saved = &appraisal.saved;
        Self {
            digest: appraisal.digest,
            document: saved.evidence.to_vec(),
            claims: saved.claims.to_vec(),
            endorsements: saved.endorsements.map(<[u8]>::to_vec),
            challenge: saved.challenge.to_vec(),
            at: appraisal.at.to_string(),
            kind: facts.kind().name(),
            measurement_set: facts.measurement_set().into(),
            measurement: measurement.map(|byte| format!("{byte:02x}")).collect(),
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
        }
    }
}

/// What a server's evidence shows, after it passed every check. Two are the same if they are of the same bytes.
#[pyclass(frozen, eq, hash, module = "sealnote")]
pub(crate) struct Evidence(pub(crate) Arc<Appraised>);

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Hash for Evidence {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
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
    #[getter]
    fn digest(&self) -> String {
        self.0.digest.to_string()
    }

    #[getter]
    fn document<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.document)
    }

    #[getter]
    fn claims<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.claims)
    }

    #[getter]
    fn endorsements<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let endorsements = self.0.endorsements.as_ref();
        endorsements.map(|endorsements| PyBytes::new(py, endorsements))
    }

    #[getter]
    fn challenge<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.challenge)
    }

    #[getter]
    fn at(&self) -> &str {
        &self.0.at
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind
    }

    #[getter]
    fn measurement_set(&self) -> &str {
        &self.0.measurement_set
    }

    #[getter]
    fn measurement(&self) -> &str {
        &self.0.measurement
    }

    #[getter]
    fn development(&self) -> bool {
        self.0.development
    }

    #[getter]
    fn model(&self) -> &str {
        &self.0.model
    }

    #[getter]
    fn labels(&self) -> Vec<String> {
        self.0.labels.clone()
    }

    #[getter]
    fn problem(&self) -> &'static str {
        self.0.problem
    }

    #[getter]
    fn precision(&self) -> &str {
        &self.0.precision
    }

    #[getter]
    fn window(&self) -> u32 {
        self.0.window
    }

    #[getter]
    fn overlap(&self) -> u32 {
        self.0.overlap
    }

    #[getter]
    fn max_note_bytes(&self) -> u32 {
        self.0.max_note_bytes
    }

    #[getter]
    fn suite(&self) -> &'static str {
        self.0.suite
    }

    #[getter]
    fn checks(&self) -> Vec<Check> {
        self.0.checks.clone()
    }

    fn __repr__(&self) -> String {
        let Appraised {
            measurement_set,
            model,
            checks,
            development,
            ..
        } = &*self.0;
        format!(
            "Evidence(measurement_set={measurement_set:?}, model={:?}, {} checks passed{})",
            format!("{}…", model.get(..16).unwrap_or_default()),
            checks.len(),
            if *development { ", DEVELOPMENT" } else { "" },
        )
    }
}
