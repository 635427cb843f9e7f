//! A panic costs what it happened in, and not the thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `call` returns; `None` if it panics.
///
/// The process's panic hook runs first and is given the panic's message, which may quote a note (a slice of
/// a `str` out of bounds quotes it). The program must install a hook that prints no message.
pub(super) fn contained<T>(call: impl FnOnce() -> T) -> Option<T> {
    // Unwind safety: a classifier is not changed by a call, so a panic leaves nothing half-changed.
    catch_unwind(AssertUnwindSafe(call)).ok()
}
