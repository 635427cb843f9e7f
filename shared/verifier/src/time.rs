//! Points in time, passed in by the caller.

use std::fmt;
use std::str::FromStr;
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

    /// A date and time as it is displayed.
    pub(crate) fn from_date(text: &str) -> Option<Self> {
        let date = DateTime::from_str(text).ok()?;
        Some(Self::from_seconds(date.unix_duration().as_secs()))
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

/// As it is displayed, or whole seconds since the epoch.
impl FromStr for UnixTime {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        match text.parse() {
            Ok(seconds) => Ok(Self::from_seconds(seconds)),
            Err(_) => Self::from_date(text).ok_or(ParseTimeError),
        }
    }
}

/// Text that is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither a time such as 2026-11-23T20:25:17Z nor seconds since 1970")]
pub struct ParseTimeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        let time = UnixTime::from_seconds(1_795_465_517);
        assert_eq!(time.to_string(), "2026-11-23T20:25:17Z");
        assert_eq!("2026-11-23T20:25:17Z".parse(), Ok(time));
        assert_eq!("1795465517".parse(), Ok(time));
        for wrong in ["", "now", "2026-11-23", "-1", "2026-11-23T20:25:17"] {
            assert_eq!(wrong.parse::<UnixTime>(), Err(ParseTimeError), "{wrong}");
        }
    }
}
