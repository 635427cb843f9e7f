//! What a note's result says in Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use sealnote_client::Classification;

use crate::evidence::Evidence;
use crate::note::{Answer, NoteFailure};

/// What became of one note: a classification, or the reason why there is none.
#[pyclass(frozen, module = "sealnote")]
pub(crate) struct Result(pub(crate) Answer);

impl Result {
    fn classification(&self) -> Option<&Classification> {
        self.0.outcome.as_ref().ok()
    }

    fn failure(&self) -> Option<NoteFailure> {
        self.0.outcome.as_ref().err().copied()
    }

    /// The best of the labels that hold.
    fn best(&self) -> Option<(&str, f32)> {
        self.classification()?.holding().first().copied()
    }
}

#[pymethods]
impl Result {
    #[getter]
    fn ok(&self) -> bool {
        self.0.outcome.is_ok()
    }

    #[getter]
    fn label(&self) -> Option<&str> {
        self.best().map(|(label, _)| label)
    }

    #[getter]
    fn score(&self) -> Option<f32> {
        self.best().map(|(_, score)| score)
    }

    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let holding = self.classification().map(Classification::holding);
        let labels = holding.unwrap_or_default();
        PyList::new(py, labels.into_iter().map(|(label, _)| label))
    }

    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let scores = PyDict::new(py);
        for (label, score) in self.classification().into_iter().flat_map(|c| c.scores()) {
            scores.set_item(label, score)?;
        }
        Ok(scores)
    }

    #[getter]
    fn known(&self) -> Option<f32> {
        self.classification().map(|c| c.known().share())
    }

    #[getter]
    fn model(&self) -> Option<String> {
        self.classification()
            .map(|c| c.model().digest().to_string())
    }

    #[getter]
    fn evidence(&self) -> Option<Evidence> {
        self.0.evidence.clone().map(Evidence)
    }

    #[getter]
    fn error(&self) -> Option<&'static str> {
        self.failure().map(NoteFailure::code)
    }

    #[getter]
    fn message(&self) -> Option<String> {
        self.failure().map(NoteFailure::message)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        all.set_item("label", self.label())?;
        all.set_item("score", self.score())?;
        all.set_item("labels", self.labels(py)?)?;
        all.set_item("known", self.known())?;
        all.set_item("scores", self.scores(py)?)?;
        all.set_item("model", self.model())?;
        let evidence = self.0.evidence.as_ref();
        all.set_item("evidence", evidence.map(|evidence| evidence.digest.short()))?;
        all.set_item("error", self.error())?;
        all.set_item("message", self.message())?;
        Ok(all)
    }

    /// The label and its score, or the error's code; of the text there is nothing here.
    fn __repr__(&self) -> String {
        match (&self.0.outcome, self.best()) {
            (Err(failure), _) => format!("Result(error={:?})", failure.code()),
            (Ok(_), Some((label, score))) => format!("Result(label={label:?}, score={score:.3})"),
            (Ok(_), None) => "Result(label=None)".into(),
        }
    }
}
