//! Where threads wait for each other.

use std::ops::Range;

use crate::sync::{AtomicBool, AtomicUsize, Condvar, Mutex, Ordering, lock, look_while, sleep};

/// A barrier, used again and again, at which a thread waits for those whose work it needs and not for all; it breaks
/// when one of the threads panics, and then nobody waits.
pub struct Barrier {
    /// How often each thread has come.
    arrivals: Vec<AtomicUsize>,
    /// Nothing is read on the strength of it.
    broken: AtomicBool,
    sleep: Mutex<()>,
    woken: Condvar,
}

/// One of the threads has panicked.
#[derive(Debug)]
pub struct Broken;

impl Barrier {
    /// Of the threads 0 to `threads`.
    pub fn new(threads: usize) -> Self {
        Self {
            arrivals: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
            broken: AtomicBool::new(false),
            sleep: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    /// The thread `own` comes, and waits until each of `others` has come as often. What these did before is seen
    /// afterwards.
    ///
    /// If one thread waits for another, that one must wait for it in turn: then none is ahead by more than one.
    ///
    /// # Errors
    /// When the barrier is broken.
    pub fn wait(&self, own: usize, others: Range<usize>) -> Result<(), Broken> {
        // Nobody else counts these.
        let came = self.arrivals[own].load(Ordering::Relaxed) + 1;
        self.arrivals[own].store(came, Ordering::Release);
        if others != (own..own + 1) {
            self.wake();
            let others = &self.arrivals[others];
            let missing = |of: &AtomicUsize| of.load(Ordering::Acquire) < came;
            self.sleep_while(|| !self.broken.load(Ordering::Relaxed) && others.iter().any(missing));
        }
        if self.broken.load(Ordering::Relaxed) {
            Err(Broken)
        } else {
            Ok(())
        }
    }

    /// While it is held, a panic of this thread breaks the barrier.
    pub fn break_on_panic(&self) -> BreakOnPanic<'_> {
        BreakOnPanic(self)
    }

    /// Lets all go, now and from now on.
    pub(crate) fn break_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
        self.wake();
    }

    fn sleep_while(&self, wait: impl Fn() -> bool) {
        if look_while(&wait) {
            let mut guard = lock(&self.sleep);
            while wait() {
                guard = sleep(&self.woken, guard);
            }
        }
    }

    fn wake(&self) {
        // With the lock, so that none is between its last look and its sleep.
        drop(lock(&self.sleep));
        self.woken.notify_all();
    }
}

/// See [`Barrier::break_on_panic`].
pub struct BreakOnPanic<'a>(&'a Barrier);

impl Drop for BreakOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.break_up();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;
    use crate::sync::LOOK;

    #[test]
    fn nobody_goes_before_all_have_come() {
        let (barrier, count) = (Barrier::new(3), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (barrier, count) = (&barrier, &count);
                scope.spawn(move || {
                    for round in 0..200 {
                        // Now and then later than the others look.
                        if round % 50 == 7 * thread {
                            std::thread::sleep(2 * LOOK);
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                        barrier.wait(thread, 0..3).unwrap();
                        let seen = count.load(Ordering::SeqCst);
                        assert!(seen >= 3 * (round + 1) && seen <= 3 * (round + 1) + 2);
                    }
                });
            }
        });
    }

    /// Threads 0 and 1 wait for each other, and thread 2 for nobody.
    #[test]
    fn only_neighbours_are_waited_for() {
        let barrier = Barrier::new(3);
        for _ in 0..3 {
            barrier.wait(2, 2..3).unwrap();
        }
        std::thread::scope(|scope| {
            let other = scope.spawn(|| barrier.wait(1, 0..2));
            barrier.wait(0, 0..2).unwrap();
            other.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_panic_lets_the_others_go() {
        let barrier = Barrier::new(3);
        std::thread::scope(|scope| {
            let waiting = [0, 1].map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || barrier.wait(thread, 0..3))
            });
            let panic = catch_unwind(AssertUnwindSafe(|| {
                let _guard = barrier.break_on_panic();
                resume_unwind(Box::new("a panic"));
            }));
            assert!(panic.is_err());
            for thread in waiting {
                assert!(thread.join().unwrap().is_err());
            }
        });
        assert!(barrier.wait(2, 2..3).is_err());
    }
}
