//! The name of a model's key.

use core::fmt;
use core::str::FromStr;

/// Greatest length of a [`KeyId`] in bytes.
pub const MAX_KEY_ID_LEN: usize = 128;

/// The name of a model's key: 1 to 128 characters of `A-Z a-z 0-9 . _ - /`.
///
/// It is made of names joined by `/`, as a key broker has them. None of them is empty or begins with
/// a dot, so that a key id below a folder names a file in it and never one outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        match text.len() {
            0 => Err(KeyIdError::Empty),
            len if len > MAX_KEY_ID_LEN => Err(KeyIdError::TooLong { len }),
            _ => match text.bytes().position(|byte| !allowed(byte)) {
                Some(at) => Err(KeyIdError::Character { at }),
                None if text
                    .split('/')
                    .any(|name| name.is_empty() || name.starts_with('.')) =>
                {
                    Err(KeyIdError::NotAPath)
                }
                None => Ok(Self(text.into())),
            },
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Why a text is not a [`KeyId`]. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyIdError {
    /// It has no character.
    #[error("the key id is empty")]
    Empty,
    /// It is longer than [`MAX_KEY_ID_LEN`].
    #[error("the key id has {len} bytes, and {MAX_KEY_ID_LEN} are the most")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It has a character that no key id has.
    #[error("the key id has, at byte {at}, a character that is not one of A-Z a-z 0-9 . _ - /")]
    Character {
        /// Where the character begins, in bytes from 0.
        at: usize,
    },
    /// A name between two slashes is empty or begins with a dot.
    #[error("the key id has a name that is empty or begins with a dot (names are joined by /)")]
    NotAPath,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_id_is() {
        for text in [
            "a",
            "default/keys/icd-10_v2.1",
            "A-Z",
            "9",
            &"x".repeat(128),
        ] {
            let id: KeyId = text.parse().unwrap();
            assert_eq!((id.as_str(), id.to_string().as_str()), (text, text));
        }
    }

    #[test]
    fn what_it_is_not() {
        let wrong = |text: &str| text.parse::<KeyId>().unwrap_err();
        assert_eq!(wrong(""), KeyIdError::Empty);
        assert_eq!(wrong(&"x".repeat(129)), KeyIdError::TooLong { len: 129 });
        for (text, at) in [
            ("a b", 1),
            ("a\\b", 1),
            ("ab\n", 2),
            ("\0", 0),
            ("aä", 1),
            ("a:b", 1),
        ] {
            assert_eq!(wrong(text), KeyIdError::Character { at }, "{text:?}");
        }
        for text in ["/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/.", ".a"] {
            assert_eq!(wrong(text), KeyIdError::NotAPath, "{text:?}");
        }
    }
}
