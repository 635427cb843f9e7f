//! Why an enclave that knows its clients serves one no longer. PROTOCOL.md, "Records".
//!
//! Said inside the session, to a client who is there; a stranger on the way sees a record of a close's length.

use thiserror::Error;

/// How long an hour of a quota lasts, in seconds.
const HOUR: u32 = 3600;

const UNKNOWN: u8 = 1;
const SIGNATURE: u8 = 2;
const SESSIONS: u8 = 3;
const NOTES: u8 = 4;

/// Why the enclave ends a session with a client who must be known.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// The client's key is not in the enclave's list.
    #[error(
        "the enclave does not know this client's key: the model's owner has to put its public half, which `sealnote key \
         show` prints, in the list of clients"
    )]
    UnknownClient,
    /// What the client sent as a signature is none of this key in this session.
    #[error("the client's signature does not verify in the enclave's session")]
    Signature,
    /// The client has had all its sessions of this hour.
    #[error(
        "this client's quota of sessions is used up at this enclave; the next hour of it begins in {seconds} s"
    )]
    Sessions {
        /// Until it may try again.
        seconds: u32,
    },
    /// The request has more notes than the client has left in this hour. None of them was computed or counted.
    #[error(
        "this client's quota has fewer notes left at this enclave than the request has; the next hour of it begins in {seconds} s"
    )]
    Notes {
        /// Until it may try again.
        seconds: u32,
    },
}

impl Denial {
    /// In how many seconds the client may try again; `None` where time changes nothing.
    pub fn seconds(&self) -> Option<u32> {
        match self {
            Self::UnknownClient | Self::Signature => None,
            Self::Sessions { seconds } | Self::Notes { seconds } => Some(*seconds),
        }
    }

    /// u8 reason ‖ u32 seconds.
    pub(crate) fn encode(self) -> [u8; 5] {
        let reason = match self {
            Self::UnknownClient => UNKNOWN,
            Self::Signature => SIGNATURE,
            Self::Sessions { .. } => SESSIONS,
            Self::Notes { .. } => NOTES,
        };
        let [a, b, c, d] = self.seconds().map_or(0, in_range).to_be_bytes();
        [reason, a, b, c, d]
    }

    pub(crate) fn decode([reason, a, b, c, d]: [u8; 5]) -> Option<Self> {
        let seconds = u32::from_be_bytes([a, b, c, d]);
        let denial = match reason {
            UNKNOWN => Self::UnknownClient,
            SIGNATURE => Self::Signature,
            SESSIONS => Self::Sessions { seconds },
            NOTES => Self::Notes { seconds },
            _ => return None,
        };
        // A client may wait for as long as this says: never more than the hour that a quota has.
        let in_order = seconds == denial.seconds().map_or(0, in_range);
        in_order.then_some(denial)
    }
}

fn in_range(seconds: u32) -> u32 {
    seconds.clamp(1, HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_read_as_it_was_written() {
        for denial in [
            Denial::UnknownClient,
            Denial::Signature,
            Denial::Sessions { seconds: 1 },
            Denial::Sessions { seconds: 3600 },
            Denial::Notes { seconds: 1800 },
        ] {
            assert_eq!(Denial::decode(denial.encode()), Some(denial));
        }
    }

    /// A time where none is due, none where one is, or one that no quota has.
    #[test]
    fn other_bytes_are_no_denial() {
        for bytes in [
            [0, 0, 0, 0, 0],
            [5, 0, 0, 0, 1],
            [UNKNOWN, 0, 0, 0, 1],
            [SIGNATURE, 1, 0, 0, 0],
            [SESSIONS, 0, 0, 0, 0],
            [NOTES, 0, 0, 0, 0],
            [NOTES, 0, 0, 0x0e, 0x11],
            [NOTES, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(Denial::decode(bytes), None, "{bytes:?}");
        }
    }
}
