//! Where threads wait for each other.

use std::hint;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread looks before it sleeps. The others are as a rule no more than this behind, and being
/// woken takes as long; longer would take time from them where there are more threads than processors.
pub(super) const LOOK: Duration = Duration::from_micros(50);

/// Threads that wait for those of their neighbours whose work they need, and let all go when one of them has
/// panicked.
pub(super) struct Meeting {
    /// How often each thread has come.
    arrivals: Vec<AtomicUsize>,
    broken: AtomicBool,
    sleep: Mutex<()>,
    woken: Condvar,
}

/// One of the threads has panicked.
#[derive(Debug)]
pub(super) struct Broken;

impl Meeting {
    /// Of the threads 0 to `threads`.
    pub(super) fn new(threads: usize) -> Self {
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
    pub(super) fn wait(&self, own: usize, others: Range<usize>) -> Result<(), Broken> {
        // Nobody else counts these.
        let came = self.arrivals[own].load(Ordering::Relaxed) + 1;
        self.arrivals[own].store(came, Ordering::Release);
        if others != (own..own + 1) {
            self.wake();
            let others = &self.arrivals[others];
            let missing = |of: &AtomicUsize| of.load(Ordering::Acquire) < came;
            self.sleep_while(|| !self.broken.load(Ordering::Acquire) && others.iter().any(missing));
        }
        if self.broken.load(Ordering::Acquire) {
            Err(Broken)
        } else {
            Ok(())
        }
    }

    /// While it is held, a panic of this thread breaks the meeting.
    pub(super) fn attend(&self) -> Attendance<'_> {
        Attendance(self)
    }

    fn sleep_while(&self, wait: impl Fn() -> bool) {
        if look_while(&wait) {
            let guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
            // Poisoned or not, the condition holds.
            drop(self.woken.wait_while(guard, |()| wait()));
        }
    }

    fn wake(&self) {
        // With the lock, so that none is between its last look and its sleep.
        drop(self.sleep.lock().unwrap_or_else(PoisonError::into_inner));
        self.woken.notify_all();
    }
}

/// See [`Meeting::attend`].
pub(super) struct Attendance<'a>(&'a Meeting);

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Release);
            self.0.wake();
        }
    }
}

/// Looks for [`LOOK`] whether the condition still holds, and says so.
pub(super) fn look_while(wait: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..32 {
            if !wait() {
                return false;
            }
            hint::spin_loop();
        }
        if start.elapsed() > LOOK {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;

    #[test]
    fn nobody_goes_before_all_have_come() {
        let (meeting, count) = (Meeting::new(3), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (meeting, count) = (&meeting, &count);
                scope.spawn(move || {
                    for round in 0..200 {
                        // Now and then later than the others look.
                        if round % 50 == 7 * thread {
                            std::thread::sleep(2 * LOOK);
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                        meeting.wait(thread, 0..3).unwrap();
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
        let meeting = Meeting::new(3);
        for _ in 0..3 {
            meeting.wait(2, 2..3).unwrap();
        }
        std::thread::scope(|scope| {
            let other = scope.spawn(|| meeting.wait(1, 0..2));
            meeting.wait(0, 0..2).unwrap();
            other.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_panic_lets_the_others_go() {
        let meeting = Meeting::new(3);
        std::thread::scope(|scope| {
            let waiting = [0, 1].map(|thread| {
                let meeting = &meeting;
                scope.spawn(move || meeting.wait(thread, 0..3))
            });
            let panic = catch_unwind(AssertUnwindSafe(|| {
                let _attendance = meeting.attend();
                resume_unwind(Box::new("a panic"));
            }));
            assert!(panic.is_err());
            for thread in waiting {
                assert!(thread.join().unwrap().is_err());
            }
        });
        assert!(meeting.wait(2, 2..3).is_err());
    }
}
