//! A model's key as somebody else encrypted it, kept in the header.

use core::fmt;

/// Greatest length of a [`WrappedKey`] in bytes: that of a ciphertext of AWS KMS.
pub const MAX_WRAPPED_KEY_LEN: usize = 6144;

/// The model's key as a key service encrypted it (AWS KMS's `CiphertextBlob`), for the enclave to have it decrypted.
///
/// No secret: whoever has the file has it. It is of use only to whom the service decrypts it for.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

impl WrappedKey {
    /// # Errors
    /// Unless there are 1 to 6144 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, WrongWrappedKeyLength> {
        match bytes.len() {
            1..=MAX_WRAPPED_KEY_LEN => Ok(Self(bytes)),
            len => Err(WrongWrappedKeyLength { len }),
        }
    }

    /// As the service made it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes)", self.0.len())
    }
}

/// A wrapped key is empty or longer than a service makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wrapped key has 1 to {MAX_WRAPPED_KEY_LEN} bytes, and this one has {len}")]
pub struct WrongWrappedKeyLength {
    /// How many there are.
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_length_is_bounded() {
        for len in [0, MAX_WRAPPED_KEY_LEN + 1] {
            let error = WrappedKey::new(vec![1; len]).unwrap_err();
            assert_eq!(error, WrongWrappedKeyLength { len });
        }
        for len in [1, MAX_WRAPPED_KEY_LEN] {
            assert_eq!(WrappedKey::new(vec![1; len]).unwrap().as_bytes().len(), len);
        }
    }
}
