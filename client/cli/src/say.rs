//! What is said on standard error, and how much of it.

use std::sync::atomic::{AtomicU8, Ordering};

/// How much is said beside errors and warnings.
static LEVEL: AtomicU8 = AtomicU8::new(NOTES);

const QUIET: u8 = 0;
const NOTES: u8 = 1;
const VERBOSE: u8 = 2;

/// Sets how much is said, once at the start.
pub(crate) fn set_level(quiet: bool, verbose: bool) {
    let level = match (quiet, verbose) {
        (true, _) => QUIET,
        (_, true) => VERBOSE,
        _ => NOTES,
    };
    LEVEL.store(level, Ordering::Relaxed);
}

pub(crate) fn is_quiet() -> bool {
    LEVEL.load(Ordering::Relaxed) == QUIET
}

pub(crate) fn is_verbose() -> bool {
    LEVEL.load(Ordering::Relaxed) == VERBOSE
}

/// Says something on standard error: an error, or a warning. If that cannot be written, nobody is there to hear it, and
/// the work goes on: `eprintln!` would panic.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "sealnote: {}", format_args!($($part)*));
    }};
}

/// Says what went well, or how far it is: nothing with `--quiet`.
macro_rules! note {
    ($($part:tt)*) => {
        if !crate::say::is_quiet() {
            say!($($part)*);
        }
    };
}

/// Says what is of use to who looks for something: only with `--verbose`.
macro_rules! detail {
    ($($part:tt)*) => {
        if crate::say::is_verbose() {
            say!($($part)*);
        }
    };
}
