//! Points in time, passed in by the caller.

use std::fmt;
use std::time::Duration;

use x509_cert::der::DateTime;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// The crate never reads the system's clock: offline verification is about another moment than now,
/// and tests must be able to choose theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    millis: u64,
}

impl UnixTime {
    /// A time in whole seconds. Beyond the year 584 million it saturates.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self {
            millis: seconds.saturating_mul(1000),
        }
    }

    /// A time in milliseconds, the unit of a document's `timestamp`.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> u64 {
        self.millis / 1000
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }
}

/// `2026-11-23T20:25:17Z`; times after the year 9999 are written as seconds.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.as_seconds())) {
            Ok(date) => date.fmt(f),
            Err(_) => write!(f, "{} s after 1970", self.as_seconds()),
        }
    }
}
