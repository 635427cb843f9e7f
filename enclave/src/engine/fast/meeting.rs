//! Where threads wait for each other.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread looks before it sleeps. The others are as a rule no more than this behind, and being
/// woken takes as long; longer would take time from them where there are more threads than processors.
pub(super) const LOOK: Duration = Duration::from_micros(50);

/// A barrier for a number of threads, which lets all go when one of them has panicked.
pub(super) struct Meeting {
    expected: usize,
    arrived: AtomicUsize,
    held: AtomicUsize,
    broken: AtomicBool,
    sleep: Mutex<()>,
    woken: Condvar,
}

/// One of the threads has panicked.
#[derive(Debug)]
pub(super) struct Broken;

impl Meeting {
    pub(super) fn new(expected: usize) -> Self {
        Self {
            expected,
            arrived: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            sleep: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    /// Waits until all have come.
    pub(super) fn wait(&self) -> Result<(), Broken> {
        let held = self.held.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.expected {
            // Before the others are let go: they may come again at once.
            self.arrived.store(0, Ordering::Release);
            self.held.fetch_add(1, Ordering::Release);
            self.wake();
        } else {
            self.sleep_while(|| {
                self.held.load(Ordering::Acquire) == held && !self.broken.load(Ordering::Acquire)
            });
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
            for thread in 0..3u64 {
                let (meeting, count) = (&meeting, &count);
                scope.spawn(move || {
                    for round in 0..200 {
                        // Now and then later than the others look.
                        if round % 50 == 7 * thread {
                            std::thread::sleep(2 * LOOK);
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                        meeting.wait().unwrap();
                        let seen = count.load(Ordering::SeqCst) as u64;
                        assert!(seen >= 3 * (round + 1) && seen <= 3 * (round + 1) + 2);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_lets_the_others_go() {
        let meeting = Meeting::new(3);
        std::thread::scope(|scope| {
            let waiting = [(); 2].map(|()| scope.spawn(|| meeting.wait()));
            let panic = catch_unwind(AssertUnwindSafe(|| {
                let _attendance = meeting.attend();
                resume_unwind(Box::new("a panic"));
            }));
            assert!(panic.is_err());
            for thread in waiting {
                assert!(thread.join().unwrap().is_err());
            }
        });
        assert!(meeting.wait().is_err());
    }
}
