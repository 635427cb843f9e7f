//! Lines for the operator, on standard error. None has anything of a peer's in it.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Writes one line. Not `eprintln!`, which panics where standard error is closed.
pub fn line(message: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "sealnote-enclave: {message}");
}

/// An error with its causes, but for those that the one before has said already.
pub fn with_causes(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    let mut last = said.clone();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !last.contains(&cause) {
            said = format!("{said}: {cause}");
        }
        last = cause;
    }
    said
}

/// Lets a line through at most once in [`QUIET`]: clients can bring about as many as they like.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Option<Instant>>);

/// The least time between two lines of one kind.
pub const QUIET: Duration = Duration::from_secs(60);

impl Seldom {
    /// Writes the line, unless there was one lately.
    pub fn line(&self, message: impl fmt::Display) {
        if self.is_due(Instant::now()) {
            line(message);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.duration_since(last) >= QUIET);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow!("no such file").context("a.json cannot be read: no such file");
        assert_eq!(with_causes(&error), "a.json cannot be read: no such file");
        let error = anyhow!("no such file")
            .context("a.json")
            .context("the list");
        assert_eq!(with_causes(&error), "the list: a.json: no such file");
    }

    #[test]
    fn a_flood_is_a_line_a_minute() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let due =
            [0, 1, 59, 60, 61, 119, 120].map(|s| seldom.is_due(start + Duration::from_secs(s)));
        assert_eq!(due, [true, false, false, true, false, false, true]);
    }
}
