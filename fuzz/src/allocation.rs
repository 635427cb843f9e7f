//! That memory is bounded by what was received, and not by what it declares.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Runs `work`, which may hold at most `bytes` more than now. One that wants more is aborted where it asks for them.
pub fn within<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    // An error says that more is held already, which one thread cannot come to between the two calls.
    let limited = ALLOCATOR.set_limit(ALLOCATOR.allocated() + bytes);
    let done = work();
    assert!(limited.is_ok() && ALLOCATOR.set_limit(usize::MAX).is_ok());
    done
}
