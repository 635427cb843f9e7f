//! A model's files, encrypted: the format, its key, and reading and writing it as a stream.

#![forbid(unsafe_code)]

mod key;
mod key_id;

pub use key::{KEY_LEN, ModelKey, WrongKeyLength};
pub use key_id::{KeyId, KeyIdError, MAX_KEY_ID_LEN};
