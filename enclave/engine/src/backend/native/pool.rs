//! The threads that compute, and how they are given a batch.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use sealnote_model::Precision;
use sealnote_threads::{Barrier, Board, Broken};

use super::batch::Batch;
use super::cpus::Cpus;
use super::model::Model;
use super::worker::{Published, Worker};

/// A model and the threads that compute it. They sleep while there is nothing to compute, and end when the
/// pool is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// Of the caller, who computes too.
    own: Mutex<Worker>,
    others: Vec<JoinHandle<()>>,
    /// If each thread has a processor of its own.
    cpus: Option<Arc<Cpus>>,
}

/// What the threads have in common.
struct Shared {
    model: Model,
    /// By thread.
    published: Vec<Published>,
    board: Board<Arc<Run>>,
}

/// A batch that is being computed.
struct Run {
    batch: Batch,
    barrier: Barrier,
    logits: Mutex<Vec<Vec<f32>>>,
}

impl Pool {
    /// Starts so many threads less one; without a number, as many as there are processors, and each is
    /// kept on its own.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub(super) fn start(model: Model, threads: Option<NonZeroUsize>) -> io::Result<Self> {
        let cpus = Cpus::allowed();
        let (threads, cpus) = match threads {
            Some(threads) => (threads.get(), None),
            None => (cpus.count(), Some(cpus)),
        };
        let mut published = Vec::new();
        published.resize_with(threads, Published::default);
        let mut pool = Self {
            shared: Arc::new(Shared {
                model,
                published,
                board: Board::new(),
            }),
            own: Mutex::default(),
            others: Vec::new(),
            cpus: cpus.map(Arc::new),
        };
        for index in 1..threads {
            let (shared, cpus) = (pool.shared.clone(), pool.cpus.clone());
            // On an error the pool is dropped, and with it the threads that were started.
            let thread = thread::Builder::new()
                .name(format!("sealnote-encoder-{index}"))
                .spawn(move || {
                    if let Some(cpus) = cpus {
                        cpus.pin(index);
                    }
                    shared.serve(index);
                })?;
            pool.others.push(thread);
        }
        Ok(pool)
    }

    /// Keeps the calling thread on the processor that the others have left it.
    pub(super) fn settle(&self) {
        if let Some(cpus) = &self.cpus {
            cpus.pin(0);
        }
    }

    /// Threads that compute, the caller of [`run`](Self::run) among them.
    pub(super) fn threads(&self) -> usize {
        self.shared.published.len()
    }

    pub(super) fn precision(&self) -> Precision {
        self.shared.model.precision
    }

    pub(super) fn instruction_set(&self) -> &'static str {
        self.shared.model.isa.name()
    }

    /// Computes a batch, which is made for the number of threads, and returns the logits of its sequences.
    ///
    /// # Panics
    /// If one of the threads panicked.
    pub(super) fn run(&self, batch: impl FnOnce(usize) -> Batch) -> Vec<Vec<f32>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = batch(self.threads());
        let run = Arc::new(Run {
            barrier: Barrier::new(batch.shards().len()),
            logits: Mutex::new(vec![Vec::new(); batch.sequences()]),
            batch,
        });
        let board = &self.shared.board;
        if run.batch.shards().len() > 1 {
            board.post(run.clone());
        }
        let done = run.compute(&self.shared, 0, &mut own);
        // It holds the notes' tokens.
        board.clear();
        done.expect("no other thread panics");
        let mut logits = run.logits.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *logits)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.board.close();
        for thread in self.others.drain(..) {
            // Its panics are caught, so there is nothing to learn here.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// What the thread `index` does until the pool is dropped.
    fn serve(&self, index: usize) {
        let mut worker = Worker::default();
        for run in self.board.reader() {
            if index < run.batch.shards().len() {
                // A panic breaks the barrier, which makes the caller panic too.
                let compute = || run.compute(self, index, &mut worker);
                let _ = catch_unwind(AssertUnwindSafe(compute));
            }
        }
    }
}

impl Run {
    fn compute(&self, shared: &Shared, index: usize, worker: &mut Worker) -> Result<(), Broken> {
        let _guard = self.barrier.break_on_panic();
        let published = &shared.published[..self.batch.shards().len()];
        let computed = worker.run(&shared.model, &self.batch, index, published, &self.barrier)?;
        let mut logits = self.logits.lock().unwrap_or_else(PoisonError::into_inner);
        for (sequence, computed) in computed {
            logits[sequence] = computed;
        }
        drop(logits);
        self.barrier.wait(index, 0..published.len())
    }
}
