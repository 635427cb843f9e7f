//! Where one thread posts what others are to do.

use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering, lock, look_while, sleep};

/// Holds the job that was posted last, until it is taken down.
///
/// A reader may miss a job that is taken down before it looks. Whoever needs a reader for a job lets it stay until
/// that reader has said, in a way of its own, that it has it (a [`Barrier`](crate::Barrier) will do).
pub struct Board<J> {
    posted: Mutex<Posted<J>>,
    /// [`Posted::number`], to be looked at without the lock. Nothing is read on the strength of it.
    number: AtomicU64,
    news: Condvar,
}

struct Posted<J> {
    /// Grows with each change that readers are told of.
    number: u64,
    job: Option<J>,
    closed: bool,
}

impl<J: Clone> Board<J> {
    /// With nothing on it.
    #[expect(
        clippy::new_without_default,
        reason = "a board is shared and never a part of a default"
    )]
    pub fn new() -> Self {
        let posted = Posted {
            number: 0,
            job: None,
            closed: false,
        };
        Self {
            posted: Mutex::new(posted),
            number: AtomicU64::new(0),
            news: Condvar::new(),
        }
    }

    /// Puts `job` in the place of what was there, and wakes the readers.
    pub fn post(&self, job: J) {
        self.tell(|posted| posted.job = Some(job));
    }

    /// Takes the job down. Readers that have it keep it.
    pub fn clear(&self) {
        self.lock().job = None;
    }

    /// Ends the readers.
    pub fn close(&self) {
        self.tell(|posted| posted.closed = true);
    }

    /// An iterator over the jobs from now on. It waits for each, and ends when the board is closed.
    pub fn reader(&self) -> Reader<'_, J> {
        Reader {
            board: self,
            seen: 0,
        }
    }

    fn tell(&self, change: impl FnOnce(&mut Posted<J>)) {
        let mut posted = self.lock();
        change(&mut posted);
        posted.number += 1;
        self.number.store(posted.number, Ordering::Relaxed);
        drop(posted);
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Posted<J>> {
        lock(&self.posted)
    }
}

/// See [`Board::reader`].
pub struct Reader<'a, J> {
    board: &'a Board<J>,
    /// The number of the last change that it has seen.
    seen: u64,
}

impl<J: Clone> Iterator for Reader<'_, J> {
    type Item = J;

    fn next(&mut self) -> Option<J> {
        let board = self.board;
        look_while(|| board.number.load(Ordering::Relaxed) == self.seen);
        let mut posted = board.lock();
        loop {
            if posted.closed {
                return None;
            }
            // A job may have come and gone meanwhile.
            if posted.number != self.seen {
                self.seen = posted.number;
                if let Some(job) = &posted.job {
                    return Some(job.clone());
                }
            }
            posted = sleep(&board.news, posted);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::sync::LOOK;

    #[test]
    fn a_reader_gets_each_job_once_and_none_that_was_taken_down() {
        let board = Board::new();
        board.post(1);
        board.clear();
        let (tell, told) = mpsc::channel();
        let mut seen = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| board.reader().for_each(|job| tell.send(job).unwrap()));
            for job in [2, 3, 4] {
                // Looking, and asleep.
                if job != 3 {
                    thread::sleep(10 * LOOK);
                }
                board.post(job);
                seen.push(told.recv().unwrap());
                board.clear();
            }
            board.close();
        });
        assert_eq!(seen, [2, 3, 4]);
        assert!(told.try_recv().is_err());
        assert_eq!(board.reader().next(), None);
    }
}
