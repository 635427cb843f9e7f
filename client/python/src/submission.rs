//! Notes from Python on their way, and their results.

use std::sync::{Arc, Mutex, PoisonError};

use async_channel::{Receiver, Sender};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sealnote_client::Note;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::board::{Board, Next, Ticket};
use crate::note::note_bytes;
use crate::result::Result as NoteResult;
use crate::runtime::{SLICE, runtime};
use crate::worker::{Common, Worker};

/// A stream's two ends: notes go in while there is room, results come out in the same order. It connects with the
/// first note.
#[pyclass(frozen, module = "sealnote._sealnote")]
pub(crate) struct Submission {
    common: Arc<Common>,
    /// A fork has none of the threads.
    process: u32,
    notes: Sender<Note<Ticket>>,
    board: Arc<Board>,
    running: Mutex<Running>,
}

struct Running {
    /// Until the first connection takes it.
    source: Option<Receiver<Note<Ticket>>>,
    task: Option<AbortHandle>,
    /// Connections that wait to be told to go on: their failure was raised.
    paused: Vec<oneshot::Sender<()>>,
}

impl Submission {
    pub(crate) fn new(common: Arc<Common>) -> Self {
        // Bounded by the board.
        let (notes, source) = async_channel::unbounded();
        let running = Running {
            source: Some(source),
            task: None,
            paused: Vec::new(),
        };
        Self {
            process: std::process::id(),
            notes,
            board: Arc::new(Board::new(common.connections)),
            running: Mutex::new(running),
            common,
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> PyResult<()> {
        let mut running = self.running();
        if let Some(source) = running.source.take() {
            let worker = Worker::new(self.common.clone(), source, self.board.clone());
            running.task = Some(runtime()?.spawn(worker.run()).abort_handle());
        }
        Ok(())
    }

    /// After a failure was raised, whatever asks for more has its connection go on.
    fn resume(&self) {
        for paused in self.running().paused.drain(..) {
            // One that has ended does not listen.
            let _ = paused.send(());
        }
    }

    fn check_process(&self) -> PyResult<()> {
        match self.process == std::process::id() {
            true => Ok(()),
            false => Err(PyRuntimeError::new_err(
                "the stream was begun before a fork, and its connections are the parent process's; begin one here",
            )),
        }
    }
}

#[pymethods]
impl Submission {
    /// Takes a note, whether there is room or not.
    fn push(&self, text: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_process()?;
        match note_bytes(text) {
            Ok(bytes) => {
                let ticket = self.board.take(bytes.as_ref().len());
                self.notes
                    .try_send(Note::new(ticket, bytes))
                    .map_err(|_| PyRuntimeError::new_err("the stream is closed"))?;
                self.start()
            }
            Err(failure) => {
                let ticket = self.board.take(0);
                self.board.answer(ticket, failure.into());
                Ok(())
            }
        }
    }

    /// No further note comes.
    fn finish(&self) {
        self.notes.close();
        self.board.finish();
    }

    fn has_room(&self) -> bool {
        self.board.has_room()
    }

    /// The next result; `None` if it is not there yet, `False` if all were taken.
    fn poll<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.resume();
        match self.board.next() {
            Next::Answer(answer) => Ok(Bound::new(py, NoteResult(answer))?.into_any()),
            Next::Over => Ok(false.into_pyobject(py)?.to_owned().into_any()),
            Next::Nothing => Ok(py.None().into_bound(py)),
            Next::Failed(failure, resume) => {
                self.running().paused.push(resume);
                Err(failure.into_exception(py))
            }
        }
    }

    /// Waits until there is a result, a failure, an end, or room; a while at most. Signals are handled.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process()?;
        py.detach(|| self.board.wait(SLICE));
        py.check_signals()
    }

    /// Has `waker` called, from any thread, once `poll` gives something; `False` if it does now.
    fn wake(&self, waker: Py<PyAny>) -> bool {
        self.board.wake(waker)
    }

    #[getter]
    fn reconnections(&self) -> u64 {
        self.board.reconnections()
    }

    /// Ends the connections. Notes without a result are erased.
    fn close(&self) {
        self.notes.close();
        self.board.close();
        let mut running = self.running();
        running.source = None;
        running.paused.clear();
        if let Some(task) = running.task.take() {
            task.abort();
        }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        self.close();
    }
}
