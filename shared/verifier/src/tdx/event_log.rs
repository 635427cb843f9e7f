//! T22: the log of what was measured into the runtime measurements, as firmware writes it (TCG PC Client Platform
//! Firmware Profile, section 10; UEFI 2.10, section 38.4: index 1 is RTMR0, index 0 MRTD).
//!
//! Only the digests count: what the events say was measured is not believed, and is not read.

use sha2::{Digest, Sha384};

use super::checks;
use crate::check::Check;

/// Greatest length of a log that is read, in bytes: the area that firmware reserves for it.
pub const MAX_EVENT_LOG: usize = 256 * 1024;

const SHA384: u16 = 0x000c;
const SHA384_LEN: usize = 48;
const EV_NO_ACTION: u32 = 3;
const SIGNATURE: &[u8; 16] = b"Spec ID Event03\0";

/// What the area is filled with behind the log.
const FILLER: u8 = 0xff;

/// The event log is not one, or is another's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventLogError {
    /// Too long.
    #[error("the event log has {found} bytes, at most {MAX_EVENT_LOG} are read")]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// Not a log of SHA-384 digests alone.
    #[error("the event log does not start as a TCG log of SHA-384 digests, and of them alone")]
    Header,
    /// An event that is none.
    #[error("the event log's entry at offset {offset} is not a TCG event with one SHA-384 digest")]
    Event {
        /// Where the entry starts.
        offset: usize,
    },
    /// Other measurements.
    #[error("the event log does not replay to RTMR{register}")]
    Replay {
        /// The first that differs.
        register: usize,
    },
}

impl EventLogError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        checks::T22
    }
}

/// The log replays to these values.
pub(super) fn check(log: &[u8], rtmrs: &[[u8; SHA384_LEN]; 4]) -> Result<(), EventLogError> {
    let replayed = replay(log)?;
    let mut pairs = replayed.iter().zip(rtmrs);
    match pairs.position(|(replayed, actual)| replayed != actual) {
        None => Ok(()),
        Some(register) => Err(EventLogError::Replay { register }),
    }
}

/// The runtime measurements after every event of the log.
///
/// # Errors
///
/// What is not such a log.
pub fn replay(log: &[u8]) -> Result<[[u8; SHA384_LEN]; 4], EventLogError> {
    if log.len() > MAX_EVENT_LOG {
        let found = log.len();
        return Err(EventLogError::TooLong { found });
    }
    let mut reader = Reader(log);
    header(&mut reader).ok_or(EventLogError::Header)?;
    let mut rtmrs = [[0; SHA384_LEN]; 4];
    while !reader.is_at_end() {
        let offset = log.len() - reader.0.len();
        let event = event(&mut reader).ok_or(EventLogError::Event { offset })?;
        match (event.kind, event.index) {
            (EV_NO_ACTION, 0..=4) | (_, 0) => {}
            (_, index @ 1..=4) => {
                let rtmr = &mut rtmrs[index as usize - 1];
                *rtmr = Sha384::new()
                    .chain_update(*rtmr)
                    .chain_update(event.digest)
                    .finalize()
                    .into();
            }
            _ => return Err(EventLogError::Event { offset }),
        }
    }
    Ok(rtmrs)
}

struct Event<'a> {
    index: u32,
    kind: u32,
    digest: &'a [u8; SHA384_LEN],
}

/// TCG_PCClientPCREvent around TCG_EfiSpecIdEvent, with one algorithm.
fn header(reader: &mut Reader<'_>) -> Option<()> {
    let _index = reader.u32()?;
    let kind = reader.u32()?;
    let digest = reader.take(20)?;
    let len = reader.u32()?;
    let mut body = Reader(reader.take(len as usize)?);
    let signature = body.take(SIGNATURE.len())?;
    let _platform_class = body.u32()?;
    let _versions_and_uint_size = body.u32()?;
    let algorithms = (body.u32()?, body.u16()?, body.u16()?);
    let vendor_len = *body.take(1)?.first()?;
    body.take(usize::from(vendor_len))?;
    let is_due = kind == EV_NO_ACTION
        && digest.iter().all(|byte| *byte == 0)
        && signature == SIGNATURE
        && algorithms == (1, SHA384, SHA384_LEN as u16)
        && body.0.is_empty();
    is_due.then_some(())
}

/// TCG_PCR_EVENT2, with one digest.
fn event<'a>(reader: &mut Reader<'a>) -> Option<Event<'a>> {
    let (index, kind) = (reader.u32()?, reader.u32()?);
    if (reader.u32()?, reader.u16()?) != (1, SHA384) {
        return None;
    }
    let digest = reader.take(SHA384_LEN)?.first_chunk()?;
    let len = reader.u32()?;
    reader.take(len as usize)?;
    Some(Event {
        index,
        kind,
        digest,
    })
}

/// What has not been read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Nothing is left, or the area's filler alone: an event's first four bytes are an index from 0 to 4.
    fn is_at_end(&self) -> bool {
        self.0.iter().all(|byte| *byte == FILLER)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }
}
