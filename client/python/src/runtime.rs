//! The threads that do the network's work.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// How long a wait may last before it looks for signals: what Ctrl-C takes, at most.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// Of this process: a fork has none of its parent's threads. Never dropped, since it ends with its process.
static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// The runtime of this process, started when it is first needed. One thread: the network is slower than it.
pub(crate) fn runtime() -> PyResult<&'static Runtime> {
    let process = std::process::id();
    let mut started = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, runtime)) = *started
        && of == process
    {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sealnote")
        .enable_all()
        .build()
        .map_err(|error| PyRuntimeError::new_err(format!("no thread can be started: {error}")))?;
    let runtime = &*Box::leak(Box::new(runtime));
    *started = Some((process, runtime));
    Ok(runtime)
}

/// Waits for a future while other threads of Python run. A signal whose handler raises, as that of Ctrl-C does, ends it.
pub(crate) fn block<T: Send + 'static>(
    py: Python<'_>,
    future: impl Future<Output = T> + Send + 'static,
) -> PyResult<T> {
    let runtime = runtime()?;
    let mut task = runtime.spawn(future);
    loop {
        let done = py.detach(|| runtime.block_on(async { timeout(SLICE, &mut task).await }));
        match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(_)) => return Err(PyRuntimeError::new_err("a task of the client failed")),
            Err(_) => py.check_signals().inspect_err(|_| task.abort())?,
        }
    }
}
