//! What threads synchronise by: the standard library's, or loom's, which tries every interleaving.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use std::sync::PoisonError;
#[cfg(not(loom))]
use std::time::{Duration, Instant};

/// How long a thread looks before it sleeps. The others are as a rule no more than this behind, and being
/// woken takes as long; longer would take time from them where there are more threads than processors.
#[cfg(not(loom))]
pub(crate) const LOOK: Duration = Duration::from_micros(50);

/// Looks for [`LOOK`] whether the condition still holds, and says so.
#[cfg(not(loom))]
pub(crate) fn look_while(wait: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..32 {
            if !wait() {
                return false;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > LOOK {
            return true;
        }
    }
}

/// Loom has no clock: one look, which may come at any moment.
#[cfg(loom)]
pub(crate) fn look_while(wait: impl Fn() -> bool) -> bool {
    loom::thread::yield_now();
    wait()
}

/// Poisoned or not: what the locks here guard is whole at each moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sleeps until it is woken, perhaps for nothing.
pub(crate) fn sleep<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
