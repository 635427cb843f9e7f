//! The hash over the handshake's wire bytes.

use sha2::{Digest, Sha256};

use crate::frame::Frame;

const LABEL: &[u8] = b"sealnote/2 transcript\0";

/// A running hash of the handshake's frames, headers included, as they travelled.
///
/// The headers hold the lengths, so no two sequences of frames give the same bytes.
pub struct Transcript(Sha256);

impl Transcript {
    /// An empty transcript.
    #[expect(clippy::new_without_default, reason = "a transcript starts on purpose")]
    pub fn new() -> Self {
        Self(Sha256::new_with_prefix(LABEL))
    }

    /// Takes in a frame's exact bytes.
    #[must_use]
    pub fn with(self, frame: &Frame) -> Self {
        Self(self.0.chain_update(frame.as_bytes()))
    }

    /// The hash of what was taken in so far.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}

impl core::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Transcript")
    }
}
