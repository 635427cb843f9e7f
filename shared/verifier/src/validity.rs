//! When a certificate is valid (RFC 5280 section 4.1.2.5): the same for every kind's chain.

use x509_cert::time::{Time, Validity};

use crate::time::UnixTime;

/// Why a certificate is not valid at a moment.
pub(crate) enum Outside {
    /// Its validity starts here, later.
    Before(UnixTime),
    /// Its validity has ended here.
    After(UnixTime),
}

/// In whole seconds, `now` rounded down, both ends included.
pub(crate) fn check(validity: &Validity, now: UnixTime) -> Result<(), Outside> {
    let not_before = seconds(&validity.not_before);
    let not_after = seconds(&validity.not_after);
    if now.as_seconds() < not_before.as_seconds() {
        return Err(Outside::Before(not_before));
    }
    if now.as_seconds() > not_after.as_seconds() {
        return Err(Outside::After(not_after));
    }
    Ok(())
}

/// A certificate's or a list's date.
pub(crate) fn seconds(time: &Time) -> UnixTime {
    UnixTime::from_seconds(time.to_unix_duration().as_secs())
}
