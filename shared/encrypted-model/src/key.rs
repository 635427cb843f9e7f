//! The key that a model is encrypted under.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of a model's key in bytes.
pub const KEY_LEN: usize = 32;

/// The key of one model; each of its files has a key of its own, derived from this one.
///
/// Erased when it is dropped. Neither shown nor copied: whoever needs it borrows it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ModelKey(Box<[u8; KEY_LEN]>);

impl ModelKey {
    /// A key that was read, received or unwrapped; the caller erases what it holds.
    ///
    /// # Errors
    /// Unless there are exactly 32 bytes (check K6).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrongKeyLength> {
        if bytes.len() != KEY_LEN {
            return Err(WrongKeyLength { len: bytes.len() });
        }
        let mut key = Self(Box::new([0; KEY_LEN]));
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self(Box::new([0; KEY_LEN]));
        rng.fill_bytes(&mut key.0[..]);
        key
    }

    /// The key itself, for whoever derives from it, wraps it or sends it.
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelKey(redacted)")
    }
}

/// A model's key has 32 bytes, and these are more or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a model's key has {KEY_LEN} bytes, and this one has {len}")]
pub struct WrongKeyLength {
    /// How many there are.
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use rand_core::UnwrapErr;

    use super::*;

    #[test]
    fn a_key_has_32_bytes() {
        for len in [0, 16, 31, 33, 64] {
            let error = ModelKey::from_bytes(&vec![7; len]).unwrap_err();
            assert_eq!(error, WrongKeyLength { len });
        }
        let key = ModelKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(key.as_bytes(), &[7; 32]);
    }

    #[test]
    fn each_generated_key_is_another_one() {
        let mut rng = UnwrapErr(SysRng);
        let (one, other) = (ModelKey::generate(&mut rng), ModelKey::generate(&mut rng));
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_ne!(one.as_bytes(), &[0; 32]);
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ModelKey::from_bytes(&[0xab; 32]).unwrap();
        assert_eq!(
            format!("{key:?} {key:#?}"),
            "ModelKey(redacted) ModelKey(redacted)"
        );
    }
}
