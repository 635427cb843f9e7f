//! Every interleaving of a few threads: `make test-loom`. Loom fails where one blocks for ever, or where two come to
//! a cell at once.

use std::ops::Range;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use crate::{Barrier, Board};

/// `preemptions`: how often a thread that could go on is interrupted, at most; `None` for any number of times.
fn model(preemptions: Option<usize>, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(test);
}

/// Threads that publish what others read, as those that share a sequence do: of one round and of the next in turn.
struct Published {
    barrier: Barrier,
    cells: Vec<[UnsafeCell<usize>; 2]>,
}

impl Published {
    fn new(threads: usize) -> Arc<Self> {
        let cell = || UnsafeCell::new(usize::MAX);
        Arc::new(Self {
            barrier: Barrier::new(threads),
            cells: (0..threads).map(|_| [cell(), cell()]).collect(),
        })
    }

    fn round(&self, round: usize, own: usize, others: Range<usize>) {
        self.cells[own][round % 2].with_mut(|cell| self.write(cell, round));
        self.barrier.wait(own, others.clone()).unwrap();
        for other in others {
            self.cells[other][round % 2].with(|cell| assert_eq!(self.read(cell), round));
        }
    }

    #[expect(
        unsafe_code,
        reason = "loom has checked that nobody else is at the cell"
    )]
    fn write(&self, cell: *mut usize, value: usize) {
        // SAFETY: the pointer is of a cell that `self` holds, and `with_mut` panics if it is in use.
        unsafe { *cell = value }
    }

    #[expect(unsafe_code, reason = "loom has checked that nobody writes the cell")]
    fn read(&self, cell: *const usize) -> usize {
        // SAFETY: the pointer is of a cell that `self` holds, and `with` panics if it is written.
        unsafe { *cell }
    }
}

/// The first cells are written again in the third round.
#[test]
fn two_threads_see_what_the_other_published_and_are_never_ahead_by_more_than_one() {
    model(Some(5), || {
        let published = Published::new(2);
        let other = published.clone();
        let other = thread::spawn(move || (0..3).for_each(|round| other.round(round, 1, 0..2)));
        (0..3).for_each(|round| published.round(round, 0, 0..2));
        other.join().unwrap();
    });
}

/// The one in the middle shares a sequence with each of the others.
#[test]
fn a_thread_waits_for_its_neighbours_alone() {
    model(Some(2), || {
        let published = Published::new(3);
        let others = [(1, 0..3), (2, 1..3)].map(|(own, others)| {
            let published = published.clone();
            thread::spawn(move || {
                (0..2).for_each(|round| published.round(round, own, others.clone()))
            })
        });
        (0..2).for_each(|round| published.round(round, 0, 0..2));
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn a_barrier_that_breaks_lets_all_go() {
    model(Some(3), || {
        let barrier = Arc::new(Barrier::new(3));
        let others = [1, 2].map(|own| {
            let barrier = barrier.clone();
            thread::spawn(move || barrier.wait(own, 0..3).is_err())
        });
        barrier.break_up();
        for other in others {
            assert!(other.join().unwrap());
        }
    });
}

/// What the pool does: a job is posted, computed by the poster and by readers, who wait for each other, and taken
/// down.
fn hand_over(jobs: usize, readers: usize) {
    let threads = 1 + readers;
    let board = Arc::new(Board::new());
    let readers: Vec<_> = (1..threads)
        .map(|own| {
            let board = board.clone();
            thread::spawn(move || {
                let take = |job: Arc<Published>| job.round(0, own, 0..threads);
                board.reader().map(take).count()
            })
        })
        .collect();
    for _ in 0..jobs {
        let job = Published::new(threads);
        board.post(job.clone());
        job.round(0, 0, 0..threads);
        board.clear();
    }
    board.close();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), jobs);
    }
}

#[test]
fn each_of_several_jobs_reaches_a_reader_once() {
    model(Some(5), || hand_over(2, 1));
}

#[test]
fn a_job_reaches_each_reader() {
    model(Some(1), || hand_over(1, 2));
}

/// As a batch that is too small for all threads.
#[test]
fn a_job_that_is_taken_down_unread_leaves_a_reader_waiting_for_the_next() {
    model(None, || {
        let board = Arc::new(Board::new());
        let reader = board.clone();
        let reader = thread::spawn(move || reader.reader().collect::<Vec<_>>());
        board.post(1);
        board.clear();
        board.post(2);
        board.close();
        let seen = reader.join().unwrap();
        assert!([&[][..], &[1], &[2], &[1, 2]].contains(&&*seen), "{seen:?}");
    });
}
