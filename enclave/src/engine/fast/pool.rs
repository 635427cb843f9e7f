//! The threads that compute, and how they are given a batch.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use sealnote_model::Precision;

use super::batch::Batch;
use super::meeting::{Broken, Meeting, look_while};
use super::model::Model;
use super::worker::{Published, Worker};
use crate::engine::cpus::Cpus;

/// A model and the threads that compute it. They sleep while there is nothing to compute, and end when the
/// pool is dropped.
pub(super) struct Pool {
    model: Arc<Model>,
    board: Arc<Board>,
    /// Of the caller, who computes too.
    own: Mutex<Worker>,
    others: Vec<JoinHandle<()>>,
    /// If each thread has a processor of its own.
    cpus: Option<Arc<Cpus>>,
}

/// Where batches are posted.
struct Board {
    /// By thread.
    published: Vec<Published>,
    posted: Mutex<Posted>,
    /// [`Posted::number`], to be looked at without the lock.
    number: AtomicU64,
    news: Condvar,
}

#[derive(Default)]
struct Posted {
    number: u64,
    job: Option<Arc<Job>>,
    closed: bool,
}

struct Job {
    batch: Batch,
    meeting: Meeting,
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
            model: Arc::new(model),
            board: Arc::new(Board {
                published,
                posted: Mutex::default(),
                number: AtomicU64::new(0),
                news: Condvar::new(),
            }),
            own: Mutex::default(),
            others: Vec::new(),
            cpus: cpus.map(Arc::new),
        };
        for index in 1..threads {
            let (model, board) = (pool.model.clone(), pool.board.clone());
            let cpus = pool.cpus.clone();
            // On an error the pool is dropped, and with it the threads that were started.
            let thread = thread::Builder::new()
                .name(format!("sealnote-encoder-{index}"))
                .spawn(move || {
                    if let Some(cpus) = cpus {
                        cpus.pin(index);
                    }
                    serve(&model, &board, index);
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
        self.board.published.len()
    }

    pub(super) fn precision(&self) -> Precision {
        self.model.precision
    }

    pub(super) fn instruction_set(&self) -> &'static str {
        self.model.isa.name()
    }

    /// Computes a batch, which is made for the number of threads, and returns the logits of its sequences.
    ///
    /// # Panics
    /// If one of the threads panicked.
    pub(super) fn run(&self, batch: impl FnOnce(usize) -> Batch) -> Vec<Vec<f32>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = batch(self.threads());
        let job = Arc::new(Job {
            meeting: Meeting::new(batch.shares().len()),
            logits: Mutex::new(vec![Vec::new(); batch.sequences()]),
            batch,
        });
        if job.batch.shares().len() > 1 {
            self.board.post(|posted| posted.job = Some(job.clone()));
        }
        let done = job.run(&self.model, &self.board.published, 0, &mut own);
        // It holds the notes' tokens.
        self.board.lock().job = None;
        done.expect("no other thread panics");
        let mut logits = job.logits.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *logits)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.board.post(|posted| posted.closed = true);
        for thread in self.others.drain(..) {
            // Its panics are caught, so there is nothing to learn here.
            let _ = thread.join();
        }
    }
}

fn serve(model: &Model, board: &Board, index: usize) {
    let mut worker = Worker::default();
    let mut seen = 0;
    while let Some(job) = board.next(&mut seen) {
        if index < job.batch.shares().len() {
            // A panic breaks the meeting, which makes the caller panic too.
            let run = || job.run(model, &board.published, index, &mut worker);
            let _ = catch_unwind(AssertUnwindSafe(run));
        }
    }
}

impl Board {
    fn post(&self, change: impl FnOnce(&mut Posted)) {
        let mut posted = self.lock();
        change(&mut posted);
        posted.number += 1;
        self.number.store(posted.number, Ordering::Release);
        drop(posted);
        self.news.notify_all();
    }

    /// The next job after number `seen`; `None` when there will be none.
    fn next(&self, seen: &mut u64) -> Option<Arc<Job>> {
        look_while(|| self.number.load(Ordering::Acquire) == *seen);
        let mut posted = self.lock();
        loop {
            if posted.closed {
                return None;
            }
            // A job that others were enough for may have come and gone.
            if posted.number != *seen {
                *seen = posted.number;
                if let Some(job) = &posted.job {
                    return Some(job.clone());
                }
            }
            posted = (self.news.wait(posted)).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn run(
        &self,
        model: &Model,
        published: &[Published],
        index: usize,
        worker: &mut Worker,
    ) -> Result<(), Broken> {
        let _attendance = self.meeting.attend();
        let published = &published[..self.batch.shares().len()];
        let computed = worker.run(model, &self.batch, index, published, &self.meeting)?;
        let mut logits = self.logits.lock().unwrap_or_else(PoisonError::into_inner);
        for (sequence, computed) in computed {
            logits[sequence] = computed;
        }
        drop(logits);
        self.meeting.wait(index, 0..published.len())
    }
}
