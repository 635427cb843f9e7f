//! A panic costs what it happened in, and not the thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `call` returns; `None` if it panics.
///
/// The process's panic hook runs first and is given the panic's message, which may quote a note (a slice of
/// a `str` out of bounds quotes it). The program must install a hook that prints no message.
pub fn contained<T>(call: impl FnOnce() -> T) -> Option<T> {
    // Unwind safety: a call owns what it changes, or changes nothing (a classifier), so a panic leaves nothing
    // half-changed behind.
    catch_unwind(AssertUnwindSafe(call)).ok()
}
