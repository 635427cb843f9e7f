//! The enclave's clock against the module's.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use minicbor::Decoder;
use minicbor::data::Type;

use super::NsmError;

/// Seconds by which the two clocks may differ.
pub const GREATEST_OFFSET: u64 = 60;

/// What the kernel's clock runs on, `kvm-clock` in a Nitro enclave; `None` where it does not say.
pub fn clock_source() -> Option<String> {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Seconds by which `now` is ahead of the document's `timestamp`.
pub(super) fn check(document: &[u8], now: SystemTime) -> Result<i64, NsmError> {
    let stated = timestamp(document).map_err(|_| NsmError::Timestamp)?;
    let stated = UNIX_EPOCH
        .checked_add(Duration::from_millis(stated))
        .ok_or(NsmError::Timestamp)?;
    let seconds = |distance: Duration| i64::try_from(distance.as_secs()).unwrap_or(i64::MAX);
    let offset = match now.duration_since(stated) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    };
    match offset.unsigned_abs() <= GREATEST_OFFSET {
        true => Ok(offset),
        false => Err(NsmError::Clock { offset }),
    }
}

/// The `timestamp` of a document, in milliseconds since the epoch. The document comes from this
/// machine's own module, so it is read and not verified: COSE_Sign1 = [protected, unprotected, payload,
/// signature] (RFC 9052 §4.2), and its payload a map.
fn timestamp(document: &[u8]) -> Result<u64, minicbor::decode::Error> {
    let mut envelope = Decoder::new(document);
    if envelope.datatype()? == Type::Tag {
        envelope.tag()?;
    }
    envelope.array()?;
    envelope.skip()?;
    envelope.skip()?;
    let mut payload = Decoder::new(envelope.bytes()?);
    let entries = payload.map()?.unwrap_or(u64::MAX);
    for _ in 0..entries {
        if payload.str()? == "timestamp" {
            return payload.u64();
        }
        payload.skip()?;
    }
    Err(minicbor::decode::Error::message("no timestamp"))
}
