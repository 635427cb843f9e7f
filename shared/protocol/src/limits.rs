//! What a session may ask for, as the claims state it. PROTOCOL.md, "Claims".

use minicbor::{Decode, Encode};

/// The least padded length of a request's plaintext in bytes.
pub const MIN_REQUEST: u32 = 4096;

const MAX_REQUEST: u32 = 1 << 24;
const MAX_NOTES: u16 = 1024;

/// What a session may ask for. A task makes them: see [`crate::task`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Notes in one request, at most.
    #[n(1)]
    pub notes: u16,
    /// Bytes of one note, at most; a longer one gets the error "too long".
    #[n(2)]
    pub note_bytes: u32,
    /// Bytes of one padded request plaintext, at most: a power of two.
    #[n(3)]
    pub request_bytes: u32,
    /// Requests in flight, at most; beyond it the enclave stops reading.
    #[n(4)]
    pub in_flight: u16,
    /// Every length that an answer's plaintext may have, in bytes. Task 1 has one, so that no length tells of a
    /// label.
    #[n(5)]
    pub(crate) answer_bytes: [u32; 1],
}

impl Limits {
    /// Bytes of every answer's plaintext.
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes[0] as usize
    }

    /// What of them is out of the range that every task has.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let request = MIN_REQUEST..=MAX_REQUEST;
        let checks = [
            (
                self.request_bytes.is_power_of_two() && request.contains(&self.request_bytes),
                "request limit",
            ),
            ((1..=MAX_NOTES).contains(&self.notes), "notes per request"),
            (self.note_bytes >= 1, "note limit"),
            (self.in_flight >= 1, "requests in flight"),
        ];
        checks
            .into_iter()
            .find_map(|(ok, what)| (!ok).then_some(what))
    }
}
