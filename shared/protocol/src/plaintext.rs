//! Patient text in memory.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Text of a patient's note: erased on drop, with no `Display`, no `Clone` and a redacted `Debug`,
/// so that it reaches neither a log nor an error by accident.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Plaintext(String);

impl Plaintext {
    /// Takes the text over; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Every call is a place where text could leak: keep them few.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// For the tokenizer; the same as [`Plaintext::expose`].
impl AsRef<str> for Plaintext {
    fn as_ref(&self) -> &str {
        self.expose()
    }
}

impl core::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Plaintext(redacted)")
    }
}
