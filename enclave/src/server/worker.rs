//! One thread for work that blocks. What is most urgent goes first, and what nobody waits for is not done.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use sealnote_engine::contain::contained;

/// A way to the thread, which ends when this is dropped. The least `Urgency` goes first; among equals, the
/// first that came.
pub(super) struct Worker<Urgency: Ord> {
    queue: Arc<Queue<Urgency>>,
}

impl<Urgency: Ord + Copy + Send + 'static> Worker<Urgency> {
    /// # Errors
    /// When the system refuses to start a thread.
    pub(super) fn start(name: &str) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            state: Mutex::new(State {
                jobs: BTreeMap::new(),
                arrivals: 0,
                over: false,
            }),
            changed: Condvar::new(),
        });
        let worker = Self {
            queue: queue.clone(),
        };
        thread::Builder::new()
            .name(name.into())
            .spawn(move || queue.serve())?;
        Ok(worker)
    }

    /// What `work` returns; `None` if it panics. If this future is dropped before the thread has come to the
    /// work, the work is dropped with it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let _queued = self.queue.push(urgency, move || {
            if let Some(result) = contained(work) {
                // Whoever asked may have gone while it was done.
                let _ = answer.send(result);
            }
        });
        answered.await.ok()
    }
}

impl<Urgency: Ord> Drop for Worker<Urgency> {
    fn drop(&mut self) {
        self.queue.lock().over = true;
        self.queue.changed.notify_one();
    }
}

struct Queue<Urgency: Ord> {
    state: Mutex<State<Urgency>>,
    changed: Condvar,
}

struct State<Urgency> {
    jobs: BTreeMap<(Urgency, u64), Job>,
    /// Number of the next job.
    arrivals: u64,
    over: bool,
}

type Job = Box<dyn FnOnce() + Send>;

/// Takes its job out of the queue when it is dropped, if it is there still.
struct Queued<'a, Urgency: Ord + Copy> {
    queue: &'a Queue<Urgency>,
    key: (Urgency, u64),
}

impl<Urgency: Ord + Copy> Drop for Queued<'_, Urgency> {
    fn drop(&mut self) {
        let job = self.queue.lock().jobs.remove(&self.key);
        // Not under the lock.
        drop(job);
    }
}

impl<Urgency: Ord> Queue<Urgency> {
    fn lock(&self) -> MutexGuard<'_, State<Urgency>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, urgency: Urgency, job: impl FnOnce() + Send + 'static) -> Queued<'_, Urgency>
    where
        Urgency: Copy,
    {
        let mut state = self.lock();
        let key = (urgency, state.arrivals);
        state.arrivals += 1;
        state.jobs.insert(key, Box::new(job));
        self.changed.notify_one();
        Queued { queue: self, key }
    }

    fn serve(&self) {
        let mut state = self.lock();
        while !state.over {
            match state.jobs.pop_first() {
                Some((_, job)) => {
                    drop(state);
                    job();
                    state = self.lock();
                }
                None => {
                    let changed = self.changed.wait(state);
                    state = changed.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// A worker that is held up, and the way to let it go.
    fn held() -> (Arc<Worker<u8>>, mpsc::Sender<()>) {
        let worker = Arc::new(Worker::start("test").unwrap());
        let (go, gate) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        let busy = worker.clone();
        tokio::spawn(async move {
            let wait = move || {
                begin.send(()).unwrap();
                gate.recv().unwrap();
            };
            busy.run(0, wait).await
        });
        let wait = move || begun.recv().unwrap();
        tokio::task::block_in_place(wait);
        (worker, go)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_urgent_goes_first_and_equals_in_the_order_in_which_they_came() {
        let (worker, go) = held();
        let (log, order) = mpsc::channel();
        let jobs = [(2, "a"), (1, "b"), (2, "c"), (1, "d")].map(|(urgency, name)| {
            let log = log.clone();
            worker.run(urgency, move || log.send(name).unwrap())
        });
        let mut jobs = Vec::from(jobs.map(Box::pin));
        for job in &mut jobs {
            assert!(pending(job).await);
        }
        go.send(()).unwrap();
        for job in jobs {
            job.await.unwrap();
        }
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["b", "d", "a", "c"]);
    }

    /// Polls once; whether it is pending.
    async fn pending(future: &mut (impl Future + Unpin)) -> bool {
        let once = tokio::time::timeout(Duration::ZERO, future);
        once.await.is_err()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_nobody_waits_for_is_neither_done_nor_kept() {
        let (worker, go) = held();
        let (log, order) = mpsc::channel();
        let job = |name| {
            let log = log.clone();
            Box::pin(worker.run(1, move || log.send(name).unwrap()))
        };
        let (mut gone, mut stays) = (job("gone"), job("stays"));
        assert!(pending(&mut gone).await && pending(&mut stays).await);
        drop(gone);
        assert_eq!(worker.queue.lock().jobs.len(), 1);
        go.send(()).unwrap();
        stays.await.unwrap();
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["stays"]);
    }

    #[tokio::test]
    async fn a_panic_costs_one_job() {
        let worker = Worker::start("test").unwrap();
        let panic = || -> u8 { resume_unwind(Box::new("a panic")) };
        assert_eq!(worker.run(1, panic).await, None);
        assert_eq!(worker.run(1, || 7).await, Some(7));
    }

    #[test]
    fn the_thread_ends_with_its_worker() {
        let worker = Worker::start("test").unwrap();
        let (go, gate) = mpsc::channel();
        let (log, done) = mpsc::channel();
        let push = |job: Box<dyn FnOnce() + Send>| std::mem::forget(worker.queue.push(1, job));
        push(Box::new(move || gate.recv().unwrap()));
        push(Box::new(move || log.send("late").unwrap()));
        drop(worker);
        go.send(()).unwrap();
        // The second job went with the queue, which the thread held.
        let end = done.recv_timeout(Duration::from_secs(10));
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
